"""The differ on two published versions of a contract: `python -m tools.diff_pairs OLD NEW [OLD NEW ...]`.

What both versions have of parameters, request bodies and response bodies is looked through for values that
the sender's version takes and the other one refuses. They are made without the differ's own means: by names,
branches, formats and borders of the schema, and judged by the validators. Each place with such a value must
have a breaking change of its operation and direction; one that has none is missed, and makes the exit code 1.
What is told to be breaking without a value of the differ's own is counted: false alarms are among those.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from handfast.cli.generation import without_collector
from handfast.codegen.project import load_file
from handfast.diff.catalogue import RULES, SUBSUMPTION
from handfast.diff.compare import compare
from handfast.diff.contract import At, Operation, contracts
from handfast.diff.model import Change, Direction, Severity
from handfast.mock import regex
from tools.diff_figures import Sampler

TRIES = 300
"""Values that are made for one pair of schemas."""
_FORMATS = {
    "date": "2026-01-31", "date-time": "2026-01-31T10:00:00Z", "time": "10:00:00Z", "email": "a@b.example",
    "uri": "https://a.example/b", "url": "https://a.example/b", "hostname": "a.example",
    "uuid": "123e4567-e89b-12d3-a456-426614174000", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
}  # fmt: skip


class RealSampler(Sampler):
    """Makes values of schemas as people write them."""

    def value(self, schemas: list[Any], depth: int) -> Any:
        """Draw a value that is likely to be of all `schemas`."""
        parts = [part for schema in schemas for part in self.parts(schema)]
        for part in parts:
            if "const" in part:
                return part["const"]
        kinds = [set(_kinds(part)) for part in parts if "type" in part]
        kind = (
            self.random.choice(sorted(set.intersection(*kinds)))
            if kinds and set.intersection(*kinds)
            else None
        )
        if kind == "null":
            return None
        if not any("enum" in part for part in parts):
            if kind == "string":
                return self.text(parts)
            if kind in ("integer", "number"):
                return self.number(parts)
            if kind == "array":
                return self.several(parts, depth)
        return super().value(schemas, depth)

    def parts(self, schema: Any, hops: int = 0) -> list[Any]:
        """Return a schema and what holds with it, one branch of a choice."""
        if isinstance(schema, dict) and "$ref" in schema:
            schema = {**schema, "$ref": unquote(schema["$ref"])}
        return super().parts(schema, hops)

    def an_object(self, parts: list[Any], depth: int) -> dict[str, Any]:
        """Draw an object that has what is demanded."""
        made = super().an_object(parts, depth)
        for part in parts:
            for name in part.get("required", ()):
                if name not in made:
                    inner = [one["properties"][name] for one in parts if name in one.get("properties", {})]
                    made[name] = self.value(inner, depth + 1)
        return made

    def several(self, parts: list[Any], depth: int) -> list[Any]:
        """Draw a list, shorter the deeper it stands."""
        least = max((part.get("minItems", 0) for part in parts), default=0)
        most = min((part.get("maxItems", math.inf) for part in parts), default=math.inf)
        wanted = (
            min(max(least, self.random.choice((0, 1, 1, 2, min(most, 12)))), most) if depth < 4 else least
        )
        items = [part["items"] for part in parts if "items" in part]
        return [self.value(items, depth + 1) for _ in range(int(min(wanted, 30)))]

    def text(self, parts: list[Any]) -> str:
        """Draw a text of a pattern, a format, or a length at a border."""
        for part in parts:
            if part.get("format") in _FORMATS and self.random.random() < 0.9:
                return _FORMATS[part["format"]]
            if "pattern" in part and self.random.random() < 0.9:
                try:
                    return regex.text(part["pattern"], self.random)
                except regex.Unreadable:
                    return "a"
        least = max((part.get("minLength", 0) for part in parts), default=0)
        most = min((part.get("maxLength", math.inf) for part in parts), default=math.inf)
        wanted = self.random.choice((least, least + 1, 8, 41, 300, most if most < math.inf else 5000))
        return "a" * int(min(max(wanted, least), most))

    def number(self, parts: list[Any]) -> int:
        """Draw a whole number, at a border or far from it."""
        borders = [part[key] for part in parts for key in ("minimum", "maximum") if key in part]
        drawn: float = self.random.choice((*borders, *borders, 0, 1, -1, 7, 101, 10**6))
        return math.floor(drawn) + self.random.choice((0, 0, 1, -1))


def _kinds(part: dict[str, Any]) -> list[str]:
    kinds = part["type"]
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    return ["integer" if one == "number" else str(one) for one in kinds]


@dataclass(slots=True)
class Pair:
    """What was counted."""

    operations: int = 0
    places: int = 0
    """Places whose schemas differ."""
    refuted: int = 0
    missed: list[str] = field(default_factory=list)
    severities: Counter[str] = field(default_factory=Counter)
    unshown: list[str] = field(default_factory=list)
    """Changes that are told to be breaking by what is accepted, without a value that shows it."""
    seconds: float = 0.0


def measure(old: Path, new: Path) -> Pair:
    """Compare two contracts, and hold the report against values."""
    pair = Pair()
    began = time.process_time()
    with without_collector():
        before, after = (contracts(load_file(file, file.parent, examples=False)) for file in (old, new))
        changes = compare(before, after, datetime.now(UTC).date())
    pair.seconds = time.process_time() - began
    pair.severities.update(str(one.severity) for one in changes)
    pair.unshown = [
        f"{one.direction} {one.rule} {one.pointer}"
        for one in changes
        if one.severity is Severity.BREAKING
        and one.witness is None
        and RULES[one.rule].severity(one.direction) == SUBSUMPTION
    ]
    told = _told(changes)
    known: dict[tuple[str, str], tuple[Any] | None] = {}
    others = {one.shape: one for contract in after for one in contract.operations}
    for contract in before:
        for operation in contract.operations:
            if operation.shape not in others:
                continue
            pair.operations += 1
            for direction, where, one, other in _places(operation, others[operation.shape]):
                value = _refuting(direction, one, other, known, pair)
                if value is not None:
                    pair.refuted += 1
                    name = others[operation.shape].name
                    if (direction, name) not in told:
                        shown = json.dumps(value[0], ensure_ascii=False)[:300]
                        pair.missed.append(f"{direction} {name} {where} by {shown}")
    return pair


def _told(changes: tuple[Change, ...]) -> set[tuple[str, str]]:
    """Return (direction, operation) of all that is told to be breaking."""
    return {
        (one.direction, name)
        for one in changes
        if one.severity is Severity.BREAKING
        for name in one.operations
    }


def _places(old: Operation, new: Operation) -> Iterator[tuple[Direction, str, At, At]]:
    """Yield (direction, where, old schema, new schema) of what both versions of an operation send."""
    sides = [
        {
            (str(at.get("in")), str(at.get("name"))): at
            for owner in (one.item, one.at)
            for at in _derefed(owner)
        }
        for one in (old, new)
    ]
    for key in sides[0].keys() & sides[1].keys():
        yield "request", " ".join(key), sides[0][key].child("schema"), sides[1][key].child("schema")
    for where, one, other in _media(old.at.child("requestBody"), new.at.child("requestBody")):
        yield "request", where, one, other
    answers = [one.at.entries("responses") for one in (old, new)]
    for status in answers[0].keys() & answers[1].keys():
        for where, one, other in _media(answers[0][status], answers[1][status]):
            yield "response", f"{status} {where}", one, other


def _derefed(owner: At) -> list[At]:
    return [one.deref() for one in owner.items("parameters")]


def _media(old: At, new: At) -> Iterator[tuple[str, At, At]]:
    before, after = (one.deref().entries("content") for one in (old, new))
    for name in before.keys() & after.keys():
        yield name, before[name].deref().child("schema"), after[name].deref().child("schema")


def _refuting(
    direction: Direction, old: At, new: At, known: dict[tuple[str, str], tuple[Any] | None], pair: Pair
) -> tuple[Any] | None:
    documents = [
        one.contract.documents.of((one.node,), direction) if one.node is not None else True
        for one in (old, new)
    ]
    sender, receiver = documents if direction == "request" else documents[::-1]
    key = (json.dumps(sender, sort_keys=True), json.dumps(receiver, sort_keys=True))
    if key[0] == key[1]:
        return None
    pair.places += 1
    if key not in known:
        known[key] = _search(sender, receiver)
    return known[key]


def _search(sender: Any, receiver: Any) -> tuple[Any] | None:
    takes, refuses = (
        jsonschema_rs.Draft202012Validator(one, validate_formats=True) for one in (sender, receiver)
    )
    random = Random(0)  # noqa: S311 (the same values each time)
    defs = sender.get("$defs", {}) if isinstance(sender, dict) else {}
    sampler = RealSampler(sender, defs, random)
    for _ in range(TRIES):
        try:
            value = sampler.value([sender], 0)
        except RecursionError:
            continue
        if takes.is_valid(value) and not refuses.is_valid(value):
            return (value,)
    return None


def main() -> None:
    """Measure the pairs that the arguments name, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tools.diff_pairs", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="OLD NEW")
    parser.add_argument(
        "--show", action="store_true", help="print what is told to be breaking without a value"
    )
    options = parser.parse_args()
    if len(options.files) % 2:
        parser.error("each OLD needs its NEW")
    files = [file.resolve() for file in options.files]
    missed = 0
    for old, new in zip(files[::2], files[1::2], strict=True):
        pair = measure(old, new)
        missed += len(pair.missed)
        counts = ", ".join(f"{count} {name}" for name, count in sorted(pair.severities.items()))
        print(
            f"{old.name} -> {new.name}: {pair.operations} operations in both, told {counts}; "
            f"{pair.places} places differ, {pair.refuted} refuted by values, missed {len(pair.missed)}; "
            f"breaking without a value {len(pair.unshown)}; {pair.seconds:.1f} s of CPU"
        )
        for one in pair.missed:
            print(f"  missed: {one}")
        if options.show:
            print("\n".join(f"  without a value: {one}" for one in pair.unshown))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
