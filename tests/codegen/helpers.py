"""Small projects out of texts."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from handfast.codegen.ir import Feature, Operation
from handfast.codegen.project import Loaded, Project, load
from tests.codegen.invariants import check_feature

HEAD = 'openapi: 3.1.0\ninfo: {title: T, version: "1"}\n'
HEAD_32 = 'openapi: 3.2.0\ninfo: {title: T, version: "1"}\n'
HEAD_30 = 'openapi: 3.0.3\ninfo: {title: T, version: "1"}\n'
OK = "responses: {'200': {description: ok}}"


def project(root: Path, files: dict[str, str]) -> Loaded:
    """Write `files` (paths below `specs/`) and load them."""
    for name, text in files.items():
        path = root / "specs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    loaded = load(Project(root))
    for feature in loaded.features:
        check_feature(feature)
    return loaded


def contract(root: Path, text: str) -> Loaded:
    """Load one contract."""
    return project(root, {"001-x/contracts/api.yaml": text})


def feature(root: Path, text: str) -> Feature:
    """Load one contract that has no fatal fault."""
    loaded = contract(root, text)
    assert not loaded.fatal, [str(finding) for finding in loaded.findings]
    return loaded.features[0]


def operation(
    root: Path, text: str, *, method: str = "post", path: str = "/x", head: str = HEAD
) -> Operation:
    """Load one operation, given the text of its object."""
    body = indent(dedent(text).strip("\n"), "      ")
    return feature(root, f"{head}paths:\n  {path}:\n    {method}:\n{body}\n").operations[0]


def schemas(root: Path, text: str, *, head: str = HEAD) -> Feature:
    """Load a contract that has nothing but component schemas, given as text."""
    body = indent(dedent(text).strip("\n"), "    ")
    return feature(root, f"{head}paths: {{}}\ncomponents:\n  schemas:\n{body}\n")


def found(loaded: Loaded, code: str) -> list[str]:
    """Return `line:column what` of every finding with that code."""
    return [
        f"{finding.source.line}:{finding.source.column} {finding.what}"
        for finding in loaded.findings
        if finding.code == code
    ]


def fixes(loaded: Loaded, code: str) -> list[str]:
    """Return the cure of every finding with that code."""
    return [finding.fix for finding in loaded.findings if finding.code == code]
