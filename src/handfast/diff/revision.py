"""The contracts of a git revision: its files, in a folder of their own for as long as they are read."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

_TEXTS = (".yaml", ".yml", ".json", ".md", ".txt")
"""What a contract may be, or may refer to."""
_FILE_MODES = ("100644", "100755")


class NoRevision(Exception):
    """A revision that cannot be read: what is wrong, and what to do."""

    def __init__(self, what: str, fix: str) -> None:
        """Take both."""
        super().__init__(what)
        self.what, self.fix = what, fix


@contextmanager
def checked_out(root: Path, revision: str) -> Iterator[Path]:
    """Give a folder with the texts of the project at `root` as they were at `revision`.

    Nothing of the working tree is touched. Links are passed over: they may lead out of the project. Raises
    `NoRevision`.
    """
    if revision.startswith("-"):
        raise NoRevision(f"`{revision}` is no revision", "name a commit, a tag or a branch")
    _git(
        root,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
        revision=revision,
    )
    listing = _git(root, "ls-tree", "-r", "-z", revision, "--", ".", revision=revision)
    entries = []
    for line in filter(None, listing.split(b"\0")):
        head, _, name = line.partition(b"\t")
        mode, _, sha = head.decode("ascii").split(" ")
        path = PurePosixPath(name.decode("utf-8", "surrogateescape"))
        if mode in _FILE_MODES and path.suffix.lower() in _TEXTS:
            entries.append((path, sha))
    with TemporaryDirectory(prefix="handfast-diff-") as scratch:
        folder = Path(scratch)
        for (path, _), content in zip(entries, _contents(root, [sha for _, sha in entries]), strict=True):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield folder


def _contents(root: Path, names: list[str]) -> Iterator[bytes]:
    """Yield the content of each blob, read by one process."""
    answer = _git(root, "cat-file", "--batch", given="\n".join(names).encode() + b"\n" if names else b"")
    at = 0
    for _ in names:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split(b" ")[2])
        yield answer[end + 1 : end + 1 + size]
        at = end + 1 + size + 1


def _git(root: Path, *arguments: str, revision: str = "", given: bytes = b"") -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, input=given, check=False
        )
    except FileNotFoundError:
        raise NoRevision("git is not installed", "install git, or compare with a file") from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip()
    if "not a git repository" in said:
        raise NoRevision(f"{root} is in no git repository", "compare with a file: `handfast diff old.yaml`")
    what = f"git knows no revision `{revision}`" + (f": {said}" if said else "")
    raise NoRevision(what, "name a commit, a tag, a branch or a file")
