"""Paths and their parameters as OpenAPI wants them: plain templates, none twice, every name declared once.

What no request can reach is refused: paths that only a query or a fragment tells from others, parameters
whose name HTTP forbids, operations whose template matches the same requests as an earlier one.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from handfast.codegen import legalqueries
from handfast.codegen import pointer as pointers
from handfast.codegen.changes import Changes
from handfast.codegen.grammar import is_extension, operations_in, place_of
from handfast.codegen.ir import Finding
from handfast.codegen.legalqueries import Pair, Parted, part
from handfast.codegen.pointer import deref
from handfast.codegen.report import nearest
from handfast.codegen.source import Map, Seq
from handfast.codegen.walk import copied, walk

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
"""A name that HTTP allows for a header or a cookie (RFC 9110, 5.6.2)."""
_TEMPLATE = re.compile(r"\{([^{}]*)\}")
_BRACES = re.compile(r"\{[^{}/]+\}")
_SPELLED_OUT = ("servers", "summary", "description")


def template_names(path: str) -> list[str]:
    """Return the names in the braces of a path, without the RFC 6570 signs that some authors write there."""
    return [_name(found) for found in _TEMPLATE.findall(path)]


def template_shape(path: str) -> str:
    """Return the path with every template expression alike; equal shapes match the same requests."""
    return _TEMPLATE.sub("{}", path)


def _name(expression: str) -> str:
    return expression.strip().lstrip(".;/?&#+").rstrip("*")


def _plain(path: str) -> str:
    return _TEMPLATE.sub(lambda match: "{" + _name(match.group(1)) + "}", path)


def legalise(root: Map, changes: Changes) -> None:
    """Mend the paths of `root`."""
    _Paths(root, changes).run()


@dataclass(slots=True)
class _Paths:
    root: Map
    changes: Changes
    led: dict[tuple[str, str], tuple[tuple[str, str], Finding]] = field(default_factory=dict)
    """Path items that stand elsewhere now: from, to, and what was said about it."""
    asked: dict[str, tuple[tuple[Pair, ...], Finding]] = field(default_factory=dict)
    """Paths whose key held a query → that, and what was said about it."""

    def run(self) -> None:
        paths = self.root.get("paths")
        if not isinstance(paths, Map):
            return
        self.root["paths"] = kept = self.names(paths)
        for path, (pairs, finding) in self.asked.items():
            item = self.own_item(kept, path, finding)
            if item is not None:
                legalqueries.declare(self.root, item, pairs, finding, self.changes)
        for path in list(kept):
            if not is_extension(path):
                self.parameters(kept, path)
        if self.led:
            self.references()

    # -- templates ------------------------------------------------------------------------------------------

    def names(self, paths: Map) -> Map:
        """Return the paths with plain templates, each shape once."""
        result = paths.empty_copy()
        first: dict[str, str] = {}
        merged: list[str] = []
        alone = _alone(paths)
        for path in paths:
            if is_extension(path):
                result.put_from(paths, path, paths[path])
                continue
            parted = part(path)
            fault = _fault(parted.path) or self.beside_path(paths, path, parted, alone)
            if fault is not None:
                what, fix = f"{fault[0]}; its operations are refused", fault[1]
                finding = self.changes.report.warn(paths.key_source(path), "bad-path", what, fix)
                self.changes.report.explain(result, path, finding)
                continue
            plain = _plain(parted.path)
            owner = first.setdefault(template_shape(path), plain)
            if owner != plain or plain in result:
                merged.append(path)
                continue
            result.put_from(paths, path, paths[path])
            if plain != path:
                finding = self.told(paths, path, plain, parted)
                if parted.pairs:
                    self.asked[plain] = parted.pairs, finding
                self.changes.move(("paths", path), ("paths", plain), finding)
                self.led["paths", path] = ("paths", plain), finding
                result[plain] = result.pop(path)
                result.marks[plain] = result.marks.pop(path)
        for path in merged:
            self.merge(result, first[template_shape(path)], paths, path)
        return result

    def beside_path(
        self, paths: Map, path: str, parted: Parted, alone: frozenset[str]
    ) -> tuple[str, str] | None:
        """Say why parameters cannot say what the query or the fragment of a key says, and what to do."""
        shared = template_shape(_plain(parted.path)) not in alone
        if parted.has_fragment and shared:
            cure = "leave the fragment out, and tell operations apart by path, method or a parameter"
            return f"the path `{path}` holds a fragment, which no client sends", cure
        if parted.has_query:
            fix = "declare query parameters with `in: query`"
            if shared:
                return f"the path `{path}` holds a query, and another key has the same path", fix
            if parted.pairs is None:
                return f"the path `{path}` holds a query that is no list of `key=value`", fix
            for pair in parted.pairs:
                if pair.name is None and legalqueries.declares(self.root, paths[path], pair.key):
                    return f"the path `{path}` holds a query whose `{pair.key}` is declared besides", fix
        return None

    def told(self, paths: Map, path: str, plain: str, parted: Parted) -> Finding:
        """Tell under which key a path is published."""
        what = f"the template of `{path}` holds more than names; it is published as `{plain}`"
        code, fix = "odd-template", "leave only names in braces, and say the rest with `style` and `explode`"
        if parted.has_query:
            what = f"the path `{path}` holds a query; it is published as `{plain}` with query parameters"
            code, fix = "query-in-path", "declare query parameters with `in: query`"
        elif parted.has_fragment:
            what = f"the path `{path}` holds a fragment, which no client sends; it is published as `{plain}`"
            code, fix = "fragment-in-path", "leave the fragment out"
        return self.changes.report.warn(paths.key_source(path), code, what, fix)

    def merge(self, result: Map, owner: str, paths: Map, path: str) -> None:
        """Give the operations of `path` to `owner`, whose template matches the same requests."""
        what = f"`{path}` matches the same requests as `{owner}`; its operations are published there"
        fix = f"write them under `{owner}`"
        finding = self.changes.report.warn(paths.key_source(path), "equal-paths", what, fix)
        self.changes.report.explain(result, path, finding)
        self.led["paths", path] = ("paths", owner), finding
        target = self.own_item(result, owner, finding)
        source, _ = deref(self.root, paths[path])
        if target is None or source is None:
            return
        own = source is paths[path]
        source = source if own else _copy(source)
        self.spell_out(target, finding)
        self.spell_out(source, finding)
        names = {
            old: new
            for old, new in zip(template_names(path), template_names(owner), strict=True)
            if old != new
        }
        for method, operation in list(_operations(source)):
            *outer, key = place_of(method)
            here, there = _opened(source, outer), self.opened(target, outer, finding)
            if key in there:
                what = f"`{method} {path}` matches the same requests as `{owner}`; it is refused"
                fix = f"remove it; the other stands at line {there.key_source(key).line}"
                self.changes.report.warn(here.key_source(key), "ambiguous-path", what, fix)
                continue
            self.rename(operation, names, finding)
            there.put_from(here, key, operation)
            if own and not outer:
                self.changes.move(("paths", path, key), ("paths", owner, key), finding)
            else:
                self.changes.set(there, key, operation, finding)

    def opened(self, item: Map, keys: list[str], finding: Finding) -> Map:
        """Return the mapping at `keys` of a path item, made where there is none."""
        for key in keys:
            if not isinstance(item.get(key), Map):
                self.changes.set(item, key, Map(item.file, item.offset), finding)
            item = _opened(item, [key])
        return item

    def own_item(self, paths: Map, path: str, finding: Finding) -> Map | None:
        """Return the path item at `path`, a copy in its place where it was a reference."""
        entry = paths[path]
        item, _ = deref(self.root, entry)
        if item is not None and item is not entry:
            item = _copy(item)
            self.changes.set(paths, path, item, finding)
        return item

    def spell_out(self, item: Map, finding: Finding) -> None:
        """Write what an item says for all of its operations at each of them."""
        for _, operation in _operations(item):
            for key in _SPELLED_OUT:
                if key in item and key not in operation:
                    self.changes.set(operation, key, copied(item[key]), finding)
            own = {self.identity(one) for one in _items(operation)}
            for parameter in _items(item):
                if self.identity(parameter) not in own:
                    self.changes.append(operation, "parameters", _copy(parameter), finding)
        for key in ("parameters", *_SPELLED_OUT):
            if key in item:
                self.changes.report.explain(item, key, finding)
                del item[key]

    def identity(self, parameter: Map) -> tuple[str, str]:
        node, _ = deref(self.root, parameter)
        location, name = (str(node.get("in")), str(node.get("name"))) if node is not None else ("", "")
        return location, name.lower() if location == "header" else name

    def rename(self, operation: Map, names: dict[str, str], finding: Finding) -> None:
        """Give path parameters of an operation the names that they have in another template."""
        parameters = operation.get("parameters")
        for index, entry in enumerate(parameters if isinstance(parameters, Seq) else ()):
            location, name = self.identity(entry) if isinstance(entry, Map) else ("", "")
            if location != "path" or name not in names or not isinstance(parameters, Seq):
                continue
            node, _ = deref(self.root, entry)
            assert node is not None  # noqa: S101 (it has a name)
            made = _copy(node)
            self.changes.set(made, "name", names[name], finding)
            parameters[index] = made
            self.changes.report.explain(parameters, index, finding)

    def references(self) -> None:
        """Let references into `paths` lead where the path items and operations now stand."""
        for visit in walk(self.root):
            for key in ("$ref", "operationRef"):
                text = visit.node.get(key)
                if not isinstance(text, str) or not text.startswith("#/paths/"):
                    continue
                tokens = tuple(pointers.tokens(text[1:]))
                for origin, (target, finding) in self.led.items():
                    if tokens[: len(origin)] == origin:
                        made = (*target, *tokens[len(origin) :])
                        self.changes.set(visit.node, key, pointers.reference(made), finding)

    # -- parameters -----------------------------------------------------------------------------------------

    def parameters(self, paths: Map, path: str) -> None:
        """Hold the parameters of a path item's operations against its template."""
        entry = paths[path]
        item, _ = deref(self.root, entry)
        if item is None:
            return
        if item is entry:
            self.mend(paths, path, item)
            return
        before = self.changes.count
        item = _copy(item)
        self.mend(paths, path, item)
        if self.changes.count > before:
            reason = self.changes.report.findings[-1]
            self.changes.set(paths, path, item, reason)

    def mend(self, paths: Map, path: str, item: Map) -> None:
        wanted = template_names(path)
        for owner in (item, *(operation for _, operation in _operations(item))):
            self.compose(owner, wanted)
            self.one_list(owner, path, wanted)
        shared = {name for location, name in map(self.identity, _items(item)) if location == "path"}
        for _, operation in _operations(item):
            own = {name for location, name in map(self.identity, _items(operation)) if location == "path"}
            for name in wanted:
                if name not in own | shared:
                    self.declare(paths, path, operation, name, sorted(own | shared))
            self.one_query(operation, item)

    def one_query(self, operation: Map, item: Map) -> None:
        """Drop a parameter for the whole query string where another reads the query string too."""
        named = [
            (owner["parameters"], index, *self.identity(one))
            for owner in (operation, item)
            for index, one in enumerate(_items(owner))
        ]
        whole = [one for one in named if one[2] == "querystring"]
        first = next((one for one in named if one[2] == "query"), whole[0] if whole else None)
        for parameters, index, _, name in reversed(whole):
            if first is None or (parameters is first[0] and index == first[1]):
                continue
            assert isinstance(parameters, Seq)  # noqa: S101 (`_items` has read it)
            what = f"`{name}` takes the whole query string, and is dropped: `{first[3]}` reads it too"
            fix = "describe the query string either by `in: query` or by one `in: querystring`"
            self.changes.drop(parameters, index, "querystring-beside-query", what, fix)

    def compose(self, owner: Map, wanted: list[str]) -> None:
        """Give path parameters the characters of the path where they differ in nothing that can be seen.

        `ñ` is one character or two (Unicode normalisation forms NFC and NFD); neither is sent.
        """
        by_look = {unicodedata.normalize("NFC", name): name for name in wanted}
        if len(by_look) < len(wanted):
            return
        for index, entry in enumerate(_items(owner)):
            location, name = self.identity(entry)
            look = by_look.get(unicodedata.normalize("NFC", name), name)
            if location != "path" or name in wanted or look == name:
                continue
            parameters = owner["parameters"]
            assert isinstance(parameters, Seq)  # noqa: S101 (`_items` has read it)
            what = f"the path parameter `{name}` is written in other Unicode characters than in the path"
            fix = "copy the name from the path"
            source = parameters.value_source(index)
            self.rename(owner, {name: look}, self.changes.report.warn(source, "other-characters", what, fix))

    def one_list(self, owner: Map, path: str, wanted: list[str]) -> None:
        """Drop from a list of parameters what is given twice, has no place, or no name that HTTP allows."""
        parameters = owner.get("parameters")
        if not isinstance(parameters, Seq):
            return
        seen: set[tuple[str, str]] = set()
        faults: list[tuple[int, str, str, str]] = []
        for index, entry in enumerate(parameters):
            if not isinstance(entry, Map):
                continue
            node, _ = deref(self.root, entry)
            if node is None:
                continue
            identity = self.identity(entry)
            location, name = identity[0], str(node.get("name"))
            if identity in seen:
                what = f"the {location} parameter `{name}` is given twice; the first counts"
                faults.append((index, "duplicate-parameter", what, "remove one of the two"))
            elif location == "path" and name not in wanted:
                near = nearest(name, wanted)
                fix = f"add `{{{name}}}` to the path, or remove the parameter"
                what = f"the path parameter `{name}` is not in the path `{path}`; it is dropped"
                faults.append(
                    (index, "surplus-path-parameter", what, f"did you mean `{near}`?" if near else fix)
                )
            elif location in ("header", "cookie") and not TOKEN.match(name):
                what = f"`{name[:40]}` is no name that HTTP allows for a {location}; the parameter is dropped"
                faults.append((index, "bad-parameter-name", what, "use letters, digits and hyphens"))
            seen.add(identity)
        for index, code, what, fix in reversed(faults):
            self.changes.drop(parameters, index, code, what, fix)

    def declare(self, paths: Map, path: str, operation: Map, name: str, declared: list[str]) -> None:
        near = nearest(name, declared)
        fix = f"did you mean `{near}`?" if near else "declare it with `in: path`"
        what = f"the path names `{{{name}}}`, which no parameter declares; it is taken as a text"
        finding = self.changes.report.warn(paths.key_source(path), "undeclared-path-parameter", what, fix)
        file, offset, _ = paths.marks[path]
        parameter = Map(file, offset)
        schema = Map(file, offset)
        schema.put("type", "string", offset, offset)
        for key, value in (("name", name), ("in", "path"), ("required", True), ("schema", schema)):
            parameter.put(key, value, offset, offset)
        self.changes.append(operation, "parameters", parameter, finding)


