"""A project folder → its features: finds the contracts, reads each, and collects every finding in one run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from handfast.codegen import check, clashes, cycles, rules
from handfast.codegen.build import Place, build
from handfast.codegen.bundle import Bundle, bundle
from handfast.codegen.files import Files, Refused
from handfast.codegen.grammar import place_of
from handfast.codegen.ir import Feature, Finding, Json, Legalisation, Operation, Source
from handfast.codegen.ledger import Line, finding_lines, ledger
from handfast.codegen.legalisation import steps
from handfast.codegen.legalise import legalise
from handfast.codegen.legalpaths import template_shape
from handfast.codegen.load import Document, LoadFault, read
from handfast.codegen.names import Namer
from handfast.codegen.remote import Fetch
from handfast.codegen.report import Report, nearest
from handfast.codegen.source import Map, Node, kind_of
from handfast.validation.pointers import escape

_SUFFIXES = (".yaml", ".yml", ".json")
_NUMBER = re.compile(r"^\d+[-_. ]*")


@dataclass(frozen=True)
class Project:
    """A folder with `specs/`, and beside it whatever is made from them."""

    root: Path


@dataclass(frozen=True)
class Loaded:
    """The features of a project and what their authors should know, sorted by place."""

    features: tuple[Feature, ...]
    findings: tuple[Finding, ...]
    bundles: Mapping[str, Map] = field(default_factory=dict)
    """Contract file → the author's bundled document, every value with its place."""
    read: frozenset[str] | None = None
    """Every file that was read; None where one was looked for that is not there."""
    roots: Mapping[str, Map] = field(default_factory=dict)
    """Contract file → the checked and legal document that its feature was built from, with its places."""

    @property
    def fatal(self) -> bool:
        """Whether nothing may be generated."""
        return any(finding.fatal for finding in self.findings)

    def ledger(self) -> tuple[Line, ...]:
        """Return the coverage ledger of all features, by place; findings of files of none are in it too."""
        lines: set[Line] = set()
        for feature in self.features:
            lines.update(ledger(self.bundles[feature.file], self.findings, feature.legalisations))
        told = {(line.code, line.reason) for line in lines if line.pointer}
        lines.update(finding_lines(self.findings))
        return tuple(sorted(line for line in lines if line.pointer or (line.code, line.reason) not in told))


@dataclass(frozen=True)
class _Entry:
    """A contract file that is the entry of a feature."""

    file: str
    folder: str
    document: Document


def load(project: Project, *, fetch: Fetch | None = None, examples: bool = True) -> Loaded:
    """Read every contract of the project; a bad one gives findings, never an exception.

    Remote documents without a copy in the project come by `fetch`, if it is given. `examples` are held
    against their schemas, which takes a fifth of the time, and is of no use where nobody is told.
    Features of contracts with a fatal finding are left out, so that the others can still be looked at.
    """
    return _load(project.root, _candidates(project.root), fetch, examples=examples)


def load_file(file: Path, root: Path, *, examples: bool = True) -> Loaded:
    """Read one contract, which need not be in a project; what it refers to must be below `root`."""
    name = file.relative_to(root).as_posix()
    return _load(root, [(name.rpartition("/")[0] or name, name)], examples=examples)


def _load(
    root: Path, candidates: list[tuple[str, str]], fetch: Fetch | None = None, *, examples: bool
) -> Loaded:
    files = Files(root, read, fetch=fetch)
    findings: set[Finding] = set()
    entries: list[_Entry] = []
    bundles: dict[str, Map] = {}
    fatal: set[str] = set()
    others: list[tuple[str, str]] = []
    for folder, name in candidates:
        document = _try(files, name)
        if isinstance(document, Document) and _is_entry(document):
            entries.append(_Entry(name, folder, document))
        else:
            others.append((folder, name))
    for entry in entries:
        bundled = _bundle(entry.document, files)
        bundles[entry.file] = bundled.root
        findings.update(entry.document.findings, bundled.findings)
        if any(finding.fatal for finding in (*entry.document.findings, *bundled.findings)):
            fatal.add(entry.file)
    for cached in files.cache.values():
        if isinstance(cached, Document) and cached.name in files.targets:
            findings.update(cached.findings)
    findings.update(finding for _, name in others if (finding := _not_a_contract(files, name)))
    entries = [
        entry for entry in entries if not (entry.file in files.targets and _is_library(entry.document))
    ]
    entries, copies = _without_copies(entries, files)
    findings.update(copies)
    features: list[Feature] = []
    roots: dict[str, Map] = {}
    naming = Report()
    places = _places(entries, naming)
    findings.update(naming.findings)
    for entry, place in zip(entries, places, strict=True):
        report = Report()
        wanted = entry.file not in fatal
        made = _feature(bundles[entry.file], place, report, wanted=wanted, examples=examples)
        if made is not None:
            feature, roots[entry.file] = made
            features.append(feature)
        findings.update(report.findings)
    kept, more = _merge(features)
    lacking = any(isinstance(found, Refused) for found in files.located.values())
    read_files = None if lacking else frozenset(files.cache) | files.texts
    return Loaded(kept, tuple(sorted(findings | set(more))), bundles, read_files, roots)


