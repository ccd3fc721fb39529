"""Does `handfast diff` miss what breaks? `python -m tools.diff_figures [--pairs N] [--seed N] [--show]`.

Pairs of schemas are drawn, the second a changed copy of the first, and each is put into two contracts, as a
request body and as a response. A sampler that shares no code with the diff tries values: one that was
accepted and is refused now refutes the pair. Counted are pairs that are refuted and not told to be
breaking (missed: must be 0), and those told to be breaking with neither such a value nor a witness
(false alarms).
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

import jsonschema_rs

from handfast.codegen.check import check
from handfast.codegen.load import parse
from handfast.codegen.report import Report
from handfast.codegen.source import Map
from handfast.diff.compare import compare
from handfast.diff.contract import Contract
from handfast.diff.model import Change, Severity

TRIES = 300
_NAMES = ("a", "b", "c")
_TEXTS = ("", "a", "ab", "abc", "abcd", "x", "1", "2024-01-31", "00000000-0000-4000-8000-000000000000")
_NUMBERS = (-1, 0, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 10, 100)
_LEAVES: tuple[Any, ...] = (*_TEXTS, *_NUMBERS, True, False, None)
_PATTERNS = ("^a", "^[a-z]+$", "^[a-z]{2,}$", "b", "^.{0,2}$")
_FORMATS = ("date", "uuid", "unknown")


class Drawer:
    """Draws schemas, and changed copies of them."""

    def __init__(self, random: Random) -> None:
        """Draw by `random`."""
        self.random = random

    def schema(self, depth: int = 0) -> Any:
        """Draw a schema."""
        kinds = ["string", "number", "enum", "boolean", "any"]
        if depth < 3:
            kinds += ["object", "object", "object", "array", "choice", "all", "ref", "condition", "not"]
        kind = self.random.choice(kinds if depth else ["object", "object", "array", "choice", "all"])
        return getattr(self, f"_{kind}")(depth)

    def _any(self, depth: int) -> Any:
        return {}

    def _boolean(self, depth: int) -> Any:
        return {"type": "boolean"}

    def _string(self, depth: int) -> Any:
        made: dict[str, Any] = {"type": self.random.choice(["string", "string", ["string", "null"]])}
        self.some(made, minLength=self.random.randint(0, 3), maxLength=self.random.randint(1, 4))
        self.some(made, chance=0.2, pattern=self.random.choice(_PATTERNS))
        self.some(made, chance=0.15, format=self.random.choice(_FORMATS))
        return made

    def _number(self, depth: int) -> Any:
        made: dict[str, Any] = {"type": self.random.choice(["integer", "number"])}
        self.some(made, minimum=self.random.randint(-1, 4), maximum=self.random.randint(3, 100))
        self.some(made, chance=0.15, exclusiveMinimum=self.random.randint(0, 3))
        self.some(made, chance=0.2, multipleOf=self.random.choice([1, 2, 3, 0.5]))
        return made

    def _enum(self, depth: int) -> Any:
        return {"enum": self.random.sample(_LEAVES, self.random.randint(1, 4))}

    def _object(self, depth: int) -> Any:
        names = [name for name in _NAMES if self.random.random() < 0.7]
        made: dict[str, Any] = {
            "type": "object",
            "properties": {name: self.schema(depth + 1) for name in names},
        }
        required = [name for name in names if self.random.random() < 0.4]
        if required:
            made["required"] = required
        self.some(
            made,
            chance=0.3,
            additionalProperties=self.random.choice([False, False, True, {"type": "integer"}]),
        )
        self.some(
            made, chance=0.1, minProperties=self.random.randint(0, 2), maxProperties=self.random.randint(1, 3)
        )
        self.some(made, chance=0.1, dependentRequired={"a": ["b"]})
        self.some(made, chance=0.05, propertyNames={"maxLength": 1})
        if self.random.random() < 0.1:
            made["patternProperties"] = {self.random.choice(("^[bz]", "z$")): self.schema(3)}
        return made

    def _array(self, depth: int) -> Any:
        made: dict[str, Any] = {"type": "array", "items": self.schema(depth + 1)}
        self.some(made, chance=0.3, minItems=self.random.randint(0, 2), maxItems=self.random.randint(1, 3))
        self.some(made, chance=0.2, uniqueItems=True)
        self.some(made, chance=0.1, contains=self.schema(3))
        self.some(made, chance=0.1, prefixItems=[self.schema(3)])
        return made

    def _choice(self, depth: int) -> Any:
        branches = [self.schema(depth + 1) for _ in range(self.random.randint(2, 3))]
        return {self.random.choice(["oneOf", "anyOf"]): branches}

    def _all(self, depth: int) -> Any:
        return {"allOf": [self._object(depth + 1), self.random.choice([self._object, self._ref])(depth + 1)]}

    def _ref(self, depth: int) -> Any:
        return {"$ref": "#/components/schemas/Node"}

    def _condition(self, depth: int) -> Any:
        return {"if": self._object(3), "then": self._object(3), "type": "object"}

    def _not(self, depth: int) -> Any:
        return {"not": self._enum(depth), "type": ["string", "integer"]}

    def some(self, made: dict[str, Any], chance: float = 0.4, **keywords: Any) -> None:
        """Set each of the keywords by chance."""
        for key, value in keywords.items():
            if self.random.random() < chance:
                made[key] = value

    def changed(self, schema: Any) -> Any:
        """Return a copy with one to three changes."""
        made = copy.deepcopy(schema)
        for _ in range(self.random.randint(1, 3)):
            places = list(_places(made))
            owner, key = self.random.choice(places)
            if self.random.random() < 0.6 and isinstance(owner[key], dict):
                self.tweak(owner[key])
            elif owner is not made or self.random.random() < 0.2:
                owner[key] = self.schema(2)
        return made

    def tweak(self, schema: dict[str, Any]) -> None:
        """Change one keyword of a schema, or drop it."""
        keys = [key for key in schema if key not in ("$ref",)]
        new = self.schema(2)
        if keys and self.random.random() < 0.4:
            key = self.random.choice(keys)
            value = schema[key]
            if isinstance(value, int) and not isinstance(value, bool):
                schema[key] = max(0, value + self.random.choice([-1, 1]))
            elif (
                isinstance(value, list)
                and len(value) > 1
                and key in ("enum", "required", "oneOf", "anyOf", "allOf")
            ):
                value.pop(self.random.randrange(len(value)))
            else:
                del schema[key]
        elif schema.get("type") == "object" and self.random.random() < 0.5:
            schema.setdefault("properties", {})[self.random.choice(_NAMES)] = new
        elif schema.get("properties") and self.random.random() < 0.5:
            schema.setdefault("required", [])
            name = self.random.choice([*schema["properties"]])
            schema["required"] += [] if name in schema["required"] else [name]
        elif isinstance(new, dict) and "$ref" not in schema and new.get("type", 0) == schema.get("type", 1):
            schema.update(new)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (owner, key) of every schema."""
    for key in ("properties", "patternProperties"):
        for name in node.get(key, {}):
            yield node[key], name
            yield from _places(node[key][name])
    for key in ("oneOf", "anyOf", "allOf", "prefixItems"):
        for index, one in enumerate(node.get(key, ())):
            yield node[key], index
            yield from _places(one)
    for key in ("items", "not", "if", "then", "contains"):
        if key in node:
            yield node, key
            yield from _places(node[key])
    yield {"it": node}, "it"


