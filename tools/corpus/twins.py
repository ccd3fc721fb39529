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

Pairs: TypeAlias = Callable[[list[str]], list[tuple[str, str]] | None]

_MOST = 256
"""Combinations of readings that are tried for one form."""


def parameter_reads_right(value: object, parameter: Mapping[str, Any], is_valid: IsValid) -> bool | None:
    """Whether `value`, which the schema refuses, reads as one that it takes; None where it refuses nothing.

    `parameter` is the parameter object of the contract; a text may be written in its style already.
    """
    if is_valid(value):
        return None
    texts = _texts(value, repeated=parameter.get("in") == "query")
    divided = list(_divided(texts[0], parameter)) if len(texts) == 1 else []
    pairs = _equations if _explodes(parameter) and parameter.get("in") != "query" else _alternating
    return any(is_valid(one) for one in _readings(texts, divided, pairs))


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
        options.append([value] if exact(name) else [value, *_readings(texts, [], _alternating)])
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
    style, name = parameter.get("style"), parameter.get("name")
    if style in ("spaceDelimited", "pipeDelimited"):
        yield text.split(" " if style == "spaceDelimited" else "|")
    elif parameter.get("in") == "query" and _explodes(parameter):
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


def _explodes(parameter: Mapping[str, Any]) -> bool:
    """Whether `explode` is true, which it is by default for the styles `form` and `cookie` alone."""
    default = "form" if parameter.get("in") in ("query", "cookie") else "simple"
    return bool(parameter.get("explode", parameter.get("style", default) in ("form", "cookie")))


def _readings(texts: list[str], divided: list[list[str]], pairs: Pairs) -> Iterator[object]:
    """What `texts` may mean: a scalar, a list, or an object of names and values if a text can be divided."""
    for pieces in (texts, *divided):
        if len(pieces) == 1:
            yield from _scalars(pieces[0])
        yield list(pieces)
        yield [_scalars(piece)[0] for piece in pieces]
    if texts == [""]:
        yield []
        yield {}
    for found in filter(None, map(pairs, divided)):
        yield dict(found)
        yield {name: _scalars(text)[0] for name, text in found}
        yield {name: [_scalars(text)[0]] for name, text in found}


def _alternating(pieces: list[str]) -> list[tuple[str, str]] | None:
    """`a,1,b,2` as pairs."""
    return None if len(pieces) % 2 else list(zip(pieces[::2], pieces[1::2], strict=True))


def _equations(pieces: list[str]) -> list[tuple[str, str]] | None:
    """`a=1,b=2` as pairs."""
    found = [(name, text) for name, sign, text in (piece.partition("=") for piece in pieces) if sign]
    return found if len(found) == len(pieces) else None


def _scalars(text: str) -> list[object]:
    """The JSON scalar that `text` is, if it is one, then the text itself."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return [text]
    return [text] if isinstance(value, str | list | dict) else [value, text]


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")
