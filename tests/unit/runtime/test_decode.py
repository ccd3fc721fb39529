from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.requests import Request

from handfast.runtime.contract import Parameter
from handfast.runtime.decode import ParametersDecoder
from handfast.runtime.errors import Violation
from handfast.runtime.schemas import View

CHARACTERS = st.characters(codec="utf-8")

INTS = {"type": "array", "items": {"type": "integer"}}
STRINGS = {"type": "array", "items": {"type": "string"}}
COLOR = {
    "type": "object",
    "properties": {"R": {"type": "integer"}, "G": {"type": "integer"}, "name": {"type": "string"}},
    "additionalProperties": False,
}


def request(
    *,
    query: str | bytes = "",
    path: str = "",
    raw: str | None = None,
    headers: Any = (),
    found: Any = None,
    root: str = "",
) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": (raw if raw is not None else path).encode(),
            "root_path": root,
            "query_string": query.encode() if isinstance(query, str) else query,
            "headers": [
                (name.encode(), value if isinstance(value, bytes) else value.encode())
                for name, value in headers
            ],
            "path_params": found or {},
        }
    )


def decode(
    schema: Any,
    where: str = "query",
    style: str = "form",
    explode: bool = True,
    *,
    given: Request,
    required: bool = False,
    content: str | None = None,
    wire: str = "p",
    path: str = "/x/{p}",
    others: tuple[str, ...] = (),
    allow_empty: bool = False,
    **default: Any,
) -> Any:
    """The decoded value of the parameter `p`, or the violations."""

    def one(name: str, kind: str | None) -> Parameter:
        return Parameter(
            name=name,
            wire=wire if name == "p" else name,
            location=where,  # type: ignore[arg-type]
            required=required and name == "p",
            style=style,
            explode=explode,
            content=content,
            schema=kind,
            has_default="default" in default,
            default=default.get("default"),
            allow_empty=allow_empty,
        )

    view = View({"P": schema}, "request")
    out: list[Violation] = []
    decoder = ParametersDecoder([one("p", "P"), *(one(other, None) for other in others)], view, path)
    values = decoder.decode(given, out)
    return out or values["p"]


def in_query(text: str | bytes) -> Request:
    return request(query=text)


def in_path(raw: str) -> Request:
    return request(path=f"/x/{raw}", raw=f"/x/{raw}", found={"p": raw})


