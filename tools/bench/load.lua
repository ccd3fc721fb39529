-- Sends the requests of the file BENCH_REQUESTS in turn (method, path, authorization, body, by tabs, one on a
-- line); prints one JSON line of figures.
local requests, turn = {}, 0

function init(arguments)
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local method, path, authorization, body = line:match("^(%S+)\t(%S+)\t([^\t]+)\t(.*)$")
    local headers = { ["Authorization"] = authorization, ["Content-Type"] = "application/json" }
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
