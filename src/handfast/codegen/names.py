"""Names on the wire → Python names: valid, readable, unique, and the same in every run."""

from __future__ import annotations

import builtins
import hashlib
import keyword
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from handfast.codegen.ir import ClassName, Json, PyName

MAX_LENGTH = 60
"""Longer names are cut and end in four hexadecimal digits of their hash: they stay apart and stable."""

RUNTIME_CLASSES = frozenset((
    "Accepted", "ApiError", "Authenticator", "BadRequest", "ConfigError", "Conflict", "Context",
    "ContractRouter", "Created", "Database", "Fault", "Forbidden", "Gone", "Handler", "HeaderName",
    "Inputs", "ItemStream", "Model", "NoContent", "NotFound", "NotImplementedYet", "NotWritten", "Ok",
    "OptionalContext", "PreconditionFailed", "Principal", "PublicContext", "Result", "ServiceUnavailable",
    "Senders", "Settings", "Stream", "Text", "TooManyRequests", "UNSET", "Unauthorized",
    "UnprocessableContent", "Upload",
))  # fmt: skip
"""What generated and hand-written modules import from the runtime."""

_OTHER_CLASSES = frozenset((
    "Annotated", "Any", "AsyncIterator", "BaseModel", "ClassVar", "ConfigDict", "Enum", "Field", "IntEnum",
    "JsonValue", "Literal", "Protocol", "Request", "Response", "RootModel", "StrEnum", "UUID",
))  # fmt: skip
_VARIABLES = frozenset((
    "self", "cls", "ctx", "body", "handler", "router", "call", "request", "response", "inputs",
    "build_router", "date", "datetime", "time", "timedelta", "uuid", "model_config", "generated",
    "handfast", "handlers", "operations", "models", "routes", "dataclass", "annotations", "is_absent",
    "typing", "pydantic", "fastapi", "collections",
))  # fmt: skip
_MODEL_ATTRIBUTES = frozenset((
    "construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema",
    "schema_json", "update_forward_refs", "validate", "register",
))  # fmt: skip
"""Attributes of pydantic models, which a field must not hide."""
_AMBIGUOUS = frozenset(("l", "O", "I"))
"""Names that look like digits (pycodestyle E741)."""
_BUILTINS = frozenset(dir(builtins))
_KEYWORDS = frozenset((*keyword.kwlist, *keyword.softkwlist))
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SIGNS = {
    "+": " plus ",
    "@": " at ",
    "&": " and ",
    "%": " percent ",
    "*": " star ",
    "<": " lt ",
    ">": " gt ",
    "=": " eq ",
}
_LEADING = {"-": "minus ", "+": "plus ", "!": "not ", "<": "lt ", ">": "gt ", "=": "eq "}
_ENUM_ATTRIBUTES = frozenset(("MRO", "NAME", "VALUE", "NONE", "TRUE", "FALSE"))


def words(text: str) -> list[str]:
    """Split `text` into words: `getHTTPStatus-v2` → get, HTTP, Status, v, 2; other scripts stay whole."""
    text = unicodedata.normalize("NFKC", text)
    found: list[str] = []
    for part in re.split(r"[^\w]+|_+", text):
        if part.isascii():
            found += _WORD.findall(part)
        elif part:
            found.append("".join(char for char in part if ("_" + char).isidentifier()))
    return [word for word in found if word]


def _glue_digits(parts: list[str]) -> list[str]:
    """Attach a number to the word before it: item, 2 → item2."""
    glued: list[str] = []
    for part in parts:
        if part.isdigit() and glued and not glued[-1][-1].isdigit():
            glued[-1] += part
        else:
            glued.append(part)
    return glued


def _capped(name: str, text: str) -> str:
    if len(name) <= MAX_LENGTH:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:4]
    return f"{name[: MAX_LENGTH - 5].rstrip('_')}_{digest}"


