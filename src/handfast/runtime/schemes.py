"""The security schemes of OpenAPI: where a request carries a scheme's credential, and how to ask for it.

The credential that an authenticator is given is

- of http bearer, oauth2 and openIdConnect the token,
- of http basic `user:password`, decoded,
- of http digest and others what follows the scheme's word in `Authorization`,
- of apiKey the key, from the header, query parameter or cookie that the contract names,
- of mutualTLS the client's certificate: the header that HANDFAST_CLIENT_CERTIFICATE_HEADER names, as the
  proxy in front writes it, else the PEM of ASGI's `tls` extension.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request

from handfast.runtime.decode import cookies
from handfast.runtime.readings import MalformedText, parse_pairs, percent_decode

LONGEST_CREDENTIAL: Final = 16_384
"""Characters; nobody is asked about a longer one."""

UNREADABLE: Final = ""
"""A credential that was sent, but that nobody can accept: malformed, empty, too long, or sent twice."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_WORD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class Scheme:
    """One security scheme of a contract; built once, when the service starts."""

    def __init__(
        self, name: str, scheme: Mapping[str, Any], *, certificate_header: str | None = None
    ) -> None:
        """Read the contract's `scheme`; `certificate_header` is where a proxy puts a client's certificate."""
        self.name = name
        self._type = str(scheme.get("type", ""))
        self._word = str(scheme.get("scheme", "")).lower()
        self._in = str(scheme.get("in", ""))
        self._key = str(scheme.get("name", ""))
        self._certificate_header = certificate_header

    @property
    def takes_tokens(self) -> bool:
        """Whether the service's own tokens fit this scheme."""
        return self._type in ("oauth2", "openIdConnect") or (self._type == "http" and self._word == "bearer")

    @property
    def needs_tls(self) -> bool:
        """Whether the credential is a certificate, which only the connection can carry."""
        return self._type == "mutualTLS"

    @property
    def challenge(self) -> str:
        """The `WWW-Authenticate` element that asks for this scheme (RFC 9110, 11.6.1)."""
        if self.takes_tokens:
            return "Bearer"
        if self._type == "apiKey":
            return f'ApiKey in="{_quoted(self._in)}", name="{_quoted(self._key)}"'
        if self._type == "mutualTLS":
            return "MutualTLS"
        if self._type == "http" and self._word == "basic":
            return 'Basic realm="api", charset="UTF-8"'
        if self._type == "http" and _WORD.fullmatch(self._word):
            return f'{self._word.capitalize()} realm="api"'
        return "Unsupported"

    def credential(self, request: Request) -> str | None:
        """The request's credential for this scheme; None if it has none, `UNREADABLE` if a bad one."""
        match self._type:
            case "apiKey":
                found = self._api_key(request)
            case "mutualTLS":
                found = self._certificate(request)
            case "http" | "oauth2" | "openIdConnect":
                found = self._authorization(request)
            case _:
                found = None
        return UNREADABLE if found is not None and len(found) > LONGEST_CREDENTIAL else found

    def _authorization(self, request: Request) -> str | None:
        wanted = "bearer" if self.takes_tokens else self._word
        sent = [value for name, value in request.scope["headers"] if name == b"authorization"]
        parts = [header.decode("latin-1").strip().partition(" ") for header in sent]
        ours = [rest.strip() for word, _, rest in parts if word.lower() == wanted]
        if not ours:
            return None
        if len(sent) > 1:
            return UNREADABLE  # which of them counts would depend on who reads them
        (found,) = ours
        if self.takes_tokens:
            return found if _VISIBLE.fullmatch(found) else UNREADABLE
        return _basic(found) if wanted == "basic" else found

    def _api_key(self, request: Request) -> str | None:
        found: list[str] = []
        if self._in == "header":
            found = request.headers.getlist(self._key)
        elif self._in == "cookie":
            found = cookies(request.scope).get(self._key, [])
        elif self._in == "query":
            try:
                texts = parse_pairs(request.scope["query_string"]).get(self._key, [])
                found = [percent_decode(text, plus=True) for text in texts]
            except MalformedText:
                return UNREADABLE
        return _only(found)

    def _certificate(self, request: Request) -> str | None:
        if self._certificate_header is not None:
            return _only(request.headers.getlist(self._certificate_header))
        # https://asgi.readthedocs.io/en/latest/specs/tls.html: PEM, the client's own certificate first.
        tls = (request.scope.get("extensions") or {}).get("tls") or {}
        return next(iter(tls.get("client_cert_chain") or ()), None)


def _only(found: list[str]) -> str | None:
    """The one credential; two of them are none, since who reads them would choose."""
    if not found:
        return None
    return found[0] if len(found) == 1 else UNREADABLE


def _basic(encoded: str) -> str:
    """`user:password` (RFC 7617, 2: no control characters)."""
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return UNREADABLE
    return decoded if ":" in decoded and not _CONTROL.search(decoded) else UNREADABLE


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
