"""The contract files of one project: each is read once, and no reference leads out of the project."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from handfast.codegen import remote
from handfast.codegen.load import Document, LoadFault
from handfast.codegen.remote import Fetch
from handfast.codegen.resources import Resources, joined
from handfast.codegen.source import Map

_REMOTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:|//")


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference names: a place in a file of the project."""

    file: str
    pointer: str


class Refused(Exception):
    """A reference that cannot be followed."""

    def __init__(self, code: str, what: str, fix: str) -> None:
        super().__init__(what)
        self.code, self.what, self.fix = code, what, fix


def beside(own: str, uri: str) -> str | None:
    """Return `uri` as a path seen from the folder of a document that calls itself `own`.

    So documents that stand beside each other on their server stand beside each other in the project. None
    where that cannot be: another server.
    """
    if not _REMOTE.match(uri):
        return uri
    try:
        here, there = urlsplit(own), urlsplit(uri)
    except ValueError:  # such as a broken address in brackets
        return None
    if not own or here[:2] != there[:2] or there.query:
        return None
    return posixpath.relpath(there.path or "/", posixpath.dirname(here.path) or "/")


@dataclass(slots=True)
class Files:
    """The files of one project, each read once."""

    root: Path
    reader: Callable[[Path, str], Document]
    cache: dict[str, Document | LoadFault] = field(default_factory=dict)
    located: dict[tuple[str, str], str | Refused] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    """Files that some other file refers to."""
    texts: set[str] = field(default_factory=set)
    """Files that were read as they are, for a description."""
    own: dict[str, str] = field(default_factory=dict)
    """File → the URI that it gives itself (`$self` of OpenAPI 3.2): the base of its references."""
    known: dict[str, str] = field(default_factory=dict)
    """URI → the file that has it as its `$self`."""
    resources: Resources = field(default_factory=Resources)
    fetch: Fetch | None = None
    """How a remote document comes that has no copy yet; None where none may."""
    unreachable: dict[str, str] = field(default_factory=dict)
    """URL → why it could not be copied."""
    home: Path = field(init=False)
    """The root without symbolic links."""

    def __post_init__(self) -> None:
        """Resolve the root once: thousands of references are held against it."""
        self.home = self.root.resolve()

    def get(self, name: str) -> Document:
        """Return the parsed file `name`; raises `LoadFault`."""
        if name not in self.cache:
            try:
                self.cache[name] = document = self.reader(self.root / name, name)
                self.register(document)
            except LoadFault as fault:
                self.cache[name] = fault
        found = self.cache[name]
        if isinstance(found, LoadFault):
            raise found
        return found

    def resolve(self, ref: str, base: str, uri: str) -> Target:
        """Return what `ref` in the file `base`, in a schema whose URI is `uri`, names by URI, anchor or path.

        Raises `Refused`, and `LoadFault` for a file that cannot be read.
        """
        found = self.resources.find(ref, uri)
        if found is not None:
            return Target(*found)
        target = self.locate(ref, base)
        if not target.pointer or target.pointer.startswith("/"):
            return target
        self.get(target.file)
        found = self.resources.anchor(target.file, target.pointer)
        return Target(*found) if found is not None else target

    def locate(self, ref: str, base: str) -> Target:
        """Return what `ref` in the file `base` names; raises `Refused` for what is not in the project."""
        path, _, fragment = ref.partition("#")
        if not path:
            return Target(base, fragment)
        own = self.own.get(base, "")
        uri = joined(own, path)
        if uri in self.known:
            return Target(self.known[uri], fragment)
        near = beside(own, uri)
        if near is None:
            return Target(self.copied(ref, uri), fragment)
        key = (posixpath.dirname(base), near)
        if key not in self.located:
            self.located[key] = self.find(ref, PurePosixPath(key[0]), near)
        found = self.located[key]
        if isinstance(found, Refused):
            if not _REMOTE.match(path) and not base.startswith(f"{remote.FOLDER}/"):
                raise found
            found = self.located[key] = self.copied(ref, uri)
        return Target(found, fragment)

    def copied(self, ref: str, uri: str) -> str:
        """Return the file that holds the copy of a remote document; raises `Refused`."""
        name = remote.copy_of(uri)
        what = f"`{ref}` is a remote reference; a contract must not depend on the network"
        fix = "copy the file into the spec folder and refer to the copy, or give the copy this URI as `$self`"
        if name is None:
            raise Refused("remote-ref", what, fix)
        if not (self.root / name).is_file():
            if self.fetch is None:
                raise Refused(
                    "remote-ref", what, f"{fix}; `handfast generate --allow-remote` copies it to `{name}`"
                )
            why = self.unreachable.get(uri) or self.fetched(uri, self.fetch)
            if why:
                self.unreachable[uri] = why  # a dead host is waited for once
                raise Refused("remote-ref", f"`{ref}` cannot be fetched: {why}", fix)
        self.own.setdefault(name, uri)
        return name

    def fetched(self, uri: str, fetch: Fetch) -> str:
        """Copy what is at `uri`, all of it or nothing; say why that cannot be, if it cannot."""
        target = self.root / str(remote.copy_of(uri))
        try:
            content = fetch(uri)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            part.write_bytes(content)
            part.replace(target)
        except (remote.Unreachable, OSError) as error:
            return str(error)
        return ""

    def register(self, document: Document) -> None:
        """Note the URIs that a file gives itself."""
        root = document.root
        if not isinstance(root, Map):
            return
        own = root.get("$self")
        if "openapi" in root and isinstance(own, str) and own:
            uri = self.own[document.name] = own.partition("#")[0]
            if _REMOTE.match(uri):
                self.known.setdefault(uri, document.name)
        if document.identifies and not str(root.get("openapi")).startswith("3.0"):
            self.resources.add(document.name, root)

    def find(self, ref: str, folder: PurePosixPath, path: str) -> str | Refused:
        """Return the name of the file at `path` as seen from `folder`, or why there is none."""
        try:
            full = (self.root / folder / unquote(path)).resolve()
            name = full.relative_to(self.home).as_posix()
            exists = full.is_file()
        except (ValueError, OSError, RuntimeError):
            what = f"`{ref}` leaves the project"
            return Refused("outside-ref", what, "copy the file into the spec folder and refer to the copy")
        if not exists:
            return Refused("dangling-ref", f"`{ref}`: there is no file `{name}`", self.nearest(full))
        return name

    def nearest(self, full: Path) -> str:
        """Say which file may have been meant."""
        folder = full.parent
        while not folder.is_dir():
            folder = folder.parent
        names = tuple(sorted(entry.name for entry in folder.iterdir())) if folder == full.parent else ()
        near = get_close_matches(full.stem, [Path(name).stem for name in names], n=1, cutoff=0.6)
        if not near:
            return "add the file, or correct the reference"
        return f"did you mean `{next(name for name in names if Path(name).stem == near[0])}`?"
