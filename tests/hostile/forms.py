"""Forms, uploads and other bodies that are not JSON."""

from __future__ import annotations

from tests.hostile.kinds import CANARY, Kind, kind, post

_BOMB = "denial.multipart-bomb"
_NAME = "tampering.upload-name"


def _part(headers: bytes, content: bytes = b"x") -> bytes:
    return b"--b\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


def _field(name: bytes, content: bytes = b"x") -> bytes:
    return _part(b'Content-Disposition: form-data; name="' + name + b'"', content)


def _file(filename: bytes, content: bytes = b"x") -> bytes:
    return _part(b'Content-Disposition: form-data; name="file"; filename="' + filename + b'"', content)


def _multipart(
    name: str, body: bytes, right: int | tuple[int, ...] = 422, threat: str = _BOMB, boundary: bytes = b"b"
) -> Kind:
    raw = post(b"/upload", body, type=b"multipart/form-data; boundary=" + boundary)
    return kind(name, raw, right, "decode", threat)  # fmt: skip


def _mixed(name: str, body: bytes, right: int | tuple[int, ...] = 422) -> tuple[Kind, Kind]:
    """Parts by their order, as a list and as a stream."""
    made = [(path, post(path, body, type=b"multipart/mixed; boundary=b")) for path in (b"/mixed", b"/parts")]
    one, two = (kind(f"{name}, {path.decode()[1:]}", raw, right, "decode", _BOMB) for path, raw in made)
    return one, two


def _inner(body: bytes, boundary: bytes = b"c") -> bytes:
    return _JSON + _part(b"Content-Type: multipart/mixed; boundary=" + boundary, body)


def _form(name: str, body: bytes, right: int | tuple[int, ...] = 422) -> Kind:
    raw = post(b"/form", body, type=b"application/x-www-form-urlencoded")
    return kind(name, raw, right, "decode", "denial.form-flood")


END = b"--b--\r\n"
_JSON = _part(b"Content-Type: application/json", b"{}")
_INNER_END = b"\r\n--c--"
MIXED = (
    *_mixed("ordered parts", _inner(b"--c\r\n\r\nx" + _INNER_END) + _part(b"", b"x") + END, 200),
    *_mixed("ordered parts without an end", _inner(b"--c\r\n\r\nx" + _INNER_END)),
    *_mixed("1,001 ordered parts", _inner(b"--c--") + _part(b"") * 999 + END),
    *_mixed("60,000 parts inside of a part", _inner(b"--c\r\n\r\n\r\n" * 60_000 + b"--c--") + END),
    *_mixed("parts in and beside a part, 1,001 together", _inner(b"--c\r\n\r\n\r\n" * 500 + b"--c--") + _part(b"") * 499 + END),
    *_mixed("inner parts with the boundary of the outer", _inner(b"--b\r\n\r\nx\r\n--b--", b"b") + END),
    *_mixed("inner parts without an end", _inner(b"--c\r\n\r\nx") + END),
    *_mixed("inner parts without a boundary", _inner(b"--c--", b"") + END),
    *_mixed("inner boundary of 300 letters", _inner(b"--c--", b"c" * 300) + END),
    *_mixed("inner parts inside of inner parts", _inner(b"--c\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d--" + _INNER_END) + END),
    *_mixed("ordered text over its limit", _inner(b"--c--") + _part(b"", b"x" * 1_100_000) + END, 413),
    *_mixed("inner text over its limit", _inner(b"--c\r\n\r\n" + b"x" * 1_100_000 + _INNER_END) + END, 413),
    *_mixed("ordered part with a key twice", _part(b"Content-Type: application/json", b'{"a":1,"a":2}') + END),
    *_mixed("ordered part that nests 100,000 deep", _part(b"Content-Type: application/json", b"[" * 100_000) + END),
    *_mixed("ordered part in base64", _part(b"Content-Transfer-Encoding: base64", b"e30=") + END),
    *_mixed("ordered text in the charset utf-7", _inner(b"--c--") + _part(b"Content-Type: text/plain; charset=utf-7", b"+" * 10_000) + END),
    *_mixed("ordered part of 9 headers", _part(b"\r\n".join([b"X-A: b"] * 9)) + END),
    *_mixed("ordered part of another type", _part(b"Content-Type: text/html") + END),
)  # fmt: skip

