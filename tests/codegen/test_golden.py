"""Case folders: `specs/` is what an author wrote, `expected/` what is made of it. Cases need no Python."""

from pathlib import Path

import pytest

from handfast.codegen.manifest import MANIFEST
from handfast.codegen.output import generate
from handfast.codegen.project import Project, load

GOLDEN = Path(__file__).with_name("golden")
CASES = sorted(path for path in GOLDEN.iterdir() if path.is_dir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Path, update_golden: bool) -> None:
    loaded = load(Project(case))
    assert not loaded.fatal, "\n".join(map(str, loaded.findings))
    actual = generate(loaded.features, root=case)
    del actual[MANIFEST]  # it names the tool's version
    expected = case / "expected"
    if update_golden:
        for path, text in actual.items():
            (expected / path).parent.mkdir(parents=True, exist_ok=True)
            (expected / path).write_text(text, encoding="utf-8", newline="\n")
        for path in _files(expected).keys() - actual.keys():
            (expected / path).unlink()
    assert actual == _files(expected)


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_same_contract_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    case = GOLDEN / "shapes"
    features = load(Project(case)).features
    assert generate(features, root=case) == generate(features, root=tmp_path)


def test_a_template_of_the_project_wins(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "header.jinja").write_text("# Made for {{ file }}.\n", encoding="utf-8")
    features = load(Project(GOLDEN / "minimal")).features
    files = generate(features, root=tmp_path)
    assert files["generated/hello/routes.py"].startswith("# Made for specs/001-hello/contracts/api.yaml.\n")


def test_a_project_without_contracts_is_an_empty_service(tmp_path: Path) -> None:
    files = generate((), root=tmp_path)
    assert "paths: {}" in files["contracts/openapi.yaml"]
    assert list(files) == sorted(files)
