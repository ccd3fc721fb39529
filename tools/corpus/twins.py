"""What the text of a parameter or a form may mean, and so whether its answer can be decided at all.

A wrong value may have a twin: a right one that is written as the same text (`true` where a form declares a
text, `1,2` where a header declares a list of numbers); no server can tell the two apart. A right value may
be lost: no right value is written as its text (a list inside of a list in a header). What a text may mean is
read from the style alone, and the contract's own schema says what is right; the server under test has no part
in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, product
from typing import Any, TypeAlias
from urllib.parse import unquote

IsValid: TypeAlias = Callable[[object], bool]

_MOST = 256
"""Combinations of readings that are tried for one form."""


def parameter_reads_right(value: object, parameter: Mapping[str, Any], is_valid: IsValid) -> bool | None:
    """Whether `value`, which the schema refuses, reads as one that it takes; None where it refuses nothing.

    `parameter` is the parameter object of the contract; a text may be in its style already, and one in
    a path is percent-encoded.
    """
    if is_valid(value):
        return None
    texts = _texts(value, repeated=parameter.get("in") == "query")
    return any(is_valid(one) for one in _meanings(texts, parameter))


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
        texts = _texts(value, repeated=True) or [""]
        options.append([value] if exact(name) else [value, *_readings(texts)])
    tried = islice(product(*options), _MOST)
    return any(is_valid(dict(zip(body, values, strict=True))) for values in tried)


def members(
    parameter: Mapping[str, Any], sent: Mapping[str, object], declared: Iterable[str]
) -> dict[str, object] | None:
    """Return the members of an object that stand in the query by their own names; None where deeper ones do.

    `sent` are the names and values of the query, `declared` the names of the operation's parameters.
    """
    if parameter.get("style") != "deepObject":
        return {name: value for name, value in sent.items() if name not in set(declared)}
    start = f"{parameter.get('name')}["
    inner = {name[len(start) : -1]: value for name, value in sent.items() if name.startswith(start)}
    return None if any("[" in name or "]" in name for name in inner) else inner


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


def _meanings(texts: list[str], parameter: Mapping[str, Any]) -> Iterator[object]:
    """What the texts of a parameter may mean by its style."""
    if len(texts) > 1 or (parameter.get("in") == "query" and _explodes(parameter)):
        yield from _readings(texts)
        return
    text, style, explode = texts[0], parameter.get("style"), _explodes(parameter)
    delimiter, prefix, name = ",", "", f"{parameter.get('name')}="
    if style in ("spaceDelimited", "pipeDelimited"):
        delimiter = " " if style == "spaceDelimited" else "|"
    elif style in ("label", "matrix"):
        prefix = "." if style == "label" else ";"
        delimiter = prefix if explode else ","
    text = text.removeprefix(prefix)
    named = text if style == "matrix" and explode else text.removeprefix(name if style == "matrix" else "")
    decode = unquote if parameter.get("in") == "path" else str
    yield from _readings([decode(text.removeprefix(name) if style == "matrix" else text)])
    yield from _lists([decode(piece.removeprefix(name)) for piece in text.split(delimiter)])
    yield from _lists([decode(piece) for piece in named.split(delimiter)])
    if style == "label":  # OpenAPI 3.0 divides by points whatever `explode` says
        yield from _lists([decode(piece) for piece in text.split(".")])
    yield from _objects([decode(piece) for piece in named.split(delimiter)], spread=explode)


def _explodes(parameter: Mapping[str, Any]) -> bool:
    """Whether `explode` is true, which it is by default for the styles `form` and `cookie` alone."""
    default = "form" if parameter.get("in") in ("query", "cookie") else "simple"
    return bool(parameter.get("explode", parameter.get("style", default) in ("form", "cookie")))


def _readings(texts: list[str]) -> Iterator[object]:
    """What texts that nothing divides may mean: a scalar, a list, an empty object."""
    if len(texts) == 1:
        yield from _scalars(texts[0])
    yield from _lists(texts)
    if texts == [""]:
        yield []
        yield {}


def _lists(pieces: list[str]) -> Iterator[object]:
    yield list(pieces)
    yield [_scalars(piece)[0] for piece in pieces]


def _objects(pieces: list[str], *, spread: bool) -> Iterator[object]:
    """Objects written as `a=1,b=2` where they are spread, else as `a,1,b,2`."""
    if spread:
        pairs = [(name, text) for name, sign, text in (piece.partition("=") for piece in pieces) if sign]
        whole = len(pairs) == len(pieces)
    else:
        pairs = list(zip(pieces[::2], pieces[1::2], strict=False))
        whole = len(pieces) % 2 == 0
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