def _bundle(document: Document, files: Files) -> Bundle:
    try:
        return bundle(document, files)
    except RecursionError:
        return Bundle(Map(document.text, 0), (_too_deep(document.root, document.name),))


def _feature(
    root: Map, place: Place, report: Report, *, wanted: bool, examples: bool
) -> tuple[Feature, Map] | None:
    """Check one bundled contract; build it if it is `wanted` and nothing is fatally wrong.

    Returns the feature, and the legal document that it was built from.
    """
    try:
        clean = check.check(root, report)
        rules.check(clean, report)
        if not wanted or report.fatal:
            return None
        moves = legalise(clean, report)
        feature = build(clean, place, report, examples=examples)
        return replace(feature, legalisations=steps(root, clean, moves, report)), clean
    except RecursionError:
        finding = _too_deep(root, place.file)
        report.error(finding.source, finding.code, finding.what, finding.fix)
        return None


def _too_deep(root: Node, name: str) -> Finding:
    """Tell where the longest chain of references begins; at the top of the file if there is none."""
    chain = cycles.longest(root) if isinstance(root, Map) else []
    source = chain[0].value_source("$ref") if chain else Source(name, 1, 1)
    what = "the references of this contract lead through too many levels"
    if chain:
        what = f"{len(chain)} references lead from one to the next, too many to follow: {cycles.shown(chain)}"
    return Finding(source, "too-deep", what, "shorten the longest chain of `$ref` and `allOf`")


def _candidates(root: Path) -> list[tuple[str, str]]:
    """Return (spec folder, file) of every file that may be a contract, sorted."""
    found: list[tuple[str, str]] = []
    for path in [*root.glob("specs/*/contracts/*"), *root.glob("specs/*/contracts/*/*")]:
        if path.suffix.lower() in _SUFFIXES and path.is_file():
            name = path.relative_to(root)
            found.append(("/".join(name.parts[:2]), name.as_posix()))
    return sorted(found)


def _try(files: Files, name: str) -> Document | LoadFault:
    try:
        return files.get(name)
    except LoadFault as fault:
        return fault


def _is_entry(document: Document) -> bool:
    return isinstance(document.root, Map) and "openapi" in document.root


def _is_library(document: Document) -> bool:
    """Whether a contract has nothing but parts for other contracts to refer to."""
    return (
        isinstance(document.root, Map) and not document.root.get("paths") and "webhooks" not in document.root
    )


def _not_a_contract(files: Files, name: str) -> Finding | None:
    """Say what is wrong with a file that was meant to be a contract; None for one that was not."""
    document = _try(files, name)
    if isinstance(document, LoadFault):
        return document.finding
    root = document.root
    if not isinstance(root, Map):
        if name in files.targets:
            return None
        what = f"the file holds {kind_of(root)}, not a contract"
        return Finding(
            Source(name, 1, 1), "not-openapi", what, "write an OpenAPI document, or remove the file"
        )
    if "swagger" in root:
        what = "Swagger 2.0 is not supported"
        return Finding(root.key_source("swagger"), "not-openapi", what, "convert the contract to OpenAPI 3.1")
    if name in files.targets or "asyncapi" in root:
        return None
    misspelt = nearest("openapi", [key for key in root if key != "openapi"], 0.75)
    if misspelt:
        what = f"`{misspelt}` is not a key of an OpenAPI document"
        return Finding(root.key_source(misspelt), "not-openapi", what, "write `openapi: 3.1.0`")
    if "paths" in root:
        what = "the file has `paths` but no `openapi`"
        return Finding(root.source, "not-openapi", what, "add `openapi: 3.1.0` at the top")
    return None


