"""The cache of generations: an answer for the same content, and for nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from handfast.cli.generation import Generation, Use, prepare
from handfast.codegen.cache import FOLDER, KEPT, Cache
from handfast.codegen.output import generate
from tests.unit.cli_kit import handfast

CONTRACT = "specs/001-notes/contracts/notes.yaml"
TEXTS = "texts/intro.md"
PARTS = "shared/parts.yaml"


def cached(project: Path) -> bool:
    """Whether the cache answers; what it says must be what generating says."""
    kept = prepare(project, cache=Use.READ)
    fresh = prepare(project)
    assert dict(kept.files) == dict(fresh.files)
    assert (kept.findings, kept.outlines) == (fresh.findings, fresh.outlines)
    assert kept.work() == fresh.work()
    return kept.loaded is None


def fill(project: Path) -> Generation:
    return prepare(project, cache=Use.FULLY)


def entries(project: Path) -> list[Path]:
    return sorted(path for path in (project / FOLDER).iterdir() if path.name != ".gitignore")


@pytest.fixture
def spread(project: Path) -> Path:
    """The project with a contract that refers to files outside of its folder."""
    contract = project / CONTRACT
    text = contract.read_text()
    text = text.replace("paths:\n", "paths:\n  /more: {$ref: '../../../shared/parts.yaml#/more'}\n", 1)
    text = text.replace("info:\n", "info:\n  description: {$ref: ../../../texts/intro.md}\n", 1)
    contract.write_text(text)
    for name, held in (
        (PARTS, "more:\n  get: {responses: {'204': {description: No.}}}\n"),
        (TEXTS, "One.\n"),
    ):
        (project / name).parent.mkdir()
        (project / name).write_text(held)
    return project


def append(name: str, text: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        (project / name).parent.mkdir(exist_ok=True)
        with (project / name).open("a") as file:
            file.write(text)

    return change


def template(project: Path) -> None:
    (project / "templates").mkdir(exist_ok=True)
    shutil.copy(Path(__file__).parents[2] / "templates/package.py.jinja", project / "templates")
    append("templates/package.py.jinja", "# Ours.\n")(project)


@pytest.mark.parametrize(
    "change",
    [
        append(CONTRACT, "# A comment moves nothing, but who is to know.\n"),
        append(PARTS, "  put: {responses: {'204': {description: No.}}}\n"),
        append(TEXTS, "Two.\n"),
        append("specs/001-notes/contracts/copy.yaml", "not: a contract\n"),
        append("ruff.toml", "line-length = 60\n"),
        template,
    ],
    ids=["contract", "referenced", "text", "new-file", "ruff", "template"],
)
def test_whatever_is_read_decides(spread: Path, change: Callable[[Path], None]) -> None:
    assert not cached(spread)
    fill(spread)
    assert cached(spread)
    change(spread)
    assert not cached(spread)


@pytest.mark.parametrize("fact", ["handfast.__version__", "handfast.codegen.cache.sys.version"])
def test_another_version_does_not_ask_the_old_one(
    project: Path, fact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(project)
    monkeypatch.setattr(fact, "another")
    assert Cache(project).get() is None


@pytest.mark.parametrize("cut", [slice(0), slice(None, 40), slice(None, -1), slice(1, None)])
def test_a_broken_entry_is_as_good_as_none(project: Path, cut: slice) -> None:
    fill(project)
    (entry,) = entries(project)
    whole = entry.read_bytes()
    entry.write_bytes(whole[cut])
    assert not cached(project)
    fill(project)
    assert entry.read_bytes() == whole


def test_few_are_kept_and_nothing_half_written(project: Path) -> None:
    for number in range(KEPT + 2):
        append(CONTRACT, f"# {number}\n")(project)
        fill(project)
    assert len(entries(project)) == KEPT
    assert cached(project)


def test_fatal_contracts_are_read_each_time(project: Path) -> None:
    append(CONTRACT, "nonsense: [\n")(project)
    assert fill(project).plan is None
    assert not (project / FOLDER).exists()


def test_a_file_that_is_looked_for_in_vain_may_come(project: Path) -> None:
    contract = project / CONTRACT
    lacking = "info:\n  description: {$ref: ../../../a.md}\n"
    contract.write_text(contract.read_text().replace("info:\n", lacking))
    fill(project)
    assert not (project / FOLDER).exists()


def test_linked_folders_are_read_each_time(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "specs"
    shutil.move(project / "specs/001-notes", elsewhere)
    (project / "specs/001-notes").symlink_to(elsewhere)
    fill(project)
    assert not (project / FOLDER).exists()


def test_nothing_is_generated_twice_unless_it_is_asked_for(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(*args: object, **kwargs: object) -> dict[str, str]:
        made.append(1)
        return generate(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("handfast.codegen.output.generate", counted)
    for command in ("generate", "generate", "check"):
        assert handfast(command, "--project", project).code == 0
    assert len(made) == 1
    for command in ("generate", "check"):
        assert handfast(command, "--project", project, "--no-cache").code == 0
    assert len(made) == 3


def test_deleted_files_come_back_from_the_cache(project: Path) -> None:
    handfast("generate", "--project", project)
    before = {path: path.read_bytes() for path in (project / "generated").rglob("*") if path.is_file()}
    shutil.rmtree(project / "generated")
    assert handfast("check", "--project", project).code == 1
    handfast("generate", "--project", project)
    assert {path: path.read_bytes() for path in before} == before
