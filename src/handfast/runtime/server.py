"""How uvicorn serves: one set of options for production, development and tests."""

from __future__ import annotations

from typing import Any

from handfast.runtime.connection import ConnectionLimits, bounded
from handfast.runtime.settings import Settings


def server_options(settings: Settings) -> dict[str, Any]:
    """Return keyword arguments of `uvicorn.Config`: bounded connections, no foreign word believed.

    `X-Forwarded-*` counts only from `trusted_proxies`; websockets are not spoken.
    """
    return {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "lifespan": "on",
        "http": bounded(ConnectionLimits.of(settings)),
        "ws": "none",
        "timeout_keep_alive": settings.keep_alive_seconds,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
    }
