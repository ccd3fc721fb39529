"""Requests that two servers could take for different ones, and other things that are not HTTP/1.1."""

from __future__ import annotations

from tests.hostile.kinds import CANARY, CLOSED, Kind, Layer, Right, chunked, get, head, kind, post

_INNER = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
_POST = b"POST /free HTTP/1.1"
_JSON = b"Content-Type: application/json"
_THREAT = "tampering.request-smuggling"
_SYNTAX = "denial.malformed-http"
_PARSER = (400, CLOSED)


def _lengths(name: str, *headers: bytes, body: bytes = b'"x"', right: Right = 400) -> Kind:
    return kind(name, head(_POST, _JSON, *headers) + body, right, "llhttp", _THREAT)


LENGTHS = (
    _lengths("length and chunked", b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + _INNER),
    _lengths("chunked and length", b"Transfer-Encoding: chunked", b"Content-Length: 6", body=b"0\r\n\r\n" + _INNER),
    _lengths("two different lengths", b"Content-Length: 3", b"Content-Length: 50", body=b'"x"' + _INNER),
    _lengths("two equal lengths", b"Content-Length: 3", b"Content-Length: 3", body=b'"x"'),
    _lengths("lengths in a list", b"Content-Length: 3, 3"),
    _lengths("length with a plus", b"Content-Length: +3"),
    _lengths("length with a minus", b"Content-Length: -3"),
    _lengths("length in hexadecimal", b"Content-Length: 0x3"),
    _lengths("length with a letter", b"Content-Length: 3a"),
    _lengths("length with a point", b"Content-Length: 3.0"),
    _lengths("length with an underscore", b"Content-Length: 1_0"),
    _lengths("length with an inner space", b"Content-Length: 3 3"),
    _lengths("empty length", b"Content-Length: "),
    _lengths("length beyond 64 bits", b"Content-Length: 99999999999999999999999"),
    _lengths("length of 18 digits", b"Content-Length: 999999999999999999", right=413),
    _lengths("length in other digits", "Content-Length: ٣".encode()),
    _lengths("unknown coding before chunked", b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n", right=415),
    _lengths("gzip as the last coding", b"Transfer-Encoding: gzip", right=(400, 415)),
    _lengths("chunked before identity", b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    _lengths("chunked twice", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", right=(400, 422)),
    _lengths("chunked twice in a list", b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n", right=(400, 415)),
    _lengths("xchunked", b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n", right=(400, 415)),
    _lengths("chunked in quotes", b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n", right=(400, 415)),
    _lengths("chunked with a parameter", b"Transfer-Encoding: chunked;q=1", body=b"0\r\n\r\n", right=(400, 415)),
    _lengths("chunked after a vertical tab", b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    _lengths("chunked after a null", b"Transfer-Encoding: \x00chunked", body=b"0\r\n\r\n"),
    _lengths("chunked folded", b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    _lengths("coding with a space before the colon", b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    _lengths("coding with an underscore", b"Transfer_Encoding: chunked", b"Content-Length: 3", right=200),
    _lengths("identity with a length", b"Transfer-Encoding: identity", b"Content-Length: 3", right=(400, 415)),
    kind(
        "chunked in HTTP/1.0",
        b"POST /free HTTP/1.0\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\"x\"\r\n0\r\n\r\n",
        (200, 400),
        "llhttp",
        _THREAT,
    ),
    kind("body of a GET is no request", get(b"/health", b"Content-Length: %d" % len(_INNER)) + _INNER, 200, "llhttp", _THREAT),
    kind("length longer than the body", (head(_POST, _JSON, b"Content-Length: 90") + b'"x"', 5.0), (408, CLOSED), "connection", "denial.slow-body"),
)  # fmt: skip


def _chunks(name: str, *chunks: bytes, right: Right = _PARSER) -> Kind:
    return kind(name, chunked(b"/free", *chunks), right, "llhttp", _THREAT)


CHUNKS = (
    _chunks("chunk size with a minus", b'-3\r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk size with a plus", b'+3\r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk size with 0x", b'0x3\r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk size beyond 64 bits", b'fffffffffffffffff\r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk size of 63 bits", b"7fffffffffffffff\r\n" + b"x" * 100, right=(408, 413, 400)),
    _chunks("chunk size without digits", b'\r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk size with a space before", b' 3\r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk size with a space after", b'3 \r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk longer than its size", b'2\r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk without its line end", b'3\r\n"x"0\r\n\r\n'),
    _chunks("chunk ended by a line feed", b'3\n"x"\n0\n\n'),
    _chunks("chunk ended by a carriage return", b'3\r"x"\r0\r\r'),
    _chunks("chunk extension", b'3;a=b\r\n"x"\r\n0\r\n\r\n', right=200),
    _chunks("chunk extension with a line feed", b'3;a\nb\r\n"x"\r\n0\r\n\r\n'),
    _chunks("chunk extension of 64 KiB", b"3;a=" + b"e" * 65536 + b'\r\n"x"\r\n0\r\n\r\n', right=(200, 400)),
    _chunks("chunk extension without end", b"3;a=" + b"e" * 600_000),
    _chunks("trailer", b'3\r\n"x"\r\n0\r\nX-Trailer: ' + CANARY + b"\r\n\r\n", right=200),
    _chunks("trailer that names a length", b'3\r\n"x"\r\n0\r\nContent-Length: 9\r\n\r\n', right=(200, 400)),
    _chunks("trailer without end", b'3\r\n"x"\r\n0\r\nX-Trailer: ' + b"t" * 600_000, right=(200, 400, CLOSED)),
    _chunks("trailers by the thousand", b'3\r\n"x"\r\n0\r\n' + b"X-Trailer: t\r\n" * 30_000, right=(200, 400, CLOSED)),
    _chunks("trailer that is no header", b'3\r\n"x"\r\n0\r\nno header\r\n\r\n', right=(200, 400)),
    _chunks("chunk of a gigabyte announced", b'40000000\r\n"' + b"x" * 100_000, right=(408, 413, CLOSED)),
    _chunks("chunks of one byte", b"".join(b"1\r\n%c\r\n" % c for c in b'"' + b"x" * 5000 + b'"') + b"0\r\n\r\n", right=200),
)  # fmt: skip


def _head(name: str, raw: bytes, right: Right = 400, threat: str = _SYNTAX, layer: Layer = "llhttp") -> Kind:
    return kind(name, raw, right, layer, threat)


HEADS = (
    _head("bare line feeds", b"GET /health HTTP/1.1\nHost: localhost\n\n", (200, 400), _THREAT),
    _head("one bare line feed", b"GET /health HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n", 400, _THREAT),
    _head("bare carriage return", b"GET /health HTTP/1.1\r\nHost: localhost\rX-A: b\r\n\r\n", 400, _THREAT),
    _head("space before the colon", get(b"/health", b"X-A : b"), 400, _THREAT),
    _head("folded header", get(b"/health", b"X-A: b\r\n c"), 400, _THREAT),
    _head("header folded by a tab", get(b"/health", b"X-A: b\r\n\tc"), 400, _THREAT),
    _head("first header indented", head(b"GET /health HTTP/1.1", b" X-A: b", b"Host: localhost", host=False), 400, _THREAT),
    _head("null in a header name", get(b"/health", b"X-\x00A: b")),
    _head("null in a header value", get(b"/health", b"X-A: b\x00c")),
    _head("control character in a value", get(b"/health", b"X-A: b\x07c")),
    _head("delete in a value", get(b"/health", b"X-A: b\x7fc")),
    _head("header without a colon", get(b"/health", b"nothing")),
    _head("header without a name", get(b"/health", b": b")),
    _head("header name in brackets", get(b"/health", b"X(A): b")),
    _head("header name beyond ASCII", get(b"/health", "X-Ä: b".encode())),
    _head("two Hosts", get(b"/health", b"Host: elsewhere"), 400, "spoofing.host-header", "admission"),
    _head("two equal Hosts", get(b"/health", b"Host: localhost"), 400, "spoofing.host-header", "admission"),
    _head("no Host", head(b"GET /health HTTP/1.1", host=False), 400, "spoofing.host-header", "admission"),
    _head("Host with a path", head(b"GET /health HTTP/1.1", b"Host: a/b", host=False), 400, "spoofing.host-header", "admission"),
    _head("Host with a user", head(b"GET /health HTTP/1.1", b"Host: a@b", host=False), 400, "spoofing.host-header", "admission"),
    _head("Host with a space", head(b"GET /health HTTP/1.1", b"Host: a b", host=False), 400, "spoofing.host-header", "admission"),
    _head("Host with a strange port", head(b"GET /health HTTP/1.1", b"Host: a:b", host=False), 400, "spoofing.host-header", "admission"),
    _head("Hosts in a list", head(b"GET /health HTTP/1.1", b"Host: a, b", host=False), 400, "spoofing.host-header", "admission"),
    _head("HTTP/0.9", b"GET /health\r\n\r\n"),
    _head("HTTP/0.9 said aloud", b"GET /health HTTP/0.9\r\nHost: localhost\r\n\r\n"),
    _head("HTTP/2.0 in plain", head(b"GET /health HTTP/2.0")),
    _head("HTTP/1.2", head(b"GET /health HTTP/1.2")),
    _head("HTTP/11", head(b"GET /health HTTP/11")),
    _head("http in small letters", head(b"GET /health http/1.1")),
    _head("another protocol", head(b"GET /health RTSP/1.0"), (200, 400)),
    _head("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 9),
    _head("TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200),
    _head("SSH banner", b"SSH-2.0-OpenSSH_9.9\r\n"),
    _head("SMTP", b"EHLO localhost\r\n"),
    _head("random bytes", bytes(range(255, 0, -1)) * 4),
    _head("nulls", b"\x00" * 1000),
    _head("an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    _head("two spaces", head(b"GET  /health HTTP/1.1"), (200, 400)),
    _head("tabs instead of spaces", head(b"GET\t/health\tHTTP/1.1")),
    _head("no target", head(b"GET HTTP/1.1")),
    _head("rest after the version", head(b"GET /health HTTP/1.1 x")),
    _head("method in small letters", head(b"get /health HTTP/1.1")),
    _head("invented method", head(b"STEAL /health HTTP/1.1")),
    _head("method of 100,000 letters", b"A" * 100_000 + b" /health HTTP/1.1\r\n\r\n"),
    _head("empty lines before", b"\r\n" * 20 + get(b"/health"), 200),
    _head("h2c", get(b"/health", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"), 200, "tampering.upgrade"),
    _head("websocket", get(b"/health", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), 200, "tampering.upgrade"),
    _head("upgrade with a body", post(b"/free", _INNER, b"Connection: Upgrade", b"Upgrade: h2c"), 400, "tampering.request-smuggling", "connection"),
    kind("upgrade with a body that comes later", (post(b"/free", b"", b"Connection: Upgrade", b"Upgrade: h2c").replace(b"Length: 0", b"Length: %d" % len(_INNER)), 0.3, _INNER), 400, "connection", "tampering.request-smuggling"),
    kind("upgrade with chunks", chunked(b"/free", b"0\r\n\r\n", _INNER).replace(b"Host:", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHost:", 1), 400, "connection", "tampering.request-smuggling"),
    kind("upgrade before another request", get(b"/health", b"Connection: Upgrade", b"Upgrade: h2c") + get(b"/health", b"Connection: close"), 200, "llhttp", "tampering.upgrade", 2),
    _head("unknown expectation", post(b"/free", b'"x"', b"Expect: 200-ok"), 417, "denial.malformed-http", "admission"),
    _head("expectations in a list", post(b"/free", b'"x"', b"Expect: 100-continue, x"), 417, "denial.malformed-http", "admission"),
    _head("TRACE", head(b"TRACE /health HTTP/1.1"), 405, "disclosure.trace", "router"),
    _head("TRACK", head(b"TRACK /health HTTP/1.1"), 400, "disclosure.trace"),
    _head("CONNECT to a host", head(b"CONNECT elsewhere.example.com:443 HTTP/1.1"), 400, "elevation.open-proxy"),
    _head("CONNECT to a path", head(b"CONNECT /health HTTP/1.1"), (400, 404, 405), "elevation.open-proxy"),
    _head("PROPFIND", head(b"PROPFIND /health HTTP/1.1"), 405, "denial.malformed-http", "router"),
    _head("QUERY", head(b"QUERY /health HTTP/1.1"), (400, 405), "denial.malformed-http", "router"),
    _head("method override", get(b"/api/tasks", b"X-HTTP-Method-Override: DELETE"), 401, "elevation.method-override", "router"),
    _head("line break in an echoed id", get(b"/health", b"X-Correlation-ID: a\r\n\r\nb"), 200, "tampering.header-injection"),
    _head("encoded line break in an echoed id", get(b"/health", b"X-Correlation-ID: a%0d%0aSet-Cookie:%20x=1"), 200, "tampering.header-injection", "router"),
    _head("echoed id beyond ASCII", get(b"/health", "X-Request-ID: ä\u2028".encode()), 200, "tampering.header-injection", "router"),
    _head("echoed id of 20,000 letters", get(b"/health", b"X-Correlation-ID: " + b"a" * 20_000), 200, "tampering.header-injection", "router"),
    _head("foreign forwarded address", get(b"/health", b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-Proto: javascript", b"Forwarded: for=evil"), 200, "spoofing.forwarded-headers", "connection"),
    kind("garbage after a request", (get(b"/health") + b"\x00garbage\r\n\r\n",), 200, "connection", _THREAT),
)  # fmt: skip

KINDS = LENGTHS + CHUNKS + HEADS
