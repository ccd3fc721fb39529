"""Ctrl-C and its kin, for commands that own other processes."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import NoReturn

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""A key, a supervisor, a closed terminal: each asks for an orderly end."""


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], object], numbers: Sequence[signal.Signals] = STOPPING
) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make each of `STOPPING` raise `KeyboardInterrupt` inside."""
    with _handling(_interrupt):
        yield


@contextlib.contextmanager
def harmless() -> Iterator[None]:
    """Let the two signals that uvicorn handles do nothing more inside."""
    with _handling(lambda _number, _frame: None, (signal.SIGINT, signal.SIGTERM)):
        yield


def ignore() -> None:
    """Let nothing interrupt what follows: the orderly end has begun, and each of its steps is bounded."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Hold a stop back until the end: what starts inside is either not there at all or can be stopped."""
    arrived: list[int] = []
    with _handling(lambda number, _frame: arrived.append(number)):
        yield
    if arrived:
        raise KeyboardInterrupt
