"""JSON values → YAML: block style, keys in their order, and every text a text to each YAML reader.

Written here rather than taken from a library: the bytes are part of what users commit, so they must not
change with a library's version, and the pure Python writers take half a minute for the largest contracts.
"""

from __future__ import annotations

import math
import re

from handfast.codegen.ir import Json

_PLAIN = re.compile(r"[A-Za-z0-9_/$.(\u00a1-\u1fff\u2030-\ud7ff\uf900-\ufefe\uff00-\uffef]")
_UNPLAIN = re.compile(
    r": |:$| #|[\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]|^\s|\s$|^\.\.\.|^\.$"
)
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"))
_LONGEST_KEY = 1000
"""Readers look for the colon of a key within 1,024 characters; a longer key is marked by `?`."""
_NUMERIC = re.compile(
    r"""[-+]?(?:[0-9][0-9_]*)?\.?[0-9_]*(?:[eE][-+]?[0-9]+)?  # whether or not a reader wants sign and point
    |0[xX][0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+
    |[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?                  # sexagesimal, and times of day
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*                        # dates
    """,
    re.VERBOSE,
)
_NOT_IN_BLOCK = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def to_yaml(value: Json) -> str:
    """Return `value` as a YAML document that YAML 1.1 and 1.2 readers take back unchanged."""
    lines: list[str] = []
    _block(value, 0, "", lines)
    return "\n".join(lines) + "\n"


def _block(value: Json, indent: int, lead: str, lines: list[str]) -> None:
    """Append `value`; `lead` is what already stands on its first line (`key:`, `-`, or nothing)."""
    if isinstance(value, dict) and value:
        if lead.endswith(":"):
            lines.append(lead)
            lead = ""
        pad = " " * indent
        for number, (key, item) in enumerate(value.items()):
            start = f"{lead} " if number == 0 and lead else pad
            written = _scalar(key)
            if len(written) > _LONGEST_KEY:
                lines.append(f"{start}? {written}")
                start, written = pad, ""
            _entry(f"{start}{written}:", item, indent, lines)
    elif isinstance(value, list) and value:
        if lead.endswith(":"):
            lines.append(lead)
            lead = ""
        pad = " " * indent
        for number, item in enumerate(value):
            start = f"{lead} " if number == 0 and lead else pad
            _entry(f"{start}-", item, indent, lines)
    else:
        lines.append(_leaf(value))


def _entry(lead: str, item: Json, indent: int, lines: list[str]) -> None:
    if isinstance(item, str) and _is_block_text(item):
        _text(lead, item, indent + 2, lines)
    elif isinstance(item, (dict, list)) and item:
        _block(item, indent + 2, lead, lines)
    else:
        lines.append(f"{lead} {_leaf(item)}")


def _is_block_text(text: str) -> bool:
    lines = text.split("\n")
    return (
        len(lines) > 1
        and bool(lines[0].strip())
        and not lines[0].startswith((" ", "\t"))
        and not any(line != line.rstrip() for line in lines)
        and not _NOT_IN_BLOCK.search(text)
    )


def _text(lead: str, text: str, indent: int, lines: list[str]) -> None:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    lines.append(f"{lead} |{'-' if ends == 0 else '' if ends == 1 else '+'}")
    pad = " " * indent
    lines.extend(pad + line if line else "" for line in body.split("\n"))
    lines.extend("" for _ in range(ends - 1))


def _leaf(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float(value)
        case str():
            return _scalar(value)
        case list():
            return "[]"
        case _:
            return "{}"


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 takes `1e+16` for a text: it wants a point before the exponent and a sign in it.
    if "e" in text:
        number, _, power = text.partition("e")
        sign = "" if power[0] in "+-" else "+"
        text = f"{number if '.' in number else f'{number}.0'}e{sign}{power}"
    return text


def _scalar(text: str) -> str:
    """A text on one line: bare if every reader takes it for a text, else in quotes."""
    if (
        text
        and _PLAIN.match(text)
        and not _UNPLAIN.search(text)
        and text.lower() not in _WORDS
        and not _NUMERIC.fullmatch(text)
    ):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_ESCAPED = re.compile(r'["\\]|[^\x20-\x7e]')
