"""JSON Pointers (RFC 6901) and local references (`#/…`) in documents of plain JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote

MOST_HOPS: Final = 50
"""How many references in a row are followed: more are a circle."""


def pointer(parts: Iterable[str | int]) -> str:
    """Return the JSON Pointer of `parts`."""
    return "".join("/" + escape(str(part)) for part in parts)


def escape(token: str) -> str:
    """Escape one token for use in a pointer (RFC 6901, 3)."""
    return token.replace("~", "~0").replace("/", "~1")


def tokens(text: str) -> tuple[str, ...]:
    """Return the unescaped tokens of a JSON Pointer (RFC 6901, 4); `""` has none."""
    return tuple(map(_unescaped, text.split("/")[1:]))


def fragment_tokens(fragment: str) -> tuple[str, ...]:
    """Return the tokens of a JSON Pointer that is the fragment of a URI (RFC 6901, 6).

    A slash that is written `%2F` is taken for a part of its token, as authors mean it.
    """
    return tuple(_unescaped(unquote(token)) for token in fragment.split("/")[1:])


def _unescaped(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")


def at(document: Any, path: Iterable[str]) -> Any:
    """Return what tokens lead to in `document`; None where there is nothing."""
    for token in path:
        if isinstance(document, Mapping):
            document = document.get(token)
        elif (
            isinstance(document, list) and token.isascii() and token.isdigit() and int(token) < len(document)
        ):
            document = document[int(token)]
        else:
            return None
    return document


def target(node: Any) -> tuple[str, ...] | None:
    """Return the tokens of the local reference that `node` is (RFC 6901, 6); None where it is none."""
    ref = node.get("$ref") if isinstance(node, Mapping) else None
    return fragment_tokens(ref[1:]) if isinstance(ref, str) and ref.startswith("#/") else None


def followed(document: Any, node: Any) -> Any:
    """Return `node`, or what its local references lead to in the end; None where that is nothing.

    What stands beside a reference is passed over.
    """
    for _ in range(MOST_HOPS):
        path = target(node)
        if path is None:
            return node
        node = at(document, path)
    return None
