"""How uvicorn serves: one set of options for production, development and tests."""

from __future__ import annotations

import gc
from typing import Any, Final

from handfast.runtime.connection import ConnectionLimits, bounded
from handfast.runtime.settings import Settings

_COLLECT_AFTER: Final = (10_000, 20, 20)
"""How many new objects, and how many collections of the younger generation, make one of each generation."""


def settle() -> None:
    """Keep what start-up has made out of the garbage collector's way; call it once requests are answered.

    Some hundred thousand objects live as long as the process. Looking through them again and again would take
    a tenth of all CPU, and hold up every request for 50 ms now and then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def server_options(settings: Settings) -> dict[str, Any]:
    """Return keyword arguments of `uvicorn.Config`: bounded connections, no foreign word believed.

    `X-Forwarded-*` counts only from `trusted_proxies`; websockets are not spoken.
    """
    return {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "lifespan": "on",
        "backlog": settings.backlog,
        "http": bounded(ConnectionLimits.of(settings)),
        "ws": "none",
        "timeout_keep_alive": settings.keep_alive_seconds,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
    }
