"""From contracts to a plan of files: what `generate`, `check`, `dev` and `new` have in common."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from handfast.cli.errors import CliError, WrongUse

if TYPE_CHECKING:
    from handfast.cli.handlers import Work
    from handfast.codegen.cache import Outline
    from handfast.codegen.evolution.work import Evolved
    from handfast.codegen.ir import Feature, Finding
    from handfast.codegen.project import Loaded
    from handfast.codegen.remote import Fetch
    from handfast.codegen.write import Plan


PUBLISHED = "contracts/openapi.yaml"


class Use(Enum):
    """What `prepare` may do with what is kept of earlier generations."""

    NOTHING = "nothing"
    READ = "read"
    FULLY = "fully"
    """Read, and keep what is made."""


@dataclass(frozen=True)
class Generation:
    """What the contracts of a project come to: findings, and a plan unless one of them is fatal."""

    root: Path
    outlines: tuple[Outline, ...]
    findings: tuple[Finding, ...]
    files: Mapping[str, str]
    plan: Plan | None
    loaded: Loaded | None = None
    """All that is known of the contracts; None where there are none, or where the cache knew enough."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features in full, of contracts that were read."""
        return self.loaded.features if self.loaded is not None else ()

    @cached_property
    def before(self) -> Mapping[str, str]:
        """The generated modules as the last generation left them, by path: what the contract was."""
        names = ("handler", "models", "errors")
        paths = [f"generated/{outline.name}/{name}.py" for outline in self.outlines for name in names]
        present = [path for path in paths if (self.root / path).is_file()]
        return {path: (self.root / path).read_text(encoding="utf-8") for path in present}

    @cached_property
    def evolved(self) -> Evolved:
        """What the contracts ask of the project's own files, compared with the last generation."""
        from handfast.cli.evolution import evolution
        from handfast.cli.handlers import lacks
        from handfast.codegen.evolution.work import Evolved

        changed = [
            outline.name
            for outline in self.outlines
            if any(
                self.before.get(path) != self.files.get(path)
                for name in ("handler", "models", "errors")
                for path in [f"generated/{outline.name}/{name}.py"]
            )
            or lacks(self.root, outline.name, outline.places)
        ]
        return evolution(self.root, changed, self.before, self.files) if changed else Evolved()

    def diff(self) -> str:
        """Return all that `apply` would change, as a unified diff."""
        from handfast.cli.evolution import diff

        return (self.plan.diff() if self.plan is not None else "") + diff(self.root, self.evolved)

    def work(self) -> list[Work]:
        """List what was or will be done to handlers, and what is left; call it before `apply`."""
        from handfast.cli.handlers import Work, work

        told = [Work(n.file, n.line, n.kind, n.function, n.what, n.fix) for n in self.evolved.notes]
        names = {one.function for one in told if one.kind != "rename"}
        rest = work(self.root, self.outlines, self.before, self.files, self.evolved.files)
        return sorted([*told, *(one for one in rest if one.function not in names)])

    def apply(self) -> None:
        """Carry out the plan, which must be there; raises `CliError` where a file cannot be written.

        Handlers come first: should the run end between the two, the next one sees the same change again,
        and finds it made. Call it only while `evolved` is not blocked.
        """
        assert self.plan is not None  # noqa: S101 - the caller has told the findings instead
        try:
            self.plan.apply(self.evolved.files)
        except OSError as error:
            raise CliError(
                f"{self.root} cannot be written: {error.strerror}",
                "make the folder writable, then generate again",
            ) from error


def prepare(
    root: Path,
    *,
    empty: bool = False,
    cache: Use = Use.NOTHING,
    forced: bool = False,
    fetch: Fetch | None = None,
) -> Generation:
    """Read every contract below `root` and plan the files; write a cache and what `fetch` brings, no more.

    Where the cache may be used and knows what these contracts come to, they are not read, and `features` is
    empty. A deprecated operation that is removed before its sunset is a fatal finding unless `forced`.
    Raises `WrongUse` where there is no contract, unless that is expected (`empty`).
    """
    from handfast.codegen.cache import Answer, Cache, Outline
    from handfast.codegen.write import plan

    kept = Cache(root) if cache is not Use.NOTHING else None
    answer = kept.get() if kept is not None else None
    if answer is not None:
        early = () if forced else _removed_early(root, answer.files)
        findings = (*answer.findings, *early)
        planned = None if early else plan(root, answer.files)
        return Generation(root, answer.outlines, findings, answer.files, planned)
    with without_collector():
        loaded = read_contracts(root, empty=empty, fetch=fetch)
        outlines = tuple(map(Outline.of, loaded.features))
        if any(finding.fatal for finding in loaded.findings):
            return Generation(root, outlines, loaded.findings, {}, None, loaded)
        from handfast.codegen.output import generate

        files = generate(loaded.features, root=root)
    if kept is not None and cache is Use.FULLY and loaded.read is not None:
        kept.put(Answer(files, loaded.findings, outlines), loaded.read)
    early = () if forced else _removed_early(root, files)
    planned = None if early else plan(root, files)
    return Generation(root, outlines, (*loaded.findings, *early), files, planned, loaded)


def _removed_early(root: Path, files: Mapping[str, str]) -> tuple[Finding, ...]:
    """Hold what is to be published against what is: promises to callers that would be broken."""
    from handfast.codegen.deprecation import SUNSET, removed_early
    from handfast.codegen.load import LoadFault, parse

    try:
        before = (root / PUBLISHED).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    after = files[PUBLISHED]
    if SUNSET not in before or before == after:
        return ()
    try:
        previous = parse(before, PUBLISHED).root
    except LoadFault:  # edited by hand; the plan refuses to overwrite it
        return ()
    return tuple(removed_early(previous, parse(after, PUBLISHED).root, datetime.now(UTC)))


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Make no search for garbage: there is little, and looking through a large contract takes a tenth."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def read_contracts(
    root: Path, *, empty: bool = False, fetch: Fetch | None = None, examples: bool = True
) -> Loaded:
    """Read every contract below `root`, as `load` does; raises `WrongUse` as `prepare` does."""
    from handfast.codegen.project import Project, load

    if not (root / "specs").is_dir():
        raise WrongUse(
            f"{root} has no folder specs/, so there is no contract to read",
            "name a project with --project, or make one with `handfast new DIR --contract FILE`",
        )
    loaded = load(Project(root), fetch=fetch, examples=examples)
    if not loaded.features and not loaded.findings and not empty:
        raise WrongUse(
            f"no contract in {root / 'specs'}",
            "write one (OpenAPI 3) at specs/001-name/contracts/api.yaml",
        )
    return loaded


def read_path(root: Path, path: Path | None) -> tuple[Loaded, Path]:
    """Read one contract file anywhere, or those of the project in the folder `path`, else in `root`.

    Returns the folder, too, below which the files stand that findings name.

    Raises `WrongUse` where there is none.
    """
    from handfast.codegen.project import load_file

    if path is not None and path.is_file():
        file = path.resolve()
        here = Path.cwd()
        folder = here if file.is_relative_to(here) else file.parent
        return load_file(file, folder), folder
    folder = root if path is None else path.resolve()
    if not (folder / "specs").is_dir():
        shown = root if path is None else path
        raise WrongUse(
            f"{shown} is no contract file, nor a project with a folder specs/",
            "name a contract file, or a project's folder",
        )
    return read_contracts(folder), folder
