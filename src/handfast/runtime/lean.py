"""Imported first: what a process that serves can do without.

structlog imports Rich where it is installed, for consoles of developers. The service writes JSON lines, and
each worker would hold 5 MB more for it and take 50 ms of CPU longer to start. Whoever wants structlog with
Rich imports it before `handfast.runtime`; Rich itself can be imported at any time.
"""

from __future__ import annotations

import sys


def _import_without(needless: str, name: str) -> None:
    """Import the module `name` as if `needless` were not installed."""
    if name in sys.modules or needless in sys.modules:
        return
    sys.modules[needless] = None  # type: ignore[assignment]  # `import` takes it for a module that is not there
    try:
        __import__(name)
    finally:
        del sys.modules[needless]


_import_without("rich", "structlog")