MULTIPART = (
    *(
        kind(
            f"form in the charset {charset}",
            post(
                b"/upload",
                _field(b"text-", b"x" * 50_000 + b"-" + b"a" * 50_000) + END,
                type=b"multipart/form-data; boundary=b; charset=" + charset.encode(),
            ),
            415,
            "decode",
            _BOMB,
        )
        for charset in ("punycode", "undefined", "idna", "utf-7", "utf-16", "nothing")
    ),
    _multipart("field with a file name over its limit", _part(b'Content-Disposition: form-data; name="note"; filename="a"', b"x" * 1_100_000) + END, 413),
    _multipart("field with a file name that is not UTF-8", _file(b"a") + _part(b'Content-Disposition: form-data; name="note"; filename="a"', b"\xff") + END),
    _multipart("1,001 parts", _field(b"note") * 1001 + END),
    _multipart("60,000 parts", _field(b"n") * 60_000 + END),
    _multipart("1,001 files", _file(b"a") * 1001 + END),
    _multipart("500 fields and 501 files", _field(b"n") * 500 + _file(b"a") * 501 + END),
    _multipart("field over its limit", _field(b"note", b"x" * 1_100_000) + END, 413),
    _multipart("file of 5 MB", _file(b"a", b"x" * 5_000_000) + END, 200),
    _multipart("file over the limit", _file(b"a", b"x" * 11_000_000) + END, 413),
    _multipart("9 headers of a part", _part(b"\r\n".join([b'Content-Disposition: form-data; name="note"', *[b"X-A: b"] * 8])) + END),
    _multipart("100,000 headers of a part", _part(b"\r\n".join([b"X-A: b"] * 100_000)) + END),
    _multipart("header of a part of 5 KB", _part(b'Content-Disposition: form-data; name="note"; x="' + b"y" * 5000 + b'"') + END),
    _multipart("header of a part of 2 MB", _part(b"X-A: " + b"y" * 2_000_000) + END),
    _multipart("header of a part without end", b"--b\r\nX-A: " + b"y" * 2_000_000),
    _multipart("part without a name", _part(b"Content-Disposition: form-data") + END),
    _multipart("part without headers", _part(b"") + END),
    _multipart("header of a part without a colon", _part(b"nothing") + END),
    _multipart("header name of a part in brackets", _part(b"X(: y") + END),
    _multipart("no end", _file(b"a")),
    _multipart("no end inside a part", _file(b"a")[:-2]),
    _multipart("a comment of 5 MB before the parts", b"-" * 5_000_000 + b"\r\n" + _file(b"a") + END, 200),
    _multipart("almost the boundary before the parts, over and over", b"\r\n--" * 400_000 + b"\r\n" + _file(b"a") + END, 200),
    _multipart("rest after the end", _file(b"a") + END + b"x" * 100_000, (200, 422)),
    _multipart("nothing", b"", (200, 422)),
    _multipart("garbage instead of parts", b"garbage" * 1000),
    _multipart("other boundary", _file(b"a").replace(b"--b", b"--c") + END),
    _multipart("multipart in a part", _part(b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Type: multipart/mixed; boundary=c', b"--c\r\n\r\nx\r\n--c--") + END, 200),
    _multipart("no boundary", _field(b"note"), boundary=b""),
    _multipart("boundary of 257 letters", b"--" + b"b" * 257 + b"--\r\n", boundary=b"b" * 257),
    _multipart("boundary of 20,000 letters", b"--" + b"b" * 20_000 + b"--\r\n", boundary=b"b" * 20_000),
    _multipart("boundary beyond ASCII", b"x", boundary="ä".encode()),
    _multipart("boundary in odd characters", b"x", boundary=b'"() <>@,;:"'),
    _multipart("almost the boundary, over and over", _file(b"a", b"\r\n--" * 400_000) + END, 200),
    _multipart("part in base64", _part(b'Content-Disposition: form-data; name="note"\r\nContent-Transfer-Encoding: base64', b"eA==") + END),
    _multipart("part in quoted-printable", _part(b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: quoted-printable') + END),
    _multipart("part compressed", _part(b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Encoding: gzip', b"\x1f\x8b") + END, 200),
    _multipart("field in an unknown charset", _part(b'Content-Disposition: form-data; name="note"\r\nContent-Type: text/plain; charset=x') + _file(b"a") + END, 200),
    _multipart("field that is no text", _field(b"note", b"\xff\xfe") + _file(b"a") + END),
    _multipart("null in a field", _field(b"note", b"a\x00b") + _file(b"a") + END, (200, 422)),
    _multipart("field called __proto__", _field(b"__proto__") + _file(b"a") + END, (200, 422)),
    _multipart("field name of 4 KB", _field(b"n" * 4000) + _file(b"a") + END, (200, 422)),
    _multipart("field instead of a file", _field(b"file") + END),
    _multipart("two files instead of one", _file(b"a") * 2 + END),
    _multipart("path as a file name", _file(b"../../etc/passwd") + END, 200, _NAME),
    _multipart("absolute path as a file name", _file(b"/etc/passwd") + END, 200, _NAME),
    _multipart("Windows path as a file name", _file(b"C:\\\\x\\\\..\\\\y") + END, 200, _NAME),
    _multipart("null in a file name", _file(b"a\x00.png") + END, (200, 422), _NAME),
    _multipart("line break in a file name", _file(b"a\r\nX: y") + END, (200, 422), _NAME),
    _multipart("file name beyond ASCII", _file("ä\u202egnp.exe".encode()) + END, 200, _NAME),
    _multipart("file name that is no text", _file(b"\xff\xfe") + END, 200, _NAME),
    _multipart("file name in RFC 5987", _part(b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%2e%2e%2fx") + END, (200, 422), _NAME),
    _multipart("empty file name", _file(b"") + END, (200, 422), _NAME),
    _multipart("file name of 4 KB", _file(b"a" * 4000) + END, 200, _NAME),
)  # fmt: skip

OTHERS = (
    _form("1,001 fields", b"&".join(b"f%d=1" % n for n in range(1001))),
    _form("a million empty fields", b"&" * 1_000_000),
    _form("form over its limit", b"a=" + b"x" * 1_100_000, 413),
    _form("field given 900 times", b"&".join([b"name=" + CANARY] * 900)),
    _form("form that is no text", b"name=%ff"),
    _form("% alone in a form", b"name=%"),
    _form("null in a form", b"name=%00", (200, 422)),
    _form("name of 900,000 letters", b"a" * 900_000 + b"=1", (200, 422)),
    _form("4,000 brackets", b"name" + b"[a]" * 4000 + b"=1", (200, 422)),
    _form("900 deep objects", b"&".join(b"size[k%d]=1" % n for n in range(900)), (200, 422)),
    _form("JSON in a field, 100,000 deep", b"size=" + b"[" * 100_000, 422),
    _form("JSON in a field with a key twice", b"size=%7B%22x%22%3A1%2C%22x%22%3A2%7D", 422),
    _form("equals signs", b"=" * 1000, (200, 422)),
    kind("text in an unknown charset", post(b"/text", b"x", type=b"text/plain; charset=x"), 415, "decode", "denial.form-flood"),
    kind("text in a codec that is no charset", post(b"/text", b"x", type=b"text/plain; charset=zlib"), 415, "decode", "denial.decompression-bomb"),
    kind("text in hexadecimal", post(b"/text", b"00", type=b"text/plain; charset=hex"), 415, "decode", "denial.form-flood"),
    kind("text in the codec of domain names", post(b"/text", b"a" * 100_000, type=b"text/plain; charset=idna"), 415, "decode", "denial.form-flood"),
    kind("text that is not in its charset", post(b"/text", b"\xff", type=b"text/plain; charset=utf-8"), 422, "decode", "denial.form-flood"),
    kind("text over its limit", post(b"/text", b"x" * 1_100_000, type=b"text/plain"), 413, "decode", "denial.body-too-large"),
    kind("line that is no JSON", post(b"/lines", b'{}\n{"a":1,"a":2}\n', type=b"application/jsonl"), 422, "decode", "tampering.json-ambiguity"),
    kind("300,000 lines that are no JSON", post(b"/lines", b"x\n" * 300_000, type=b"application/jsonl"), 422, "decode", "denial.json-bomb"),
)  # fmt: skip

KINDS = MULTIPART + MIXED + OTHERS
