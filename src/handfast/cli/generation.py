"""From contracts to a plan of files: what `generate`, `check`, `dev` and `new` have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handfast.cli.errors import CliError, WrongUse

if TYPE_CHECKING:
    from handfast.cli.handlers import Work
    from handfast.codegen.ir import Feature, Finding
    from handfast.codegen.project import Loaded
    from handfast.codegen.write import Plan


@dataclass(frozen=True, slots=True)
class Generation:
    """What the contracts of a project come to: findings, and a plan unless one of them is fatal."""

    root: Path
    features: tuple[Feature, ...]
    findings: tuple[Finding, ...]
    files: Mapping[str, str]
    plan: Plan | None
    loaded: Loaded | None = None
    """All that is known of the contracts; None where there are none."""

    def work(self) -> list[Work]:
        """List what is to be written or changed by hand; call it before the plan is carried out."""
        from handfast.cli.handlers import protocol_file, work

        before = {}
        for feature in self.features:
            path = protocol_file(feature.name)
            if (self.root / path).is_file():
                before[path] = (self.root / path).read_text(encoding="utf-8")
        return work(self.root, self.features, before, self.files)

    def apply(self) -> None:
        """Carry out the plan, which must be there; raises `CliError` where a file cannot be written."""
        assert self.plan is not None  # noqa: S101 - the caller has told the findings instead
        try:
            self.plan.apply()
        except OSError as error:
            raise CliError(
                f"{self.root} cannot be written: {error.strerror}",
                "make the folder writable, then generate again",
            ) from error


def prepare(root: Path, *, empty: bool = False) -> Generation:
    """Read every contract below `root` and plan the files; write nothing.

    Raises `WrongUse` where there is no contract, unless that is expected (`empty`).
    """
    from handfast.codegen.output import generate
    from handfast.codegen.write import plan

    loaded = read_contracts(root, empty=empty)
    if any(finding.fatal for finding in loaded.findings):
        return Generation(root, loaded.features, loaded.findings, {}, None, loaded)
    files = generate(loaded.features, root=root)
    return Generation(root, loaded.features, loaded.findings, files, plan(root, files), loaded)


def read_contracts(root: Path, *, empty: bool = False) -> Loaded:
    """Read every contract below `root`; raises `WrongUse` as `prepare` does."""
    from handfast.codegen.project import Project, load

    if not (root / "specs").is_dir():
        raise WrongUse(
            f"{root} has no folder specs/, so there is no contract to read",
            "name a project with --project, or make one with `handfast new DIR --contract FILE`",
        )
    loaded = load(Project(root))
    if not loaded.features and not loaded.findings and not empty:
        raise WrongUse(
            f"no contract in {root / 'specs'}",
            "write one (OpenAPI 3) at specs/001-name/contracts/api.yaml",
        )
    return loaded
