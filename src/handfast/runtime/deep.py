"""Objects in brackets: `filter[price][min]=1` (the style `deepObject`, and forms).

OpenAPI defines one level and scalar members; deeper ones, and lists as `name[]=1` or `name[0]=1`, are read as
the libraries that write them do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from handfast.runtime.readings import Reader

DEEPEST: Final = 20
"""Brackets that one name may have; more make it another name."""

_BRACKETS: Final = re.compile(r"(?:\[[^\[\]]*\])+")
_INDEX: Final = re.compile(r"[0-9]{1,9}")
_BRACKET: Final = re.compile(r"\[([^\[\]]*)\]")

Tree: TypeAlias = "dict[str, Tree] | list[str]"
"""Texts by the names in brackets."""


class Repeated(ValueError):
    """A member that is no list was given twice, or both as a text and by its members."""


def split(key: str) -> tuple[str, list[str]]:
    """Return the name before the brackets of `key`, and the names in them; none where it is no such key."""
    start = key.find("[")
    if start <= 0 or not _BRACKETS.fullmatch(key, start):
        return key, []
    names = _BRACKET.findall(key, start)
    return (key[:start], names) if len(names) <= DEEPEST else (key, [])


def tree_of(source: Mapping[str, list[str]], name: str) -> dict[str, Tree]:
    """Return what `source` says of the object called `name`, which may be nothing; raises `Repeated`."""
    found: dict[str, Tree] = {}
    for key, texts in source.items():
        owner, names = split(key)
        if owner != name or not names:
            continue
        node = found
        for inner in names[:-1]:
            child = node.setdefault(inner, {})
            if isinstance(child, list):
                raise Repeated
            node = child
        last = node.setdefault(names[-1], [])
        if not isinstance(last, list):
            raise Repeated
        last += texts
    return found


def value_of(tree: Tree, reader: Reader, decode: Callable[[str], str]) -> object:
    """Read `tree` by the schema of `reader`, each text through `decode`; raises `Repeated`."""
    if isinstance(tree, list):
        return _scalars(tree, reader, decode)
    if "array" in reader.types and all(name == "" or _INDEX.fullmatch(name) for name in tree):
        items: list[object] = []
        indexed = sorted(tree, key=int) if "" not in tree else list(tree)
        for child in (tree[name] for name in indexed):
            if isinstance(child, list):
                items += [reader.item.scalar(decode(text)) for text in child]
            else:
                items.append(value_of(child, reader.item, decode))
        return items
    return {name: value_of(child, reader.property(name), decode) for name, child in tree.items()}


def _scalars(texts: list[str], reader: Reader, decode: Callable[[str], str]) -> object:
    if "array" in reader.types and (len(texts) > 1 or "string" not in reader.types):
        return [reader.item.scalar(decode(text)) for text in texts]
    if len(texts) > 1:
        raise Repeated
    if texts == [""] and reader.only_object:
        return {}  # the text that an empty object leaves
    return reader.scalar(decode(texts[0]))
