from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.runtime.readings import Reader
from handfast.runtime.schemas import Check, View
from handfast.runtime.xmltext import DEEPEST, MalformedXml, decode, encode, parse

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufffe\uffff", min_codepoint=32)) | st.text(
    "\t\n\r<>&\"']]>", max_size=6
)
WORDS = TEXT.filter(str.strip)
"""Text that is more than the space between elements."""

SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ({"type": "string"}, TEXT),
    ({"type": "integer"}, st.integers()),
    ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False)),
    ({"type": "boolean"}, st.booleans()),
    ({"type": ["string", "null"]}, st.none() | TEXT.filter(lambda text: text != "null")),
    ({"enum": ["a", "b"]}, st.sampled_from(["a", "b"])),
]
"""Schemas, and what their values are drawn from."""
NAMES = ["a", "b c", "größe", "1st", "x:y"]
OWN_NAMES = ["N", "n-1", "É", "n.2", "two words"]


def reader(schema: Any, **schemas: Any) -> Reader:
    return Reader(View(schemas, "request"), schema)


@st.composite
def kinds(draw: st.DrawFn, depth: int = 3) -> tuple[Any, st.SearchStrategy[Any]]:
    """A schema with `xml` keywords, and what its values are drawn from."""
    kind = draw(st.sampled_from(["scalar", "list", "object", "map"] if depth else ["scalar"]))
    if kind == "list":
        item, values = draw(kinds(depth - 1))
        wrapped = draw(st.sampled_from([{"wrapped": True}, {"nodeType": "element"}]))
        return {"type": "array", "items": item, "xml": wrapped}, st.lists(values, max_size=3)
    if kind == "map":
        schema, values = draw(st.sampled_from(SCALARS))
        return (
            {"type": "object", "additionalProperties": schema},
            st.dictionaries(st.sampled_from(["m", "n_1", "o-p"]), values),
        )
    return draw(objects(depth)) if kind == "object" else draw(st.sampled_from(SCALARS))


@st.composite
def objects(draw: st.DrawFn, depth: int) -> tuple[Any, st.SearchStrategy[Any]]:
    properties: dict[str, Any] = {}
    members: dict[str, st.SearchStrategy[Any]] = {}
    places = ["element", "attribute", "list", "text"]
    for name, own in zip(NAMES[: draw(st.integers(0, 5))], OWN_NAMES, strict=False):
        place = draw(st.sampled_from(places))
        forms = [{}, {"name": own}, {"prefix": "p", "namespace": "urn:p"}, {"namespace": "urn:n"}]
        options: dict[str, Any] = dict(draw(st.sampled_from(forms)))
        if place == "element":
            schema, members[name] = draw(kinds(depth - 1))
            schema = schema | {"xml": schema.get("xml", {}) | options}
        elif place == "list":  # without an element around it an empty one cannot be told from none
            item, values = draw(kinds(depth - 1))
            schema = {"type": "array", "items": item | {"xml": item.get("xml", {}) | options}}
            members[name] = st.lists(values, min_size=1, max_size=3)
        elif place == "attribute":
            schema, members[name] = draw(st.sampled_from(SCALARS))
            options |= draw(st.sampled_from([{"attribute": True}, {"nodeType": "attribute"}]))
            schema = schema | {"xml": options}
        else:
            places.remove("text")
            kind = draw(st.sampled_from(["text", "cdata"]))
            schema, members[name] = {"type": "string", "xml": {"nodeType": kind}}, WORDS
        properties[name] = schema
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema, st.fixed_dictionaries({}, optional=members)


@given(st.data())
def test_what_is_written_is_read_again(data: st.DataObject) -> None:
    schema, values = data.draw(kinds())
    value, read = data.draw(values), reader(schema)
    written = encode(value, read, "root")
    assert decode(written, read) == value, written


def test_names_attributes_prefixes_and_lists_as_openapi_shows_them() -> None:
    schema = {
        "type": "object",
        "xml": {"name": "pet", "prefix": "smp", "namespace": "https://example.com/s"},
        "properties": {
            "id": {"type": "integer", "xml": {"attribute": True}},
            "names": {"type": "array", "items": {"type": "string", "xml": {"name": "name"}}},
            "tags": {
                "type": "array",
                "items": {"type": "string", "xml": {"name": "tag"}},
                "xml": {"name": "tagged", "wrapped": True},
            },
        },
    }
    value = {"id": 1, "names": ["x", "y"], "tags": ["t"]}
    written = encode(value, reader(schema), "Pet").decode().partition("\n")[2]
    assert written == (
        '<smp:pet xmlns:smp="https://example.com/s" id="1"><name>x</name><name>y</name>'
        "<tagged><tag>t</tag></tagged></smp:pet>"
    )
    assert decode(written.encode(), reader(schema)) == value


