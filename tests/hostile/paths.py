"""Targets that mean something else than they say, and origins that do."""

from __future__ import annotations

from tests.hostile.kinds import AUTH, Kind, get, head, kind

_PATH = "elevation.path-confusion"
_CORS = "disclosure.cross-origin"


def _path(name: str, target: bytes, right: int | tuple[int, ...] = 404) -> Kind:
    return kind(name, get(target, AUTH), right, "router", _PATH)


def _preflight(name: str, origin: bytes, *headers: bytes, right: int | tuple[int, ...]) -> Kind:
    raw = head(b"OPTIONS /api/tasks HTTP/1.1", b"Origin: " + origin, *headers)
    return kind(name, raw, right, "cors", _CORS)


PATHS = (
    _path("parent folder", b"/api/../api/tasks"),
    _path("parent folder of the root", b"/../../../../etc/passwd"),
    _path("parent folder, encoded", b"/api/%2e%2e/api/tasks"),
    _path("parent folder, half encoded", b"/api/.%2e/api/tasks"),
    _path("parent folder, encoded twice", b"/api/%252e%252e/tasks"),
    _path("parent folder beyond the documents", b"/docs/../pyproject.toml"),
    _path("parent folder beyond the documents, encoded", b"/docs/..%2f..%2f..%2fetc%2fpasswd"),
    _path("parent folder by backslashes", b"/docs/..%5c..%5cetc%5cpasswd"),
    _path("this folder", b"/api/./tasks"),
    _path("two slashes", b"//api/tasks"),
    _path("two slashes inside", b"/api//tasks"),
    _path("two slashes and a host", b"//elsewhere.example.com/api/tasks"),
    _path("slash at the end", b"/api/tasks/"),
    _path("encoded slash", b"/api%2ftasks"),
    _path("encoded slash in an id", b"/api/tasks/a%2fb", 422),
    _path("encoded slash and an operation", b"/api/tasks/x%2fcomplete", 422),
    _path("null after a path", b"/api/tasks%00", 404),
    _path("null in an id", b"/api/tasks/%00", 422),
    _path("null after an id", b"/api/tasks/00000000-0000-4000-8000-000000000000%00", 422),
    _path("line break", b"/api/tasks%0d%0aX: y"[:17], 404),
    _path("line break in an id", b"/api/tasks/%0d%0aSet-Cookie:x", 422),
    _path("overlong slash", b"/api%c0%aftasks"),
    _path("overlong point", b"/api/%c0%ae%c0%ae/tasks"),
    _path("overlong in an id", b"/api/tasks/%c0%80", 422),
    _path("UTF-16 in an id", b"/api/tasks/%fe%ff", 422),
    _path("half a surrogate pair in an id", b"/api/tasks/%ed%a0%80", 422),
    _path("% alone", b"/api/tasks/%", 422),
    _path("% and one digit", b"/api/tasks/%2", 422),
    _path("% and no digits", b"/api/tasks/%zz", 422),
    _path("%u of old browsers", b"/api/tasks/%u0041", 422),
    _path("backslashes", b"/api\\tasks", (400, 404)),
    _path("backslashes, encoded", b"/api%5ctasks"),
    _path("parameters of a segment", b"/api/tasks;jsessionid=1"),
    _path("parameters before a segment", b"/api;x=/tasks"),
    _path("other case", b"/API/Tasks"),
    _path("letters encoded", b"/%61pi/tasks", 200),
    _path("fragment", b"/api/tasks#x", (200, 400)),
    _path("no slash", b"api/tasks", 400),
    _path("question mark alone", b"/api/tasks?", 200),
    _path("two question marks", b"/api/tasks??limit=1", 200),
    _path("4,000 segments", b"/a" * 4000),
    _path("8,000 slashes", b"/" * 8000),
    _path("4,000 points", b"/api/" + b"." * 4000),
    _path("id of 8,000 letters", b"/api/tasks/" + b"a" * 8000, 422),
    _path("bytes beyond ASCII", "/api/tasks/ä".encode(), (400, 422)),
    _path("bytes that are no text", b"/api/tasks/\xff\xfe", (400, 422)),
    _path("absolute target", b"http://localhost/api/tasks", 200),
    _path("absolute target of another host", b"http://elsewhere.example.com/api/tasks", (200, 400)),
    _path("absolute target with a user", b"http://u:p@localhost/api/tasks", (200, 400)),
    _path("absolute target without a path", b"http://localhost", (400, 404)),
    _path("absolute target of another scheme", b"file:///etc/passwd", (400, 404)),
    _path("script as a target", b"javascript:alert(1)", 400),
    _path("authority as a target", b"localhost:80", 400),
    _path("star as a target", b"*", (400, 404)),
    kind("OPTIONS *", head(b"OPTIONS * HTTP/1.1"), (200, 400, 404), "router", _PATH),
    _path("braces of a template", b"/api/tasks/{task_id}", (400, 422)),
    _path("query that is no text", b"/api/tasks?limit=%ff", 422),
    _path("query with a null", b"/api/tasks?cursor=%00", 422),
    _path("query with half a surrogate pair", b"/api/tasks?cursor=%ed%a0%80", 422),
    _path("query with raw bytes", b"/api/tasks?limit=\xff", (400, 422)),
    _path("query with % alone", b"/api/tasks?limit=%", 422),
    _path("name that is no text in a query", b"/api/tasks?%ff=1", 422),
    _path("number of 5,000 digits in a query", b"/api/tasks?limit=" + b"9" * 5000, 422),
    _path("1e400 in a query", b"/api/tasks?limit=1e400", 422),
    _path("1e9999999999 in a query", b"/api/tasks?limit=1e9999999999", 422),
    _path("brackets in a query", b"/api/tasks?limit[__proto__]=1", 200),
    _path("4,000 brackets in a query", b"/api/tasks?limit" + b"[" * 4000 + b"=1", (200, 422)),
    _path("words of SQL in a query", b"/api/tasks?sort=created_at;drop%20table%20tasks", 422),
    _path("words of SQL in an id", b"/api/tasks/1'%20or%20'1'='1", (400, 422)),
    kind("path without a token", get(b"/api/tasks/%2e%2e"), (401, 404), "router", _PATH),
)

