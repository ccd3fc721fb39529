"""Examples of bodies, parameters and headers that their schema refuses, by the validator that services use.

An example of a body or parameter is held against the schema as requests meet it, one of an answer as answers
do: a request need not show what is read-only, an answer not what is write-only.

Nothing is told that may be right. A text may be the value as it is sent, where OpenAPI lets authors write it
(3.0.4, 4.7.19; 3.2 has `dataValue` and `serializedValue` for the two): a JSON text, or that of a number, is
read and held against the schema; one that stands for several values, a form or XML is left. What is kept
elsewhere (`externalValue`) is not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from jsonschema_rs import ValidationError, Validator

from handfast.codegen.ir import ClassName, Json, Source
from handfast.codegen.pointer import deref
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq, child_source, plain
from handfast.codegen.types import PREFIX
from handfast.codegen.wrongvalues import refusal, shown, tell
from handfast.validation.definitions import Definitions
from handfast.validation.directions import Direction
from handfast.validation.engine import Unusable
from handfast.validation.errors import innermost
from handfast.validation.pointers import pointer

Form: TypeAlias = Literal["json", "text", "parts", "wire"]
"""How a text among the examples may be meant: as JSON, as the value itself, as a whole body in parts (a form,
XML), or as what is sent for a parameter or header."""

_SCALARS: Final = frozenset(("string", "number", "integer", "boolean", "null"))


@dataclass(frozen=True, slots=True)
class _Shown:
    """One example: its value, where it stands, and whether a text is the value, its text, or either."""

    node: Node
    source: Source
    key: Literal["value", "dataValue", "serializedValue"]


class Examples:
    """Takes note of what has examples while the contract is read, and holds all of them in the end."""

    def __init__(self, root: Map, report: Report) -> None:
        self._root = root
        self._report = report
        self._noted: dict[tuple[int, ClassName, Direction], tuple[Map, Form]] = {}

    def note(self, owner: Map, schema: ClassName | None, form: Form, direction: Direction) -> None:
        """Remember `owner`, a media type, parameter or header whose value has the schema called `schema`."""
        if schema is not None and ("example" in owner or "examples" in owner):
            self._noted.setdefault((id(owner), schema, direction), (owner, form))

    def check(self, schemas: Mapping[ClassName, Json]) -> None:
        """Warn of each example that its schema, one of `schemas`, refuses."""
        for direction in ("request", "response"):
            noted = [
                (owner, name, form) for (_, name, to), (owner, form) in self._noted.items() if to == direction
            ]
            if noted:
                held = _Held(schemas, direction, self._report)
                for owner, name, form in noted:
                    for example in self._examples(owner):
                        held.hold(example, name, form)

    def _examples(self, owner: Map) -> Iterator[_Shown]:
        if "example" in owner and (owner["example"] != "" or owner.get("allowEmptyValue") is not True):
            yield _Shown(owner["example"], owner.value_source("example"), "value")
        examples = owner.get("examples")
        for entry in examples.values() if isinstance(examples, Map) else ():
            example, _ = deref(self._root, entry)
            for key in ("value", "dataValue", "serializedValue") if example is not None else ():
                if example is not None and key in example:
                    yield _Shown(example[key], example.value_source(key), key)


class _Held:
    """The schemas of one direction, against which examples are held."""

    def __init__(self, schemas: Mapping[ClassName, Json], direction: Direction, report: Report) -> None:
        self._schemas = schemas
        self._direction = direction
        self._report = report
        self._validators: dict[ClassName, Validator | None] = {}
        self._definitions = Definitions(schemas, direction)  # type: ignore[arg-type]  # a schema is an object or a flag

    def hold(self, example: _Shown, name: ClassName, form: Form) -> None:
        """Warn of `example` if it is no value of the schema called `name`, whatever it may stand for."""
        value = plain(example.node)
        if example.key == "serializedValue":
            if form == "json":
                self._hold_text(example, name, str(value))
            elif form == "text":
                self._tell(example, value, self._refusal(name, value))
            return
        error = self._refusal(name, value)
        if error is None:
            return
        if isinstance(value, str) and example.key == "value":
            if form == "parts" or (form == "wire" and not self._is_scalar(name)):
                return
            read = _read(value) if form in ("json", "wire") else None
            if read is not None:
                error = self._refusal(name, read[0])
                if error is not None and isinstance(read[0], (dict, list)):
                    self._tell(replace(example, node=None), read[0], error)
                    return
        self._tell(example, value, error)

    def _hold_text(self, example: _Shown, name: ClassName, text: str) -> None:
        read = _read(text)
        if read is None:
            what = f"the example {shown(text)} is no JSON"
            tell(self._report, example.source, what, "write the text that is sent, or a `dataValue`")
            return
        self._tell(replace(example, node=None), read[0], self._refusal(name, read[0]))

    def _refusal(self, name: ClassName, value: Json) -> ValidationError | None:
        """Return how `value` breaks the schema called `name`; None where it does not, or nobody can say."""
        if name not in self._validators:
            try:
                self._validators[name] = self._definitions.compile(self._definitions.named(name))
            except Unusable:  # what cannot be compiled is told where the schema is
                self._validators[name] = None
        validator = self._validators[name]
        return None if validator is None else refusal(validator, value)

    def _is_scalar(self, name: ClassName) -> bool:
        """Whether all values of the schema called `name` are single ones, as its own `type` says."""
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            schema = self._schemas.get(name)
            if not isinstance(schema, dict):
                return False
            kind = schema.get("type")
            if kind is not None:
                return set(kind if isinstance(kind, list) else [kind]) <= _SCALARS
            name = ClassName(str(schema.get("$ref", "")).removeprefix(PREFIX))
        return False

    def _tell(self, example: _Shown, value: Json, error: ValidationError | None) -> None:
        if error is None:
            return
        if isinstance(value, dict) and isinstance(value.get("$ref"), str) and len(value) == 1:
            what = f"the example is the text of a `$ref`: nobody follows `{value['$ref']}` there"
            fix = "write the value, or an entry of `examples`, which may be a reference"
            tell(self._report, example.source, what, fix)
            return
        error = innermost(error)
        path = error.instance_path
        inner: Json = value
        node, source = example.node, example.source
        for step in path:
            if isinstance(node, (Map, Seq)):
                source = child_source(node, step)
                node = node[step]  # type: ignore[index]  # the engine gives texts for mappings, numbers for lists
            inner = inner[step]  # type: ignore[index]  # as above
        where = f"`{pointer(path)}` of the example" if path else "the example"
        self._tell_error(source, where, shown(inner), error)

    def _tell_error(self, source: Source, where: str, value: str, error: ValidationError) -> None:
        keyword, facts = error.kind.name, error.kind.as_dict()
        told = f"{where}, {value}, is" if error.instance_path else f"{where} {value} is"
        if keyword == "required":
            tell(self._report, source, f"{where} has no `{facts['property']}`, which its schema demands")
        elif keyword in ("additionalProperties", "unevaluatedProperties"):
            surplus = facts["unexpected"][0]
            tell(self._report, source, f"{where} has `{surplus}`, which its schema does not take")
        elif keyword == "falseSchema" and self._direction == "response":
            fix = "leave it out, or correct the schema: what is `writeOnly` belongs to requests alone"
            tell(self._report, source, f"{told} no value that responses may hold", fix)
        else:
            tell(self._report, source, f"{told} no value that its schema accepts (`{keyword}`)")


def _read(text: str) -> tuple[Json] | None:
    """Return what a JSON text says; None where it is none."""
    try:
        return (json.loads(text),)
    except (ValueError, RecursionError):
        return None
