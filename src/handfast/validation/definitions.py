"""The schemas of a contract in the form of one direction, all in one registry, compiled one by one."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from jsonschema_rs import Registry, Validator

from handfast.validation.directions import LOCAL, Directed, Direction, Schema
from handfast.validation.engine import compiled


class Definitions:
    """What validators of one direction refer to; it is in memory once, however many there are."""

    def __init__(self, schemas: Mapping[str, Schema], direction: Direction) -> None:
        """Convert all schemas; they stay as they are."""
        self._uri = f"urn:handfast:{direction}"
        self._directed = Directed(schemas, direction, self._address)
        self._registry = self._registered()

    def _registered(self) -> Registry:
        self._count = len(self._directed.definitions)
        return Registry([(self._uri, {"$id": self._uri, "$defs": self._directed.definitions})])

    def named(self, name: str | None) -> Schema:
        """The schema that stands for the one called `name`; None is the schema that admits anything."""
        return True if name is None else {"$ref": self._address(name)}

    def inline(self, schema: Schema) -> Schema:
        """The form of a part of one of the contract's schemas."""
        made = self._directed.of(schema)
        if len(self._directed.definitions) > self._count:
            self._registry = self._registered()
        return made

    def compile(self, schema: Schema) -> Validator:
        """Compile what `named` or `inline` gave; raises `Unusable`, which generation has ruled out."""
        return compiled(schema, self._registry)

    def _address(self, name: str) -> str:
        """Where the registry has the schema called `name`; a URI is ASCII, a name need not be."""
        return f"{self._uri}{LOCAL}{quote(name)}"
