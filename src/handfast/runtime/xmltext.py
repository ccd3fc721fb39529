"""XML bodies, by the `xml` keywords of their schemas (OpenAPI 3.1, 4.8.26; 3.2 adds `nodeType`).

An element is an object, a list or a text; which, its schema says. Names of elements and attributes are those
of `xml.name`, else of the property; prefixes and namespaces are written, and not asked for when reading. The
name of the root says nothing and is not looked at. These rules hold where XML has no form of its own:

- the text `null` is null and a text of digits a number where the schema admits that (see `readings`);
- `xsi:nil="true"` is null;
- an element without content is an empty text, list or object, whichever its schema admits, in this order;
- where the schema admits lists and objects and speaks of no items, elements are the properties of an object;
- a list that is not wrapped and has no element is absent;
- a wrapped list holds elements only, and so does an object without a text property (`nodeType: text`), which
  is absent where it is empty and not required: other text is refused;
- attributes that a text, number or list does not ask for are not looked at.

A document type is refused, and with it every entity of one's own: nothing can multiply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from pydantic_core import to_json

from handfast.runtime.readings import SCALARS, Reader
from handfast.runtime.schemas import Schema, View

DEEPEST: Final = 100
"""Levels of elements; more are refused."""
_NIL: Final = "nil"
_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]", re.ASCII)
_NO_CHARACTERS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What XML cannot hold, not even escaped (XML 1.0, 2.2)."""


class MalformedXml(ValueError):
    """A text is not a well-formed document, or one that is not taken."""


@dataclass(slots=True)
class Element:
    """One element: names without prefixes, `text` is all the character data in it."""

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""


def parse(content: bytes) -> Element:
    """Return the root element of a document; raises `MalformedXml`."""
    return _Parser().parse(content)


class _Parser:
    def __init__(self) -> None:
        self.stack: list[Element] = []
        self.texts: list[list[str]] = []
        """Pieces of the text of each element in `stack`; adding one to a long text would copy all of it."""
        self.root: Element | None = None

    def parse(self, content: bytes) -> Element:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.data
        parser.StartDoctypeDeclHandler = self.doctype
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise MalformedXml(f"{expat.ErrorString(error.code)} in line {error.lineno}") from None
        except (ValueError, LookupError) as error:
            if isinstance(error, MalformedXml):
                raise
            raise MalformedXml("its encoding is not known") from None
        assert self.root is not None  # noqa: S101 (expat refuses a document without an element)
        return self.root

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if len(self.stack) >= DEEPEST:
            raise MalformedXml(f"elements are nested in more than {DEEPEST} levels")
        plain = {
            _local(key): value
            for key, value in attributes.items()
            if key != "xmlns" and not key.startswith("xmlns:")
        }
        element = Element(_local(name), plain)
        if self.stack:
            self.stack[-1].children.append(element)
        else:
            self.root = element
        self.stack.append(element)
        self.texts.append([])

    def end(self, name: str) -> None:
        self.stack.pop().text = "".join(self.texts.pop())

    def data(self, text: str) -> None:
        self.texts[-1].append(text)

    def doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        raise MalformedXml("a document type is not taken")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


# -- reading -----------------------------------------------------------------------------------------------


def decode(content: bytes, reader: Reader) -> object:
    """Return the value of a document, read by the schema of `reader`; raises `MalformedXml`."""
    return _Decoding().value(parse(content), reader)


