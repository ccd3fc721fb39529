"""Random contracts, handlers for them full of comments and odd formatting, and random changes."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONTRACT = "specs/001-shop/contracts/api.json"
APP = """\
from generated.shop.routes import build_router
from handlers.shop import operations

router = build_router(operations)
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

    def change(self) -> str:
        """Make one random change and say which."""
        self.renamed = {}
        one = self.random.choice(self.operations)
        kind = self.random.choice(
            ("new", "removed", "renamed", "parameter", "lost", "retyped", "body", "result",
             "schema", "field", "order", "gone")
        )  # fmt: skip
        match kind:
            case "new":
                self.add_operation()
            case "removed" if len(self.operations) > 1:
                self.operations.remove(one)
            case "renamed":
                was, one.name = one.name, f"work{self.fresh()}"
                self.renamed = {was: one.name}
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
                self.renamed = {was: now}
            case "field":
                self.schemas[self.random.choice([*self.schemas])] = {
                    f"part{self.fresh()}": self.random.choice(_TYPES)
                }
            case "order":
                one.query = dict(reversed(one.query.items()))
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
                parameters.append({"name": "thing_id", "in": "path", "required": True, "schema": identity})
            answer: dict[str, Any] = {"description": "Done."}
            if one.result:
                answer["content"] = _json(one.result)
            made: dict[str, Any] = {
                "operationId": one.name,
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
    head, *functions = text.split("\n\n\nasync def ")
    written = []
    for number, function in enumerate(functions):
        name, _, rest = function.partition("(")
        arguments, _, rest = rest.partition(") -> ")
        result = rest.partition(":\n")[0]
        words = [word.strip() for word in re.split(r",\s", arguments) if word.strip()]
        names = [word.partition(":")[0] for word in words if word != "*"]
        gap = choose.choice(("    ", "\t", "  "))
        if choose.random() < 0.5:
            inner = "".join(f"{gap}{word},  # of {name} {place}\n" for place, word in enumerate(words))
            signature = f"(\n{gap}# before {name}\n{inner})  ->  {result}"
        else:
            signature = f"( {', '.join(words)} )->{result}"
        body = f"{gap}# body {number}\n{gap}kept = ({', '.join(names)}, 'one', \"two\")  ;  del kept\n"
        body += f"{gap}raise RuntimeError( 'x{number}' )   # end {number}\n"
        decorator = "@traced\n" if choose.random() < 0.15 else ""
        written.append(f"# above {name}\n{decorator}async def {name}{signature} :  # behind {name}\n{body}")
    helper = 'from collections.abc import Callable\nfrom typing import TypeVar\n\nF = TypeVar("F")\n\n\n'
    helper += "def traced(function: F) -> F:\n    return function  # caf\u00e9\n"
    half = len(written) // 2 if choose.random() < 0.5 else 0
    start = choose.choice(("", "# -*- coding: latin-1 -*-\n"))
    helper = helper.replace("from collections.abc import Callable\n", "")
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
