"""Contract prose → docstrings: wrapped, and safe inside triple quotes whatever the author wrote."""

from __future__ import annotations

import re
import textwrap

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f\x85\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Characters that an editor hides, or that turn the text around them."""
_OPEN_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"\Z')
"""A last quote that no backslash escapes."""
_FENCE = re.compile(r"\s*(```|~~~)")
_LIST = re.compile(r"\s*(?:[-*+]|[0-9]+[.)])\s+")


def docstring(*paragraphs: str, indent: int, width: int) -> str:
    """Return a docstring literal of `paragraphs`, its later lines indented by `indent` spaces.

    Empty paragraphs are left out; without any the result is an empty text. Lines longer than `width` are
    wrapped one by one, so that lists, tables and code keep their shape.
    """
    texts = [clean for clean in (_clean(paragraph) for paragraph in paragraphs) if clean]
    if not texts:
        return ""
    lines = [line for line in "\n\n".join(texts).split("\n")]
    lines = _wrap(lines, width - indent, first=width - indent - 3)
    body = "\n".join(f"{' ' * indent}{line}".rstrip() for line in lines).lstrip()
    if len(lines) > 1:
        return f'"""{body}\n{" " * indent}"""'
    if _OPEN_QUOTE.search(body):
        body = body[:-1] + '\\"'
    return f'"""{body}"""'


def sentence(text: str) -> str:
    """Return the first paragraph of `text` on one line, with a full stop."""
    line = " ".join(text.strip().split("\n\n")[0].split())
    return line if not line or line[-1] in ".!?:;…。" else f"{line}."


def words(name: str) -> str:
    """Return an identifier as words: `create_task` → `Create task`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip().lower()
    return spaced[:1].upper() + spaced[1:]


def _clean(text: str) -> str:
    """Normalise line ends and white space, and escape what Python or an editor would misread."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    text = _CONTROL.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    lines = [line.rstrip() for line in textwrap.dedent(text).strip().split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _wrap(lines: list[str], width: int, *, first: int) -> list[str]:
    wrapped: list[str] = []
    fenced = False
    for line in lines:
        if _FENCE.match(line):
            fenced = not fenced
        room = width if wrapped else first
        if fenced or len(line) <= room or line.lstrip().startswith("|"):
            wrapped.append(line)
            continue
        lead = len(line) - len(line.lstrip())
        bullet = _LIST.match(line)
        hang = " " * (bullet.end() if bullet else lead)
        pieces = textwrap.wrap(
            line.strip(),
            room,
            initial_indent=" " * lead,
            subsequent_indent=hang,
            break_long_words=False,
            break_on_hyphens=False,
        )
        wrapped += pieces
    return wrapped
