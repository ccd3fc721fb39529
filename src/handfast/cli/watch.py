"""Which of a project's files changed: batches of paths, told apart by what they mean."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from pathlib import Path

from watchfiles import DefaultFilter, watch

FOLDERS = ("specs", "templates", "handlers", "migrations", "generated")
"""Watched with everything below; at the project's own level only Python files and `.env` count, and in
`generated/` only what is no more: the rest is our own doing."""

TICK_MILLISECONDS = 200
"""How long the system is asked for changes at a time; the first answer tells that it is watching."""
ARMED_SECONDS = 10.0


class Watcher:
    """Collects changes in threads of its own, so that whoever waits for them can do so for a while only."""

    def __init__(self, root: Path) -> None:
        """Begin to watch the project at `root`; no change is missed from now on."""
        self.root = root
        self._changes: queue.SimpleQueue[set[str]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._folders: tuple[Path, ...] = ()
        self._folders_stop = threading.Event()
        self._thread([root], self._stop, recursive=False)
        self._watch_folders()

    def next(self, timeout: float) -> set[str]:
        """Return what changed, as paths relative to the project; empty after `timeout` seconds of rest."""
        try:
            changed = self._changes.get(timeout=timeout)
        except queue.Empty:
            return set()
        while not self._changes.empty():
            changed |= self._changes.get()
        if self._existing() != self._folders:  # one of the folders has come or gone
            self._watch_folders()
        return {path for path in changed if self._counts(path)}

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._folders_stop.set()

    def _existing(self) -> tuple[Path, ...]:
        return tuple(self.root / name for name in FOLDERS if (self.root / name).is_dir())

    def _watch_folders(self) -> None:
        self._folders_stop.set()
        self._folders_stop = threading.Event()
        self._folders = self._existing()
        if self._folders:
            self._thread(self._folders, self._folders_stop, recursive=True)

    def _counts(self, path: str) -> bool:
        folder, _, rest = path.partition("/")
        if folder == "generated":
            # Hidden files are those that a generation lays down on its way.
            return not Path(path).name.startswith(".") and not (self.root / path).exists()
        if not rest:
            return path in FOLDERS or path.endswith(".py") or path == ".env"
        return folder not in ("handlers", "migrations") or path.endswith(".py")

    def _thread(self, paths: Iterable[Path], stop: threading.Event, *, recursive: bool) -> None:
        armed = threading.Event()

        def run() -> None:
            changes = watch(
                *paths,
                watch_filter=DefaultFilter(),
                stop_event=stop,
                recursive=recursive,
                debounce=200,
                rust_timeout=TICK_MILLISECONDS,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            for batch in changes:
                armed.set()
                if batch:
                    self._changes.put({Path(path).relative_to(self.root).as_posix() for _, path in batch})

        threading.Thread(target=run, name="handfast-watch", daemon=True).start()
        armed.wait(ARMED_SECONDS)