def _without_copies(entries: list[_Entry], files: Files) -> tuple[list[_Entry], list[Finding]]:
    """Pass over a contract that stands in its folder twice; the one to which others refer is kept."""
    kept: list[_Entry] = []
    findings: list[Finding] = []
    for entry in sorted(entries, key=lambda entry: (entry.file not in files.targets, entry.file)):
        twin = next((one for one in kept if one.folder == entry.folder and _same(one, entry)), None)
        if twin is None:
            kept.append(entry)
            continue
        what = f"the file is a copy of `{twin.file}`, and is ignored"
        findings.append(Finding(Source(entry.file, 1, 1), "copy", what, "keep one of the two", fatal=False))
    return sorted(kept, key=lambda entry: entry.file), findings


def _same(one: _Entry, other: _Entry) -> bool:
    return one.document.root == other.document.root


def _places(entries: list[_Entry], report: Report) -> list[Place]:
    """Name the features: the folder without its number, plus the file where a folder holds several."""
    namer = Namer(("init", "manifest"))
    count: dict[str, int] = {}
    for entry in entries:
        count[entry.folder] = count.get(entry.folder, 0) + 1
    places: list[Place] = []
    for entry in entries:
        folder = entry.folder.split("/")[-1]
        text = _NUMBER.sub("", folder) or folder
        if count[entry.folder] > 1:
            text = f"{text} {Path(entry.file).name.split('.')[0]}"
        name = namer.py(text)
        clashes.tell(report, Source(entry.file, 1, 1), "feature", text, name)
        places.append(Place(name, entry.folder, entry.file))
    return places


def _merge(features: list[Feature]) -> tuple[tuple[Feature, ...], list[Finding]]:
    """Settle operations that two features declare: a later folder may supersede, anything else is fatal."""
    findings: list[Finding] = []
    owners: dict[tuple[str, str], tuple[Feature, Operation]] = {}
    dropped: set[tuple[str, str, str]] = set()
    for feature in features:
        for operation in feature.operations:
            key = (operation.method, template_shape(operation.path))
            if key not in owners:
                owners[key] = (feature, operation)
                continue
            other, earlier = owners[key]
            if _supersedes(feature, other):
                dropped.add((other.file, earlier.method, earlier.path))
                owners[key] = (feature, operation)
            elif _supersedes(other, feature):
                dropped.add((feature.file, operation.method, operation.path))
            else:
                what = f"`{operation.method} {operation.path}` is already declared at {earlier.source}"
                folder = other.folder.split("/")[-1]
                fix = f"remove one of them, or write `x-supersedes: [{folder}]` at the root of this contract"
                findings.append(Finding(operation.source, "duplicate-operation", what, fix))
    return tuple(_without(feature, dropped) for feature in features), findings


def _supersedes(later: Feature, earlier: Feature) -> bool:
    return earlier.folder.split("/")[-1] in later.supersedes or earlier.name in later.supersedes


def _opened(item: dict[str, Json], keys: list[str]) -> dict[str, Json]:
    """Return the mapping at `keys` of `item`, copied on the way."""
    for key in keys:
        held = item.get(key)
        made: dict[str, Json] = dict(held) if isinstance(held, dict) else {}
        if key in item:
            item[key] = made
        item = made
    return item


def _without(feature: Feature, dropped: set[tuple[str, str, str]]) -> Feature:
    """Take out operations that another feature answers; that, too, is a step from what the author wrote."""
    gone = [op for op in feature.operations if (feature.file, op.method, op.path) in dropped]
    paths = feature.document.get("paths")
    if not gone or not isinstance(paths, Mapping):
        return feature
    rest = {path: dict(item) if isinstance(item, dict) else item for path, item in paths.items()}
    steps: list[Legalisation] = []
    for operation in gone:
        item = rest.get(operation.path)
        *outer, key = place_of(operation.method)
        holder = _opened(item, outer) if isinstance(item, dict) else {}
        if not isinstance(item, dict) or key not in holder:
            continue
        what = f"`{operation.method} {operation.path}` is superseded by another feature"
        note = Finding(operation.source, "superseded", what, "remove it when nobody needs it", fatal=False)
        place = f"/paths/{escape(operation.path)}"
        within, source = "/".join((place, *outer)), operation.source
        path, was = f"{within}/{escape(key)}", holder.pop(key)
        steps.append(Legalisation(op="remove", path=path, was=was, source=source, finding=note))
        if outer and not holder:
            steps.append(Legalisation(op="remove", path=within, was={}, source=source, finding=note))
            del item[outer[0]]
        if not item:
            steps.append(Legalisation(op="remove", path=place, was={}, source=source, finding=note))
            del rest[operation.path]
    return replace(
        feature,
        operations=tuple(op for op in feature.operations if op not in gone),
        document={**feature.document, "paths": rest},
        legalisations=(*feature.legalisations, *steps),
    )
