"""Names that differ in the contract and are one in Python: resolved by a number, and never without a word."""

from __future__ import annotations

from collections.abc import Callable

from handfast.codegen.ir import Source
from handfast.codegen.names import pascal, snake
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node


def tell(
    report: Report, source: Source, kind: str, text: str, name: str, *, spelled: str | None = None
) -> None:
    """Warn that the `kind` called `text` at `source` is `name` in Python, if that is not its plain name.

    `spelled` is the text that the name was made of, where that is not `text` itself.
    """
    spelled = text if spelled is None else spelled
    plain = pascal(spelled) if kind == "schema" else snake(spelled)
    if name != plain:
        what = f"the {kind} {_shown(text)} is called `{name}` in Python, for `{plain}` is taken"
        report.warn(source, "name-clash", what, "give it a name that differs by more than case and signs")


def tell_properties(report: Report, properties: Node) -> None:
    """Warn of properties of one schema whose names are one attribute in Python."""
    if not isinstance(properties, Map):
        return
    first: dict[str, str] = {}
    for name in properties:
        known = first.setdefault(_folded(name, snake), name)
        if known != name:
            what = (
                f"the properties {_shown(known)} and {_shown(name)} are one name in Python; "
                "a number tells their attributes apart"
            )
            fix = "give one of them a name that differs by more than case and signs"
            report.warn(properties.key_source(name), "name-clash", what, fix)


def _folded(name: str, spelled: Callable[[str], str]) -> str:
    return spelled(name).rstrip("_").casefold()


def _shown(text: str) -> str:
    return f"`{text[:60]}…`" if len(text) > 60 else f"`{text}`"