QUERY: list[tuple[Any, str, bool, str, Any]] = [
    # schema, style, explode, query string, value
    ({"type": "integer"}, "form", True, "p=5", 5),
    ({"type": "integer"}, "form", True, "p=503.0", 503),
    ({"type": "number"}, "form", True, "p=-1.5e3", -1500),
    ({"type": "boolean"}, "form", True, "p=true", True),
    ({"type": "string"}, "form", True, "p=a+b%26c", "a b&c"),
    ({"type": "string"}, "form", True, "p=", ""),
    ({"type": "string"}, "form", True, "p", ""),
    ({"type": ["string", "null"]}, "form", True, "p=null", None),
    ({"type": ["integer", "string"]}, "form", True, "p=01", "01"),
    (STRINGS, "form", True, "p=a&p=b%2Cc", ["a", "b,c"]),
    (STRINGS, "form", True, "p=a,b", ["a,b"]),
    (STRINGS, "form", False, "p=a,b", ["a", "b"]),
    (STRINGS, "form", False, "p=a%2Cb,c", ["a,b", "c"]),
    (STRINGS, "form", False, "p=a%2Cb", ["a", "b"]),
    (INTS, "form", False, "p=1,2", [1, 2]),
    (INTS, "form", False, "p=1&p=2", [1, 2]),
    (STRINGS, "form", True, "p=", [""]),
    (INTS, "form", True, "p=", []),
    (INTS, "spaceDelimited", False, "p=1%202", [1, 2]),
    (INTS, "spaceDelimited", False, "p=1+2", [1, 2]),
    (INTS, "spaceDelimited", False, "p=1&p=2", [1, 2]),
    (INTS, "pipeDelimited", False, "p=1|2", [1, 2]),
    (INTS, "pipeDelimited", False, "p=1%7C2", [1, 2]),
    (COLOR, "form", False, "p=R,1,G,2", {"R": 1, "G": 2}),
    (COLOR, "form", True, "R=1&G=2&other=3", {"R": 1, "G": 2}),
    (COLOR, "pipeDelimited", False, "p=R|1|G|2", {"R": 1, "G": 2}),
    (COLOR, "form", False, "p=", {}),
    ({"type": ["object", "string"]}, "form", False, "p=", ""),
    (COLOR, "pipeDelimited", False, "p=", {}),
    ({"type": "object", "properties": {"c": COLOR}}, "deepObject", True, "p[c]=", {"c": {}}),
    (COLOR, "deepObject", True, "p[R]=1&p%5BG%5D=2&q[R]=9", {"R": 1, "G": 2}),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, "form", True, "a=1&o=2", {"a": 1}),
    (
        {"type": "object", "properties": {"t": STRINGS, "u": {"type": ["array", "string"], "items": {}}}},
        "deepObject",
        True,
        "p[t]=a&p[t]=b&p[u]=x",
        {"t": ["a", "b"], "u": "x"},
    ),
    ({"type": "object", "properties": {"t": STRINGS}}, "deepObject", True, "p[t][0]=a", {"t": ["a"]}),
    (
        {"type": "object", "properties": {"t": STRINGS}},
        "deepObject",
        True,
        "p[t][0]=a&p[t][1]=b",
        {"t": ["a", "b"]},
    ),
    (
        {"type": "object", "properties": {"c": COLOR, "d": {"type": "object", "properties": {"c": COLOR}}}},
        "deepObject",
        True,
        "p[c][R]=1&p[d][c][G]=2",
        {"c": {"R": 1}, "d": {"c": {"G": 2}}},
    ),
    ({"properties": {"a": {"type": "integer"}}}, "form", True, "p=x", "x"),
    ({"properties": {"a": {"type": "integer"}}}, "form", True, "a=1", {"a": 1}),
    (True, "form", True, "p=1", 1),
    (True, "form", True, "p=1&p=x", [1, "x"]),
    ({"type": ["array", "string"], "items": {"type": "integer"}}, "form", False, "p=1,2", [1, 2]),
    ({"type": ["array", "string"], "items": {"type": "integer"}}, "form", False, "p=a,b", "a,b"),
    (
        {"type": "array", "items": {"type": ["integer", "null", "string"]}},
        "form",
        False,
        "p=1,null,x",
        [1, None, "x"],
    ),
]


@pytest.mark.parametrize(("schema", "style", "explode", "text", "value"), QUERY)
def test_query_styles(schema: Any, style: str, explode: bool, text: str, value: Any) -> None:
    assert decode(schema, "query", style, explode, given=in_query(text), others=("o",)) == value


@pytest.mark.parametrize(
    ("schema", "style", "explode", "text", "keyword"),
    [
        ({"type": "integer"}, "form", True, "p=x", "type"),
        ({"type": "integer"}, "form", True, "p=1&p=2", "style"),
        ({"type": "string"}, "form", True, "p=a&p=b", "style"),
        ({"type": "string"}, "form", True, "p=%zz", "encoding"),
        ({"type": "string"}, "form", True, "p=%ff", "encoding"),
        ({"type": "string"}, "form", True, "%ff=1", "encoding"),
        ({"type": "integer", "minimum": 3}, "form", True, "p=1", "minimum"),
        (INTS, "form", False, "p=1,x", "type"),
        (COLOR, "form", False, "p=R,1,G", "style"),
        (COLOR, "form", False, "p=R,x", "type"),
        (COLOR, "deepObject", True, "p[R]=1&p[R]=2", "style"),
        (COLOR, "deepObject", True, "p[X]=1", "additionalProperties"),
        ({"type": "object"}, "deepObject", True, "p[a]=1&p[a][b]=1", "style"),
        ({"type": "object"}, "deepObject", True, "p[a][b]=1&p[a]=1", "style"),
        ({"type": "string"}, "form", True, b"p=\xff", "encoding"),
    ],
)
def test_query_refusals(schema: Any, style: str, explode: bool, text: str | bytes, keyword: str) -> None:
    found = decode(schema, "query", style, explode, given=in_query(text))
    assert [one.keyword for one in found] == [keyword]
    assert found[0].location == "query"


def test_the_pointer_names_the_parameter_and_the_place_in_it() -> None:
    (found,) = decode(INTS, given=in_query("p%2F[]=1&p%2F[]=x"), wire="p/[]")
    assert found.pointer == "/p~1[]/1"


