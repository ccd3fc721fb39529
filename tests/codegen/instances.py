"""Values that a schema is likely to accept, from a seeded source."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping

from handfast.codegen.ir import Json

_FORMATS: Mapping[str, tuple[str, ...]] = {
    "uuid": ("7f3c1c5e-5a0c-4d3e-9a0e-3f6d2c1b0a99", "7F3C1C5E-5a0c-4d3e-9a0e-3f6d2c1b0a99"),
    "date": ("2024-02-29", "0000-02-29", "9999-12-31"),
    "date-time": (
        "2024-02-29T10:11:12Z",
        "2024-02-29T10:11:12.123456+02:00",
        "2020-01-01T00:00:00+00:00",
        "2020-01-01T00:00:00-00:00",
        "2020-01-01t00:00:00.5z",
        "2016-12-31T23:59:60Z",
        "2020-01-01T00:00:00.123456789+23:59",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999-12:00",
    ),
    "time": ("10:11:12Z", "23:59:60Z"),
    "duration": ("P1Y2M", "PT0.5S", "P3W"),
    "uri": ("https://example.com/a", "HTTP://EXAMPLE.com:80/%7e"),
    "email": ("a@example.com",),
    "ipv4": ("10.0.0.1",),
    "ipv6": ("0:0:0:0:0:0:0:1",),
    "byte": ("aGVq",),
}
_TEXTS = (
    "",
    " ",
    "2024-02-29",
    "2024-02-29T10:11:12Z",
    "7f3c1c5e-5a0c-4d3e-9a0e-3f6d2c1b0a99",
    "1",
    "true",
    "null",
    "ß",
    "a\u0000b",
)
_NUMBERS = (0, 1, 1.0, -0.0, 1.5, 2**53 + 1, 10**30, 1e22, -1e300, 5e-324, 10**400)
_ANYTHING: tuple[Json, ...] = (None, 1, "a", 1.5, True, {}, [], {"a": [None]}, *_NUMBERS, *_TEXTS)
_DEEPEST = 7


class Maker:
    """Makes values of the schemas of one contract."""

    def __init__(self, schemas: Mapping[str, Json], seed: int = 1) -> None:
        self.schemas = schemas
        self.random = random.Random(seed)  # noqa: S311 (test data, the same in each run)

    def make(self, schema: Json, depth: int = 0) -> Json:
        """Return a value that may be valid; the caller asks the validator."""
        if not isinstance(schema, dict) or depth > _DEEPEST + 2:
            return self.random.choice(_ANYTHING)
        if "const" in schema:
            return schema["const"]
        values = schema.get("enum")
        if isinstance(values, list):
            return self.random.choice(values)
        ref = schema.get("$ref")
        if isinstance(ref, str):
            return self.make(self.schemas[ref.rsplit("/", 1)[-1]], depth + 1)
        for keyword in ("allOf", "oneOf", "anyOf"):
            options = schema.get(keyword)
            if isinstance(options, list):
                rest: Json = {key: value for key, value in schema.items() if key != keyword}
                chosen = options if keyword == "allOf" else [self.random.choice(options)]
                return self._joined(
                    [rest, *chosen] if "properties" in schema or keyword == "allOf" else chosen, depth
                )
        return self._of_type(schema, depth)

    def _joined(self, parts: list[Json], depth: int) -> Json:
        found: Json = None
        for part in parts:
            value = self.make(part, depth + 1)
            found = {**found, **value} if isinstance(found, dict) and isinstance(value, dict) else value
        return found

    def _of_type(self, schema: dict[str, Json], depth: int) -> Json:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = self.random.choice(kind)
        match kind:
            case "null":
                return None
            case "boolean":
                return self.random.random() < 0.5
            case "integer":
                low, high = _number(schema, "minimum", -5), _number(schema, "maximum", 100)
                if self.random.random() < 0.2:
                    return self.random.choice([number for number in _NUMBERS if number == int(number)])
                made = self.random.randint(max(low, -(2**40)), max(low, min(high, 2**40)))
                return float(made) if self.random.random() < 0.2 else made
            case "number" if self.random.random() < 0.4:
                return self.random.choice(_NUMBERS)
            case "number":
                return self.random.choice(
                    [_number(schema, "minimum", 0) + 0.5, _number(schema, "minimum", 0) + 1]
                )
            case "string":
                return self._text(schema)
            case "array":
                return self._list(schema, depth)
            case _:
                return self._object(schema, depth)

    def _text(self, schema: dict[str, Json]) -> str:
        known = _FORMATS.get(str(schema.get("format")))
        if known:
            return self.random.choice(known)
        if self.random.random() < 0.3:
            return self.random.choice(_TEXTS)
        low = _number(schema, "minLength", 0)
        length = self.random.randint(low, max(low, min(_number(schema, "maxLength", 8), low + 8)))
        return "".join(self.random.choice(string.ascii_lowercase) for _ in range(length))

    def _list(self, schema: dict[str, Json], depth: int) -> Json:
        prefix = schema.get("prefixItems")
        if isinstance(prefix, list):
            return [self.make(one, depth + 1) for one in prefix]
        low = _number(schema, "minItems", 0)
        count = (
            low
            if depth > _DEEPEST
            else self.random.randint(low, max(low, min(_number(schema, "maxItems", 2), 2)))
        )
        return [self.make(schema.get("items", True), depth + 1) for _ in range(count)]

    def _object(self, schema: dict[str, Json], depth: int) -> Json:
        properties, required = schema.get("properties"), schema.get("required")
        names = required if isinstance(required, list) else []
        found: dict[str, Json] = {}
        for name, inner in properties.items() if isinstance(properties, dict) else ():
            if name in names or (self.random.random() < 0.5 and depth < _DEEPEST):
                found[name] = self.make(inner, depth + 1)
        more = schema.get("additionalProperties", True)
        if more is not False and self.random.random() < 0.3:
            found[self.random.choice(["zz_extra", "model_config", "", "$ref", "é"])] = self.make(
                more, depth + 1
            )
        patterns = schema.get("patternProperties")
        if isinstance(patterns, dict) and patterns and self.random.random() < 0.5:
            found["x-1"] = self.make(self.random.choice(list(patterns.values())), depth + 1)
        return found | {str(name): "x" for name in names if name not in found}


def _number(schema: dict[str, Json], keyword: str, default: int) -> int:
    value = schema.get(keyword)
    return int(value) if isinstance(value, (int, float)) else default