class Sampler:
    """Tries values of a schema: from its declared names and a small world of leaves."""

    def __init__(self, root: Any, defs: dict[str, Any], random: Random) -> None:
        """Draw from `root`, whose references lead into `defs`."""
        self.root, self.defs, self.random = root, defs, random

    def value(self, schemas: list[Any], depth: int) -> Any:
        """Draw a value that is likely to be of all `schemas`."""
        parts = [part for schema in schemas for part in self.parts(schema)]
        for part in parts:
            if "enum" in part and self.random.random() < 0.9:
                return self.random.choice(part["enum"])
        kinds = {str(part["type"]) for part in parts if "type" in part}
        if ("object" in kinds or any("properties" in part for part in parts)) and depth < 6:
            return self.an_object(parts, depth)
        if "array" in kinds and depth < 6:
            items = [one for part in parts for one in ([part["items"]] if "items" in part else [])]
            first = [part["prefixItems"][0] for part in parts if "prefixItems" in part]
            return [
                self.value(first if first and index == 0 else items, depth + 1)
                for index in range(self.random.choice((0, 1, 1, 2, 3)))
            ]
        if self.random.random() < 0.02:
            return self.random.choice(([], {}, [1], {"a": 1}))
        fitting = [leaf for leaf in _LEAVES if not kinds or _is(leaf, kinds)]
        return self.random.choice(fitting or list(_LEAVES))

    def an_object(self, parts: list[Any], depth: int) -> dict[str, Any]:
        """Draw an object of declared properties."""
        names: dict[str, list[Any]] = {}
        for part in parts:
            for name, one in part.get("properties", {}).items():
                names.setdefault(name, []).append(one)
            for pattern, one in part.get("patternProperties", {}).items():
                for name in filter(re.compile(pattern).search, ("z", "b", "c")):
                    names.setdefault(name, []).append(one)
        free = [
            part["additionalProperties"]
            for part in parts
            if part.get("additionalProperties", False) is not False
        ]
        chance = self.random.choice((0.3, 0.7, 1.0)) if depth < 4 else 0.15
        made = {
            name: self.value(inner, depth + 1)
            for name, inner in names.items()
            if self.random.random() < chance
        }
        if free and self.random.random() < 0.4:
            for name in ("z", *_NAMES):
                if name not in names and self.random.random() < 0.4:
                    made[name] = self.value([one for one in free if one is not True], depth + 1)
        return made

    def parts(self, schema: Any, hops: int = 0) -> list[Any]:
        """Return a schema and what holds with it, one branch of a choice."""
        if not isinstance(schema, dict) or hops > 8:
            return []
        found = [schema]
        if "$ref" in schema:
            found += self.parts(self.defs[schema["$ref"].rsplit("/", 1)[1]], hops + 1)
        for one in schema.get("allOf", ()):
            found += self.parts(one, hops + 1)
        for key in ("oneOf", "anyOf"):
            if schema.get(key):
                found += self.parts(self.random.choice(schema[key]), hops + 1)
        if "then" in schema and self.random.random() < 0.5:
            found += self.parts(schema["then"], hops + 1)
        return found