@lru_cache(maxsize=16384)
def snake(text: str) -> str:
    """Return `text` in snake_case, a valid identifier that shadows nothing: `list-Users!` → `list_users`."""
    name = "_".join(_glue_digits(words(text))).lower()
    if not name:
        name = "value" if text else "empty"
    if not name.isidentifier() and not keyword.iskeyword(name):
        name = f"n_{name}"
    name = _capped(name, text)
    taken = name in _KEYWORDS or name in _BUILTINS or name in _VARIABLES or name in _MODEL_ATTRIBUTES
    return f"{name}_" if taken or name.startswith("model_") or name in _AMBIGUOUS else name


@lru_cache(maxsize=16384)
def pascal(text: str) -> str:
    """Return `text` in PascalCase, a valid identifier that shadows nothing: `task-list` → `TaskList`."""
    parts = words(text)
    name = "".join(
        part[0].upper() + part[1:] if not part.isupper() or len(parts) == 1 else part for part in parts
    )
    if not name:
        name = "Value"
    if not name.isidentifier():
        name = f"N{name}"
    if not name[0].isupper():
        name = name[0].upper() + name[1:]
    name = _capped(name, text).replace("_", "X") if len(name) > MAX_LENGTH else name
    return f"{name}Model" if is_reserved_class(name) else name


_RESERVED_CLASSES = RUNTIME_CLASSES | _OTHER_CLASSES | _BUILTINS | _KEYWORDS | _AMBIGUOUS


def is_reserved_class(name: str) -> bool:
    """Whether a class of that name would hide a builtin, a typing name or one of the runtime's."""
    return name in _RESERVED_CLASSES


class Namer:
    """Hands out names that are unique within one scope; the first to ask keeps the plain name.

    Two names that differ by case or by a final underscore alone are told apart: readers would mix them up.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {_folded(name) for name in taken}

    def reserve(self, name: str) -> None:
        """Keep `name` from being handed out."""
        self._taken.add(_folded(name))

    def is_free(self, name: str) -> bool:
        """Whether nobody has `name` yet."""
        return _folded(name) not in self._taken

    def py(self, text: str) -> PyName:
        """Return a unique snake_case name for `text`."""
        return PyName(self._unique(snake(text), "_"))

    def cls(self, text: str) -> ClassName:
        """Return a unique PascalCase name for `text`."""
        return ClassName(self._unique(pascal(text), ""))

    def constant(self, text: str) -> str:
        """Return a unique CONSTANT_CASE name for `text`."""
        name = "_".join(words(text)).upper() or "EMPTY"
        if not name.isidentifier():
            name = f"VALUE_{name}"
        if name in _ENUM_ATTRIBUTES or name in _AMBIGUOUS:
            name += "_"
        return self._unique(_capped(name, text), "_")

    def _unique(self, name: str, joint: str) -> str:
        base = name.rstrip("_") or name
        joint = joint or ("V" if base[-1].isdigit() else "")
        number, unique = 2, name
        while _folded(unique) in self._taken:
            unique, number = f"{base}{joint}{number}", number + 1
        self._taken.add(_folded(unique))
        return unique


def _folded(name: str) -> str:
    return name.rstrip("_").casefold()


def enum_members(values: Sequence[Json]) -> tuple[str, ...]:
    """Name each value of an enum: `in-progress` → `IN_PROGRESS`, 1 → `VALUE_1`, an empty text → `EMPTY`."""
    namer = Namer()
    return tuple(namer.constant(_member_text(value)) for value in values)


def _member_text(value: Json) -> str:
    if not isinstance(value, str):
        return str(value).replace("-", "minus ")
    if value and not words(value):
        return " ".join(unicodedata.name(char, "sign") for char in value[:3])
    sign = _LEADING.get(value[:1], "") if len(value) > 1 else ""
    return sign + "".join(_SIGNS.get(char, char) for char in value[1 if sign else 0 :])


def derived_operation_id(method: str, path: str) -> str:
    """Name an operation that has no operationId: `GET /pets/{petId}` → `get_pets_by_pet_id`."""
    parts = [f"by {segment}" if "{" in segment else segment for segment in path.split("/") if segment]
    return (
        "_".join(word.lower() for word in _glue_digits(words(f"{method.lower()} {' '.join(parts)}")))
        or method.lower()
    )
