"""Random contracts, handlers for them full of comments and odd formatting, and random changes."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONTRACT = "specs/001-shop/contracts/api.json"
TEST = "tests/test_shop.py"
APP = """\
from pathlib import Path

from generated.shop.routes import build_router
from handfast.runtime import Settings, create_app
from handlers.shop import operations

settings = Settings(env="development")
app = create_app(settings, root=Path(__file__).parent, routers=[build_router(operations)])
"""
_TYPES: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "date"},
    {"type": "array", "items": {"type": "string"}},
    {"type": "string", "enum": ["a", "b"]},
)


@dataclass
class Operation:
    name: str
    verb: str
    path: str
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    body: str = ""
    result: str = ""
    tag: str = "one"
    identity: str = "thing_id"


class Shop:
    """A contract that can be changed; `renamed` are the words that the last change replaced."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - draws cases, no secrets
        self.count = 0
        self.schemas: dict[str, dict[str, dict[str, Any]]] = {}
        self.operations: list[Operation] = []
        self.renamed: dict[str, str] = {}
        for _ in range(3):
            self.add_schema()
        for _ in range(4):
            self.add_operation()

    def fresh(self) -> int:
        self.count += 1
        return self.count

    def add_schema(self) -> None:
        number = self.fresh()
        self.schemas[f"Thing{number}"] = {f"part{number}": self.random.choice(_TYPES)}

    def add_operation(self) -> None:
        number, names = self.fresh(), ["", *self.schemas]
        verb = self.random.choice(("get", "post", "put", "delete"))
        path = f"/things{number}/{{thing_id}}" if self.random.random() < 0.5 else f"/things{number}"
        body = self.random.choice(names) if verb in ("post", "put") else ""
        made = Operation(f"work{number}", verb, path, {}, body, self.random.choice(names))
        self.operations.append(made)
        if self.random.random() < 0.7:
            self.add_parameter(made)

    def add_parameter(self, operation: Operation) -> None:
        operation.query[f"word{self.fresh()}"] = self.random.choice(_TYPES)

    def change(self) -> list[str]:
        """Change one thing or, one time in four, up to three at once; say which."""
        self.renamed = {}
        count = self.random.choice((1, 1, 1, self.random.randint(2, 3)))
        return [self.change_one() for _ in range(count)]

    def rename(self, was: str, now: str) -> None:
        """Note that a word is replaced, which may have replaced another in the same change."""
        self.renamed = {old: now if new == was else new for old, new in self.renamed.items()} | {was: now}

    def change_one(self) -> str:
        """Make one random change and say which."""
        one = self.random.choice(self.operations)
        kind = self.random.choice(
            ("new", "removed", "renamed", "parameter", "lost", "retyped", "body", "result",
             "schema", "field", "order", "gone", "word", "tag", "identity", "exchange")
        )  # fmt: skip
        match kind:
            case "new":
                self.add_operation()
            case "removed" if len(self.operations) > 1:
                self.operations.remove(one)
            case "renamed":
                was, one.name = one.name, f"work{self.fresh()}"
                self.rename(was, one.name)
            case "lost" if one.query:
                del one.query[self.random.choice([*one.query])]
            case "retyped" if one.query:
                one.query[self.random.choice([*one.query])] = self.random.choice(_TYPES)
            case "body" if one.verb in ("post", "put"):
                one.body = self.random.choice(["", *self.schemas])
            case "result":
                one.result = self.random.choice(["", *self.schemas])
            case "schema":
                was = self.random.choice([*self.schemas])
                now = f"Thing{self.fresh()}"
                self.schemas = {now if name == was else name: made for name, made in self.schemas.items()}
                self.replace(was, now)
                self.rename(was, now)
            case "field":
                self.schemas[self.random.choice([*self.schemas])] = {
                    f"part{self.fresh()}": self.random.choice(_TYPES)
                }
            case "order":
                one.query = dict(reversed(one.query.items()))
            case "word" if one.query:
                was = self.random.choice([*one.query])
                now = f"word{self.fresh()}"
                one.query = {now if name == was else name: made for name, made in one.query.items()}
            case "identity" if "{" in one.path:
                one.identity = f"thing{self.fresh()}_id"
                one.path = re.sub(r"{.*}", f"{{{one.identity}}}", one.path)
            case "exchange":
                other = self.random.choice(self.operations)
                one.name, other.name = other.name, one.name
            case "tag":
                one.tag = "two" if one.tag == "one" else "one"
            case "gone" if len(self.schemas) > 1:
                was = self.random.choice([*self.schemas])
                del self.schemas[was]
                self.replace(was, "")
            case _:
                self.add_parameter(one)
        return kind

    def replace(self, was: str, now: str) -> None:
        for operation in self.operations:
            operation.body = now if operation.body == was else operation.body
            operation.result = now if operation.result == was else operation.result

    def write(self, root: Path) -> None:
        place = root / CONTRACT
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(self.document(), indent=1))

    def document(self) -> dict[str, Any]:
        paths: dict[str, Any] = {}
        for one in self.operations:
            parameters: list[dict[str, Any]] = [
                {"name": name, "in": "query", "schema": kind} for name, kind in one.query.items()
            ]
            if "{" in one.path:
                identity = {"type": "string", "format": "uuid"}
                parameters.append({"name": one.identity, "in": "path", "required": True, "schema": identity})
            answer: dict[str, Any] = {"description": "Done."}
            if one.result:
                answer["content"] = _json(one.result)
            made: dict[str, Any] = {
                "operationId": one.name,
                "tags": [one.tag],
                "parameters": parameters,
                "responses": {"200": answer, "422": {"description": "Wrong."}},
            }
            if one.body:
                made["requestBody"] = {"required": True, "content": _json(one.body)}
            paths.setdefault(one.path, {})[one.verb] = made
        schemas = {
            name: {"type": "object", "properties": parts, "required": [*parts]}
            for name, parts in self.schemas.items()
        }
        info = {"title": "Shop", "version": "1"}
        return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def by_hand(stubs: bytes, seed: int) -> dict[str, bytes]:
    """Write the handlers that `stubs` ask for as somebody with habits would: path → bytes."""
    choose = random.Random(seed)  # noqa: S311 - draws cases, no secrets
    text = stubs.decode()
    text = spelt(text, choose.choice(("plain", "plain", "alias", "module", "dotted", "quoted", "future")))
    head, *functions = text.split("\n\n\nasync def ")
    written = []
    for number, function in enumerate(functions):
        name, _, rest = function.partition("(")
        arguments, _, rest = rest.partition(") -> ")
        result = rest.partition(":\n")[0]
        words = [word.strip() for word in re.split(r",\s", arguments) if word.strip()]
        names = [word.partition(":")[0] for word in words if word != "*"]
        if choose.random() < 0.2:
            words += [*([] if "*" in words else ["*"]), f"mine{number} : int=3"]
        gap = choose.choice(("    ", "\t", "  "))
        if choose.random() < 0.5:
            inner = "".join(f"{gap}{word},  # of {name} {place}\n" for place, word in enumerate(words))
            signature = f"(\n{gap}# before {name}\n{inner})  ->  {result}"
        else:
            signature = f"( {', '.join(words)} )->{result}"
        body = f"{gap}# body {number}\n{gap}kept = ({', '.join(names)}, 'one', \"two\")  ;  del kept\n"
        body += f"{gap}raise RuntimeError( 'x{number}' )   # end {number}\n"
        decorator = "@traced\n" if choose.random() < 0.15 else ""
        function = f"{decorator}async def {name}{signature} :  # behind {name}\n{body}"
        if choose.random() < 0.08:
            function = "if F:\n" + re.sub(r"^(?=.)", " ", function, flags=re.MULTILINE)
        written.append(f"# above {name}\n{function}")
    helper = 'from typing import TypeVar\n\nF = TypeVar("F")\n\n\n'
    helper += "def traced(function: F) -> F:\n    return function  # caf\u00e9\n"
    half = len(written) // 2 if choose.random() < 0.5 else 0
    start = choose.choice(("", "# -*- coding: latin-1 -*-\n"))
    files = {"operations": start + head + "\n" + helper + "\n\n" + "\n\n".join(written[half:])}
    if half:
        files["_more"] = start + head + "\n" + helper + "\n\n" + "\n\n".join(written[:half])
        moved = [function.partition("(")[0] for function in functions[:half]]
        every = [function.partition("(")[0] for function in functions]
        again = f"from handlers.shop._more import {', '.join(moved)}\n\n__all__ = {json.dumps(every)}\n"
        files["operations"] = files["operations"].replace("\n\ndef traced", f"\n{again}\n\ndef traced", 1)
    newline = choose.choice(("\n", "\r\n", "\r"))
    codec = "latin-1" if start else "utf-8"
    mark = b"\xef\xbb\xbf" if not start and choose.random() < 0.3 else b""
    return {
        f"handlers/shop/{name}.py": mark + made.replace("\n", newline).encode(codec)
        for name, made in files.items()
    }


