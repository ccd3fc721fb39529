"""Examples and defaults that their own schema refuses, by the validator that services use.

Only schemas without parts and references are held against: what an object shows may be right for requests or
for responses alone, and is no fault then.
"""

from __future__ import annotations

import json
from typing import Final

from jsonschema_rs import ValidationError, Validator

from handfast.codegen.ir import Json, Source
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Seq, plain
from handfast.validation.engine import Unusable, compiled

CODE: Final = "wrong-example"
_FIX: Final = "write a value that the schema accepts, or correct the schema"
_LONGEST: Final = 60
_ASSERTIONS: Final = frozenset((
    "type", "format", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties",
    "maxProperties",
))  # fmt: skip
_ANNOTATIONS: Final = frozenset((
    "title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples", "xml",
))  # fmt: skip


class WrongValues:
    """Holds examples against schemas; those that are written alike are compiled once."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._known: dict[str, Validator] = {}

    def check(self, node: Map, schema: Json) -> None:
        """Warn of each value of `node` that `schema`, which `node` was converted to, refuses."""
        if not isinstance(schema, dict) or not ("examples" in schema or "default" in schema):
            return
        if not schema.keys() <= _ASSERTIONS | _ANNOTATIONS:
            return
        asserted = {key: schema[key] for key in sorted(schema.keys() & _ASSERTIONS)}
        if not asserted:
            return
        text = json.dumps(asserted)
        if text not in self._known:
            try:
                self._known[text] = compiled(asserted)
            except Unusable:
                return  # what cannot be compiled is told where the whole schema is
        for word, source, value in _values(node):
            if refusal(self._known[text], value) is not None:
                what = f"the {word} {shown(value)} is no value that its schema accepts"
                tell(self._report, source, what)


def tell(report: Report, source: Source, what: str, fix: str = _FIX) -> None:
    """Warn of a value that a schema refuses."""
    report.warn(source, CODE, what, fix)


def refusal(validator: Validator, value: Json) -> ValidationError | None:
    """Return how `value` breaks a schema; None where it does not, or where nobody can say.

    The engine takes no half pair of surrogates and no 255 levels.
    """
    try:
        validator.validate(value)
    except ValidationError as error:
        return error
    except ValueError:
        return None
    return None


def shown(value: Json) -> str:
    """Return `value` as JSON, for a finding."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _values(node: Map) -> list[tuple[str, Source, Json]]:
    found = [(key, node.value_source(key), plain(node[key])) for key in ("example", "default") if key in node]
    examples = node.get("examples")
    if isinstance(examples, Seq):
        found += [("example", examples.value_source(at), plain(one)) for at, one in enumerate(examples)]
    return found
