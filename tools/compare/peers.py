"""The peers: how each is installed, called and looked at, as its documentation says.

A lock is made from its `.in` by `uv pip compile --generate-hashes --python-version 3.11 --no-emit-index-url`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

REQUIREMENTS = Path(__file__).with_name("requirements")


Command: TypeAlias = Callable[[Path, Path, Path], list[str | Path]]
"""From the folder of programs, the contract and the folder to write into."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One generator or framework."""

    name: str
    """Also the name of its lock in `requirements/`."""
    title: str
    commands: tuple[Command, ...] = ()
    """The ways to call it, of which the first that succeeds counts; none where no code is made."""
    root: str = ""
    """Where what is made is imported from, below the folder that is written into."""
    packages: tuple[str, ...] = ()
    """What is made: importable names, which mypy and ruff are shown."""
    app: str = ""
    """The module whose `app` is the application."""

    @property
    def lock(self) -> Path:
        """Its packages, by version and hash."""
        return REQUIREMENTS / f"{self.name}.txt"


def _one_module(programs: Path, contract: Path, out: Path) -> list[str | Path]:
    return _datamodel(programs, contract, out, out / "models.py")


def _modules(programs: Path, contract: Path, out: Path) -> list[str | Path]:
    """For dotted names of schemas, which it takes for modules."""
    (out / "models").mkdir(exist_ok=True)
    return _datamodel(programs, contract, out, out / "models")


def _datamodel(programs: Path, contract: Path, out: Path, models: Path) -> list[str | Path]:
    return [
        programs / "datamodel-codegen", "--input", contract, "--input-file-type", "openapi",
        "--preset", "standard-py311-20261027", "--output-model-type", "pydantic_v2.BaseModel",
        "--disable-timestamp", "--generate-server", "fastapi", "--output", models,
        "--server-output", out / "server", "--server-model-package", "models", "--server-package", "server",
    ]  # fmt: skip


def _fastapi(programs: Path, contract: Path, out: Path) -> list[str | Path]:
    return [
        programs / "fastapi-codegen", "--input", contract, "--output", out / "app", "--disable-timestamp",
        "--python-version", "3.11", "--output-model-type", "pydantic_v2.BaseModel",
    ]  # fmt: skip


def _openapi(programs: Path, contract: Path, out: Path) -> list[str | Path]:
    return [
        programs / "openapi-generator-cli", "generate", "--input-spec", contract, "--generator-name",
        "python-fastapi", "--output", out, "--additional-properties", "hideGenerationTimestamp=true",
    ]  # fmt: skip


def _openapi_unchecked(programs: Path, contract: Path, out: Path) -> list[str | Path]:
    """For contracts that its validator refuses: its own message names this option."""
    return [*_openapi(programs, contract, out), "--skip-validate-spec"]


PEERS = (
    Peer(
        "datamodel-code-generator", "datamodel-code-generator, server mode", (_one_module, _modules),
        packages=("models", "server"), app="server.main",
    ),
    Peer("fastapi-code-generator", "fastapi-code-generator", (_fastapi,), packages=("app",), app="app.main"),
    Peer(
        "openapi-generator", "openapi-generator, python-fastapi", (_openapi, _openapi_unchecked),
        root="src", packages=("openapi_server",), app="openapi_server.main",
    ),
    Peer("connexion", "Connexion"),
)  # fmt: skip
