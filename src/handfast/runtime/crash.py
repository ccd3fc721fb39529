"""How a serving process goes down: in one redacted log line, and without a core file.

`faulthandler` needs nothing: it prints files, lines and function names, never a value.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from threading import ExceptHookArgs

_log = structlog.get_logger(__name__)


def guard_process() -> None:
    """Log whatever nobody catches in this process as `crashed`, and let it leave no core file.

    For processes that serve: a core file is a copy of the memory, with every secret in it. Where the kernel
    hands core dumps to a program (`core_pattern` begins with `|`), it has to be switched off on the host.
    """
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _log.critical("crashed", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        name = None if args.thread is None else args.thread.name
        _log.critical("crashed", thread=name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback))


def _unraisable(args: UnraisableHookArgs) -> None:
    # `args.object` is not shown: its representation may hold anything.
    if args.exc_value is not None:
        _log.error("error_ignored", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
