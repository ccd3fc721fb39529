"""The parts of a checked contract that rules look at: operations with their parameters and answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handfast.codegen.ir import Source
from handfast.codegen.pointer import deref
from handfast.codegen.rules import operations
from handfast.codegen.source import Map, Node, Seq


@dataclass(frozen=True, slots=True)
class Place:
    """One operation under `paths`."""

    root: Map
    path: str
    method: str
    item: Map
    node: Map

    @property
    def title(self) -> str:
        """What a reader calls it."""
        return f"`{self.method} {self.path}`"

    @property
    def source(self) -> Source:
        """Where it begins."""
        return self.node.source

    @property
    def statuses(self) -> tuple[str, ...]:
        """The statuses that it declares, `4XX` in capitals."""
        found = self.node.get("responses")
        return tuple(key.upper() for key in found) if isinstance(found, Map) else ()

    def answers(self, *statuses: str) -> bool:
        """Whether one of `statuses` is declared, by itself or by a range or `default`."""
        wanted = {*statuses, *(f"{status[0]}XX" for status in statuses), "DEFAULT"}
        return not wanted.isdisjoint(self.statuses)

    def parameters(self) -> list[Map]:
        """Its own parameters and those of its path, without their references."""
        found: dict[tuple[str, str], Map] = {}
        for owner in (self.item, self.node):
            listed = owner.get("parameters")
            for entry in listed if isinstance(listed, Seq) else ():
                parameter, _ = deref(self.root, entry)
                if parameter is not None:
                    found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
        return list(found.values())

    def body(self) -> Map | None:
        """Its request body."""
        return deref(self.root, self.node.get("requestBody"))[0]

    def responses(self) -> Iterator[tuple[str, Map]]:
        """Yield (status, response) without references."""
        found = self.node.get("responses")
        for status, entry in found.items() if isinstance(found, Map) else ():
            response, _ = deref(self.root, entry)
            if response is not None:
                yield status.upper(), response

    def secured(self) -> bool:
        """Whether every request needs credentials."""
        requirements = self.node.get("security", self.root.get("security"))
        return isinstance(requirements, Seq) and bool(requirements) and all(requirements)


def places(root: Map) -> list[Place]:
    """Return every operation under `paths`."""
    return [Place(root, path, method, item, node) for path, item, method, node in operations(root)]


def schemas_of(owner: Map, *, json_only: bool = False) -> Iterator[tuple[Map, str]]:
    """Yield (holder, key) of the schemas of a parameter, header, body or response."""
    if isinstance(owner.get("schema"), Map):
        yield owner, "schema"
    content = owner.get("content")
    for name, media in content.items() if isinstance(content, Map) else ():
        if isinstance(media, Map) and isinstance(media.get("schema"), Map):
            kind = name.partition(";")[0].strip().lower()
            if not json_only or kind == "application/json" or kind.endswith("+json"):
                yield media, "schema"


def target(root: Map, node: Node) -> Map | None:
    """Return the object at the end of `node`'s references."""
    return deref(root, node)[0]
