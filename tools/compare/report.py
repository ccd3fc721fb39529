"""The trials as the table of `docs/comparison.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from operator import attrgetter
from statistics import median

from tools.compare.trial import GIANT, Trial

NOTHING = "n/a"

_TEXT = """\
# Beside other generators

Made by `nox -s compare` on {day}: {contracts} public contracts with {operations} operations, each tool in an
environment of its own and called as its documentation says ([the calls](../tools/compare/peers.py)). A
contract in a version of OpenAPI that a tool does not claim counts like any other. Contracts with more than
{giant} operations stand apart, with 120 s for each generation; the others have 60 s.

{table}

How each is measured:

- *generates or loads*: exit code 0 and files; for Connexion, which makes no code, the application starts.
- *imports*: the application is imported by the tool's own Python, with what its documentation installs.
- *operations*: the router of an importable application takes their method and path; ours are the routes
  that the generated router has.
- `mypy --strict` and `ruff check` run with their defaults on all that was made; ours is held to more rules.
- *same bytes*: a second generation into another folder, time stamps switched off where there is an option;
  ours is generated twice in one place.
- *CPU*: of one generation with the start of the program, over the contracts that the tool generates.

What applications answer is not compared here. Our mocks are held against the same contracts by Schemathesis
with every check on (`nox -s corpus`).

| tool | version |
|---|---|
{versions}

Contracts that do not come as far as an importable application:

{failures}
"""


def page(trials: Mapping[str, Sequence[Trial]], versions: Mapping[str, str], makes: frozenset[str]) -> str:
    """Return the whole page; `makes` are the tools that make code."""
    first = next(iter(trials.values()))
    lines = [f"| {' | '.join(row)} |" for row in rows(trials, makes)]
    lines.insert(1, "|---" * (len(trials) + 1) + "|")
    failures = [
        f"- {title}: {', '.join(sorted(one.contract for one in found if not one.imports)) or 'none'}"
        for title, found in trials.items()
    ]
    return _TEXT.format(
        day=date.today().isoformat(),
        contracts=len(first),
        operations=sum(one.declared for one in first),
        giant=GIANT,
        table="\n".join(lines),
        versions="\n".join(f"| {title} | {version} |" for title, version in versions.items()),
        failures="\n".join(failures),
    )


def rows(trials: Mapping[str, Sequence[Trial]], makes: frozenset[str]) -> Iterator[list[str]]:
    """Yield the rows of the table: a name, then a cell a tool."""
    small = {title: [one for one in found if one.declared <= GIANT] for title, found in trials.items()}

    def row(name: str, cell: Callable[[Sequence[Trial]], str], *, of_code: bool = False) -> list[str]:
        cells = (cell(found) if title in makes or not of_code else NOTHING for title, found in small.items())
        return [name, *cells]

    made, imports, typed, linted, stable = (
        partial(_share, attrgetter(name)) for name in ("made", "imports", "typed", "linted", "stable")
    )
    yield ["", *trials]
    yield row("generates or loads", made)
    yield row("imports", imports)
    yield row("imports and `mypy --strict` clean", typed, of_code=True)
    yield row("imports and `ruff check` clean", linted, of_code=True)
    yield row("operations in importable applications", _operations)
    yield row("a second generation gives the same bytes", stable, of_code=True)
    yield row("CPU of one generation, median", _median, of_code=True)
    for giant in sorted({one.contract for found in trials.values() for one in found if one.declared > GIANT}):
        ones = [next((one for one in found if one.contract == giant), None) for found in trials.values()]
        yield [f"{giant}: operations in an importable application, CPU of one generation", *map(_giant, ones)]


def _share(flag: Callable[[Trial], bool], found: Sequence[Trial]) -> str:
    return f"{sum(map(flag, found))}/{len(found)}"


def _operations(found: Sequence[Trial]) -> str:
    exposed, declared = sum(one.exposed for one in found), sum(one.declared for one in found)
    return f"{exposed}/{declared} = {100 * exposed / declared:.1f} %" if declared else NOTHING


def _median(found: Sequence[Trial]) -> str:
    made = [one.seconds for one in found if one.made]
    return f"{median(made):.1f} s" if made else NOTHING


def _giant(one: Trial | None) -> str:
    if one is None:
        return NOTHING
    return f"{one.exposed}, {one.seconds:.0f} s" if one.made else f"fails after {one.seconds:.0f} s"
