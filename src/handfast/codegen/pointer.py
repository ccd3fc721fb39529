"""JSON Pointers (RFC 6901) in positioned documents."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from urllib.parse import quote

from handfast.codegen.source import Map, Node, Seq
from handfast.validation.pointers import escape, fragment_tokens
from handfast.validation.pointers import pointer as pointer_of

_MAX_HOPS = 50


class Dangling(Exception):
    """A pointer that leads nowhere: the part that exists, the token that does not, and what is there."""

    def __init__(self, found: str, token: str, names: tuple[str, ...]) -> None:
        super().__init__(f"{found} has no {token}")
        self.found = found
        self.token = token
        self.names = names

    def advice(self) -> str:
        """Say what to write instead: the nearest names that do exist."""
        near = get_close_matches(self.token, self.names, n=3, cutoff=0.6)
        lower = {name.lower(): name for name in self.names}
        if self.token.lower() in lower and lower[self.token.lower()] not in near:
            near.insert(0, lower[self.token.lower()])
        where = f"`{self.found.removesuffix('#')}`" if self.found != "#" else "the document"
        if near:
            return "did you mean " + " or ".join(f"`{name}`" for name in near) + f" in {where}?"
        return f"define `{self.token}` in {where}, or correct the reference"


def tokens(pointer: str) -> list[str]:
    """Split the fragment of a reference into its unescaped tokens; `""` and `/` mean the whole document."""
    if pointer in ("", "/"):
        return []
    return list(fragment_tokens("/" + pointer.removeprefix("/")))


def reference(path: Iterable[str]) -> str:
    """Return the reference to the place that the tokens lead to, as a URI (RFC 6901, 6)."""
    return encoded("#" + pointer_of(path))


def encoded(ref: str) -> str:
    """Return `ref` with every character percent-encoded that a URI reference may not hold."""
    return quote(ref, safe="#/?:@!$&'()*+,;=-._~%")


def step(node: Node, token: str) -> tuple[bool, Node]:
    """Return whether `node` has an entry `token`, and that entry."""
    if isinstance(node, Map) and token in node:
        return True, node[token]
    if (
        isinstance(node, Seq)
        and token.isascii()
        and token.isdigit()
        and len(token) < 10
        and int(token) < len(node)
    ):
        return True, node[int(token)]
    return False, None


def names_in(node: Node) -> tuple[str, ...]:
    """Return the tokens that lead on from `node`."""
    if isinstance(node, Map):
        return tuple(node)
    if isinstance(node, Seq):
        return tuple(str(index) for index in range(len(node)))
    return ()


def lookup(root: Node, pointer: str, hops: int = 0) -> Node:
    """Return what `pointer` names in `root`, following local references on the way; raises `Dangling`."""
    node, found = root, "#"
    for token in tokens(pointer):
        known, value = step(node, token)
        if not known and isinstance(node, Map) and hops < _MAX_HOPS:
            ref = node.get("$ref")
            if isinstance(ref, str) and ref.startswith("#"):
                node = lookup(root, ref[1:], hops + 1)
                known, value = step(node, token)
        if not known:
            raise Dangling(found, token, names_in(node))
        node, found = value, f"{found}/{escape(token)}"
    return node


def deref(root: Map, node: Node) -> tuple[Map | None, str]:
    """Return the object behind a chain of local references, and the last token of the last one."""
    name = ""
    for _ in range(100):
        if not isinstance(node, Map) or not isinstance(node.get("$ref"), str):
            break
        ref = str(node["$ref"])
        name = tokens(ref[1:])[-1] if ref.startswith("#/components/") and ref.count("/") == 3 else ""
        try:
            node = lookup(root, ref[1:])
        except Dangling:
            return None, ""
    return (node, name) if isinstance(node, Map) else (None, "")
