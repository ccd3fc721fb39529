"""The rule about credentials in examples and defaults."""

from __future__ import annotations

import re

from handfast.codegen.ir import Source
from handfast.codegen.report import Report
from handfast.codegen.source import Map, Node, Seq
from handfast.codegen.walk import walk

_SHAPES = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=\s]{64,}"),
    "a JSON Web Token": re.compile(r"\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{20,}"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)(?!.{9}EXAMPLE)[A-Z0-9]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,})\b"),
    "a Slack token": re.compile(r"\bxox[abprs]-\d{8,}-[\w-]{12,}"),
    "a Stripe key": re.compile(r"\b[sr]k_live_[A-Za-z0-9]{20,}"),
    "a Google API key": re.compile(r"\bAIza[\w-]{35}\b"),
}
"""What is issued in a form of its own, so that it can be told from a text that only looks random."""
_NEEDLES = ("-----BEGIN", "eyJ", "AKIA", "ASIA", "gh", "xox", "k_live_", "AIza")
_KEYS = ("example", "examples", "default", "value", "dataValue", "serializedValue", "enum", "const")


def check(root: Map, report: Report) -> None:
    """Note every text of an example or default that has the form of a credential."""
    for visit in walk(root):
        for key in _KEYS:
            if key in visit.node and visit.kind in ("schema", "parameter", "header", "media type", "example"):
                _texts(visit.node[key], visit.node.value_source(key), report)


def _texts(node: Node, source: Source, report: Report) -> None:
    pending: list[tuple[Node, Source]] = [(node, source)]
    while pending:
        current, place = pending.pop()
        if isinstance(current, Map):
            if "$ref" not in current:
                pending.extend((value, current.value_source(key)) for key, value in current.items())
        elif isinstance(current, Seq):
            pending.extend((item, current.value_source(index)) for index, item in enumerate(current))
        elif isinstance(current, str) and any(needle in current for needle in _NEEDLES):
            for name, shape in _SHAPES.items():
                if shape.search(current):
                    what = f"the example has the form of {name}"
                    fix = "revoke it if it was ever valid, and write a text that nobody can mistake for one"
                    report.warn(place, "secret-in-example", what, fix)
