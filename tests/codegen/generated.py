"""What any generated project must stand: import without a warning, mypy --strict, ruff."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from handfast.codegen.ir import Feature
from handfast.codegen.stubs import stub_module

SOURCE = Path(__file__).parents[2] / "src"

IMPORT_ALL = """
import importlib, importlib.util, inspect, sys
from pydantic import BaseModel
for name in sys.argv[1:]:
    models = importlib.import_module(f"generated.{name}.models")
    for cls in vars(models).values():
        if inspect.isclass(cls) and issubclass(cls, BaseModel):
            cls.model_json_schema if cls.__pydantic_complete__ else cls.model_rebuild()
    if importlib.util.find_spec(f"generated.{name}.errors"):
        importlib.import_module(f"generated.{name}.errors")
    routes = importlib.import_module(f"generated.{name}.routes")
    router = routes.build_router(importlib.import_module(f"handlers.{name}.operations"))
    print(name, len(router.routes))
"""


def write_project(root: Path, features: Mapping[str, Feature], files: Mapping[str, str]) -> None:
    """Write generated files, a stub handler per feature, and an `app.py` that binds them."""
    texts = dict(files)
    texts["handlers/__init__.py"] = ""
    binding = []
    for name, feature in features.items():
        texts[f"handlers/{name}/__init__.py"] = ""
        texts[f"handlers/{name}/operations.py"] = stub_module(feature, root=root)
        binding.append(f"from generated.{name} import routes as {name}_routes")
        binding.append(f"from handlers.{name} import operations as {name}_operations")
    binding += [f"{name}_routes.build_router({name}_operations)" for name in features]
    texts["app.py"] = "\n".join(binding) + "\n"
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", newline="\n")


def run(root: Path, *command: str) -> str:
    """Run a Python module in the project; return its output, which fails the test if it complains."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{root}", "MYPYPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def check_imports(root: Path, names: list[str]) -> dict[str, int]:
    """Import every module with warnings as errors; return how many routes each feature has."""
    lines = run(root, "-W", "error", "-c", IMPORT_ALL, *names).splitlines()
    return {name: int(count) for name, count in (line.split() for line in lines)}


def check_ruff(root: Path, *, also_ignore: str = "") -> None:
    """Hold the code against ruff as it comes, and against more rules than it comes with.

    `also_ignore` are rules that the names of a contract break by their script.
    """
    run(root, "-m", "ruff", "check", "--isolated", "--no-cache", "generated", "handlers")
    rules = ("--select", "E4,E7,E9,F,W,I,N,B,UP,RUF,SIM", "--ignore", f"RUF001,RUF002,RUF003{also_ignore}")
    third = 'lint.isort.known-third-party=["handfast"]'
    run(
        root,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--no-cache",
        *rules,
        "--config",
        third,
        "generated",
        "handlers",
    )
    run(root, "-m", "ruff", "format", "--isolated", "--no-cache", "--check", "generated", "handlers")


def check_types(root: Path, cache: Path) -> None:
    """Hold the code and its binding to the handlers against mypy --strict.

    `cache` belongs to this run of the tests: what libraries say is read once for all projects, what a project
    says every time, since a warm cache misses a changed signature behind a package's re-export.
    """
    for known in cache.glob("*/*"):
        if known.name.partition(".")[0] in ("app", "generated", "handlers"):
            shutil.rmtree(known) if known.is_dir() else known.unlink()
    run(root, "-m", "mypy", "--strict", "--explicit-package-bases", "--follow-imports=silent",
        "--no-sqlite-cache", "--cache-dir", str(cache), "app.py", "generated", "handlers")  # fmt: skip
