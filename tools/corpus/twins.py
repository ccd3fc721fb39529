"""Whether a wrong value has a twin: a right one that is written on the wire as the same text.

No server can tell the two apart, so no answer fits both: `true` sent where a form declares a text, `1,2`
where a header declares a list of numbers. What a text may mean is read from the style alone, and the
contract's own schema says whether that is right; the server under test has no part in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from typing import Any, TypeAlias

IsValid: TypeAlias = Callable[[object], bool]

_MOST = 256
"""Combinations of readings that are tried for one form."""


def parameter_has_twin(value: object, parameter: Mapping[str, Any], is_valid: IsValid) -> bool:
    """Whether `value`, which the schema refuses, reads as one that it takes in the style of `parameter`."""
    if is_valid(value):
        return False
    where = parameter.get("in")
    texts = _texts(value, repeated=where == "query")
    return any(is_valid(one) for one in _readings(texts, _delimiters(parameter)))


def form_has_twin(body: Mapping[str, object], exact: Callable[[str], bool], is_valid: IsValid) -> bool:
    """Whether the form `body`, which the schema refuses, reads as one that it takes.

    `exact` says which fields are sent as JSON, in which nothing is lost.
    """
    if is_valid(dict(body)):
        return False
    options = [
        [value] if exact(name) else [value, *_readings(_texts(value, repeated=True), ())]
        for name, value in body.items()
    ]
    tried = islice(product(*options), _MOST)
    return any(is_valid(dict(zip(body, values, strict=True))) for values in tried)


def _texts(value: object, *, repeated: bool) -> list[str]:
    """The texts that the tool writes: one a value, or one an item where the name is repeated."""
    if isinstance(value, list | dict):
        texts = [one for item in value for one in _texts(item, repeated=False)]
        return texts if repeated else [",".join(texts)]
    return [value if isinstance(value, str) else json.dumps(value, default=str)]


def _delimiters(parameter: Mapping[str, Any]) -> tuple[str, ...]:
    """What divides the items of one text, for a style that does not repeat the name."""
    where, style = parameter.get("in"), parameter.get("style")
    if style in ("spaceDelimited", "pipeDelimited"):
        return (" ",) if style == "spaceDelimited" else ("|",)
    exploded = parameter.get("explode", style in (None, "form", "cookie") and where in ("query", "cookie"))
    if where == "query" and exploded:
        return ()
    return (",", ".", ";") if where == "path" else (",",)


def _readings(texts: list[str], delimiters: tuple[str, ...]) -> Iterator[object]:
    """What `texts` may mean: a scalar, a list, or an object of names and values in turn."""
    if len(texts) == 1:
        yield from _scalars(texts[0])
    divided = [texts, *(texts[0].split(one) for one in delimiters if len(texts) == 1)]
    for pieces in divided:
        yield list(pieces)
        yield [_scalars(piece)[0] for piece in pieces]
    if texts == [""]:
        yield []
        yield {}
    for pieces in divided[1:]:
        values = [(pieces[index], pieces[index + 1]) for index in range(0, len(pieces) - 1, 2)]
        equations = [piece.partition("=") for piece in pieces]
        if len(pieces) % 2 == 0:
            yield dict(values)
            yield {name: _scalars(text)[0] for name, text in values}
        if all(sign for _, sign, _ in equations):
            yield {name: text for name, _, text in equations}
            yield {name: _scalars(text)[0] for name, _, text in equations}


def _scalars(text: str) -> list[object]:
    """The JSON scalar that `text` is, if it is one, then the text itself."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return [text]
    return [text] if isinstance(value, str | list | dict) else [value, text]


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")
