"""Too much, and too slow: heads, targets, bodies and connections."""

from __future__ import annotations

from tests.hostile.kinds import AUTH, CANARY, CLOSED, Kind, chunked, get, head, kind, post

_BIG = "denial.oversized-head"
_BODY = "denial.body-too-large"
_SLOW = "denial.slow-head"
_JSON = b"Content-Type: application/json"
_POST = b"POST /free HTTP/1.1"


def _coded(name: str, *headers: bytes, right: int = 415) -> Kind:
    return kind(name, post(b"/free", b'"x"', *headers), right, "admission", "denial.decompression-bomb")


HEADS = (
    kind("target of 9 KB", get(b"/" + b"a" * 9000), 414, "connection", _BIG),
    kind("target of 1 MB", get(b"/" + b"a" * 1_000_000), 414, "connection", _BIG),
    kind("query of 9 KB", get(b"/health?" + CANARY + b"=" + b"a" * 9000), 414, "connection", _BIG),
    kind("501 query parameters", get(b"/health?" + b"&".join([b"a=1"] * 501)), 400, "admission", _BIG),
    kind("500 query parameters", get(b"/health?" + b"&".join([b"a=1"] * 500)), 200, "admission", _BIG),
    kind("4,000 empty query parameters", get(b"/health?" + b"&" * 4000), 400, "admission", _BIG),
    kind("parameter given 400 times", get(b"/api/tasks?" + b"&".join([b"limit=1"] * 400), AUTH), 422, "decode", _BIG),
    kind("400 unknown parameters", get(b"/api/tasks?" + b"&".join(b"p%d=1" % n for n in range(400)), AUTH), 200, "decode", _BIG),
    kind("100 headers", get(b"/health", *(b"X-%d: y" % n for n in range(98))), 200, "connection", _BIG),
    kind("101 headers", get(b"/health", *(b"X-%d: y" % n for n in range(99))), 431, "connection", _BIG),
    kind("10,000 headers", get(b"/health", *(b"X-%d: y" % n for n in range(10_000))), 431, "connection", _BIG),
    kind("header of 33 KB", get(b"/health", b"X-A: " + b"b" * 33_000), 431, "connection", _BIG),
    kind("header of 10 MB", get(b"/health", b"X-A: " + b"b" * 10_000_000), 431, "connection", _BIG),
    kind("header name of 40 KB", get(b"/health", b"X" * 40_000 + b": b"), 431, "connection", _BIG),
    kind("headers of 40 KB together", get(b"/health", *(b"X-%d: " % n + b"y" * 500 for n in range(80))), 431, "connection", _BIG),
    kind("headers without end", get(b"/health")[:-2] + b"X-A: b\r\n" * 200_000, 431, "connection", _BIG),
    kind("cookie of 30 KB", get(b"/health", b"Cookie: " + b"a=b; " * 6000), 200, "connection", _BIG),
    kind("cookies of 40 KB", get(b"/health", b"Cookie: " + b"a=b; " * 8000), 431, "connection", _BIG),
    kind("token of 20 KB", get(b"/api/tasks", b"Authorization: Bearer " + b"a.b." * 5000), 401, "router", _BIG),
    kind("3,000 ranges in Accept", get(b"/big", b"Accept: " + b"a/b;q=0.1," * 3000), 200, "router", "denial.header-bomb"),
    kind("3,000 parameters in Accept", get(b"/api/tasks", AUTH, b"Accept: a/b" + b";q=1" * 3000), 200, "router", "denial.header-bomb"),
    kind("2,000 parameters in Content-Type", post(b"/free", b"1", type=b"application/json" + b";a=b" * 2000), 200, "decode", "denial.header-bomb"),
    kind("5,000 byte ranges", get(b"/docs", b"Range: bytes=" + b"0-1," * 5000), (200, 206, 400, 416), "router", "denial.range-flood"),
    kind("2,500 byte ranges of a file", get(b"/docs/swagger-ui-bundle.js", b"Range: bytes=" + b",".join(b"%d-%d" % (n, n) for n in range(0, 5000, 2))), (200, 206, 400, 416), "router", "denial.range-flood"),
    kind("range the wrong way round", get(b"/docs/swagger-ui.css", b"Range: bytes=9-1"), (200, 400, 416), "router", "denial.range-flood"),
    kind("range beyond 64 bits", get(b"/docs/swagger-ui.css", b"Range: bytes=" + b"9" * 5000 + b"-"), (200, 400, 416), "router", "denial.range-flood"),
    kind("range in other digits", get(b"/docs/swagger-ui.css", "Range: bytes=٣-٤".encode()), (200, 400, 416), "router", "denial.range-flood"),
    kind("91 requests at once", get(b"/health") * 90 + get(b"/health", b"Connection: close"), 200, "connection", "denial.pipelining", 91),
    kind("5,000 requests at once", get(b"/health") * 5000, (200, CLOSED), "connection", "denial.pipelining", 102),
)  # fmt: skip

