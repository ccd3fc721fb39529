"""What SARIF 2.1.0 (OASIS) demands of the parts that reports use, as a schema of closed objects.

The facts are those of the standard's sections 3.13 to 3.49: names, types, what is demanded, and that nothing
else may stand there.
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string", "minLength": 1}
WHOLE = {"type": "integer", "minimum": 1}


def _closed(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def _many(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


MESSAGE = _closed(("text",), text=TEXT)
"""3.11: a message has a text."""
RULE = _closed(("id",), id=TEXT, shortDescription=MESSAGE, help=MESSAGE, properties={"type": "object"})
"""3.49."""
PHYSICAL = _closed(
    ("artifactLocation",),
    artifactLocation=_closed(("uri",), uri={"type": "string", "format": "uri-reference"}),
    region=_closed(startLine=WHOLE, startColumn=WHOLE),
)
"""3.29; lines and columns count from 1 (3.30.5, 3.30.6)."""
LOCATION = _closed(
    id={"type": "integer", "minimum": -1},
    physicalLocation=PHYSICAL,
    logicalLocations=_many(_closed(fullyQualifiedName=TEXT), uniqueItems=True),
    message=MESSAGE,
)
"""3.28."""
RESULT = _closed(
    ("message",),
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level={"enum": ["none", "note", "warning", "error"]},
    message=MESSAGE,
    locations=_many(LOCATION),
    relatedLocations=_many(LOCATION, uniqueItems=True),
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    suppressions=_many(
        _closed(
            ("kind",),
            kind={"enum": ["inSource", "external"]},
            status={"enum": ["accepted", "underReview", "rejected"]},
            justification=TEXT,
        ),
        uniqueItems=True,
    ),
    properties={"type": "object"},
)
"""3.27."""
LOG = _closed(
    ("version", "runs"),
    version={"const": "2.1.0"},
    runs=_many(
        _closed(
            ("tool",),
            tool=_closed(
                ("driver",), driver=_closed(("name",), name=TEXT, rules=_many(RULE, uniqueItems=True))
            ),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results=_many(RESULT),
        )
    ),
)
"""3.13; `$schema` may stand there, and is an address (3.13.3)."""
LOG["properties"]["$schema"] = {"type": "string", "format": "uri"}
