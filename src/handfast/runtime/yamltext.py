"""YAML bodies: the core schema of YAML 1.2 (10.3.2), whose values are those of JSON.

Anchors and aliases are refused, since a short text could stand for an endless value, and so are tags and
further documents. `yes`, `on`, dates and what JSON has no number for (`.inf`, `1e400`) are texts.
"""

from __future__ import annotations

import math
import re
from typing import Final

import yaml

DEEPEST: Final = 100
_INTEGERS: Final = (
    (10, re.compile(r"[-+]?[0-9]{1,1000}")),
    (8, re.compile(r"0o[0-7]{1,1000}")),
    (16, re.compile(r"0x[0-9a-fA-F]{1,1000}")),
)
"""By their base: Python refuses to convert more than 4300 decimal digits."""
_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, object]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class MalformedYaml(ValueError):
    """A text is not YAML, or uses what is not taken."""


def parse(content: bytes) -> object:
    """Return the value of a document; raises `MalformedYaml`."""
    try:
        text = content.decode("utf-8-sig")
        loader = yaml.CSafeLoader(text)
        try:
            return _Reader(loader).document()
        finally:
            loader.dispose()
    except UnicodeDecodeError:
        raise MalformedYaml("it is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise MalformedYaml(f"{error.problem or 'it is not well formed'}{line}") from None
    except yaml.YAMLError:
        raise MalformedYaml("it is not well formed") from None


def dump(value: object) -> bytes:
    """Return a JSON value as YAML."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text.encode()


class _Dumper(yaml.CSafeDumper):
    """Writes each text in a form that is read as this text."""

    def ignore_aliases(self, data: object) -> bool:
        """Write out what stands in several places."""
        return True


def _represented(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # PyYAML decides by YAML 1.1 what needs quotes: `1e5` is a number in 1.2 alone.
    text = text.encode("utf-8", "replace").decode()  # lone surrogates, which libyaml does not take
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, "'" if _scalar(text) != text else None)


_Dumper.add_representer(str, _represented)


class _Reader:
    """Builds the value out of libyaml's events: its composer recurses in C and would follow any depth."""

    def __init__(self, loader: yaml.CSafeLoader) -> None:
        self._loader = loader
        self._depth = 0

    def document(self) -> object:
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value = self._value(self._next())
        self._next()
        if not isinstance(self._next(), yaml.StreamEndEvent):
            raise MalformedYaml("there is more than one document")
        return value

    def _next(self) -> yaml.Event:
        event = self._loader.get_event()
        if event is None:
            raise MalformedYaml("it ends too early")
        return event

    def _value(self, event: yaml.Event) -> object:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise MalformedYaml("anchors and aliases are not taken")
        if getattr(event, "tag", None) is not None:
            raise MalformedYaml("tags are not taken")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        self._depth += 1
        if self._depth > DEEPEST:
            raise MalformedYaml(f"it is nested in more than {DEEPEST} levels")
        value = self._mapping() if isinstance(event, yaml.MappingStartEvent) else self._sequence()
        self._depth -= 1
        return value

    def _sequence(self) -> list[object]:
        found: list[object] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found.append(self._value(event))
        return found

    def _mapping(self) -> dict[str, object]:
        found: dict[str, object] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag is not None:
                raise MalformedYaml("a key must be a text, without anchor and tag")
            if event.value in found:
                raise MalformedYaml("a key is given twice")
            found[event.value] = self._value(self._next())
        return found


def _scalar(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    for base, pattern in _INTEGERS:
        if pattern.fullmatch(text):
            return int(text, base)
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
