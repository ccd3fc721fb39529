"""Generated texts → files: what would change, a diff of it, and the change itself, all or nothing.

MANIFEST.json tells which files are ours and what they held. Only those are ever changed or deleted, and one
whose text is not what the manifest says was edited by hand: then nothing at all is written.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from handfast.codegen.ir import Finding, Source
from handfast.codegen.manifest import MANIFEST, digest

_JOURNAL = "generated/.MANIFEST.next.json"
"""Hashes of files that an interrupted run may have replaced already."""
_FOLDERS = ("generated", "contracts")


class EditedByHand(Exception):
    """Files that the generator would overwrite hold text that it did not write."""

    def __init__(self, refused: tuple[Finding, ...]) -> None:
        """Tell every such file at once."""
        super().__init__("\n".join(map(str, refused)))
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Plan:
    """What writing the generated files would do to a project."""

    root: Path
    files: Mapping[str, str]
    """Path → new text."""
    present: Mapping[str, str]
    """Path → text on disk, of files that would change or go."""
    created: tuple[str, ...]
    changed: tuple[str, ...]
    deleted: tuple[str, ...]
    refused: tuple[Finding, ...]
    """Files edited by hand; while there is one, nothing is written."""

    @property
    def empty(self) -> bool:
        """Whether the project holds exactly what would be written."""
        return not (self.created or self.changed or self.deleted or self.refused)

    def diff(self) -> str:
        """Return the change as a unified diff."""
        paths = sorted({*self.created, *self.changed, *self.deleted})
        return "".join(line for path in paths for line in self._diff(path))

    def _diff(self, path: str) -> Iterator[str]:
        before = "/dev/null" if path in self.created else f"a/{path}"
        after = "/dev/null" if path in self.deleted else f"b/{path}"
        old = self.present.get(path, "").splitlines(keepends=True)
        new = [] if path in self.deleted else self.files[path].splitlines(keepends=True)
        for line in difflib.unified_diff(old, new, before, after):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"

    def apply(self, own: Mapping[str, bytes] | None = None) -> None:
        """Write, replace and delete; raises `EditedByHand` and leaves all as it was if a file is refused.

        New texts are laid beside the old ones first and then moved over them, the manifest last. Whatever
        stops that half way, the next run takes it up. `own` are new bytes of the project's own files: they
        are moved first, so that the next run still sees the previous contract in what was generated.
        """
        if self.refused:
            raise EditedByHand(self.refused)
        if self.empty and not own:
            return
        fresh = [path for path in (*self.created, *self.changed) if path != MANIFEST]
        with contextlib.ExitStack() as stack:
            hand = {path: self._stage(path, data, stack) for path, data in (own or {}).items()}
            texts = {path: self.files[path].encode() for path in [*fresh, MANIFEST]}
            staged = {path: self._stage(path, data, stack) for path, data in texts.items()}
            journal = self._stage(_JOURNAL, texts[MANIFEST], stack)
            for path, temporary in hand.items():
                temporary.replace((self.root / path).resolve())  # a link stays a link
            journal.replace(self.root / _JOURNAL)
            for path in fresh:
                staged[path].replace(self.root / path)
            for path in self.deleted:
                (self.root / path).unlink(missing_ok=True)
            staged[MANIFEST].replace(self.root / MANIFEST)
            (self.root / _JOURNAL).unlink(missing_ok=True)
        for path in self.deleted:
            self._remove_empty(PurePosixPath(path).parent)

    def _stage(self, path: str, data: bytes, stack: contextlib.ExitStack) -> Path:
        """Write `data` to a temporary file beside `path`, removed if it is still there in the end."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".tmp", dir=place.parent)
        staged = Path(name)
        stack.callback(staged.unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # mkstemp keeps others from reading; generated files are as readable as any of the project's.
        staged.chmod(place.stat().st_mode & 0o777 if place.exists() else 0o666 & ~_umask())
        return staged

    def _remove_empty(self, folder: PurePosixPath) -> None:
        while folder.parts and folder.as_posix() not in _FOLDERS:
            place = self.root / folder
            with contextlib.suppress(OSError):
                place.rmdir()
            if place.exists():
                return
            folder = folder.parent


def plan(root: Path, files: Mapping[str, str]) -> Plan:
    """Compare `files` (path relative to `root` → text) with the disk; reads only."""
    listed, findings = _listed(root)
    created, changed, deleted, refused = [], [], [], list(findings)
    present: dict[str, str] = {}
    for path in sorted(files):
        text = _read(root / path)
        if text is None:
            created.append(path)
        elif text != files[path]:
            present[path] = text
            if path == MANIFEST or digest(text) in listed.get(path, ()):
                changed.append(path)
            else:
                refused.append(_refusal(path, text, files[path], known=path in listed))
    for path in sorted(listed.keys() - files.keys()):
        text = _read(root / path)
        if text is None:
            continue
        present[path] = text
        if digest(text) in listed[path]:
            deleted.append(path)
        else:
            refused.append(_refusal(path, text, "", known=True))
    return Plan(root, files, present, tuple(created), tuple(changed), tuple(deleted), tuple(refused))


def _listed(root: Path) -> tuple[dict[str, set[str]], list[Finding]]:
    """Path → hashes that we may have written there, by the manifest and by that of an interrupted run."""
    listed: dict[str, set[str]] = {}
    findings = []
    for name in (MANIFEST, _JOURNAL):
        text = _read(root / name)
        if text is None:
            continue
        try:
            entries = json.loads(text)["files"].items()
            hashes = {str(path): str(known) for path, known in entries}
        except (ValueError, LookupError, AttributeError, TypeError):
            findings.append(
                Finding(
                    Source(name, 1, 1),
                    "broken-manifest",
                    "this is no manifest of ours, so it cannot be told which files are made",
                    "take it back from version control, or delete generated/ and generate again",
                )
            )
            continue
        for path, known in hashes.items():
            if _ours(path):
                listed.setdefault(path, set()).add(known)
    return listed, findings


def _ours(path: str) -> bool:
    """Whether a listed path lies where we write; a manifest must not be able to point anywhere else."""
    parts = PurePosixPath(path).parts
    return len(parts) > 1 and parts[0] in _FOLDERS and ".." not in parts and path != MANIFEST


def _read(path: Path) -> str | None:
    """The text of a file, with line ends as we write them; None if there is no such file."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _refusal(path: str, text: str, new: str, *, known: bool) -> Finding:
    line = 1
    for number, (ours, theirs) in enumerate(zip(new.splitlines(), text.splitlines(), strict=False), start=1):
        line = number
        if ours != theirs:
            break
    if known:
        what = "this generated file was edited by hand, and generating would lose that"
        fix = "make the change in the contract or in templates/, then delete this file and generate again"
    else:
        what = "there is a file here that handfast did not write"
        fix = "move it elsewhere, or delete it if it is left over from an earlier generation"
    return Finding(Source(path, line, 1), "edited-by-hand", what, fix)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
