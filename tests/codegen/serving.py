"""A contract and functions in, a running service out: what the generator makes is what answers."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

from fastapi import FastAPI

from handfast.codegen.output import generate
from handfast.codegen.project import Loaded, Project, load
from handfast.runtime import Settings, create_app

SECRET = "only-for-tests-0123456789-abcdefghijklmnop"


def made(root: Path, texts: dict[str, str]) -> Loaded:
    """Write contracts (paths below `specs/`) and everything that is generated from them."""
    for name, text in texts.items():
        path = root / "specs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    loaded = load(Project(root))
    assert not loaded.fatal, [str(finding) for finding in loaded.findings]
    for name, text in generate(loaded.features, root=root).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return loaded


@contextmanager
def imported(root: Path) -> Iterator[None]:
    """Let `generated` be the package of the project at `root`."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "generated"}
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
        for name in [name for name in sys.modules if name.split(".")[0] == "generated"]:
            del sys.modules[name]
        sys.modules.update(kept)


def module(name: str) -> ModuleType:
    """A generated module, inside `imported`."""
    return importlib.import_module(f"generated.{name}")


def application(root: Path, handlers: dict[str, SimpleNamespace], **settings: object) -> FastAPI:
    """The service of the project at `root`: feature → its functions."""
    given = {"env": "test", "better_auth_secret": SECRET, "database_url": None} | settings
    routers = [module(f"{name}.routes").build_router(handler) for name, handler in handlers.items()]
    return create_app(Settings.model_validate(given), root=root, routers=routers)