def spelt(text: str, way: str) -> str:
    """Write the names of generated models in a module of stubs as `way` says: imported under other names,
    by the module, in quotes, or not evaluated at all."""
    found = re.search(r"from generated\.shop\.models import (?:\(([^)]*)\)|(.*))\n", text)
    if way == "future":
        docstring, rest = text.split("\n", 1)
        return f"{docstring}\n\nfrom __future__ import annotations\n{rest}"
    if found is None or way == "plain":
        return text
    names = [name.strip() for name in (found[1] or found[2]).split(",") if name.strip()]
    before, after = text[: found.start()], text[found.end() :]
    one_of = rf"\b({'|'.join(names)})\b"
    match way:
        case "alias":
            imported = (
                f"from generated.shop.models import {', '.join(f'{name} as My{name}' for name in names)}"
            )
            after = re.sub(one_of, r"My\1", after)
        case "module":
            imported = "from generated.shop import models  # all of them"
            after = re.sub(one_of, r"models.\1", after)
        case "dotted":
            imported = "import generated.shop.models"
            after = re.sub(one_of, r"generated.shop.models.\1", after)
        case _:
            imported = "import generated.shop.models as gm"
            after = re.sub(rf"(: |-> ){one_of}(?=[,):])", r"\1'gm.\2'", after)
            after = re.sub(rf"(?<![.\w]){one_of}", r"gm.\1", after)
    return f"{before}{imported}\n{after}"


def tests_of(shop: Shop) -> bytes:
    """A module of tests that names every operation and schema, by module and by name, with comments."""
    operations = [one.name for one in shop.operations]
    lines = ["from pkgutil import resolve_name", ""]
    lines += ["from generated.shop import models as m", "from handlers.shop import operations"]
    lines += [f"from generated.shop.models import {name}  # the {name}" for name in shop.schemas]
    lines += [f"from handlers.shop.operations import {name}" for name in operations[1:]]
    lines += ["", "CALLED = [", *(f"    operations.{name},  # {name}" for name in operations), "]"]
    lines += ["NAMED = [", *(f"    {name}," for name in operations[1:]), "]"]
    for name in shop.schemas:
        lines += [
            "",
            "",
            f"def made{name[5:]}(a: {name}, b: 'm.{name}') -> {name} :",
            f"    return a  # {name}",
        ]
    return "\n".join([*lines, ""]).encode()
