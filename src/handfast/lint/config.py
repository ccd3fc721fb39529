"""Which rules a project has switched off, and why: `[tool.handfast.lint.off]` in pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from handfast.codegen.report import nearest
from handfast.lint.catalogue import GENERATION, SEVERITIES


class WrongConfig(Exception):
    """The table in pyproject.toml cannot be read; says what and how to mend it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def switched_off(root: Path) -> Mapping[str, str]:
    """Return code → reason of the rules that pyproject.toml below `root` switches off.

    Raises `WrongConfig` for an unknown rule, or one without a reason.
    """
    file = root / "pyproject.toml"
    try:
        table: object = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WrongConfig(f"pyproject.toml cannot be read: {error}", "correct the file") from None
    for key in ("tool", "handfast", "lint", "off"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise WrongConfig("`tool.handfast.lint.off` in pyproject.toml is no table", _EXAMPLE)
    known = (*SEVERITIES, *GENERATION)
    for code, reason in table.items():
        if code not in known:
            near = nearest(code, known)
            fix = f"did you mean `{near}`?" if near else "the rules are listed in docs/reference/lint.md"
            raise WrongConfig(f"`{code}` in `tool.handfast.lint.off` is no rule", fix)
        if not isinstance(reason, str) or not reason.strip():
            raise WrongConfig(f"`{code}` is switched off without a reason", _EXAMPLE)
    return table


_EXAMPLE = 'write `[tool.handfast.lint.off]` and lines such as `no-401 = "the gateway answers it"`'
