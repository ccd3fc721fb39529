"""Which branch of a choice became which."""

from __future__ import annotations

from handfast.codegen.source import Map
from handfast.diff import words
from handfast.diff.contract import At
from handfast.diff.flat import flatten, is_null


def shown(at: At) -> str:
    """Return how a branch is called: by its reference, title, type or number."""
    node = at.node
    if isinstance(node, Map):
        for key in ("$ref", "title", "type"):
            if isinstance(node.get(key), str):
                return f"`{words.last_token(node[key])}`"
    return f"{int(at.path[-1]) + 1}" if at.path and at.path[-1].isdigit() else "of another kind"


def matched(old: list[At], new: list[At]) -> tuple[list[tuple[At, At]], list[At], list[At]]:
    """Pair the branches of two choices: equal ones, those of one name, one type, then the rest by order."""
    pairs: list[tuple[At, At]] = []
    rest_old, rest_new = list(old), list(new)
    for alike in (_equal, _same_name, _same_type):
        for one in list(rest_old):
            other = next((each for each in rest_new if alike(one, each)), None)
            if other is not None:
                pairs.append((one, other))
                rest_old.remove(one)
                rest_new.remove(other)
    return pairs, rest_old, rest_new


def _equal(one: At, other: At) -> bool:
    return one.node == other.node or (is_null(one) and is_null(other))


def _same_name(one: At, other: At) -> bool:
    names = [
        words.last_token(node.get("$ref", node.get("title", "")))
        for node in (one.node, other.node)
        if isinstance(node, Map)
    ]
    return len(names) == 2 and names[0] == names[1] != ""


def _same_type(one: At, other: At) -> bool:
    if any(isinstance(at.node, Map) and "$ref" in at.node for at in (one, other)):
        return False  # two names are two things, also where they are much alike
    kinds = [flatten((at,)).types() for at in (one, other)]
    titles = {at.node.get("title") for at in (one, other) if isinstance(at.node, Map)}
    return len(titles) < 2 and kinds[0] == kinds[1] and len(kinds[0]) < 7
