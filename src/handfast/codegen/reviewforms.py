"""Findings as code review shows them: SARIF 2.1.0 (OASIS), and workflow commands of GitHub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from handfast.codegen.ir import Source

Level: TypeAlias = Literal["error", "warning", "note"]


def sarif(tool: str, rules: Sequence[object], results: Sequence[object]) -> str:
    """Return one run of `tool` in the Static Analysis Results Interchange Format, 2.1.0."""
    driver = {"name": tool, "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def physical(source: Source) -> dict[str, Any]:
    """Return a place as SARIF's `physicalLocation`; a file is named by a URI reference (2.1.0, 3.4.3)."""
    return {
        "artifactLocation": {"uri": quote(source.file)},
        "region": {"startLine": source.line, "startColumn": source.column},
    }


def github(level: Level, source: Source | None, title: str, message: str) -> str:
    """Return a workflow command; what has no place in the text is told without one."""
    place = ""
    if source is not None:
        place = f"file={_property(source.file)},line={source.line},col={source.column},"
    word = "notice" if level == "note" else level
    return f"::{word} {place}title={_property(title)}::{_data(message)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