def test_an_absent_parameter_is_its_default_or_none_or_missed() -> None:
    assert decode({"type": "integer"}, given=in_query("")) is None
    assert decode({"type": "integer"}, given=in_query(""), default=20) == 20
    (found,) = decode({"type": "integer"}, given=in_query(""), required=True)
    assert (found.keyword, found.pointer) == ("required", "/p")
    (found,) = decode(COLOR, "query", "deepObject", given=in_query("q=1"), required=True)
    assert found.keyword == "required"


def test_an_empty_value_may_mean_that_a_parameter_is_not_used() -> None:
    number = {"type": "integer"}
    assert decode(number, given=in_query("p="), allow_empty=True) is None
    assert decode(number, given=in_query("p="), allow_empty=True, default=5) == 5
    assert decode({"type": "string"}, given=in_query("p="), allow_empty=True, default="x") == ""
    for query, required in (("p=x", False), ("p=", True), ("p=&p=", False)):
        found = decode(number, given=in_query(query), allow_empty=True, required=required)
        assert isinstance(found, list)
    assert isinstance(decode(number, given=in_query("p=")), list)


PATH: list[tuple[Any, str, bool, str, Any]] = [
    ({"type": "string"}, "simple", False, "a%2Fb+c", "a/b+c"),
    ({"type": "integer"}, "simple", False, "5", 5),
    (INTS, "simple", False, "1,2", [1, 2]),
    (INTS, "simple", False, "1%2C2", [1, 2]),
    (COLOR, "simple", False, "R,1,G,2", {"R": 1, "G": 2}),
    (COLOR, "simple", False, "R%2C1%2CG%2C2", {"R": 1, "G": 2}),
    (COLOR, "simple", True, "R=1,G=2", {"R": 1, "G": 2}),
    (COLOR, "simple", True, "R=1%2CG=2", {"R": 1, "G": 2}),
    (COLOR, "simple", True, "name=a%2Cb", {"name": "a,b"}),
    (COLOR, "simple", False, "name%2C50%2525", {"name": "50%25"}),
    (COLOR, "simple", True, "name%3Da%2CR%3D1", {"name": "a", "R": 1}),
    ({"type": "integer"}, "label", False, ".5", 5),
    (INTS, "label", False, ".1,2", [1, 2]),
    (INTS, "label", True, ".1.2", [1, 2]),
    (INTS, "label", False, ".1.2", [1, 2]),
    (COLOR, "label", True, ".R=1.G=2", {"R": 1, "G": 2}),
    (COLOR, "label", True, ".", {}),
    (COLOR, "label", False, ".", {}),
    (COLOR, "matrix", False, ";p=", {}),
    ({"type": "integer"}, "matrix", False, ";p=5", 5),
    ({"type": "string"}, "matrix", False, ";p", ""),
    (INTS, "matrix", False, ";p=1,2", [1, 2]),
    (INTS, "matrix", True, ";p=1;p=2", [1, 2]),
    (COLOR, "matrix", False, ";p=R,1,G,2", {"R": 1, "G": 2}),
    (COLOR, "matrix", True, ";R=1;G=2", {"R": 1, "G": 2}),
]


@pytest.mark.parametrize(("schema", "style", "explode", "raw", "value"), PATH)
def test_path_styles(schema: Any, style: str, explode: bool, raw: str, value: Any) -> None:
    assert decode(schema, "path", style, explode, given=in_path(raw), required=True) == value


@pytest.mark.parametrize(
    ("schema", "style", "explode", "raw", "keyword"),
    [
        ({"type": "integer"}, "label", False, "5", "style"),
        ({"type": "integer"}, "matrix", False, "5", "style"),
        ({"type": "integer"}, "simple", False, "%zz", "encoding"),
        (INTS, "matrix", True, ";q=1", "style"),
        (COLOR, "matrix", True, "R=1", "style"),
        (COLOR, "simple", True, "R,1", "style"),
        (COLOR, "simple", False, "R,1,G", "style"),
    ],
)
def test_path_refusals(schema: Any, style: str, explode: bool, raw: str, keyword: str) -> None:
    found = decode(schema, "path", style, explode, given=in_path(raw), required=True)
    assert [one.keyword for one in found] == [keyword]


