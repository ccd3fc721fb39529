"""Writing generated files: all or nothing, and never over what somebody typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.codegen.manifest import MANIFEST, digest, manifest
from handfast.codegen.write import EditedByHand, Plan, plan


def files(**texts: str) -> dict[str, str]:
    found = {f"generated/{name}.py": text for name, text in texts.items()}
    return {**found, MANIFEST: manifest(found)}


def on_disk(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def write(root: Path, new: dict[str, str]) -> Plan:
    made = plan(root, new)
    made.apply()
    return made


def test_a_first_run_creates_a_second_does_nothing(tmp_path: Path) -> None:
    new = files(a="1\n", b="2\n")
    made = write(tmp_path, new)
    assert made.created == (MANIFEST, "generated/a.py", "generated/b.py")
    assert on_disk(tmp_path) == new
    again = plan(tmp_path, new)
    assert again.empty
    assert again.diff() == ""
    again.apply()


def test_changed_and_deleted_files_are_shown_and_done(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"generated/old/x.py": "x\n", **files(a="1\n")}
        | {MANIFEST: manifest({"generated/old/x.py": "x\n", "generated/a.py": "1\n"})},
    )
    (tmp_path / "generated" / "own.py").write_text("mine\n", encoding="utf-8")
    new = files(a="2\n")
    made = plan(tmp_path, new)
    assert (made.created, made.changed, made.deleted) == (
        (),
        (MANIFEST, "generated/a.py"),
        ("generated/old/x.py",),
    )
    assert "--- a/generated/a.py\n+++ b/generated/a.py\n@@ -1 +1 @@\n-1\n+2\n" in made.diff()
    assert "+++ /dev/null\n@@ -1 +0,0 @@\n-x\n" in made.diff()
    made.apply()
    assert on_disk(tmp_path) == new | {"generated/own.py": "mine\n"}
    assert not (tmp_path / "generated" / "old").exists()


def test_a_folder_that_holds_something_else_stays(tmp_path: Path) -> None:
    texts = {"generated/old/x.py": "x\n"}
    write(tmp_path, texts | {MANIFEST: manifest(texts)})
    (tmp_path / "generated" / "old" / "notes").write_text("", encoding="utf-8")
    write(tmp_path, files())
    assert (tmp_path / "generated" / "old" / "notes").exists()


def test_the_diff_of_a_file_without_a_last_line_end(tmp_path: Path) -> None:
    assert "+1\n\\ No newline at end of file\n" in plan(tmp_path, files(a="1")).diff()


def test_a_file_edited_by_hand_stops_everything(tmp_path: Path) -> None:
    write(tmp_path, files(a="1\n2\n3\n", b="b\n", c="c\n"))
    (tmp_path / "generated" / "a.py").write_text("1\nmine\n3\n", encoding="utf-8")
    (tmp_path / "generated" / "c.py").write_text("mine\n", encoding="utf-8")
    before = on_disk(tmp_path)
    made = plan(tmp_path, files(a="1\n2\n3\n", b="new\n"))
    first, second = made.refused
    assert str(first) == (
        "generated/a.py:2:1: this generated file was edited by hand, and generating would lose that\n"
        "  fix: make the change in the contract or in templates/, then delete this file and generate again"
    )
    assert second.source.file == "generated/c.py"
    assert not made.empty
    with pytest.raises(EditedByHand, match="edited by hand"):
        made.apply()
    assert on_disk(tmp_path) == before


def test_an_edit_that_is_what_would_be_written_is_fine(tmp_path: Path) -> None:
    write(tmp_path, files(a="1\n"))
    (tmp_path / "generated" / "a.py").write_text("2\n", encoding="utf-8")
    assert not plan(tmp_path, files(a="2\n")).refused


def test_a_deleted_file_is_made_again_and_a_gone_one_is_not_missed(tmp_path: Path) -> None:
    write(tmp_path, files(a="1\n", b="2\n"))
    (tmp_path / "generated" / "a.py").unlink()
    (tmp_path / "generated" / "b.py").unlink()
    made = write(tmp_path, files(a="1\n"))
    assert made.created == ("generated/a.py",)
    assert made.deleted == ()


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated" / "a.py").write_text("mine\n", encoding="utf-8")
    (refused,) = plan(tmp_path, files(a="1\n")).refused
    assert refused.what == "there is a file here that handfast did not write"


def test_line_ends_of_another_system_are_no_edit(tmp_path: Path) -> None:
    write(tmp_path, files(a="1\n2\n"))
    (tmp_path / "generated" / "a.py").write_bytes(b"1\r\n2\r\n")
    assert plan(tmp_path, files(a="1\n2\n")).empty


@pytest.mark.parametrize("text", ["<<<<<<<", "[]", '{"files": []}', '{"files": {"a": 1}, "x"'])
def test_a_broken_manifest_is_told(tmp_path: Path, text: str) -> None:
    write(tmp_path, files(a="1\n"))
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    assert plan(tmp_path, files(a="1\n")).refused[0].code == "broken-manifest"


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "app.py", "generated/../app.py", "handlers/a.py"]
)
def test_a_manifest_cannot_make_us_delete_elsewhere(tmp_path: Path, path: str) -> None:
    (tmp_path / "app.py").write_text("mine\n", encoding="utf-8")
    (tmp_path / "generated").mkdir()
    text = manifest({path: "mine\n"})
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    made = plan(tmp_path, files())
    assert made.deleted == ()
    assert made.refused == ()


@pytest.mark.parametrize("stop_at", range(1, 5))
def test_an_interrupted_run_is_taken_up_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    write(tmp_path, files(a="1\n", b="1\n"))
    replace = Path.replace
    moved = 0

    def failing(self: Path, target: Path) -> Path:
        nonlocal moved
        moved += 1
        if moved == stop_at:
            raise OSError("no space left")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="no space"):
        write(tmp_path, files(a="2\n", b="2\n"))
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.tmp"))
    newer = files(a="3\n", b="3\n")
    write(tmp_path, newer)
    assert on_disk(tmp_path) == newer


def test_a_written_file_is_readable_like_any_other(tmp_path: Path) -> None:
    write(tmp_path, files(a="1\n"))
    mode = (tmp_path / "generated" / "a.py").stat().st_mode & 0o777
    beside = tmp_path / "beside"
    beside.touch()
    assert mode == beside.stat().st_mode & 0o777
    (tmp_path / "generated" / "a.py").chmod(0o600)
    write(tmp_path, files(a="2\n"))
    assert (tmp_path / "generated" / "a.py").stat().st_mode & 0o777 == 0o600


def test_a_text_that_utf8_cannot_hold_has_a_hash_too() -> None:
    assert digest("\udc80").startswith("sha256:")
