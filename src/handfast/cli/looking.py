"""The process that imports an application which was written by hand, looks at it, and ends.

The import may print, start threads, change the environment, or end the process: none of that reaches the
command, which reads one JSON document from a file.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handfast.cli.errors import CliError, WrongUse
from handfast.redaction import redact

if TYPE_CHECKING:
    from fastapi import FastAPI

    from handfast.adopt.sight import Sight

LIMIT_SECONDS = 60.0
"""How long an import may take."""

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class Unseen(Exception):
    """The application cannot be looked at; findings of its own files have a place."""

    def __init__(self, what: str, fix: str, where: str = "", trace: str = "") -> None:
        """Take what is wrong, its cure and, if there is one, `file:line` and the stack trace."""
        super().__init__(what)
        self.what, self.fix, self.where, self.trace = what, fix, where, trace


def seen(target: str, root: Path, *, limit: float = LIMIT_SECONDS) -> Sight:
    """Import `target` (`module:attribute`) as from the folder `root`, in another process, and look at it.

    Raises `WrongUse` where the name is none, `Unseen` where the application's own code is to blame, and
    `CliError` where the process ended without a word.
    """
    from handfast.adopt.sight import Sight

    if not _TARGET.fullmatch(target):
        raise WrongUse(
            f"{target!r} does not name an application", "write it as for uvicorn, e.g. myapp.main:app"
        )
    with tempfile.TemporaryDirectory(prefix="handfast-adopt-") as folder:
        report = Path(folder) / "sight.json"
        command = [sys.executable, "-m", "handfast.cli.looking", target, str(root), str(report)]
        try:
            done = subprocess.run(
                command,
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unseen(
                f"importing {target} takes longer than {limit:.0f} seconds",
                "start servers and connections in the lifespan, not when the module is imported",
            ) from None
        if not report.is_file():
            said = redact(done.stdout.strip()[-2000:])
            raise CliError(
                f"importing {target} ended the process (exit code {done.returncode})"
                + (f"; it said: {said}" if said else ""),
                "let the module be imported without side effects",
            )
        facts = json.loads(report.read_text(encoding="utf-8"))
    if "error" in facts:
        error = facts["error"]
        raise Unseen(error["what"], error["fix"], error["where"], error["trace"])
    return Sight.read(facts)


def main() -> None:
    """Import, look and write down what was seen; `sys.exit` in the application is an error like any other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("root", type=Path)
    parser.add_argument("report", type=Path)
    arguments = parser.parse_args()
    try:
        facts = shown(arguments.target, arguments.root)
    except Unseen as error:
        facts = {
            "error": {
                "what": redact(error.what),
                "fix": error.fix,
                "where": error.where,
                "trace": redact(error.trace),
            }
        }
    whole = arguments.report.with_suffix(".part")
    whole.write_text(json.dumps(facts), encoding="utf-8")
    whole.replace(arguments.report)
    sys.stdout.flush()
    os._exit(0)  # threads that the import has started must not keep the process


def shown(target: str, root: Path) -> dict[str, Any]:
    """Import `target` in this process and return what it shows, as JSON; raises `Unseen`."""
    from handfast.adopt.look import look
    from handfast.runtime.adoption import is_adopted

    sys.path[:] = [str(root), *(path for path in sys.path if path not in ("", str(root)))]
    app, factory = _application(target, root)
    if is_adopted(app):
        fix = "name the application that is given to `adopt`"
        raise Unseen(f"{target} is the adopted application already", fix)
    try:
        return look(app, target, factory=factory, root=root).facts()
    except Exception as error:  # `app.openapi` may be the application's own
        raise _broken(error, root, f"the OpenAPI document of {target} cannot be derived") from error


def _application(target: str, root: Path) -> tuple[FastAPI, bool]:
    """Import the application; call it if it is a function that makes one."""
    from fastapi import FastAPI

    name, _, attribute = target.partition(":")
    try:
        found: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            what = f"there is no module {error.name}"
            fix = f"name one that can be imported from {root}, or choose the folder with --project"
            raise Unseen(what, fix) from error
        raise _broken(error, root, f"{name} cannot be imported") from error
    except BaseException as error:  # it is not our code: it may raise anything, `SystemExit` too
        raise _broken(error, root, f"{name} cannot be imported") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = ", ".join(_applications(found)) or "none here is a FastAPI application"
            raise Unseen(f"{name} has no `{attribute}`", f"name the application: {near}")
        found = getattr(found, part)
    if isinstance(found, FastAPI):
        return found, False
    if not callable(found) or inspect.isclass(found) or _wants(found):
        raise Unseen(
            f"{target} is a {type(found).__name__}, not a FastAPI application",
            "name the FastAPI object, or a function without parameters that returns it",
        )
    try:
        made = found()
    except BaseException as error:  # as above
        raise _broken(error, root, f"{target}() fails") from error
    if not isinstance(made, FastAPI):
        if inspect.iscoroutine(made):
            made.close()
        raise Unseen(
            f"{target}() returns a {type(made).__name__}, not a FastAPI application",
            "name the FastAPI object, or a function without parameters that returns it",
        )
    return made, True


def _wants(function: Any) -> bool:
    """Whether a function cannot be called without arguments."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return any(one.default is one.empty and one.kind not in variadic for one in parameters)


def _applications(module: Any) -> list[str]:
    """The names in a module that are an application, or a function that says that it makes one."""
    from fastapi import FastAPI

    named = vars(module).items() if hasattr(module, "__dict__") else ()
    makers = (FastAPI, FastAPI.__name__)
    return [
        f"`{name}`"
        for name, value in named
        if isinstance(value, FastAPI)
        or (getattr(value, "__annotations__", {}).get("return") in makers and not _wants(value))
    ]


def _broken(error: BaseException, root: Path, what: str) -> Unseen:
    from handfast.cli.child import raised_at

    words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    trace = "".join(traceback.format_exception(error))
    return Unseen(
        f"{what}: {words}",
        "mend it; `--debug` shows the whole stack trace",
        raised_at(error, root) or "",
        trace,
    )


if __name__ == "__main__":
    main()
