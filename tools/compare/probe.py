"""Run by a peer's own Python: which operations its application routes, as JSON, a flag for each.

    python probe.py OPERATIONS ROOT MODULE      an application of FastAPI, `MODULE.app`
    python probe.py OPERATIONS CONTRACT         a contract that Connexion serves with its own mock

OPERATIONS is a file with a list of [method, [path, …]]; one path that is routed is enough.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

Probe = Callable[[str, str], bool]


def main() -> None:
    """Print the flags."""
    operations = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    probe = fastapi(*sys.argv[2:]) if len(sys.argv) > 3 else connexion(sys.argv[2])
    print(json.dumps([any(probe(method, path) for path in paths) for method, paths in operations]))


def fastapi(root: str, module: str) -> Probe:
    """Ask the routes of the application."""
    from starlette.routing import Match

    sys.path.insert(0, root)
    app = importlib.import_module(module).app

    def probe(method: str, path: str) -> bool:
        scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        scope |= {"query_string": b"", "app": app, "router": app.router}
        return any(route.matches(dict(scope))[0] == Match.FULL for route in app.router.routes)

    return probe


def connexion(contract: str) -> Probe:
    """Call the application: what is routed is answered neither 404 nor 405."""
    # In the peer's own environment alone, so no type checker of ours finds it.
    import connexion as framework  # type: ignore[import-not-found]
    from connexion.mock import MockResolver  # type: ignore[import-not-found]

    app = framework.AsyncApp("peer", specification_dir=str(Path(contract).parent))
    app.add_api(Path(contract).name, resolver=MockResolver(mock_all=True))
    client = app.test_client(raise_server_exceptions=False).__enter__()

    def probe(method: str, path: str) -> bool:
        return client.request(method, path).status_code not in (404, 405)

    return probe


if __name__ == "__main__":
    main()
