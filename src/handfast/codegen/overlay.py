"""OpenAPI Overlay 1.0.0 documents: what the platform adds to a contract, and how to take it off again.

Every action only adds: the keys of its `update` do not exist at its target. So applying the overlay to the
source gives the published document, and removing those keys from the published document gives the source.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handfast.codegen.ir import Json

_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\['((?:[^'\\]|\\.)*)'\]")


@dataclass(frozen=True, slots=True)
class Action:
    """Add the entries of `update` to the mapping at `path`."""

    path: tuple[str, ...]
    update: dict[str, Json]
    description: str

    @property
    def target(self) -> str:
        """The path as a JSONPath expression (RFC 9535)."""
        return "$" + "".join(map(_step, self.path))


def _step(name: str) -> str:
    if _SIMPLE.fullmatch(name):
        return f".{name}"
    return "['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']"


def document(title: str, version: str, extends: str | None, actions: Iterable[Action]) -> dict[str, Json]:
    """Return the overlay as a document; `extends` is the address of the source relative to the overlay."""
    printed: list[Json] = [
        {"target": action.target, "description": action.description, "update": dict(action.update)}
        for action in actions
    ]
    overlay: dict[str, Json] = {"overlay": "1.0.0", "info": {"title": title, "version": version}}
    if extends is not None:
        overlay["extends"] = extends
    overlay["actions"] = printed
    return overlay


def apply(source: Json, overlay: Json) -> Json:
    """Return `source` with the additions of `overlay`."""
    result = copy.deepcopy(source)
    for path, update in _actions(overlay):
        target = _find(result, path)
        for key, value in update.items():
            if key in target:
                raise ValueError(f"{path} has {key!r} already")
            target[key] = copy.deepcopy(value)
    return result


def subtract(published: Json, overlay: Json) -> Json:
    """Return `published` without the additions of `overlay`."""
    result = copy.deepcopy(published)
    for path, update in reversed(_actions(overlay)):
        target = _find(result, path)
        for key, value in update.items():
            if target[key] != value:
                raise ValueError(f"{key!r} at {path} is not what the overlay added")
            del target[key]
    return result


def _actions(overlay: Json) -> list[tuple[list[str], dict[str, Json]]]:
    if not isinstance(overlay, dict) or not isinstance(overlay.get("actions"), list):
        raise ValueError("not an overlay")
    found = []
    for action in overlay["actions"] if isinstance(overlay["actions"], list) else []:
        if isinstance(action, dict) and isinstance(action.get("update"), dict):
            update = action["update"]
            found.append((_path(str(action["target"])), update if isinstance(update, dict) else {}))
    return found


def _path(target: str) -> list[str]:
    return [
        name if name else re.sub(r"\\(.)", r"\1", quoted)
        for name, quoted in _STEP.findall(target.removeprefix("$"))
    ]


def _find(node: Json, path: Sequence[str]) -> dict[str, Json]:
    for name in path:
        node = node[name] if isinstance(node, dict) else node
    if not isinstance(node, dict):
        raise ValueError(f"{path} is no mapping")
    return node