def _is(leaf: Any, kinds: set[str]) -> bool:
    names = {bool: "boolean", str: "string", int: "integer", float: "number", type(None): "null"}
    return any(names[type(leaf)] in kind or (isinstance(leaf, int) and "number" in kind) for kind in kinds)


@dataclass(slots=True)
class Figures:
    """What was counted."""

    pairs: int = 0
    refuted: int = 0
    missed: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    breaking: int = 0
    risky: int = 0


def contract(schema: Any, node: Any) -> Contract | None:
    """Return a contract that takes and answers `schema`; None where it is a faulty one."""
    content = {"application/json": {"schema": schema}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/ask": {
                "post": {"requestBody": {"content": content}, "responses": {"204": {"description": "d"}}}
            },
            "/tell": {"get": {"responses": {"200": {"description": "d", "content": content}}}},
        },
        "components": {"schemas": {"Node": node}},
    }
    report = Report()
    root = check(_map(document), report)
    return None if report.fatal else Contract(root)


def _map(document: Any) -> Map:
    root = parse(json.dumps(document), "api.json").root
    assert isinstance(root, Map)  # noqa: S101 (a mapping was written)
    return root


def validator(schema: Any, node: Any) -> jsonschema_rs.Validator:
    """Compile a schema as it is written."""
    whole = {"components": {"schemas": {"Node": node}}, "allOf": [schema]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def measure(pairs: int, seed: int) -> Figures:
    """Draw pairs, and count."""
    figures = Figures()
    for number in range(pairs):
        random = Random(f"{seed}/{number}")  # noqa: S311 (the same pairs for the same seed)
        drawer = Drawer(random)
        node = {
            "type": "object",
            "properties": {"a": drawer.schema(3), "b": {"$ref": "#/components/schemas/Node"}},
        }
        old = drawer.schema()
        new = drawer.changed(old)
        later = drawer.changed(node) if random.random() < 0.3 else node
        one, other = contract(old, node), contract(new, later)
        if one is None or other is None:
            continue
        figures.pairs += 1
        changes = compare([one], [other], date(2026, 1, 1))
        sides = (validator(old, node), validator(new, later))
        for direction, (schema, near), (takes, refuses) in (
            ("request", (old, node), sides),
            ("response", (new, later), sides[::-1]),
        ):
            sampler = Sampler(schema, {"Node": near}, random)
            value = _refuting(sampler, takes, refuses)
            _count(figures, direction, value, changes, f"{number}: {old} + {node} -> {new} + {later}")
    return figures


def _refuting(
    sampler: Sampler, takes: jsonschema_rs.Validator, refuses: jsonschema_rs.Validator
) -> tuple[Any] | None:
    for _ in range(TRIES):
        value = sampler.value([sampler.root], 0)
        if takes.is_valid(value) and not refuses.is_valid(value):
            return (value,)
    return None


def _count(figures: Figures, direction: str, value: tuple[Any] | None, changes: Any, about: str) -> None:
    own: list[Change] = [change for change in changes if change.direction == direction]
    breaking = [change for change in own if change.severity is Severity.BREAKING]
    figures.risky += any(change.severity is Severity.RISKY for change in own)
    figures.breaking += bool(breaking)
    if value is not None:
        figures.refuted += 1
        if not breaking:
            told = [f"{change.severity} {change.rule} {change.pointer}" for change in own]
            figures.missed.append(f"{direction} {about}\n  by {value[0]!r}\n  told {told}")
    elif breaking and all(change.witness is None for change in breaking):
        told = [f"{change.rule} {change.pointer}" for change in breaking]
        figures.alarms.append(f"{direction} {about}\n  told {told}")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tools.diff_figures", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print the pairs")
    options = parser.parse_args()
    began = time.process_time()
    figures = measure(options.pairs, options.seed)
    spent = time.process_time() - began
    print(
        f"{figures.pairs} pairs, both directions: {figures.refuted} refuted by the sampler, "
        f"{figures.breaking} told breaking, {figures.risky} told risky; missed {len(figures.missed)}, "
        f"false alarms {len(figures.alarms)}; {spent:.1f} s of CPU"
    )
    if options.show:
        print(
            "\n".join(
                [*(f"missed: {one}" for one in figures.missed), *(f"alarm: {one}" for one in figures.alarms)]
            )
        )
    sys.exit(1 if figures.missed else 0)


if __name__ == "__main__":
    main()
