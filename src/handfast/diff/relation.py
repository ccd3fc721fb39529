"""Does one schema take everything that another one takes? Yes, no (with a value that shows it), or unknown.

The engine's canonical form proves most cases; what it leaves open, values made of both schemas may refute. A
"no" is believed only with such a value, or where the proof is the engine's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import jsonschema_rs
from jsonschema_rs import CanonicalSchema, canonical

from handfast.diff.documents import Closing, shallow
from handfast.diff.model import Witness
from handfast.diff.witness import CURSORY, THOROUGH, find
from handfast.validation.directions import Schema

Answer: TypeAlias = Literal["yes", "no", "unknown"]
_LARGEST = 6_000
"""Characters of a document that the engine is asked about; a larger one is left to values and structure."""
PATIENCE = 3
"""How many undecided pairs of a comparison are looked into thoroughly; the rest of them as any other."""
_LIMIT = 2_000
"""Characters of a document that is a single limit."""
_LARGEST_DIFFERENCE = 8_000
"""Characters of a document of which the engine is asked for a difference, which takes it far longer."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Whether `wide` takes what `narrow` takes; `witness` is a value that it does not take."""

    answer: Answer
    witness: Witness | None = None
    reason: str = ""
    """Why the answer is unknown."""


_YES = Relation("yes")


class Relations:
    """Answers questions about pairs of documents, each once."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[tuple[str, str], Relation] = {}
        self._patience = PATIENCE
        self._proved: dict[tuple[str, str], bool] = {}
        self._canonical: dict[str, CanonicalSchema | None] = {}
        self._closing = Closing()
        self._closed: dict[int, tuple[Schema, Schema, str]] = {}
        """id of a document → itself, kept so that no other gets its id; closed; and that as text."""

    def covers(self, wide: Schema, narrow: Schema, *, likely: bool = False) -> Relation:
        """Say whether `wide` takes every declared value that `narrow` takes.

        Both are self-contained documents. Properties that `narrow` does not declare do not count. Where it is
        `likely`, since it follows from the parts, large schemas are given fewer values to refute it.
        """
        tight, text = self._tight(narrow)
        key = (_text(wide), text)
        if key not in self._known:
            self._known[key] = self._covers(wide, tight, narrow, key, likely=likely)
        return self._known[key]

    def proves(self, wide: Schema, narrow: Schema) -> bool:
        """Say whether it can be proved that `wide` takes every declared value that `narrow` takes."""
        tight, text = self._tight(narrow)
        key = (_text(wide), text)
        if key in self._known:
            return self._known[key].answer == "yes"
        if key not in self._proved:
            outer, inner = self._form(wide, key[0]), self._form(tight, text)
            contained = outer.covers(inner) if outer is not None and inner is not None else None
            self._proved[key] = contained == canonical.Containment.YES
        return self._proved[key]

    def _tight(self, narrow: Schema) -> tuple[Schema, str]:
        if id(narrow) not in self._closed:
            tight = self._closing.closed(narrow)
            self._closed[id(narrow)] = (narrow, tight, _text(tight))
        return self._closed[id(narrow)][1:]

    def _covers(
        self, wide: Schema, tight: Schema, narrow: Schema, texts: tuple[str, str], *, likely: bool
    ) -> Relation:
        if wide is True or tight is False or texts[0] == texts[1]:
            return _YES
        outer, inner = self._form(wide, texts[0]), self._form(tight, texts[1])
        if inner is None and outer is not None and len(texts[0]) < _LIMIT:
            # A limit of a large object is held against the object without what is inside its properties.
            flat = shallow(tight)
            inner = self._form(flat, _text(flat))
        answer: Answer = "unknown"
        rest: Any = None
        if outer is not None and inner is not None:
            contained = outer.covers(inner)
            if contained == canonical.Containment.YES:
                return _YES
            answer = "no" if contained == canonical.Containment.NO else "unknown"
            rest = _rest(inner, outer) if len(texts[1]) <= _LARGEST_DIFFERENCE else None
            if rest is False:
                return _YES
        thorough = answer == "unknown" and self._patience > 0 and sum(map(len, texts)) <= _LARGEST_DIFFERENCE
        self._patience -= thorough
        large = sum(map(len, texts)) > _LARGEST
        effort = THOROUGH if thorough else CURSORY if likely and large else 1
        witness = find(tight, narrow, wide, rest, effort=effort)
        if witness is not None:
            return Relation("no", witness)
        if answer == "no":
            return Relation("no")
        return Relation("unknown", reason=_reason(outer, inner))

    def _form(self, schema: Schema, text: str) -> CanonicalSchema | None:
        if text not in self._canonical:
            self._canonical[text] = _canonical(schema) if len(text) <= _LARGEST else None
        return self._canonical[text]


def _text(schema: Schema) -> str:
    return json.dumps(schema, sort_keys=True)


def _canonical(schema: Schema) -> CanonicalSchema | None:
    try:
        return jsonschema_rs.canonicalize(schema, draft=20, validate_formats=True, offline=True)
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, RecursionError):
        return None


def _rest(inner: CanonicalSchema, outer: CanonicalSchema) -> Any:
    """Return the schema of what `inner` takes and `outer` does not; None where it cannot be written down."""
    try:
        rest = inner.subtract(outer)
        if rest.satisfiability() == canonical.Satisfiability.NO:
            return False
        return rest.to_json_schema()
    except (ValueError, canonical.CanonicalizationError):
        return None


def _reason(outer: CanonicalSchema | None, inner: CanonicalSchema | None) -> str:
    if outer is None or inner is None:
        return "the schemas are too large or too unusual to be compared"
    return (
        "it cannot be proved that one takes all that the other takes, and no value was found that it refuses"
    )
