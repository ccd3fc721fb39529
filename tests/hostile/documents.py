"""JSON that two parsers read in two ways, or that costs more than it should."""

from __future__ import annotations

from tests.hostile.kinds import AUTH, CANARY, Kind, kind, post

_JSON = "tampering.json-ambiguity"
_COST = "denial.json-bomb"
_TASKS = b"/api/tasks"


def _free(name: str, body: bytes, right: int | tuple[int, ...] = 422, threat: str = _JSON) -> Kind:
    return kind(name, post(b"/free", body), right, "decode", threat)


def _task(name: str, body: bytes, right: int | tuple[int, ...] = 422, threat: str = _JSON) -> Kind:
    return kind(name, post(_TASKS, body, AUTH), right, "contract", threat)


TEXTS = (
    _free("key twice", b'{"a":1,"a":2}'),
    _free("key twice with equal values", b'{"a":1,"a":1}'),
    _free("key twice, once escaped", b'{"a":1,"\\u0061":2}'),
    _free("key twice, deep", b'[{"b":[{"c":{"a":1,"a":2}}]}]'),
    _free("empty key twice", b'{"":1,"":2}'),
    _free("key twice among 10,000", b"{" + b",".join(b'"k%d":0' % n for n in range(10_000)) + b',"k77":1}'),
    _task("title twice", b'{"title":"' + CANARY + b'","title":"b"}'),
    _free("NaN", b"[NaN]"),
    _free("Infinity", b"[Infinity]"),
    _free("minus Infinity", b"[-Infinity]"),
    _free("1e400", b"[1e400]"),
    _free("minus 1e400", b"[-1e400]"),
    _free("1e999999999999", b"[1e999999999999]"),
    _free("400 digits and a fraction", b"[" + b"9" * 400 + b".0]"),
    _free("1e-999999999999", b"[1e-999999999999]", 200),
    _free("fraction of 900,000 digits", b"[0." + b"1" * 900_000 + b"]", 200, _COST),
    _free("integer of 4,000 digits", b"[" + b"9" * 4000 + b"]", 200, _COST),
    _free("integer of 5,000 digits", b"[" + b"9" * 5000 + b"]", 422, _COST),
    _free("integer of a million digits", b"[" + b"9" * 1_000_000 + b"]", 422, _COST),
    _free("200 integers of 4,000 digits", b"[" + b",".join([b"9" * 4000] * 200) + b"]", 200, _COST),
    _free("299 digits, over and over", b'"' + (b"1" * 299 + b"x") * 3000 + b'"', 200, _COST),
    _free("integer beyond 64 bits", b"[18446744073709551617]", 200),
    _free("minus zero", b"[-0]", 200),
    _free("leading zero", b"[01]"),
    _free("leading plus", b"[+1]"),
    _free("hexadecimal", b"[0x1]"),
    _free("fraction without digits", b"[1.]"),
    _free("fraction alone", b"[.5]"),
    _free("underscore", b"[1_0]"),
    _free("comment", b"[1 /* x */]"),
    _free("comment at the end", b"[1] // x"),
    _free("comma at the end", b"[1,]"),
    _free("two commas", b"[1,,2]"),
    _free("single quotes", b"{'a':1}"),
    _free("key without quotes", b"{a:1}"),
    _free("number as a key", b"{1:1}"),
    _free("rest after the value", b"{} x"),
    _free("two values", b"{}{}"),
    _free("two values in two lines", b"{}\n{}"),
    _free("value that stops", b'{"a":'),
    _free("text that stops", b'"abc'),
    _free("white space alone", b"   "),
    _free("form feed as white space", b"\x0c{}"),
    _free("no-break space as white space", "\u00a0{}".encode()),
    _free("byte order mark", b"\xef\xbb\xbf{}"),
    _free("UTF-16", "{}".encode("utf-16")),
    _free("UTF-16 without a mark", '{"a":1}'.encode("utf-16-le")),
    _free("UTF-32", "{}".encode("utf-32")),
    _free("Latin-1", b'"\xe4"'),
    _free("overlong UTF-8", b'"\xc0\x80"'),
    _free("UTF-8 beyond Unicode", b'"\xf5\x80\x80\x80"'),
    _free("half a character", b'"\xe2\x82"'),
    _free("surrogate in UTF-8", b'"\xed\xa0\x80"'),
    _free("lone high surrogate", b'"\\ud800"'),
    _free("lone low surrogate", b'"\\udc00"'),
    _free("surrogates the wrong way round", b'"\\udc00\\ud800"'),
    _free("lone surrogate as a key", b'{"\\ud800":1}'),
    _free("null in a text", b'"a\x00b"'),
    _free("control character in a text", b'"a\x07b"'),
    _free("line break in a text", b'"a\nb"'),
    _free("unknown escape", b'"\\x41"'),
    _free("half an escape", b'"\\u00"'),
    _free("escaped null", b'"\\u0000"', 200),
    _free("__proto__", b'{"__proto__":{"admin":true},"constructor":{"prototype":1}}', 200),
    _task("__proto__ in a task", b'{"title":"x","__proto__":{"user_id":"y"}}'),
    _task("another user's id in a task", b'{"title":"x","user_id":"00000000-0000-4000-8000-000000000001"}'),
    _task("escaped null in a title", b'{"title":"a\\u0000b"}'),
    _task("number as a title", b'{"title":1}'),
    _task("title of 900,000 letters", b'{"title":"' + CANARY + b"x" * 900_000 + b'"}', 422, _COST),
    _task("date of the year 0", b'{"title":"x","due_date":"0000-01-01"}', (201, 422)),
    _task("date of the year 99999", b'{"title":"x","due_date":"99999-01-01"}'),
    _task("date in other digits", '{"title":"x","due_date":"٢٠٢٦-01-01"}'.encode()),
    kind("JSON in UTF-16 by its type", post(b"/free", "{}".encode("utf-16"), type=b"application/json; charset=utf-16"), 415, "decode", _JSON),
    kind("JSON in UTF-7 by its type", post(b"/free", b"+AHs-", type=b"application/json; charset=utf-7"), 415, "decode", _JSON),
)  # fmt: skip