class _Decoding:
    """The decoding of one document."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], object] = {}
        """Values by element and schema. An element may be tried as a list and as an object, on every level:
        without this, the work would double with each."""

    def value(self, element: Element, reader: Reader) -> object:
        """The first reading of `element` that its schema admits, or the first of all if it admits none."""
        key = id(element), id(reader.schema)
        if key not in self._known:
            readings = self._readings(element, reader)
            first = next(readings)
            valid = (one for one in chain([first], readings) if reader.check.is_valid(one))
            self._known[key] = next(valid, first)
        return self._known[key]

    def _readings(self, element: Element, reader: Reader) -> Iterator[object]:
        types = reader.types
        stray = bool(element.text.strip())
        takes_text = _has_text(reader)
        if stray and element.children and not takes_text:
            raise MalformedXml("an element holds text between its elements")
        if element.attributes.get(_NIL) in ("true", "1") and "null" in types:
            yield None
        if not element.children and not (element.attributes and "object" in types) and types & SCALARS:
            yield reader.scalar(element.text)
        if "array" in types and reader.lists and not stray:
            yield self._items(element, reader)
        if "object" in types and (takes_text or not stray):
            yield self._object(element, reader)
            if takes_text and not element.text:  # it may be absent or empty: what is required is empty
                yield self._object(element, reader, empty_text=True)
        if "array" in types and not reader.lists and not stray:
            yield self._items(element, reader)
        yield {child.name: child.text for child in element.children} or element.text

    def _items(self, element: Element, reader: Reader) -> list[object]:
        return [self.value(child, reader.item) for child in element.children]

    def _object(self, element: Element, reader: Reader, *, empty_text: bool = False) -> dict[str, object]:
        found: dict[str, object] = {}
        taken: set[str] = set()
        attributes = dict(element.attributes)
        for name, inner in reader.properties.items():
            options = options_of(reader.view, inner.schema)
            tag = _sane(str(options.get("name", name)))
            if _is_attribute(options):
                if tag in attributes:
                    found[name] = inner.scalar(attributes.pop(tag))
                continue
            if _is_text(options):
                if element.text.strip() or empty_text or (element.text and not element.children):
                    found[name] = inner.scalar(element.text)
                continue
            listed = _is_list(inner) and _is_spread(options)
            if listed:
                tag = _sane(str(options_of(reader.view, inner.item.schema).get("name", tag)))
            items = [child for child in element.children if child.name == tag]
            if items and listed:
                found[name] = [self.value(child, inner.item) for child in items]
            elif items:
                found[name] = _one_or_all([self.value(child, inner) for child in items])
            taken.add(tag)
        rest: dict[str, list[object]] = {}
        for child in element.children:
            if child.name not in taken:
                rest.setdefault(child.name, []).append(self.value(child, reader.others))
        for name, values in rest.items():
            found.setdefault(name, _one_or_all(values))
        for name, text in attributes.items():
            if name != _NIL:
                found.setdefault(name, text)
        return found


def _one_or_all(values: list[object]) -> object:
    return values[0] if len(values) == 1 else values


def _is_list(reader: Reader) -> bool:
    return "array" in reader.types and not reader.types & {"string", "object"}


def _has_text(reader: Reader) -> bool:
    """Whether a property is the text of the element itself."""
    return any(_is_text(options_of(reader.view, inner.schema)) for inner in reader.properties.values())


def options_of(view: View, schema: Schema) -> Mapping[str, object]:
    """The `xml` keyword of `schema`, or of what it refers to or is made of."""
    for one in view.resolve(schema):
        found = one.get("xml")
        if isinstance(found, dict):
            return found
        for part in one.get("allOf", ()):
            inner = options_of(view, part)
            if inner:
                return inner
    return {}


def _is_attribute(options: Mapping[str, object]) -> bool:
    return options.get("attribute") is True or options.get("nodeType") == "attribute"


def _is_text(options: Mapping[str, object]) -> bool:
    return options.get("nodeType") in ("text", "cdata")


def _is_spread(options: Mapping[str, object]) -> bool:
    """Whether the items of a list stand where the list would, without an element around them."""
    return not options.get("wrapped") and options.get("nodeType") != "element"


def _sane(name: str) -> str:
    """`name` as XML can write it: what no name may hold becomes an underscore."""
    made = _NOT_IN_NAMES.sub("_", _local(name))
    return made if made and (made[0].isalpha() or made[0] == "_") else f"x_{made}"


# -- writing -----------------------------------------------------------------------------------------------


def encode(value: object, reader: Reader, name: str) -> bytes:
    """Return `value` as a document whose root is called `name` where the schema gives it no name."""
    options = options_of(reader.view, reader.schema)
    text = _written(value, reader, str(options.get("name", name)), options)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode("utf-8", "replace")


def _written(value: object, reader: Reader, name: str, options: Mapping[str, object]) -> str:
    tag, opening = _tag(name, options)
    match value:
        case dict():
            attributes, content = _members(value, reader)
            return f"<{opening}{attributes}>{content}</{tag}>"
        case list():
            return f"<{opening}>{_items(value, reader, name)}</{tag}>"
        case None if reader.types != {"null"}:
            return f'<{opening} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>'
        case _:
            return f"<{opening}>{_escaped(value)}</{tag}>"


def _tag(name: str, options: Mapping[str, object]) -> tuple[str, str]:
    """The name of an element with its prefix, and the same with the namespace that it declares."""
    prefix, namespace = options.get("prefix"), options.get("namespace")
    tag = f"{prefix}:{_sane(name)}" if prefix else _sane(name)
    if not namespace:
        return tag, tag if not prefix else f'{tag} xmlns:{prefix}="urn:{prefix}"'
    return tag, f"{tag} xmlns{f':{prefix}' if prefix else ''}={quoteattr(str(namespace))}"


def _items(values: list[object], reader: Reader, name: str) -> str:
    options = options_of(reader.view, reader.item.schema)
    tag = str(options.get("name", name))
    return "".join(_written(one, reader.item, tag, options) for one in values)


def _members(value: Mapping[str, object], reader: Reader) -> tuple[str, str]:
    attributes, content = "", ""
    for name, member in value.items():
        inner = reader.property(name)
        options = options_of(reader.view, inner.schema)
        tag = str(options.get("name", name))
        if _is_attribute(options):
            attributes += f" {_sane(tag)}={quoteattr(_plain(member))}"
        elif _is_text(options):
            content += _escaped(member)
        elif isinstance(member, list) and _is_spread(options):
            content += _items(member, inner, tag)
        else:
            content += _written(member, inner, tag, options)
    return attributes, content


def _escaped(value: object) -> str:
    return escape(_plain(value), {"\r": "&#13;"})  # a reader takes a bare one for a line feed (XML 1.0, 2.11)


def _plain(value: object) -> str:
    return _NO_CHARACTERS.sub("", value if isinstance(value, str) else to_json(value).decode())
