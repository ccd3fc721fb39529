"""Writes `requirements/licences.lst`: what each locked package says of its licence. `make lock` runs it."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "requirements" / "licences.lst"
HEAD = "# What the packages of runtime.txt say of their licence; `make lock` renews it.\n"


def locked() -> list[str]:
    """Return the names in the lock of the runtime."""
    text = (ROOT / "requirements" / "runtime.txt").read_text(encoding="ascii")
    return re.findall(r"^([a-z0-9.-]+)==", text, flags=re.MULTILINE)


def licence_of(name: str) -> str:
    """Return the SPDX expression, else the classifiers, else the short word; "" where there is nothing."""
    try:
        facts = metadata.metadata(name)
    except metadata.PackageNotFoundError:  # of another platform
        return ""
    expression = _first(facts, "License-Expression")
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in facts.get_all("Classifier") or ()
        if line.startswith("License :: OSI Approved :: ")
    ]
    words = _first(facts, "License")
    return expression or ", ".join(classifiers) or (words if "\n" not in words and len(words) < 60 else "")


def _first(facts: metadata.PackageMetadata, name: str) -> str:
    return next((value.strip() for value in facts.get_all(name) or ()), "")


def render(before: str = "") -> str:
    """Return the file's text; what cannot be known here stays as it was `before`."""
    kept = dict(re.findall(r"^([a-z0-9.-]+): (.+)$", before, flags=re.MULTILINE))
    found = {name: licence_of(name) or kept.get(name, "") for name in locked()}
    return HEAD + "".join(f"{name}: {licence}\n" for name, licence in sorted(found.items()) if licence)


if __name__ == "__main__":
    FILE.write_text(render(FILE.read_text(encoding="utf-8") if FILE.exists() else ""), encoding="utf-8")
