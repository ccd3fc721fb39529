"""Every construct of OpenAPI and JSON Schema, and what becomes of it: the tables of `constructs.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Status: TypeAlias = Literal["enforced", "partly enforced", "refused", "annotation"]
STATUSES: tuple[Status, ...] = ("enforced", "partly enforced", "refused", "annotation")


@dataclass(frozen=True, slots=True)
class Construct:
    """What becomes of a construct; for all but enforced ones, why and what an author can do."""

    status: Status
    reason: str = ""
    cure: str = ""


Table: TypeAlias = Mapping[str, Construct]


def _read() -> dict[str, Any]:
    with Path(__file__).with_name("constructs.toml").open("rb") as file:
        return tomllib.load(file)


def _table(groups: Mapping[str, Construct], entries: Mapping[str, list[str]]) -> Table:
    return {name: groups[group] for group, names in entries.items() for name in names}


_DATA = _read()
_GROUPS = {name: Construct(**entry) for name, entry in _DATA["groups"].items()}
ENFORCED = _GROUPS["enforced"]

FIELDS: Mapping[str, Table] = {kind: _table(_GROUPS, entry) for kind, entry in _DATA["fields"].items()}
"""Kind of object (`grammar.KINDS`) → its fixed fields; those of schemas are `KEYWORDS`."""

KEYWORDS: Table = _table(_GROUPS, _DATA["keywords"])
"""Keywords of OpenAPI 3.0's schemas, and of JSON Schema 2020-12 with OpenAPI's vocabulary."""

EARLIER_KEYWORDS: Table = _table(_GROUPS, _DATA["earlier-keywords"])
FORMATS: Table = _table(_GROUPS, _DATA["formats"])
STYLES: Table = _table(_GROUPS, _DATA["styles"])
SCHEMES: Table = _table(_GROUPS, _DATA["schemes"])
MEDIA: Table = _table(_GROUPS, _DATA["media"])

EXTENSION = Construct("annotation", "is an extension, which this program does not know")
_OWN_EXTENSIONS: Table = {"x-supersedes": ENFORCED}
UNKNOWN_KEYWORD = Construct(
    "annotation",
    "is no keyword, and JSON Schema lets schemas hold further keys",
    "remove it, or call it `x-…`",
)
UNKNOWN_FIELD = Construct("refused", "means nothing here", "remove it, or call it `x-…`")
UNKNOWN_FORMAT = Construct(
    "annotation", "is no format that is known here; any value has it", "use `pattern`, or bounds"
)


def field(kind: str, name: str) -> Construct:
    """Return what becomes of a field of an object of the kind."""
    if name.startswith("x-"):
        return _OWN_EXTENSIONS.get(name, EXTENSION)
    if kind == "schema":
        return KEYWORDS.get(name) or EARLIER_KEYWORDS.get(name) or UNKNOWN_KEYWORD
    return ENFORCED if name == "$ref" else FIELDS[kind].get(name, UNKNOWN_FIELD)
