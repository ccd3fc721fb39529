"""A new project around a contract: files that are written once and are the developer's from then on."""

from __future__ import annotations

import json
import keyword
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import handfast
from handfast.codegen.ir import Feature
from handfast.codegen.load import LoadFault, read
from handfast.codegen.printing import Format, environment, formatted
from handfast.codegen.stubs import stub_module

ONCE = {
    "app.py": "app.py.jinja",
    "authenticators.py": "authenticators.py.jinja",
    "migrations/env.py": "env.py.jinja",
    "pyproject.toml": "pyproject.toml.jinja",
    "Makefile": "Makefile.jinja",
    "README.md": "README.md.jinja",
    ".env.example": "env.example.jinja",
    ".gitignore": "gitignore.jinja",
    "tests/conftest.py": "conftest.py.jinja",
    "tests/test_service.py": "test_service.py.jinja",
}
"""Path in the project -> template below `templates/new/`."""

ADOPTED = "adopted.py"
"""The composition root around an existing application."""

STYLE = Format(line_length=100)
"""What the project's pyproject.toml says too."""


def project(features: Sequence[Feature], name: str) -> dict[str, str]:
    """Return the hand-written files of a new project called `name`: path -> text.

    The contract and what `handfast generate` makes of it are not among them. At least one feature.
    """
    templates = environment(None)
    values: dict[str, object] = {
        "name": name,
        "title": features[0].title.strip() or name,
        "description": json.dumps(features[0].title.strip() or name),
        "version": handfast.__version__,
        "features": [feature.name for feature in features],
        "first": features[0].name,
        "schemes": sorted({json.dumps(scheme) for feature in features for scheme in _foreign(feature)}),
    }
    files = {
        path: templates.get_template(f"new/{template}").render(values) for path, template in ONCE.items()
    }
    files |= _handlers(features)
    files["migrations/versions/.gitkeep"] = ""
    tables = templates.get_template("new/tables.py.jinja").render(values)
    files[f"handlers/{features[0].name}/tables.py"] = tables
    python = {path: text for path, text in files.items() if path.endswith(".py")}
    return files | formatted(python, STYLE)


def adopted(features: Sequence[Feature], target: str, *, factory: bool) -> dict[str, str]:
    """Return the hand-written files around an existing application: path -> text.

    `target` is `module:attribute`; with `factory` that makes the application. Nothing of what a project
    usually has (pyproject.toml, README.md, tests …) is among them.
    """
    templates = environment(None)
    module, _, attribute = target.partition(":")
    first, _, rest = attribute.partition(".")
    values: dict[str, object] = {
        "target": target,
        "module": module,
        "first": first,
        "existing": "existing" + (f".{rest}" if rest else "") + ("()" if factory else ""),
        "features": [feature.name for feature in features],
        "schemes": sorted({json.dumps(scheme) for feature in features for scheme in _foreign(feature)}),
    }
    files = {
        ADOPTED: templates.get_template("new/adopted.py.jinja").render(values),
        "authenticators.py": templates.get_template("new/authenticators.py.jinja").render(values),
    }
    files |= _handlers(features)
    return files | formatted(files, STYLE)


def _handlers(features: Sequence[Feature]) -> dict[str, str]:
    files = {"handlers/__init__.py": '"""Business logic and persistence by hand; one package a feature."""\n'}
    for feature in features:
        package = f"handlers/{feature.name}"
        files[f"{package}/__init__.py"] = f'"""The operations of {feature.folder}."""\n'
        files[f"{package}/operations.py"] = stub_module(feature)
    return files


def _foreign(feature: Feature) -> Iterator[str]:
    """Security schemes that the service's own bearer tokens do not serve."""
    for name, scheme in feature.security_schemes.items():
        if not isinstance(scheme, dict):
            continue
        kind, http = scheme.get("type"), str(scheme.get("scheme", "")).lower()
        if kind not in ("oauth2", "openIdConnect") and not (kind == "http" and http == "bearer"):
            yield name


def slug(text: str) -> str:
    """Return `text` as a spec folder's name: lower-case words joined by hyphens, no Python keyword."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-").lstrip("0123456789-")
    return f"{found}-api" if keyword.iskeyword(found) else found or "service"


def related(contract: Path) -> dict[str, Path]:
    """Return `contract` and every file that it refers to by relative `$ref`, directly or not.

    The keys are paths relative to the lowest folder that holds them all. Files that are missing or cannot
    be parsed are left to the generator to report.
    """
    contract = contract.resolve()
    found, todo = {contract}, [contract]
    while todo:
        file = todo.pop()
        try:
            root = read(file, file.name).root
        except LoadFault:
            continue
        for ref in _references(root):
            path = unquote(ref.partition("#")[0])
            if not path or re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:|/", path):
                continue
            target = (file.parent / path).resolve()
            if target.is_file() and target not in found:
                found.add(target)
                todo.append(target)
    top = Path(os.path.commonpath([file.parent for file in found]))
    return {
        file.relative_to(top).as_posix(): file for file in sorted(found, key=lambda file: file != contract)
    }


def _references(node: object) -> Iterator[str]:
    stack: list[object] = [node]
    while stack:
        match stack.pop():
            case dict() as mapping:
                if isinstance(ref := mapping.get("$ref"), str):
                    yield ref
                stack.extend(mapping.values())
            case list() as items:
                stack.extend(items)