ORIGINS = (
    _preflight("null as an origin", b"null", b"Access-Control-Request-Method: GET", right=400),
    _preflight("foreign origin", b"https://evil.example", b"Access-Control-Request-Method: GET", right=400),
    _preflight("origin that begins alike", b"https://app.example.com.evil.example", b"Access-Control-Request-Method: GET", right=400),
    _preflight("origin that ends alike", b"https://evilapp.example.com", b"Access-Control-Request-Method: GET", right=400),
    _preflight("point as any letter", b"https://appXexample.com", b"Access-Control-Request-Method: GET", right=400),
    _preflight("origin in plain HTTP", b"http://app.example.com", b"Access-Control-Request-Method: GET", right=400),
    _preflight("origin with a port", b"https://app.example.com:444", b"Access-Control-Request-Method: GET", right=400),
    _preflight("origin with a path", b"https://app.example.com/x", b"Access-Control-Request-Method: GET", right=400),
    _preflight("origin in capitals", b"HTTPS://APP.EXAMPLE.COM", b"Access-Control-Request-Method: GET", right=400),
    _preflight("origins in a list", b"https://app.example.com, https://evil.example", b"Access-Control-Request-Method: GET", right=400),
    _preflight("invented method in a preflight", b"https://app.example.com", b"Access-Control-Request-Method: STEAL", right=400),
    _preflight("5,000 headers in a preflight", b"https://app.example.com", b"Access-Control-Request-Method: GET", b"Access-Control-Request-Headers: " + b"x-a," * 5000, right=(200, 400)),
    _preflight("odd headers in a preflight", b"https://app.example.com", b"Access-Control-Request-Method: GET", b"Access-Control-Request-Headers: \xff\xfe, \x80", right=(200, 400)),
    _preflight("private network in a preflight", b"https://app.example.com", b"Access-Control-Request-Method: GET", b"Access-Control-Request-Private-Network: true", right=400),
)  # fmt: skip

KINDS = PATHS + ORIGINS