@pytest.mark.parametrize("name", ["list[]", "größe", "a b", "p"])
@given(numbers=st.lists(st.integers(), min_size=1, max_size=4))
def test_a_matrix_name_is_compared_decoded(name: str, numbers: list[int]) -> None:
    sent = quote(name, safe="")
    for explode, raw in (
        (True, "".join(f";{sent}={number}" for number in numbers)),
        (False, f";{sent}={','.join(map(str, numbers))}"),
    ):
        given = request(path=f"/x/{raw}", raw=f"/x/{raw}", found={"p": raw})
        assert (
            decode(INTS, "path", "matrix", explode, given=given, wire=name, path=f"/x/{{{name}}}") == numbers
        )
    given = request(path=f"/x/;{sent}=5", raw=f"/x/;{sent}=5", found={"p": f";{sent}=5"})
    schema = {"type": "integer"}
    assert decode(schema, "path", "matrix", False, given=given, wire=name, path=f"/x/{{{name}}}") == 5


def test_several_parameters_in_one_segment_and_a_root_path() -> None:
    given = request(path="/api/x/1-a/b", raw="/api/x/1-a%2Fb", root="/api", found={"p": "1", "q": "a"})
    view = View({}, "request")
    parameters = [Parameter(n, n, "path", True, "simple", False, None, None, False, None) for n in ("p", "q")]
    assert ParametersDecoder(parameters, view, "/x/{p}-{q}").decode(given, []) == {"p": 1, "q": "a/b"}


def test_without_a_usable_raw_path_the_servers_decoded_one_counts() -> None:
    given = request(path="/x/50%", raw="", found={"p": "50%"})
    assert decode({"type": "string"}, "path", "simple", False, given=given) == "50%"
    given = request(path="/x/y", raw="/%78/y", found={"p": "y"})
    assert decode({"type": "string"}, "path", "simple", False, given=given) == "y"


@pytest.mark.parametrize(
    ("schema", "explode", "values", "value"),
    [
        ({"type": "integer"}, False, ["5"], 5),
        ({"type": "string"}, False, ["a%20b"], "a%20b"),
        (INTS, False, ["1, 2", "3"], [1, 2, 3]),
        (INTS, False, [""], []),
        (COLOR, False, ["R,1,G,2"], {"R": 1, "G": 2}),
        (COLOR, True, ["R=1, G=2"], {"R": 1, "G": 2}),
        (COLOR, True, [""], {}),
        (COLOR, False, [""], {}),
        ({"type": "string"}, False, ["é"], "é"),
        ({"type": "string"}, False, [b"\xe9"], "é"),
    ],
)
def test_headers(schema: Any, explode: bool, values: list[str | bytes], value: Any) -> None:
    given = request(headers=[("x-p", one) for one in values])
    assert decode(schema, "header", "simple", explode, given=given, wire="X-P") == value


def test_a_header_given_twice_is_refused_for_a_scalar() -> None:
    given = request(headers=[("x-p", "1"), ("x-p", "2")])
    (found,) = decode({"type": "integer"}, "header", "simple", False, given=given, wire="X-P")
    assert (found.location, found.keyword) == ("header", "style")


@pytest.mark.parametrize(
    ("schema", "explode", "cookie", "value"),
    [
        ({"type": "integer"}, True, "a=1; p=5", 5),
        ({"type": "string"}, True, 'p="x y"', "x y"),
        ({"type": "string"}, True, "p=a%20b", "a b"),
        ({"type": "string"}, True, "p=50%", "50%"),
        (INTS, False, "p=1,2; odd", [1, 2]),
        (INTS, True, "p=1; p=2", [1, 2]),
        (INTS, True, "p=1,2", [1, 2]),
        (INTS, True, "p=", []),
        (STRINGS, True, "p=a,b", ["a,b"]),
        (COLOR, False, "p=R,1", {"R": 1}),
        (COLOR, False, "p=", {}),
        (COLOR, True, "R=1; G=2; p=R=5", {"R": 1, "G": 2}),
        (COLOR, True, "p=R=1,G=2", {"R": 1, "G": 2}),
        (COLOR, True, "p=", {}),
    ],
)
def test_cookies(schema: Any, explode: bool, cookie: str, value: Any) -> None:
    assert decode(schema, "cookie", "form", explode, given=request(headers=[("cookie", cookie)])) == value


