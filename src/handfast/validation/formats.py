"""Every name that `format` may have: who holds texts against it, or that nobody does.

The names are those of JSON Schema 2020-12 (validation, 7.3), OpenAPI 3.0 to 3.2 and the OpenAPI format
registry. What the engine checks was held against the RFCs; what it does not know is checked here. A name in
no row is an annotation, as an unknown one must be (validation, 7.2.3).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

By: TypeAlias = Literal["engine", "here", "bounds", "nobody"]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: who enforces it, and what it is called in prose or why nobody enforces it."""

    by: By
    what: str
    check: Callable[[str], bool] | None = None
    """The check of a text, where it is done here."""


def _integers(bits: int) -> dict[str, tuple[int, int]]:
    return {f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1), f"uint{bits}": (0, 2**bits - 1)}


BOUNDS: dict[str, tuple[int, int]] = {
    **_integers(8), **_integers(16), **_integers(32), **_integers(64),
    "double-int": (-(2**53) + 1, 2**53 - 1),
    "sf-integer": (-(10**15) + 1, 10**15 - 1),
}  # fmt: skip
"""Formats of numbers, as the least and the greatest value."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_DECIMAL128 = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_DECIMAL128_DIGITS = 34
_SF_STRING = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"')
_SF_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_SF_DECIMAL = re.compile(r"-?[0-9]{1,12}\.[0-9]{1,3}")
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_PARAMETER = rf"(?:[ \t]*;[ \t]*(?:{_NAME}=(?:{_NAME}|{_QUOTED}))?)"
_MEDIA_RANGE = re.compile(rf"(?:\*/\*|{_NAME}/\*|{_NAME}/{_NAME}){_PARAMETER}*")
_CLOCK = r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
_LOCAL_TIME = re.compile(rf"{_CLOCK}(?:\.[0-9]+)?")
_LOCAL_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT_DAYS = "|".join(day[:3] for day in _DAYS)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
_DAY, _YEAR = "(?P<day>[0-9]{2})", "(?P<year>[0-9]{4})"
_HTTP_DATES = (
    re.compile(rf"(?:{_SHORT_DAYS}), {_DAY} (?P<month>{_MONTH}) {_YEAR} {_CLOCK} GMT"),
    re.compile(rf"(?:{'|'.join(_DAYS)}), {_DAY}-(?P<month>{_MONTH})-(?P<year>[0-9]{{2}}) {_CLOCK} GMT"),
    re.compile(rf"(?:{_SHORT_DAYS}) (?P<month>{_MONTH}) (?P<day>[ 0-9][0-9]) {_CLOCK} {_YEAR}"),
)


def _is_base64(text: str) -> bool:
    """RFC 4648, 4: padded, nothing between, and no bits after the last byte."""
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except (binascii.Error, ValueError):
        return False


def _is_base64url(text: str) -> bool:
    """RFC 4648, 5: the padding may be left out, as everywhere but in that RFC."""
    if not _BASE64URL.fullmatch(text):
        return False
    bare = text.rstrip("=")
    padded = bare + "=" * (-len(bare) % 4)
    standard = padded.replace("-", "+").replace("_", "/")
    return text in (bare, padded) and len(bare) % 4 != 1 and _is_base64(standard)


def _is_decimal128(text: str) -> bool:
    digits = re.sub(r"[eE].*|[^0-9]", "", text).lstrip("0")
    return bool(_DECIMAL128.fullmatch(text)) and len(digits) <= _DECIMAL128_DIGITS


def _is_sf_binary(text: str) -> bool:
    """RFC 8941, 3.3.5."""
    return len(text) > 1 and text[0] == text[-1] == ":" and _is_base64(text[1:-1])


def _is_day(year: int, month: int, day: int) -> bool:
    """Whether the day exists; the year 0 does (ISO 8601), and is like 2000."""
    try:
        date(year or 2000, month, day)
    except ValueError:
        return False
    return True


def _is_local_time(text: str) -> bool:
    """RFC 3339 without its offset, from which alone could be told when a leap second may be."""
    match = _LOCAL_TIME.fullmatch(text)
    return match is not None and (match["second"] != "60" or match["minute"] == "59")


def _is_local_date_time(text: str) -> bool:
    day, separator, time = text[:10], text[10:11], text[11:]
    match = _LOCAL_DATE.fullmatch(day)
    if match is None or separator not in ("T", "t") or not _is_local_time(time):
        return False
    return _is_day(*map(int, match.groups()))


def _is_http_date(text: str) -> bool:
    """RFC 9110, 5.6.7: the preferred form and the two obsolete ones."""
    for form in _HTTP_DATES:
        match = form.fullmatch(text)
        if match is not None:
            year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
            return _is_day(year, _MONTHS.index(match["month"]) + 1, int(match["day"]))
    return False


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _engine(what: str) -> Format:
    return Format("engine", what)


def _here(what: str, check: Callable[[str], bool]) -> Format:
    return Format("here", what, check)


def _nobody(why: str) -> Format:
    return Format("nobody", why)


FORMATS: dict[str, Format] = {
    "date": _engine("a full-date of RFC 3339"),
    "date-time": _engine("a date-time of RFC 3339, leap seconds at the end of a UTC day included"),
    "time": _engine("a full-time of RFC 3339, with its offset"),
    "duration": _engine("a duration of RFC 3339, appendix A, which has no fractions"),
    "email": _engine("a mailbox of RFC 5321"),
    "idn-email": _engine("a mailbox of RFC 6531"),
    "hostname": _engine("a host name of RFC 1123"),
    "idn-hostname": _engine("a host name of RFC 5890"),
    "ipv4": _engine("an address of RFC 2673, 3.2"),
    "ipv6": _engine("an address of RFC 4291, 2.2, without a zone"),
    "uri": _engine("a URI of RFC 3986"),
    "uri-reference": _engine("a URI reference of RFC 3986"),
    "iri": _engine("an IRI of RFC 3987"),
    "iri-reference": _engine("an IRI reference of RFC 3987"),
    "uri-template": _engine("a template of RFC 6570"),
    "uuid": _engine("a UUID of RFC 9562, with its hyphens"),
    "json-pointer": _engine("a JSON Pointer of RFC 6901, not as a fragment"),
    "relative-json-pointer": _engine("a relative JSON Pointer"),
    "regex": _engine("a regular expression of ECMA-262, with the flag u"),
    "byte": _here("base64 of RFC 4648, 4, padded", _is_base64),
    "base64url": _here("base64 of RFC 4648, 5, padded or not", _is_base64url),
    "char": _here("one character", lambda text: len(text) == 1),
    "date-time-local": _here("a date-time of RFC 3339 without its offset", _is_local_date_time),
    "time-local": _here("a time of RFC 3339 without its offset", _is_local_time),
    "http-date": _here("a date of RFC 9110, 5.6.7", _is_http_date),
    "media-range": _here("a media range of RFC 9110, 12.5.1", _matches(_MEDIA_RANGE)),
    "decimal": _here("a decimal number in a text", _matches(_DECIMAL)),
    "decimal128": _here("a decimal number of 34 digits in a text", _is_decimal128),
    "sf-binary": _here("a byte sequence of RFC 8941, 3.3.5", _is_sf_binary),
    "sf-boolean": _here("a boolean of RFC 8941, 3.3.6, in a text", lambda text: text in ("?0", "?1")),
    "sf-decimal": _here("a decimal of RFC 8941, 3.3.2, in a text", _matches(_SF_DECIMAL)),
    "sf-string": _here("a string of RFC 8941, 3.3.3", _matches(_SF_STRING)),
    "sf-token": _here("a token of RFC 8941, 3.3.4", _matches(_SF_TOKEN)),
    **{name: Format("bounds", f"from {low} to {high}") for name, (low, high) in BOUNDS.items()},
    "binary": _nobody("bytes are not told apart from a text"),
    "commonmark": _nobody("every text is CommonMark"),
    "html": _nobody("parsers of HTML take every text"),
    "password": _nobody("says how to show a value, not which are allowed"),
    "float": _nobody("says how a number is kept; any number of JSON can be read as one"),
    "double": _nobody("says how a number is kept; any number of JSON can be read as one"),
    "unixtime": _nobody("any number is a time"),
}  # fmt: skip

CHECKS: dict[str, Callable[[str], bool]] = {
    name: one.check for name, one in FORMATS.items() if one.check is not None
}
"""The checks that the engine is given."""
