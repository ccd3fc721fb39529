"""Runs commands in this process and keeps what they change away from the other tests."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from handfast.cli.main import program

NOTES = Path(__file__).parents[1] / "foreign" / "notes.yaml"


class Ran:
    """How a command ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@contextmanager
def as_it_was() -> Iterator[None]:
    """Undo what commands do to their process: the folder, the module path, the environment."""
    folder, path, environment = Path.cwd(), [*sys.path], dict(os.environ)
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)


def handfast(*arguments: str | Path) -> Ran:
    """Run `handfast ARGUMENTS`."""
    with as_it_was():
        result = CliRunner().invoke(program(), [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)