BODIES = (
    kind("length over the limit", head(_POST, _JSON, b"Content-Length: 20000000"), 413, "admission", _BODY),
    kind("body over the limit", post(b"/free", b'"' + b"x" * 11_000_000 + b'"'), 413, "admission", _BODY),
    kind("chunks over the limit", chunked(b"/raw", *[b"100000\r\n" + b"x" * 0x100000 + b"\r\n"] * 12, b"0\r\n\r\n", type=b"application/octet-stream"), 413, "admission", _BODY),
    kind("document over its limit", post(b"/free", b'"' + b"x" * 1_100_000 + b'"'), 413, "decode", _BODY),
    kind("chunked document over its limit", chunked(b"/free", *[b"100000\r\n" + b" " * 0x100000 + b"\r\n"] * 2, b"0\r\n\r\n"), 413, "decode", _BODY),
    kind("body over the limit where none is taken", head(b"DELETE /health HTTP/1.1", b"Content-Length: 99999999"), 413, "admission", _BODY),
    kind("body over the limit, expectation first", head(_POST, _JSON, b"Content-Length: 99999999", b"Expect: 100-continue"), 413, "admission", _BODY),
    kind("body without a type", head(_POST, b"Content-Length: 3") + b'"x"', 415, "decode", _BODY),
    kind("body of another type", post(b"/free", b"<x/>", type=b"text/xml"), 415, "decode", _BODY),
    kind("type that is none", post(b"/free", b'"x"', type=b"\xff\xfe"), 415, "decode", _BODY),
    kind("two types", post(b"/free", b'"x"', b"Content-Type: text/xml"), (200, 415), "decode", _BODY),
    _coded("gzip", b"Content-Encoding: gzip"),
    _coded("deflate", b"Content-Encoding: deflate"),
    _coded("brotli", b"Content-Encoding: br"),
    _coded("zstd", b"Content-Encoding: zstd"),
    _coded("unknown coding", b"Content-Encoding: x-bomb"),
    _coded("coding in capitals", b"CONTENT-ENCODING: GZIP"),
    _coded("codings in a list", b"Content-Encoding: identity, gzip"),
    _coded("codings in two headers", b"Content-Encoding: identity", b"Content-Encoding: gzip"),
    _coded("identity is no coding", b"Content-Encoding: identity", right=200),
    kind("coding of no body", get(b"/health", b"Content-Encoding: gzip"), 415, "admission", "denial.decompression-bomb"),
)  # fmt: skip

SLOW = (
    kind("nothing sent", (5.0,), CLOSED, "connection", _SLOW),
    kind("half a request line", (b"GET /hea", 5.0), 408, "connection", _SLOW),
    kind("half a head", (get(b"/health")[:-4], 5.0), 408, "connection", _SLOW),
    kind("a header now and then", (get(b"/health")[:-2], *(piece for n in range(16) for piece in (0.3, b"X-%d: y\r\n" % n))), 408, "connection", _SLOW),
    kind("a letter now and then", (b"GET /", *(piece for _ in range(16) for piece in (0.3, b"a"))), 408, "connection", _SLOW),
    kind("an empty line now and then", tuple(piece for _ in range(16) for piece in (0.3, b"\r\n")), (CLOSED, 408), "connection", _SLOW),
    kind("half a head after an answer", (get(b"/health"), 0.3, b"GET /hea", 5.0), (200, 408), "connection", _SLOW, 2),
    kind("body that never comes", (head(_POST, _JSON, b"Content-Length: 9"), 5.0), 408, "decode", "denial.slow-body"),
    kind("half a body", (head(_POST, _JSON, b"Content-Length: 9") + b'"x', 5.0), 408, "decode", "denial.slow-body"),
    kind("a byte of a body now and then", (head(_POST, _JSON, b"Content-Length: 99"), *(piece for _ in range(16) for piece in (0.3, b"x"))), 408, "decode", "denial.slow-body"),
    kind("a chunk now and then", (chunked(b"/free"), *(piece for _ in range(16) for piece in (0.3, b"1\r\nx\r\n"))), 408, "decode", "denial.slow-body"),
    kind("a byte of an upload now and then", (head(b"POST /upload HTTP/1.1", b"Content-Type: multipart/form-data; boundary=b", b"Content-Length: 999") + b"--b\r\n", *(piece for _ in range(16) for piece in (0.3, b"x"))), (408, 422), "decode", "denial.slow-body"),
    kind("body that nobody reads, slowly", (head(b"POST /health HTTP/1.1", b"Content-Length: 999"), *(piece for _ in range(16) for piece in (0.3, b"x"))), 405, "connection", "denial.slow-body"),
    kind("the caller goes away", (head(_POST, _JSON, b"Content-Length: 9") + b'"x',), (CLOSED, 408), "connection", "denial.slow-body"),
)  # fmt: skip

KINDS = HEADS + BODIES + SLOW
