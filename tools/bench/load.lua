-- Sends the requests of BENCH_REQUESTS in turn ("METHOD path body" on a line each); one JSON line of figures.
-- With BENCH_AUTHORIZATIONS, each request has the credentials of its own line there.
local headers = { ["Authorization"] = os.getenv("BENCH_AUTHORIZATION"), ["Content-Type"] = "application/json" }
local requests, turn = {}, 0

local function lines(text)
  local found = {}
  for line in (text or ""):gmatch("[^\n]+") do found[#found + 1] = line end
  return found
end

function init(arguments)
  local authorizations = lines(os.getenv("BENCH_AUTHORIZATIONS"))
  for number, line in ipairs(lines(os.getenv("BENCH_REQUESTS"))) do
    local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
    headers["Authorization"] = authorizations[number] or headers["Authorization"]
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p95_ms": %.3f, "p99_ms": %.3f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
