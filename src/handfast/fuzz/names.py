"""What names say of ids: `taskId`, `task_id` and `/tasks/{id}` all speak of a task."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ID_WORDS = frozenset(("id", "ids", "uuid", "uuids", "guid", "guids", "ref", "key", "slug", "identifier"))
_IRREGULAR = {"people": "person", "children": "child", "statuses": "status", "addresses": "address"}


def words(name: str) -> list[str]:
    """Return the words of a snake, camel, kebab or Pascal name, in lower case."""
    return [word.lower() for word in _WORDS.findall(name)]


def singular(word: str) -> str:
    """Return the singular of an English plural, as far as names in contracts go."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def noun(name: str) -> str:
    """Return what `name` is about, without the part that says "id": `taskIds` -> `task`; `id` -> ``."""
    found = words(name)
    while found and found[-1] in _ID_WORDS:
        found.pop()
    if not found:
        return ""
    return "_".join([*found[:-1], singular(found[-1])])


def is_id(name: str) -> bool:
    """Whether `name` says that its value identifies something: `id`, `note_id`, `noteIds`, `X-Note-Id`."""
    found = words(name)
    return bool(found) and found[-1] in ("id", "ids", "uuid", "uuids", "guid", "guids")
