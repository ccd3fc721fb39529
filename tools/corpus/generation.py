"""The generator on one contract: what it makes, what that costs, and whether all of it is sound."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handfast.codegen import overlay
from handfast.codegen.bundle import bundle
from handfast.codegen.files import Files
from handfast.codegen.ir import Feature, Json
from handfast.codegen.legalisation import undo
from handfast.codegen.load import read
from handfast.codegen.output import generate
from handfast.codegen.project import Loaded, Project, load
from handfast.codegen.publish import publish
from handfast.codegen.source import plain
from tests.codegen.generated import check_imports, check_ruff, check_types, write_project
from tools.corpus.exercise import labels
from tools.measured import Cost, measure


@dataclass(frozen=True, slots=True)
class Made:
    """What came out of one contract."""

    declared: int
    exposed: int
    refused: tuple[str, ...]
    """Findings, each with its place and what to do."""
    legalisations: int
    first: Cost
    again: Cost
    faults: tuple[str, ...]
    """Whatever is not as it must be; empty where all is well."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def place(contract: Path, project: Path, name: str) -> None:
    """Lay a contract's folder into an empty project, as the only feature."""
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(contract, project / "specs" / name / "contracts")


def make(project: Path) -> tuple[Made, Loaded]:
    """Generate twice by the command line, and look at everything but types."""
    faults: list[str] = []
    command = (sys.executable, "-m", "handfast", "generate", "--project", project, "--no-color")
    first = measure(command, cwd=project)
    if first.code:
        faults.append(f"generate ends with {first.code}: {first.output[-600:]}")
    before = _bytes(project)
    again = measure(command, cwd=project)
    loaded = load(Project(project))
    findings = tuple(str(finding).replace("\n", " ") for finding in loaded.findings)
    if loaded.fatal or len(loaded.features) != 1:
        return Made(0, 0, findings, 0, first, again, (*faults, "no feature")), loaded
    (feature,) = loaded.features
    texts = generate(loaded.features, root=project)
    if before != {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}:
        faults.append("a second generation gives other bytes")
    declared = len(labels(authors(project, feature)))
    exposed = len(feature.operations)
    if exposed > declared or (exposed < declared and not findings):
        faults.append(f"{declared} operations are declared, {exposed} exposed, and nothing says why")
    faults += document_faults(project, loaded)
    write_project(project, {str(feature.name): feature}, texts)
    try:
        routes = check_imports(project, [str(feature.name)])[str(feature.name)]
        if routes != exposed:
            faults.append(f"{routes} routes for {exposed} operations")
    except AssertionError as error:
        faults.append(f"does not import: {_end(error)}")
    try:
        check_ruff(project)
    except AssertionError as error:
        faults.append(f"ruff: {_end(error)}")
    made = Made(declared, exposed, findings, len(feature.legalisations), first, again, tuple(faults))
    return made, loaded


def types(project: Path, cache: Path) -> tuple[str, ...]:
    """Return what mypy --strict says about a project that `make` has made."""
    try:
        check_types(project, cache)
    except AssertionError as error:
        lines = [line for line in str(error).splitlines() if re.search(r": error:", line)]
        return tuple(f"mypy: {line}" for line in lines or [_end(error)])
    return ()


def authors(project: Path, feature: Feature) -> Mapping[str, Json]:
    """Return the author's document with what stands in other files brought in."""
    files = Files(project, read)
    document = plain(bundle(files.get(feature.file), files).root)
    return document if isinstance(document, dict) else {}


def document_faults(project: Path, loaded: Loaded) -> list[str]:
    """Hold the published document against the author's: only overlay and legalisations may differ."""
    (feature,) = loaded.features
    published = publish(loaded.features)
    source = overlay.subtract(published.document, published.overlay)
    faults = []
    if source != published.source:
        faults.append("published less overlay is not the source")
    if undo(source, feature.legalisations) != authors(project, feature):
        faults.append("published less overlay and legalisations is not the author's document")
    files = Files(project, read)
    document = files.get(feature.file)
    if not names_files(plain(document.root)) and plain(document.root) != authors(project, feature):
        faults.append("bundling changes a document that needs none")
    served = json.loads((project / "generated" / "openapi.json").read_text(encoding="utf-8"))
    if served != published.document:
        faults.append("generated/openapi.json is not the published document")
    return faults


def names_files(node: Json) -> bool:
    """Whether anything is named by a file or URI, be it the document's own: bundling changes that.

    References are `$ref` and `operationRef`, and values of `mapping` that are no names of schemas.
    """
    if isinstance(node, list):
        return any(map(names_files, node))
    if not isinstance(node, dict):
        return False
    mapping = node.get("mapping")
    named = [text for text in (mapping.values() if isinstance(mapping, dict) else ()) if _is_uri(text)]
    named += [node[key] for key in ("$ref", "operationRef") if key in node]
    return any(isinstance(text, str) and not text.startswith("#") for text in named) or any(
        map(names_files, node.values())
    )


def _is_uri(text: Json) -> bool:
    return isinstance(text, str) and bool(re.search(r"[#/]|\.(?:ya?ml|json)\Z", text))


def _bytes(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for folder in ("generated", "contracts")
        for path in (project / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _end(error: AssertionError) -> str:
    return " ".join(str(error).split())[-500:]
