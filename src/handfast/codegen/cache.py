"""What the last generations came to, kept by the content of all that they were made from.

The key is a hash of every file below `specs/` and `templates/`, of the project's ruff settings, of whatever
the contracts refer to elsewhere, and of the generator itself: its own text, Python and the packages that
decide about the output. So an answer cannot be stale: whatever could change it changes the key. An entry
carries a hash of its content and is written in one step; one that is broken is as good as none. Nothing is
kept of contracts with a fatal finding, since those may hang on files that are not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import handfast
from handfast.codegen.ir import Feature, Finding, Source

FOLDER = ".handfast/cache"
KEPT = 4
"""How many generations are kept; going back and forth between two branches needs two."""
_LARGEST = 512 * 1024 * 1024
"""How large an entry may be when it is unpacked, in bytes; the largest known contract comes to 16 MB."""
_PACKAGES = ("datamodel-code-generator", "jinja2", "jsonschema-rs", "pydantic", "pyyaml", "ruff")
_SETTINGS = (".ruff.toml", "ruff.toml", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Outline:
    """As much of a feature as the commands tell of it."""

    name: str
    places: Mapping[str, str]
    """Handler function → `file:line:column` of its operation."""
    legalisations: int

    @classmethod
    def of(cls, feature: Feature) -> Outline:
        """Return the outline of `feature`."""
        places = {str(operation.name): str(operation.source) for operation in feature.operations}
        return cls(feature.name, places, len(feature.legalisations))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a generation came to."""

    files: Mapping[str, str]
    """Path → text of every generated file, sorted by path."""
    findings: tuple[Finding, ...]
    outlines: tuple[Outline, ...]


class Cache:
    """The kept generations of the project at `root`, as its files are now.

    Make it before the contracts are read: a file that changes meanwhile is then of another key.
    """

    def __init__(self, root: Path) -> None:
        """Take the hashes of the project's files."""
        self._root = root
        self._folder = root / FOLDER
        self._key = _key(root)

    def get(self) -> Answer | None:
        """Return what these files came to before; None where that is not known."""
        if self._key is None:
            return None
        place = self._folder / self._key
        try:
            seal, _, packed = place.read_bytes().partition(b"\n")
            if hashlib.sha256(packed).hexdigest().encode() != seal:
                return None
            unpacker = zlib.decompressobj()
            text = unpacker.decompress(packed, _LARGEST)
            held = json.loads(text)
            if held["elsewhere"] != _elsewhere(self._root, held["elsewhere"]):
                return None
            answer = _read(held)
        except (OSError, ValueError, LookupError, TypeError, zlib.error):
            return None
        with contextlib.suppress(OSError):
            os.utime(place)
        return answer

    def put(self, answer: Answer, read: Iterable[str]) -> None:
        """Keep `answer`, for which the files `read` (relative to the project) were read; never fails."""
        if self._key is None or any(finding.fatal for finding in answer.findings):
            return
        held = {
            "elsewhere": _elsewhere(self._root, (name for name in read if not name.startswith("specs/"))),
            "files": dict(answer.files),
            "findings": [astuple(finding) for finding in answer.findings],
            "outlines": [astuple(outline) for outline in answer.outlines],
        }
        packed = zlib.compress(json.dumps(held).encode(), 1)
        seal = hashlib.sha256(packed).hexdigest().encode()
        with contextlib.suppress(OSError):
            self._write(self._key, seal + b"\n" + packed)

    def _write(self, key: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        ignore = self._folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(self._folder / key)
        finally:
            Path(name).unlink(missing_ok=True)
        entries = [path for path in self._folder.iterdir() if path.suffix != ".tmp" and path != ignore]
        for old in sorted(entries, key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)


def _read(held: Mapping[str, object]) -> Answer:
    """Return the answer that an entry holds; raises as `Cache.get` expects where it holds none."""
    files, findings, outlines = held["files"], held["findings"], held["outlines"]
    if not (isinstance(files, dict) and isinstance(findings, list) and isinstance(outlines, list)):
        raise TypeError
    return Answer(
        files,
        tuple(Finding(Source(*source), *rest) for source, *rest in findings),
        tuple(Outline(*outline) for outline in outlines),
    )


def _key(root: Path) -> str | None:
    """Return the hash of what is always read; None where links to folders make that hard to tell."""
    own = Path(__file__).parent
    seal = hashlib.sha256()
    for fact in (handfast.__version__, sys.version, *map(_version, _PACKAGES)):
        seal.update(fact.encode() + b"\0")
    try:
        for folder in (own, own.parents[2] / "templates", root / "templates", root / "specs"):
            for path in _walk(folder):
                data = path.read_bytes()
                target = os.readlink(path) if path.is_symlink() else ""
                head = f"{path.relative_to(folder).as_posix()}\0{target}\0{len(data)}\0"
                seal.update(head.encode("utf-8", "surrogateescape"))
                seal.update(data)
            seal.update(b"\0\0")
        for name in _SETTINGS:
            seal.update(f"{name}\0{_hash(root / name)}\0".encode())
    except OSError:
        return None
    return seal.hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below `folder`, sorted; raises `OSError` for a link to a folder."""
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in folders:
            if os.path.islink(os.path.join(here, name)):
                raise OSError
        yield from (Path(here, name) for name in sorted(files))


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _elsewhere(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Path → hash of files that contracts refer to outside of `specs/`."""
    return {name: _hash(root / name) for name in sorted(names)}


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
