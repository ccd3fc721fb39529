"""Files, the previous generated texts and the new ones → new bytes of the files, and notes for the author.

Pure: the caller reads and writes. What the previous contract was, the generated texts on the disk say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from handfast.codegen.evolution import references
from handfast.codegen.evolution.protocol import (
    Method,
    Protocol,
    changed_classes,
    exported,
    read,
    renamed_classes,
    shape,
)
from handfast.codegen.evolution.scope import Bound, bindings, module_of, renaming
from handfast.codegen.evolution.signature import difference, name_of, span_of, written
from handfast.codegen.evolution.splice import Edit, PythonFile
from handfast.codegen.evolution.work import Evolved, Work

MARK = "# Set aside by handfast:"
"""How the line begins that stands above a function whose operation is gone."""
_GENERATED = ("models", "errors", "handler")


def evolve(
    files: Mapping[str, bytes],
    features: Sequence[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    width: int = 88,
) -> Evolved:
    """Fit the handlers of `features` to the generated texts `after`, which were `before`.

    `files` are the project's own Python files, below `handlers/` and `tests/`; the paths of all three are
    relative to the project.
    """
    work = Work(files, width)
    parts = [_Feature(work, feature, before, after) for feature in features]
    come = {
        method.route: f"`{name}` in {part.path}"
        for part in parts
        for name, method in part.after.methods.items()
        if name not in part.before.methods and method.route
    }
    for part in parts:
        part.run(come)
    return work.done()


class _Feature:
    """One feature between two generations."""

    def __init__(self, work: Work, feature: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        self.work = work
        self.feature = feature
        place = f"generated/{feature}"
        self.texts = {
            name: (before.get(f"{place}/{name}.py", ""), after.get(f"{place}/{name}.py", ""))
            for name in _GENERATED
        }
        old, new = self.texts["handler"]
        self.before: Protocol = read(old, f"generated.{feature}.handler")
        self.after: Protocol = read(new, f"generated.{feature}.handler")
        package, single = f"handlers/{feature}/operations.py", f"handlers/{feature}.py"
        self.path = single if package not in work.files and single in work.files else package

    def run(self, come: Mapping[str, str]) -> None:
        """Look at every name and operation that changed; `come` says where routes are that are new."""
        classes: dict[str, str] = {}
        for module, (old, new) in self.texts.items():
            if old and old != new:
                origin, pairs = f"generated.{self.feature}.{module}", renamed_classes(old, new)
                classes |= pairs
                gone = set(exported(old)) - set(exported(new)) - set(pairs) - {"Handler"}
                references.refer(self.work, {(origin, was): now for was, now in pairs.items()})
                references.stand_in(self.work, origin, gone)
                references.tell_content(self.work, origin, changed_classes(old, new))
        file = self.work.open(self.path)
        if self.path in self.work.files and file is None:
            return
        if file is None and not any(path.startswith("handlers/") for path in self.work.files):
            return  # a project that keeps its handlers elsewhere
        top = {} if file is None else self._names(self.path)
        if "*" in top:
            self._tell_unknown(top["*"])
            return
        renames = self._renames(top)
        for name, method in self.after.methods.items():
            was = renames.get(name, name)
            old_method = self.before.methods.get(was)
            if was != name and old_method is not None:
                self._rename(was, name, method)
            if was not in top:
                self._append(method)
            elif old_method is not None:
                self._fit(was, method, old_method, classes)
            else:
                self._take_back(name, method)
        self._tell_exchanged(top)
        gone_operations = self.before.methods.keys() - self.after.methods.keys() - set(renames.values())
        for name in sorted(gone_operations & top.keys()):
            self._set_aside(name, self.before.methods[name], come)

    def _renames(self, top: Mapping[str, list[Bound]]) -> dict[str, str]:
        """New → old name of each operation that kept its method and path."""
        routes = {method.route: name for name, method in self.before.methods.items() if method.route}
        found = {}
        for name, method in self.after.methods.items():
            was = routes.get(method.route)
            if was and was != name and was in top and name not in top and was not in self.after.methods:
                found[name] = was
        return found

    def _names(self, path: str, seen: frozenset[str] = frozenset()) -> dict[str, list[Bound]]:
        """What a file binds, with what it takes by `*` from others; `*` is left where those are not ours."""
        file = self.work.open(path)
        bound = {} if file is None else bindings(file.tree, path)
        seen |= {path}
        for star in bound.pop("*", []):
            module = star.origin[0] if star.origin else ""
            other = self._file_of(module)
            if other in seen:
                continue
            found = {"*": [star]} if other is None else self._names(other, seen)
            for name in found:
                if name == "*":
                    bound["*"] = [star]
                elif not name.startswith("_"):
                    bound.setdefault(name, [Bound(star.node, star.conditional, (module, name))])
        return bound

    def _file_of(self, module: str) -> str | None:
        """The file of the project that a module is; None where it is none of ours."""
        base = module.replace(".", "/")
        return next((one for one in (f"{base}.py", f"{base}/__init__.py") if one in self.work.files), None)

    def _tell_unknown(self, stars: Sequence[Bound]) -> None:
        """Tell what changed where nobody can say which functions there are."""
        old, new = self.before.methods, self.after.methods
        for name in sorted(old.keys() | new.keys()) if old else []:
            before, after = old.get(name), new.get(name)
            if before is not None and after is not None:
                if before.shape == after.shape:
                    continue
                said = f"the contract changed the signature of `{name}`"
                said += f" ({difference(before, after)})"
            else:
                said = f"the contract has `{name}` {'anew' if before is None else 'no more'}"
            what = f"{said}, and what `import *` brings here is not known"
            fix = "import by name" if after is None else f"{_line_of(after)}  ({after.place})"
            self.work.note(self.path, self._offset(self.path, stars), "change", name, what, fix)

    def _tell_exchanged(self, top: Mapping[str, list[Bound]]) -> None:
        """Tell each operation that took another's name: types may agree while the body is the other's."""
        routes = {method.route: name for name, method in self.before.methods.items() if method.route}
        for name, method in self.after.methods.items():
            old, was = self.before.methods.get(name), routes.get(method.route, name)
            if old is None or was == name or name not in top:
                continue
            path, bound, _ = self._definition(name)
            what = f"`{name}` is {method.route} now, which `{was}` was; it was {old.route}, and its body is"
            fix = f"exchange the bodies, or their names  ({method.place})"
            self.work.note(path, self._offset(path, bound), "change", name, what, fix)

    def _definition(self, name: str) -> tuple[str, list[Bound], list[str]]:
        """The file that defines the function, its definitions there, and the modules that lead to it."""
        path, modules, seen = self.path, [], set()
        while path not in seen:
            seen.add(path)
            modules.append(module_of(path))
            file = self.work.open(path)
            bound = [] if file is None else self._names(path).get(name, [])
            if len(bound) != 1 or bound[0].origin is None or bound[0].origin[1] != name:
                return path, bound, modules
            step = self._file_of(bound[0].origin[0])
            if step is None:
                return path, bound, modules
            path = step
        return path, [], modules

    def _by_hand(self, bound: Sequence[Bound]) -> str:
        """Why a definition is not rewritten; empty where it can be."""
        if len(bound) != 1:
            return "it is defined more than once"
        one = bound[0]
        if one.conditional:
            return "its definition is conditional"
        if not isinstance(one.node, ast.AsyncFunctionDef):
            return "it is no plain `async def`"
        if one.node.decorator_list:
            return "its decorator hides what it takes"
        if one.node.args.vararg or one.node.args.kwarg or one.node.args.posonlyargs:
            return "it takes its arguments in a way of its own"
        return ""

    def _fit(self, name: str, method: Method, old: Method, classes: Mapping[str, str]) -> None:
        was = re.sub(r"\bid='(\w+)'", lambda found: f"id='{classes.get(found[1], found[1])}'", old.shape)
        if was == method.shape:
            return
        said = difference(old, method)
        path, bound, _ = self._definition(name)
        reason = self._by_hand(bound)
        if reason:
            at = self._offset(path, bound)
            what = f"the contract changed the signature of `{name}`, and {reason}: {said}"
            self.work.note(path, at, "change", method.name, what, f"{_line_of(method)}  ({method.place})")
            return
        self._rewrite(path, bound[0].node, method, old, said)

    def _rewrite(self, path: str, node: ast.stmt, method: Method, old: Method | None, said: str) -> None:
        file = self.work.open(path)
        if file is None or not isinstance(node, ast.AsyncFunctionDef):
            return
        if shape(node) == method.shape and not _foreign(file, path, method, self.after):
            return
        known = {one.arg for one in (*old.node.args.args, *old.node.args.kwonlyargs)} if old else set()
        known |= {one.arg for one in (*method.node.args.args, *method.node.args.kwonlyargs)}
        extra = _own_parameters(file, node, known)
        text = written(method, method.name, self._speller(path), extra, width=self.work.width)
        span = span_of(file, node)
        self.work.rewritten.setdefault(path, []).append((span.start, span.end))
        self.work.edit(path, Edit(span.start, span.end, text))
        if span.comments:
            at = file.line_start(node.lineno)
            self.work.edit(path, Edit(at, at, "".join(f"{comment}\n" for comment in span.comments)))
        what = f"the contract changed the signature of `{method.name}`, which was rewritten: {said}"
        lost = _lost(node, method)
        if lost:
            what += f"; its body uses {', '.join(f'`{name}`' for name in lost)}"
        self.work.note(
            path, method.name, "change", method.name, what, f"{_line_of(method)}  ({method.place})"
        )

    def _append(self, method: Method) -> None:
        path = self.path
        spell = self._speller(path)
        signature = written(method, method.name, spell, (), width=self.work.width)
        body = f"    {method.doc_source}\n" if method.doc_source else ""
        raised = spell("NotWritten")
        function = f"async def {method.name}{signature}:\n{body}    raise {raised}\n"
        if path not in self.work.files and path not in self.work.appended:
            self.work.edit(path, Edit(0, 0, f'"""The operations of `{self.feature}`."""\n\n'))
            package = f"handlers/{self.feature}/__init__.py"
            if package not in self.work.files:
                self.work.edit(package, Edit(0, 0, f'"""The handlers of `{self.feature}`."""\n'))
        self.work.appended.setdefault(path, []).append(function)
        file = self.work.open(path)
        if file is not None:
            self.work.edit(path, *_exported_too(file, method.name))
        what = f"`{method.name}` is still to be written: a stub was added"
        self.work.note(path, method.name, "write", method.name, what, f"{_line_of(method)}  ({method.place})")

    def _set_aside(self, name: str, method: Method, come: Mapping[str, str]) -> None:
        path, bound, _ = self._definition(name)
        file = self.work.open(path)
        if file is None:
            return
        for one in bound:
            decorators = getattr(one.node, "decorator_list", [])
            line = min([one.node.lineno, *(decorator.lineno for decorator in decorators)])
            at = file.line_start(line)
            indent = re.match(r"[ \t\f]*", file.text[at:])
            space = indent.group() if indent else ""
            if one.node.lineno == line and file.span(one.node)[0] != at + len(space):
                continue  # it shares its line with another statement
            route = method.route or f"the operation `{name}`"
            mark = f"{space}{MARK} the contract has {route} no more (it stood at {method.place}).\n"
            self.work.edit(path, Edit(at, at, mark))
        what = f"no operation claims `{name}` any more; it was set aside where it stands"
        at = self._offset(path, bound)
        fix = "remove it, or make its name private, once nothing needs it"
        if method.route in come:
            what = f"{what}; {method.route} is {come[method.route]} now"
            fix = "move its body there, then remove it"
        self.work.note(path, at, "remove", name, what, fix)

    def _take_back(self, name: str, method: Method) -> None:
        """An operation came whose function is there: if it was set aside, that ends."""
        path, bound, _ = self._definition(name)
        file = self.work.open(path)
        if file is None or len(bound) != 1:
            return
        node = bound[0].node
        line = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        if line < 2:
            return
        start, end = file.line_start(line - 1), file.line_start(line)
        if not file.text[start:end].strip().startswith(MARK):
            return
        self.work.edit(path, Edit(start, end, ""))
        if not self._by_hand(bound):
            self._rewrite(path, node, method, None, "the operation is back")

    def _rename(self, old: str, new: str, method: Method) -> None:
        path, bound, modules = self._definition(old)
        file = self.work.open(path)
        at = self._offset(path, bound)
        inner = None if file is None else renaming(file, old, new)
        fix = f"{_line_of(method)}  ({method.place})"
        if (
            file is None
            or inner is None
            or len(bound) != 1
            or not isinstance(bound[0].node, ast.FunctionDef | ast.AsyncFunctionDef)
        ):
            what = f"the operation `{old}` is called `{new}` now, and the function cannot be renamed safely"
            self.work.note(path, at, "rename", new, what, fix)
            return
        start = name_of(file, bound[0].node, old)
        self.work.edit(path, Edit(start, start + len(old), new), *inner)
        references.refer(self.work, {(module, old): new for module in modules}, but=path)
        what = f"the operation `{old}` is called `{new}` now; the function was renamed, and where it is named"
        self.work.note(path, new, "rename", new, what, fix)

    def _offset(self, path: str, bound: Sequence[Bound]) -> int:
        file = self.work.open(path)
        return file.span(bound[0].node)[0] if file is not None and bound else 0

    def _speller(self, path: str) -> _Speller:
        return _Speller(self.work, path, self.after)


class _Speller:
    """How names of a protocol are written in one file."""

    def __init__(self, work: Work, path: str, protocol: Protocol) -> None:
        self.work, self.path, self.protocol = work, path, protocol

    def __call__(self, name: str) -> str:
        """The name, imported if need be; builtins as they are."""
        origin = self.protocol.origins.get(name)
        if origin is None and name == "NotWritten":
            origin = ("handfast.runtime", "NotWritten")
        return name if origin is None else self.work.spell(self.path, origin, name)


def _foreign(file: PythonFile, path: str, method: Method, protocol: Protocol) -> bool:
    """Whether a name of the signature means something else in the file, or nothing."""
    bound = bindings(file.tree, path)
    used = {one.id for one in ast.walk(method.node.args) if isinstance(one, ast.Name)}
    if method.node.returns:
        used |= {one.id for one in ast.walk(method.node.returns) if isinstance(one, ast.Name)}
    return any(
        [one.origin for one in bound.get(name, [])] != [protocol.origins[name]]
        for name in used & protocol.origins.keys()
    )


def _own_parameters(file: PythonFile, node: ast.AsyncFunctionDef, known: set[str]) -> list[str]:
    """Parameters with a default that the author added to those of the contract, as they are written."""
    arguments = node.args
    ordinary = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    pairs = [*zip(ordinary, arguments.defaults, strict=True)]
    pairs += [
        (one, default)
        for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    return [
        f"{ast.unparse(one)}{' = ' if one.annotation else '='}{ast.unparse(default)}"
        for one, default in pairs
        if one.arg not in known
    ]


def _exported_too(file: PythonFile, name: str) -> list[Edit]:
    """Put `name` into the list or tuple `__all__`; type checkers do not see what it leaves out."""
    for node in file.tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="__all__")], value=ast.List(elts=[*_, last]) | ast.Tuple(elts=[*_, last])
            ):
                end = file.span(last)[1]
                return [Edit(end, end, f', "{name}"')]
            case _:
                pass
    return []


def _lost(node: ast.AsyncFunctionDef, method: Method) -> list[str]:
    """Old parameters that the body still uses."""
    wanted = {one.arg for one in (*method.node.args.args, *method.node.args.kwonlyargs)}
    old = [one.arg for one in (*node.args.args, *node.args.kwonlyargs) if one.arg not in wanted]
    used = {one.id for statement in node.body for one in ast.walk(statement) if isinstance(one, ast.Name)}
    return [name for name in old if name in used]


def _line_of(method: Method) -> str:
    return f"async def {method.name}{written(method, method.name, str, (), width=10_000)}"
