"""Header values as text, in the style `simple` (OpenAPI 3.1, 4.8.21)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic_core import to_json

from handfast.runtime.views import jsonable


def header_texts(headers: Mapping[str, object]) -> dict[str, str]:
    """Return the texts of the headers that are given; None stands for a header that is left out."""
    return {
        name: one_line(header_text(jsonable(value))) for name, value in headers.items() if value is not None
    }


def header_text(value: object, form: str = "simple") -> str:
    """Return the text of a JSON value, in the `form` that a header of the contract has."""
    if form == "json":
        return json.dumps(value)  # escapes what is not ASCII, which no header may hold
    if isinstance(value, list):
        return ",".join(text_of(one) for one in value)
    if isinstance(value, dict):
        between = "=" if form == "exploded" else ","
        return ",".join(f"{name}{between}{text_of(one)}" for name, one in value.items())
    return text_of(value)


def text_of(value: object) -> str:
    """Return a text as it is and any other value as JSON: what `readings` makes the same value of again."""
    return value if isinstance(value, str) else to_json(value, inf_nan_mode="null").decode()


def breaks_line(text: str) -> bool:
    """Whether `text` holds what would end its header."""
    return "\r" in text or "\n" in text or "\0" in text


def one_line(text: str) -> str:
    """Return `text` without what would end its header."""
    return " ".join(text.replace("\0", " ").split()) if breaks_line(text) else text
