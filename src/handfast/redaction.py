"""The last wall before a log line, an error or a crash report is written: no secret goes past it.

Three things are taken out, in this order:

1. what a field called `authorization`, `cookie`, `password` … holds (`fields`);
2. the secrets that the settings hold, as they are, percent-encoded, escaped for JSON, or inside base64;
3. what looks like a secret: each line of `PATTERNS` is one shape.

Code that logs must not lean on it: the rule stays that a line holds no secret. A pattern is looked for
only where its needle occurs, so that an ordinary line costs a few microseconds (measured by
`python -m tools.bench.redaction`). Only the standard library is imported: the command line starts with it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, quote_plus, unquote, urlsplit

REDACTED: Final = "[redacted]"

SHORTEST: Final = 6
"""A secret of fewer characters is not looked for by its value: it would occur in innocent words."""

SECRET_NAMES: Final = frozenset(
    (
        "api_key",
        "apikey",
        "authorization",
        "body",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "dsn",
        "email",
        "passwd",
        "password",
        "private_key",
        "proxy_authorization",
        "secret",
        "set_cookie",
        "token",
        "x_api_key",
        "x_auth_token",
    )
)
"""Names of fields whose value is never shown; case does not count, `-` is `_`."""

SECRET_ENDINGS: Final = ("_secret", "_password", "_token", "_api_key", "_private_key", "_credentials")
"""How the name of a field ends whose value is never shown, e.g. `BETTER_AUTH_SECRET`."""


class Pattern(NamedTuple):
    """One shape of a secret: looked for where one of `needles` occurs in the lower-cased text."""

    needles: tuple[str, ...]
    shape: re.Pattern[str]
    instead: str


def _pattern(needles: str, shape: str, instead: str = REDACTED) -> Pattern:
    return Pattern(tuple(needles.split()), re.compile(shape), instead)


_SEPARATOR = r"""(?:\\*["']\s*[:,]\s*b?\\*["']|\s*[:=]\s*+)"""
"""Between a name and its value: `'name': 'value'`, `('name', b'value')`, also escaped, or `name: value`."""
_VALUE = r"""(?!\[redacted\])(?:[^"'\\\r\n]|\\u[0-9a-fA-F]{4})+"""

PATTERNS: Final = (
    # PEM blocks, also cut short, also with their line breaks escaped (RFC 7468)
    _pattern(
        "-----begin", r'(?s)-----BEGIN [A-Z0-9 ]+-----(?:[^"\\]|\\.)*?(?:-----END [A-Z0-9 ]+-----|(?=")|\Z)'
    ),
    # JSON Web Tokens, signed or encrypted, also without their signature (RFC 7515, RFC 7516)
    _pattern("eyj", r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,3}"),
    # A header or a mapping in words: Cookie: a=b; 'set-cookie': 'a=b'
    _pattern("cookie", rf"(?i)\b((?:set-)?cookie{_SEPARATOR}){_VALUE}", rf"\1{REDACTED}"),
    _pattern("authorization", rf"(?i)\b(authorization{_SEPARATOR}){_VALUE}", rf"\1{REDACTED}"),
    # Credentials of an Authorization header (RFC 9110, 11.6.2)
    _pattern(
        "bearer basic",
        r"(?i)\b(bearer|basic)(\s+|%20|\+)(?:[a-z]*[0-9._~+/=-][a-z0-9._~+/=-]{5,}|[a-z]{20,})",
        rf"\1\2{REDACTED}",
    ),
    # The password of an address (RFC 3986, 3.2.1): scheme://user:password@host; it may hold bare slashes
    _pattern(
        "://",
        r"""(://[^\s:/?#@"']*:)[^\s"']{1,512}?(?=@[\w.\[-]+(?:[:/?,\s"'\\]|\Z))""",
        rf"\1{REDACTED}",
    ),
    # password=… of a connection string, quoted or not, and of a query
    _pattern(
        "password passwd",
        r"""(?i)\b(password|passwd|sslpassword)(\s*=\s*)(?:'(?:[^'\\"]|\\\\'|\\.)*'|[^\s"'&,;\\]+)""",
        rf"\1\2{REDACTED}",
    ),
    # E-mail addresses, also percent-encoded; not the user of an address with a scheme
    _pattern(
        "@ %40",
        r"(?<![\w.%+-])(?<!://)[\w.+-]++(?:%(?!40)[0-9A-Fa-f]{2}[\w.+-]*+)*(?:@|%40)(?:[\w-]++\.)+[^\W\d_]{2,}",
    ),
)
"""What looks like a secret wherever it stands. A new shape is one more line."""


class Redactor:
    """Takes secrets out of text; knows those that it was told of, and what any secret looks like."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Know `secrets`, and the passwords inside those that are addresses or connection strings."""
        forms: set[str] = set()
        for secret in secrets:
            for part in (secret, *passwords(secret)):
                if len(part) >= SHORTEST:
                    forms |= _forms(part)
        # The longest first, so that no part of a secret stays when another one is its beginning.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        # A text with none of these has no form at all: every other one holds one of them.
        self._least = [form for form in self._forms if not any(one in form for one in forms - {form})]

    def text(self, text: str) -> str:
        """Return `text` without what it must not show; the quotes around a value stay, so JSON stays JSON."""
        for least in self._least:
            if least in text:
                for form in self._forms:
                    text = text.replace(form, REDACTED)
                break
        lowered = text.lower()
        for needles, shape, instead in PATTERNS:
            for needle in needles:
                if needle in lowered:
                    text = shape.sub(instead, text)
                    break
        return text

    def fields(self, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return `fields` with every value replaced that is called like a secret, however deep it lies."""
        for name, value in fields.items():
            secret = _names.get(name)
            if value is not None and (is_secret_name(name) if secret is None else secret):
                fields[name] = REDACTED
            elif type(value) not in _FLAT:
                fields[name] = _within(value)
        return fields


_FLAT = frozenset((str, int, float, bool, bytes, type(None)))


def is_secret_name(name: str) -> bool:
    """Whether a field called `name` holds a secret."""
    known = _names.get(name)
    if known is None:
        plain = name.lower().replace("-", "_")
        known = plain in SECRET_NAMES or plain.endswith(SECRET_ENDINGS)
        if len(_names) < _MOST_NAMES:
            _names[name] = known
    return known


_MOST_NAMES = 10_000  # a caller may invent names
_names: dict[str, bool] = {}


def _within(value: Any) -> Any:
    match value:
        case Mapping():
            return {
                name: REDACTED if is_secret_name(str(name)) and entry is not None else _within(entry)
                for name, entry in value.items()
            }
        case (str() | bytes() as name, _) if is_secret_name(_as_text(name)):
            return [name, REDACTED]  # a header, as ASGI has them
        case list() | tuple():
            return [_within(entry) for entry in value]
    return value


def _as_text(name: str | bytes) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name


def passwords(secret: str) -> set[str]:
    """Return the passwords that an address or a connection string holds, as written and as meant."""
    found: set[str] = set()
    if "://" in secret:
        try:
            parts = urlsplit(secret)
            found.add(parts.password or "")
        except ValueError:
            pass
        # What is no proper address still holds its password between the first colon and the last @.
        rest = secret.partition("://")[2]
        if "@" in rest:
            found.add(rest.rpartition("@")[0].partition(":")[2])
    for quoted, bare in _CONNINFO_PASSWORD.findall(secret):
        found.add(re.sub(r"\\(.)", r"\1", quoted) if quoted else bare)
    found |= {unquote(one) for one in found}
    return found - {""}


_CONNINFO_PASSWORD = re.compile(r"(?i)password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s'&]+))")


def _forms(secret: str) -> set[str]:
    forms = {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        quote(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }
    return forms | _base64_forms(secret)


def _base64_forms(secret: str) -> set[str]:
    """What base64 of any text that holds `secret` must contain: one form for each place in its triples."""
    forms: set[str] = set()
    raw = secret.encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        first = (before * 8 + 5) // 6
        whole = encoded[first : (before + len(raw)) * 8 // 6]
        if len(whole) >= SHORTEST:
            forms |= {whole, whole.replace("+", "-").replace("/", "_")}
    return forms


class _Known:
    """What this process has read as a secret; everything that is printed is held against it."""

    def __init__(self) -> None:
        self.secrets: frozenset[str] = frozenset()
        self.redactor = Redactor()


_known = _Known()


def learn(secrets: Iterable[str]) -> None:
    """Never show `secrets` again in this process."""
    wanted = _known.secrets.union(secrets)
    if wanted != _known.secrets:
        _known.secrets = wanted
        _known.redactor = Redactor(wanted)


def redact(text: str) -> str:
    """Return `text` without any secret that this process has learnt, or that looks like one."""
    return _known.redactor.text(text)


def redact_fields(fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return `fields` without the values that are called like secrets."""
    return _known.redactor.fields(fields)