def test_what_xml_cannot_hold_is_left_out() -> None:
    written = encode("a\x00b\ufffec", reader({"type": "string"}), "t")
    assert decode(written, reader({"type": "string"})) == "abc"


NODE = {
    "type": ["array", "object", "string"],
    "items": {"$ref": "#/$defs/Node"},
    "properties": {"a": {"$ref": "#/$defs/Node"}},
    "additionalProperties": {"$ref": "#/$defs/Node"},
}


@pytest.mark.parametrize(
    ("schema", "document", "value"),
    [
        ({"type": "integer"}, '<n unit="s">5</n>', 5),
        ({"type": "integer"}, "<n>five</n>", "five"),
        ({"type": ["integer", "null"]}, "<n>null</n>", None),
        ({"type": "array"}, "<a><b>1</b><c>x</c></a>", [1, "x"]),
        (True, "<a><b>1</b><c>x</c><c/></a>", {"b": 1, "c": ["x", ""]}),
        (True, "<a/>", ""),
        ({"type": ["object", "array"]}, "<a/>", {}),
        ({"type": ["object", "array"], "items": {}}, "<a/>", []),
        ({"type": "object"}, " <!-- c --><o:o xmlns:o='urn:o'>\n<x>1</x>\n</o:o>", {"x": 1}),
        ({"type": "object"}, "<o>text</o>", "text"),
        ({"type": "integer"}, "<n><m>5</m></n>", {"m": "5"}),
    ],
)
def test_readings(schema: Any, document: str, value: object) -> None:
    assert decode(document.encode(), reader(schema)) == value


def test_an_empty_text_property_is_there_only_if_it_must_be() -> None:
    schema = {"type": "object", "properties": {"t": {"type": "string", "xml": {"nodeType": "text"}}}}
    assert decode(b"<o/>", reader(schema)) == {}
    assert decode(b"<o/>", reader(schema | {"required": ["t"]})) == {"t": ""}


def _deep(levels: int) -> bytes:
    return b"<a>" * levels + b"</a>" * levels


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>'


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b" ",
        b"text",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a b='1' b='2'/>",
        b"<a>\x00</a>",
        b"<a>\xff</a>",
        b"<a>&nbsp;</a>",
        b"<a>&#0;</a>",
        b"<a>&#xD800;</a>",
        b"<a>x<b/>y</a>",
        b"<!DOCTYPE a><a/>",
        LAUGHS.encode(),
        LAUGHS.encode("utf-16"),
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1/x">%p;]><a/>',
        _deep(DEEPEST + 1),
        _deep(100_000),
        b"<a>" * 100_000,
        *(
            f'<?xml version="1.0" encoding="{name}"?><a/>'.encode()
            for name in (
                "utf-7",
                "idna",
                "punycode",
                "undefined",
                "zip",
                "rot13",
                "utf-16",
                "shift_jis",
                "big5",
                "no-such",
                "utf-32",
            )
        ),
    ],
)
@pytest.mark.threat("denial.hostile-input")
def test_what_is_no_document_or_none_that_is_taken_is_refused(document: bytes) -> None:
    with pytest.raises(MalformedXml):
        decode(document, reader(True))


@given(st.text("<>/&;!?[]='\"abx: \n-", max_size=40) | st.binary(max_size=30))
@pytest.mark.threat("denial.hostile-input")
def test_no_document_is_an_unexpected_error(document: str | bytes) -> None:
    content = document.encode() if isinstance(document, str) else document
    for one in (content, b"<a>" + content + b"</a>"):
        try:
            decode(one, reader({"$ref": "#/$defs/Node"}, Node=NODE))
        except MalformedXml:
            continue


def test_other_encodings_are_read() -> None:
    text = '<?xml version="1.0" encoding="{}"?><a>größe</a>'
    for name in ("utf-8", "utf-16", "iso-8859-1", "windows-1252"):
        assert parse(text.format(name).encode(name)).text == "größe"


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.threat("denial.hostile-input")
def test_the_work_does_not_double_with_each_level(monkeypatch: pytest.MonkeyPatch, wrong: bool) -> None:
    asked = 0

    def counted(check: Check, value: object) -> bool:
        nonlocal asked
        asked += 1
        assert asked < 20 * DEEPEST
        return check.validator.is_valid(value) and not wrong

    monkeypatch.setattr(Check, "is_valid", property(lambda check: partial(counted, check)))
    for schema in (True, {"$ref": "#/$defs/Node"}):
        asked = 0
        decode(_deep(DEEPEST), reader(schema, Node=NODE))