def _fault(path: str) -> tuple[str, str] | None:
    """Say why no request can reach `path`, and what to do about it."""
    rest = _BRACES.sub("", path)
    names = template_names(path)
    if not path.startswith("/"):
        return f"the path `{path}` does not begin with `/`", f"write `/{path}`"
    if "{" in rest or "}" in rest:
        return f"the braces in the path `{path}` do not match", "write one `{name}` for each path parameter"
    if len(set(names)) < len(names):
        return f"the path `{path}` names a parameter twice", "give each path parameter its own name"
    return None


def _alone(paths: Map) -> frozenset[str]:
    """Return the shapes of paths that only one key has, whatever query or fragment it holds."""
    shapes = Counter(template_shape(_plain(part(path).path)) for path in paths if not is_extension(path))
    return frozenset(shape for shape, number in shapes.items() if number == 1)


def _operations(item: Map) -> Iterator[tuple[str, Map]]:
    for method, holder, key in operations_in(item):
        operation = holder[key]
        if isinstance(operation, Map):
            yield method, operation


def _opened(item: Map, keys: list[str]) -> Map:
    for key in keys:
        held = item[key]
        assert isinstance(held, Map)  # noqa: S101 (callers have looked)
        item = held
    return item


def _items(owner: Map) -> list[Map]:
    parameters = owner.get("parameters")
    return [one for one in parameters if isinstance(one, Map)] if isinstance(parameters, Seq) else []


def _copy(node: Map) -> Map:
    made = copied(node)
    assert isinstance(made, Map)  # noqa: S101 (a copy of a mapping is one)
    return made
