"""How a change is told, and where its keywords stand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from handfast.codegen.source import Map
from handfast.diff.contract import At
from handfast.diff.flat import Flat, Part, flatten
from handfast.diff.model import Where


def place(flat: Flat, keys: Iterable[str]) -> Where | None:
    """Return where the first of the keywords stands."""
    for part in flat.parts:
        for key in keys:
            if key in part.node:
                return replace(part.at.child(key).where(), value=part.at.where().value)
    return flat.parts[0].at.where() if flat.parts else None


def first(found: list[At]) -> Where | None:
    """Return where the first of several schemas stands."""
    return found[0].where() if found else None


def demand(demanded: dict[str, Part], name: str) -> Where | None:
    """Return where a property is demanded."""
    part = demanded.get(name)
    return part.at.child("required").where() if part else None


def is_hidden(found: list[At], key: str) -> bool:
    """Whether one of the schemas has the flag `key`, such as `readOnly`."""
    return any(True in flatten((at,)).all(key) for at in found)


def discriminator(flat: Flat) -> At | None:
    """Return the discriminator of a schema, wherever it stands in it."""
    for part in flat.parts:
        if isinstance(part.node.get("discriminator"), Map):
            return part.at.child("discriminator")
    return None


def last_token(node: object) -> str:
    """Return the name at the end of a reference."""
    return str(node).rsplit("/", 1)[-1]


def types(types: frozenset[str]) -> str:
    """Join the names of types."""
    shown = types - {"integer"} if "number" in types else types
    return "anything" if len(types) == 7 else " or ".join(sorted(shown)) or "nothing"


def values(values: list[Any] | None) -> str:
    """Show the first values of a list, none of them at length."""
    shown = [json.dumps(one, ensure_ascii=False) for one in (values or [])[:8]]
    texts = [one if len(one) <= 60 else one[:57] + "…" for one in shown]
    return ", ".join(texts) + (", …" if len(values or []) > 8 else "")


def was(old: list[Any], new: list[Any]) -> str:
    """Say what values were and are."""
    return f"was {values(old) or 'not given'}, and is {values(new) or 'not given any more'}"


def border(bound: tuple[Any, bool] | None) -> str:
    """Show a bound."""
    return "" if bound is None else f"{bound[0]}{' (excluded)' if bound[1] else ''}"


def among(value: Any, values: list[Any]) -> bool:
    """Whether a value is one of several; `true` is not 1."""
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in values)
