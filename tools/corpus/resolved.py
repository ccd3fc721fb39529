"""Local references of a published document."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


def resolved(document: Any, node: Any) -> Any:
    """Follow local references; whatever else a reference may be is left."""
    for _ in range(20):
        if not (
            isinstance(node, dict) and isinstance(node.get("$ref"), str) and node["$ref"].startswith("#/")
        ):
            break
        target: Any = document
        for token in node["$ref"][2:].split("/"):
            name = unquote(token).replace("~1", "/").replace("~0", "~")
            target = target[int(name)] if isinstance(target, list) else target[name]
        node = target
    return node
