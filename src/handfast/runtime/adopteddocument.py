"""The document of an adopted application: its own, with what has moved as its contract has it."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from handfast.runtime.routing import shape
from handfast.validation.pointers import followed

_METHODS: Final = frozenset(("get", "put", "post", "delete", "options", "head", "patch", "trace"))
_COMPONENT = re.compile(r"#/components/([^/]+)/([^/]+)")
_PARAMETER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class MovedOperation:
    """One operation that has moved."""

    method: str
    path: str
    """As the published contract has it."""
    whole: str
    """Where it is served, the base path included."""


def with_moved(
    own: Mapping[str, Any], published: Mapping[str, Any], moved: Sequence[MovedOperation]
) -> dict[str, Any]:
    """Return a copy of `own` with each of `moved` as `published` describes it, and the components it needs.

    A component whose name `own` has for something else is called `NAME.contract`. Parameters in paths keep
    the names that `own` gives them. Documents of different versions of OpenAPI cannot be put together: then
    the copy is as `own` is. Methods that the version has no key for are left out.
    """
    made = copy.deepcopy(dict(own))
    if _version(own) != _version(published):
        return made
    paths: dict[str, Any] = made.setdefault("paths", {})
    merge = _Merge(made, published)
    for one in moved:
        item = followed(published, published.get("paths", {}).get(one.path))
        method = one.method.lower()
        if method not in _METHODS or not isinstance(item, Mapping) or method not in item:
            continue
        key = next((path for path in paths if shape(path) == shape(one.whole)), one.whole)
        operation = copy.deepcopy(item[method])
        parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
        if parameters:
            names = dict(
                zip(reversed(_PARAMETER.findall(one.whole)), reversed(_PARAMETER.findall(key)), strict=True)
            )
            operation["parameters"] = [_renamed(followed(published, each), names) for each in parameters]
        security = operation.get("security", published.get("security"))
        if security is not None:
            operation["security"] = [merge.requirement(alternative) for alternative in security]
        paths.setdefault(key, {})[method] = merge.taken(operation)
    return made


def _version(document: Mapping[str, Any]) -> str:
    return ".".join(str(document.get("openapi", "")).split(".")[:2])


def _renamed(parameter: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(parameter, Mapping) or parameter.get("in") != "path":
        return parameter
    return {**parameter, "name": names.get(parameter["name"], parameter["name"])}


@dataclass(slots=True)
class _Merge:
    """Brings components along."""

    into: dict[str, Any]
    published: Mapping[str, Any]
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def taken(self, node: Any) -> Any:
        """Return a part of the contract whose references lead to the components of the document."""
        match node:
            case Mapping():
                made = {key: self.taken(value) for key, value in node.items()}
                for key, value in made.items():
                    if key == "$ref" and isinstance(value, str):
                        made[key] = self.reference(value)
                    elif key == "mapping" and isinstance(value, Mapping):
                        made[key] = {name: self.reference(ref) for name, ref in value.items()}
                return made
            case list():
                return [self.taken(value) for value in node]
            case _:
                return node

    def reference(self, ref: Any) -> Any:
        found = _COMPONENT.match(ref) if isinstance(ref, str) else None
        if found is None:
            return ref
        return f"#/components/{found[1]}/{self.component(found[1], found[2])}{ref[found.end() :]}"

    def requirement(self, alternative: Mapping[str, Any]) -> dict[str, Any]:
        return {self.component("securitySchemes", name): scopes for name, scopes in alternative.items()}

    def component(self, section: str, name: str) -> str:
        """Bring one component along, once, and return its name."""
        key = (section, name)
        if key in self.names:
            return self.names[key]
        present = self.into.setdefault("components", {}).setdefault(section, {})
        value = self.published.get("components", {}).get(section, {}).get(name)
        self.names[key] = name
        if value is None or present.get(name, value) == value:
            if value is not None and name not in present:
                present[name] = value  # a cycle finds it here
                present[name] = self.taken(value)
            return name
        self.names[key] = f"{name}.contract"
        present[self.names[key]] = value
        present[self.names[key]] = self.taken(value)
        return self.names[key]
