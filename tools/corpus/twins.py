"""What the text of a parameter or a form may mean, and so whether its answer can be decided at all.

A wrong value may have a twin: a right one that is written as the same text (`true` where a form declares a
text, `1,2` where a header declares a list of numbers); no server can tell the two apart. A right value may
be lost: no right value is written as its text (a list inside of a list in a header). What a text may mean is
read from the style alone, and the contract's own schema says what is right; the server under test has no part
in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from typing import Any, TypeAlias

IsValid: TypeAlias = Callable[[object], bool]

_MOST = 256
"""Combinations of readings that are tried for one form."""


def parameter_reads_right(value: object, parameter: Mapping[str, Any], is_valid: IsValid) -> bool | None:
    """Whether `value`, which the schema refuses, reads as one that it takes; None where it refuses nothing.

    `parameter` is the parameter object of the contract; a text may be written in its style already.
    """
    if is_valid(value):
        return None
    where = parameter.get("in")
    texts = _texts(value, repeated=where == "query")
    divided = list(_divided(texts[0], parameter)) if len(texts) == 1 else []
    return any(is_valid(one) for one in _readings(texts, divided))


def form_reads_right(
    body: Mapping[str, object], exact: Callable[[str], bool], is_valid: IsValid
) -> bool | None:
    """Whether the form `body`, which the schema refuses, reads as one that it takes; None as above.

    `exact` says which fields are sent as JSON, in which nothing is lost.
    """
    if is_valid(dict(body)):
        return None
    options = []
    for name, value in body.items():
        texts = _texts(value, repeated=True)
        options.append([value] if exact(name) else [value, *_readings(texts, [])])
    tried = islice(product(*options), _MOST)
    return any(is_valid(dict(zip(body, values, strict=True))) for values in tried)


def xml_reads_right(body: object, is_valid: IsValid) -> bool | None:
    """Whether `body`, which the schema refuses, reads as one that it takes; None as above.

    An empty element is an empty text, list or object alike.
    """
    if is_valid(body):
        return None
    return any(is_valid(one) for one in islice(_emptied(body), _MOST))


def _emptied(value: object) -> Iterator[object]:
    """`value` with each empty part as every other empty one."""
    if value in ("", [], {}, None):
        yield from ("", [], {}, None)
    elif isinstance(value, dict):
        for parts in product(*(list(islice(_emptied(one), _MOST)) for one in value.values())):
            yield dict(zip(value, parts, strict=True))
    elif isinstance(value, list):
        yield from map(list, product(*(list(islice(_emptied(one), _MOST)) for one in value)))
    else:
        yield value


def _texts(value: object, *, repeated: bool) -> list[str]:
    """The texts that the tool writes: one a value, or one an item where the name is repeated."""
    if isinstance(value, list | dict):
        texts = [one for item in value for one in _texts(item, repeated=False)]
        return texts if repeated else [",".join(texts)]
    return [value if isinstance(value, str) else json.dumps(value, default=str)]


def _divided(text: str, parameter: Mapping[str, Any]) -> Iterator[list[str]]:
    """The ways to divide one text into items, or into names and values, by the style."""
    where, style, name = parameter.get("in"), parameter.get("style"), parameter.get("name")
    if style in ("spaceDelimited", "pipeDelimited"):
        yield text.split(" " if style == "spaceDelimited" else "|")
    elif where == "query" and parameter.get("explode", True):
        return
    elif style == "label":
        text = text.removeprefix(".")
        yield [text]
        yield text.split(".")
        yield text.split(",")
    elif style == "matrix":
        text = text.removeprefix(";")
        yield [piece.removeprefix(f"{name}=") for piece in text.split(";")]
        yield text.split(";")
        yield text.removeprefix(f"{name}=").split(",")
    else:
        yield text.split(",")


def _readings(texts: list[str], divided: list[list[str]]) -> Iterator[object]:
    """What `texts` may mean: a scalar, a list, or an object of names and values if a text can be divided."""
    for pieces in (texts, *divided):
        if len(pieces) == 1:
            yield from _scalars(pieces[0])
        yield list(pieces)
        yield [_scalars(piece)[0] for piece in pieces]
    if texts == [""]:
        yield []
        yield {}
    for pieces in divided:
        in_turn = list(zip(pieces[::2], pieces[1::2], strict=False))
        spread = [(name, text) for name, sign, text in (piece.partition("=") for piece in pieces) if sign]
        for pairs, whole in ((in_turn, len(pieces) % 2 == 0), (spread, len(spread) == len(pieces))):
            if whole:
                yield dict(pairs)
                yield {name: _scalars(text)[0] for name, text in pairs}
                yield {name: [_scalars(text)[0]] for name, text in pairs}


def _scalars(text: str) -> list[object]:
    """The JSON scalar that `text` is, if it is one, then the text itself."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return [text]
    return [text] if isinstance(value, str | list | dict) else [value, text]


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")
