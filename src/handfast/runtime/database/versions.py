"""Which migrations a database lacks: told without Alembic where the files and the database plainly agree."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, LiteralString

VERSION_TABLE: Final = "alembic_version"
VERSIONS: Final[LiteralString] = "select version_num from alembic_version"

_FACTS: Final = frozenset({"revision", "down_revision", "branch_labels", "depends_on"})
"""What Alembic reads of a revision's module."""


def has_migrations(root: Path) -> bool:
    """Whether there are migrations in `root`, be it none yet."""
    return (root / "migrations" / "env.py").exists()


def lacking(root: Path, versions: Sequence[str]) -> list[str]:
    """Return the revisions in `root`/migrations that a database at `versions` lacks, oldest first.

    The folder is read again only after a file was added or taken away.
    """
    if not has_migrations(root):
        return []
    folder = root / "migrations" / "versions"
    stamp = folder.stat().st_mtime_ns if folder.is_dir() else 0
    return list(_lacking(root, stamp, tuple(sorted(versions))))


@lru_cache(maxsize=16)
def _lacking(root: Path, stamp: int, versions: tuple[str, ...]) -> tuple[str, ...]:
    if versions and versions == (_newest(root / "migrations" / "versions"),):
        return ()
    # Alembic costs a service time and memory to import, so only what is not plain is asked of it.
    from handfast.runtime.database.migrate import missing

    return missing(root, versions)


def _newest(folder: Path) -> str | None:
    """Return the last revision where the files make one plain chain; they are read, not run."""
    before: dict[str, str | None] = {}
    for file in folder.glob("*.py"):
        if file.name.startswith(("__init__", ".#")):  # as Alembic does
            continue
        facts = _facts(file)
        revision, parent = facts.get("revision"), facts.get("down_revision", "")
        if not revision or parent == "" or revision in before or facts.keys() - {"revision", "down_revision"}:
            return None
        before[revision] = parent
    last = before.keys() - set(before.values())
    if len(last) != 1:
        return None
    (newest,) = last
    step: str | None = newest
    for _ in before:
        step = before.get(step) if step is not None else ""
    return newest if step is None else None


def _facts(file: Path) -> dict[str, str | None]:
    """Return what a revision says of itself in one literal each; nothing where one is said otherwise."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return {}
    facts: dict[str, str | None] = {}
    plain = 0
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value))
            ) if name in _FACTS and (value is None or isinstance(value, str)):
                plain += 1
                if value is not None or name == "down_revision":
                    facts[name] = value
    said = sum(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in _FACTS
        for node in ast.walk(tree)
    )
    return facts if said == plain else {}
