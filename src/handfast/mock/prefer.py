"""What a caller prefers (RFC 7240): `Prefer: code=404, example=name, dynamic=true`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from handfast.runtime.errors import BadRequest

_PREFERENCE: Final = re.compile(
    r'\s*([A-Za-z0-9_-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s,;]*))?\s*(?:;[^,]*)?(?:,|$)'
)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What was asked for; None and False where nothing was."""

    code: int | None = None
    example: str | None = None
    dynamic: bool = False

    @property
    def applied(self) -> str:
        """The value of `Preference-Applied`."""
        said = [f"code={self.code}"] if self.code is not None else []
        said += [f"example={_quoted(self.example)}"] if self.example is not None else []
        said += ["dynamic=true"] if self.dynamic else []
        return ", ".join(said)


def preferences(headers: list[str]) -> Preferences:
    """Read every `Prefer` header; the first of two equal names counts (RFC 7240, 2).

    Preferences that a mock does not know are ignored. Raises `BadRequest` for a code that is no status.
    """
    found: dict[str, str] = {}
    for header in headers:
        for name, value in _PREFERENCE.findall(header):
            found.setdefault(name.lower(), value[1:-1].replace("\\", "") if value[:1] == '"' else value)
    code: int | None = None
    if "code" in found:
        if not re.fullmatch("[1-5][0-9][0-9]", found["code"]):
            raise BadRequest("`Prefer: code=` takes a status of three digits.")
        code = int(found["code"])
    return Preferences(code, found.get("example"), found.get("dynamic") in ("", "true"))


def _quoted(text: str) -> str:
    return (
        text
        if re.fullmatch(r"[A-Za-z0-9_.-]+", text)
        else '"' + re.sub(r'[^\x20-\x7e]|["\\]', "?", text) + '"'
    )