COSTS = (
    _free("arrays 200 deep", b"[" * 200 + b"]" * 200, 200, _COST),
    _free("arrays 202 deep", b"[" * 202 + b"]" * 202, 422, _COST),
    _free("arrays 500,000 deep", b"[" * 500_000 + b"]" * 500_000, 422, _COST),
    _free("objects 100,000 deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 422, _COST),
    _free("arrays 900,000 deep without end", b"[" * 900_000, 422, _COST),
    _free("deep and wide", b"[" + b",".join([b"[" * 150 + b"]" * 150] * 3000) + b"]", 200, _COST),
    _free("340,000 empty objects", b"[" + b",".join([b"{}"] * 340_000) + b"]", 200, _COST),
    _free("340,000 empty arrays", b"[" + b",".join([b"[]"] * 340_000) + b"]", 200, _COST),
    _free("500,000 numbers", b"[" + b",".join([b"1"] * 500_000) + b"]", 200, _COST),
    _free("80,000 keys", b"{" + b",".join(b'"k%d":0' % n for n in range(80_000)) + b"}", 200, _COST),
    _free("key of a megabyte", b'{"' + b"k" * 1_000_000 + b'":0}', 200, _COST),
    _free("million escapes", b'"' + b"\\n" * 500_000 + b'"', 200, _COST),
    _free("megabyte of white space", b" " * 1_000_000 + b"1", 200, _COST),
    kind("tree 90 deep", post(b"/tree", b'{"children":[' * 90 + b"]}" * 90), 200, "contract", _COST),
    kind("tree 101 deep", post(b"/tree", b'{"children":[' * 101 + b"]}" * 101), 422, "decode", _COST),
    kind("340,000 items that are wrong", post(b"/numbers", b"[" + b",".join([b"{}"] * 340_000) + b"]"), 422, "contract", _COST),
    kind("80,000 properties that are wrong", post(b"/closed", b"{" + b",".join(b'"k%d":0' % n for n in range(80_000)) + b"}"), 422, "contract", _COST),
    kind("wrong items below a key of 900,000 letters", post(b"/lists", b'{"' + b"k" * 900_000 + b'":[' + b",".join([b"{}"] * 60) + b"]}"), 422, "contract", _COST),
    kind("200,000 items to compare", post(b"/unique", b"[" + b",".join(b"%d" % n for n in range(140_000)) + b"]"), 200, "contract", _COST),
    kind("pattern that goes back", post(b"/pattern", b'["' + b"a" * 60 + b'"]'), 422, "contract", "denial.regular-expression"),
    kind("pattern that goes back a hundred times", post(b"/pattern", b"[" + b",".join([b'"' + b"a" * 60 + b'"'] * 100) + b"]"), 422, "contract", "denial.regular-expression"),
    kind("pattern with lookahead over 900,000 letters", post(b"/ahead", b'"' + b"a-" * 450_000 + b'"'), 200, "contract", "denial.regular-expression"),
    kind("null that reaches the database", post(b"/search", b'{"text":"a\\u0000b"}', AUTH), 422, "database", "denial.unstorable-text"),
    kind("null in a key that reaches the database", post(b"/stored", b'{"a\\u0000b":["x"]}', AUTH), 422, "database", "denial.unstorable-text"),
    kind("number that no column holds", post(b"/count", b'{"number":99999999999999999999}', AUTH), 422, "database", "denial.unstorable-text"),
)  # fmt: skip

KINDS = TEXTS + COSTS
