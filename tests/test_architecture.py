"""Habits as checks: who imports whom, what handlers may say, and that documents tell the truth."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

from handfast.cli.main import COMMANDS
from handfast.runtime.settings import Settings, secret_fields, variable
from tools.cli_help import pages

ROOT = Path(__file__).parents[1]

OUTSIDE = ("handfast.cli", "handfast.testing", "handlers", "generated", "app")
FORBIDDEN = {
    "src/handfast/codegen": ("handfast.runtime", "handfast.diff", "handfast.lint", *OUTSIDE),
    "src/handfast/runtime": ("handfast.codegen", *OUTSIDE),
    "src/handfast/mock": ("handfast.codegen", "handfast.runtime.database", *OUTSIDE),
    "src/handfast/validation": ("handfast.codegen", "handfast.runtime", *OUTSIDE),
    "src/handfast/diff": ("handfast.runtime", *OUTSIDE),
    "src/handfast/lint": ("handfast.runtime", "handfast.diff", *OUTSIDE),
    "src/handfast/adopt": ("handfast.lint", "handfast.mock", *OUTSIDE),
    "src/handfast/fuzz": ("handfast.codegen", "handfast.runtime", *OUTSIDE),
    "src/handfast/cli": ("handlers", "generated", "app", "tests"),
    "generated": ("handfast.codegen", "handfast.cli", "handfast.testing", "handlers", "app"),
    "handlers": ("handfast.codegen", "handfast.cli", "handfast.testing", "app", "migrations"),
}
"""Imports flow one way: app → handlers → generated → handfast.runtime, handfast.cli → handfast.codegen."""


def modules(folder: str) -> Iterator[Path]:
    return (ROOT / folder).rglob("*.py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield node.lineno, module
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in names)
            case _:
                pass


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_flow_one_way(folder: str) -> None:
    files = list(modules(folder))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: imports {name}"
        for path in files
        for line, name in imports(path)
        for bad in FORBIDDEN[folder]
        if name == bad or name.startswith(f"{bad}.")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_ir_imports_nothing_of_ours() -> None:
    assert not [
        name for _, name in imports(ROOT / "src/handfast/codegen/ir.py") if name.startswith("handfast")
    ]


def test_handlers_never_commit_and_never_filter_by_owner() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in modules("handlers")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\b(commit|rollback)\(|\.user_id\s*==|==\s*ctx\.user\.id", line)
    ]
    assert not wrong, "\n".join(wrong)


def test_there_is_no_wildcard_import() -> None:
    wrong = [
        f"{path}:{line}" for path in modules("src") for line, name in imports(path) if name.endswith(".*")
    ]
    assert not wrong


def env_example() -> str:
    return (ROOT / ".env.example").read_text(encoding="utf-8")


def test_every_setting_is_documented_with_its_default() -> None:
    documented = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", env_example(), flags=re.MULTILINE)
    files = [f"{variable(field)}_FILE" for field in secret_fields()]
    assert sorted(documented) == sorted([*map(variable, Settings.model_fields), *files])
    reference = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([A-Z_]+)` \|", reference, flags=re.MULTILINE) == documented
    written = dotenv_values(stream=StringIO(env_example()))
    for field, info in Settings.model_fields.items():
        name = variable(field)
        if name in written and name != "HANDFAST_ENV":
            assert Settings.model_validate({field: written[name]}).model_dump()[field] == info.default, name


def test_a_new_project_documents_the_same_settings() -> None:
    assert (ROOT / "templates/new/env.example.jinja").read_text(encoding="utf-8") == env_example()


def test_pages_show_what_help_prints() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in pages().items()
        if path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "run `python -m tools.cli_help`"


def test_the_readme_shows_code_that_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n# \S+/operations.py.*\n(.*?)```", readme, flags=re.DOTALL)
    handlers = (ROOT / "handlers/task_management/operations.py").read_text(encoding="utf-8")
    for function in shown.split("\n\n\n"):
        assert function.strip() in handlers


def test_every_command_is_shown() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^  ([a-z]+)  +[A-Z]", readme, flags=re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda file: file.name)
@pytest.mark.threat("tampering.dependency-swapped")
def test_lock_files_hold_versions_and_hashes_only(file: Path) -> None:
    test = r"[a-z_]+ [!=]= '[A-Za-z0-9]+'"
    allowed = re.compile(
        r"#    make lock|# This file was autogenerated by uv via the following command:"
        rf"|[a-z0-9.-]+==[a-z0-9.]+( ; {test}( (and|or) {test})*)? \\"
        r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
    )
    for line in file.read_text(encoding="ascii").splitlines():
        assert allowed.fullmatch(line), line


@pytest.mark.threat("tampering.dependency-swapped")
def test_every_lock_is_a_part_of_the_whole() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text(encoding="ascii")
        return {line.split()[0] for line in text.splitlines() if "==" in line and line[0].isalpha()}

    whole = pins("all.txt")
    for file in (ROOT / "requirements").glob("*.txt"):
        assert pins(file.name) <= whole, file.name


def test_exact_pins_of_the_generator_are_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = (ROOT / "requirements/codegen.txt").read_text(encoding="ascii")
    exact = [pin for pin in project["optional-dependencies"]["codegen"] if "==" in pin]
    assert {pin.partition("==")[0] for pin in exact} == {"datamodel-code-generator", "ruff"}
    for pin in exact:
        assert f"\n{pin} \\\n" in locked


def test_decisions_are_numbered_without_a_gap() -> None:
    files = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        text = file.read_text(encoding="utf-8")
        for heading in ("## Context", "## Decision", "## Consequences", "## Alternatives"):
            assert heading in text, f"{file.name} has no {heading}"


def test_links_between_documents_lead_somewhere() -> None:
    pages_ = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages_
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken, "\n".join(broken)