def test_content_parameters_are_parsed_as_their_media_type() -> None:
    json_text = quote('{"a": [1, null]}')
    assert decode(True, given=in_query(f"p={json_text}"), content="application/json") == {"a": [1, None]}
    assert decode(True, given=in_query(""), content="application/json") is None
    (found,) = decode(True, given=in_query("p={"), content="application/json")
    assert found.keyword == "syntax"
    (found,) = decode(True, given=in_query("p=1&p=2"), content="application/json")
    assert found.keyword == "style"
    assert decode({"type": "string"}, given=in_query("p=a%20b"), content="text/plain") == "a b"
    assert decode({"type": "string"}, given=in_query(""), content="text/plain") is None


SCALAR = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(CHARACTERS, max_size=20),
)


def wire(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return quote(repr(value) if isinstance(value, float) else str(value), safe="")


def kind(value: object) -> str:
    return {bool: "boolean", int: "integer", float: "number", str: "string"}[type(value)]


@given(SCALAR)
def test_a_scalar_comes_back_from_every_location(value: object) -> None:
    schema = {"type": kind(value)}
    text = wire(value)
    assert decode(schema, given=in_query(f"p={text}")) == value
    assert decode(schema, "cookie", given=request(headers=[("cookie", f"p={text}")])) == value
    if text:
        assert decode(schema, "path", "simple", False, given=in_path(text)) == value
        assert decode(schema, "path", "label", False, given=in_path(f".{text}")) == value
        assert decode(schema, "path", "matrix", False, given=in_path(f";p={text}")) == value


WORDS = st.lists(st.text(CHARACTERS, max_size=8), min_size=1, max_size=5)


@given(WORDS)
def test_an_exploded_array_comes_back_whatever_its_items_hold(values: list[str]) -> None:
    text = "&".join(f"p={quote(value, safe='')}" for value in values)
    assert decode(STRINGS, given=in_query(text)) == values


@given(WORDS, st.sampled_from([("form", ","), ("pipeDelimited", "|")]))
def test_a_delimited_array_comes_back(values: list[str], style: tuple[str, str]) -> None:
    # One item that holds the delimiter looks like two from a client that encodes the delimiter too.
    assume(len(values) > 1 or style[1] not in values[0])
    text = style[1].join(quote(value, safe="") for value in values)
    assert decode(STRINGS, "query", style[0], False, given=in_query(f"p={text}")) == values


@given(st.dictionaries(st.sampled_from(["R", "G"]), st.integers(-1000, 1000), min_size=1))
def test_an_object_comes_back_in_every_style(value: dict[str, int]) -> None:
    flat = ",".join(f"{name},{one}" for name, one in value.items())
    assert decode(COLOR, "query", "form", False, given=in_query(f"p={flat}")) == value
    assert decode(COLOR, given=in_query("&".join(f"{name}={one}" for name, one in value.items()))) == value
    deep = "&".join(f"p[{name}]={one}" for name, one in value.items())
    assert decode(COLOR, "query", "deepObject", given=in_query(deep)) == value
    exploded = [f"{name}={one}" for name, one in value.items()]
    assert decode(COLOR, "path", "simple", True, given=in_path(",".join(exploded))) == value
    assert decode(COLOR, "path", "label", True, given=in_path("." + ".".join(exploded))) == value
    assert decode(COLOR, "path", "matrix", True, given=in_path(";" + ";".join(exploded))) == value


ANY_SCHEMA = st.sampled_from(
    [{"type": "integer"}, {"type": "string"}, INTS, COLOR, True, {"type": ["array", "null", "object"]}]
)
STYLES = st.sampled_from(["form", "spaceDelimited", "pipeDelimited", "deepObject"])


@given(ANY_SCHEMA, STYLES, st.booleans(), st.text(alphabet="p=&[]%,|+;RG19nul .", max_size=30))
@pytest.mark.threat("denial.hostile-input")
def test_no_query_string_is_an_unexpected_error(schema: Any, style: str, explode: bool, text: str) -> None:
    decode(schema, "query", style, explode, given=in_query(text))


@given(
    ANY_SCHEMA,
    st.sampled_from(["simple", "label", "matrix"]),
    st.booleans(),
    st.text(alphabet="p=%,.;RG19", min_size=1, max_size=20),
)
@pytest.mark.threat("denial.hostile-input")
def test_no_path_segment_is_an_unexpected_error(schema: Any, style: str, explode: bool, raw: str) -> None:
    decode(schema, "path", style, explode, given=in_path(raw), required=True)
