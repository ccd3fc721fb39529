"""`/openapi.json` and `/docs`: the published contract, and a page that shows it and asks no other host."""

from __future__ import annotations

import json
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from handfast.runtime.errors import NotFound

ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The browser itself makes sure that no foreign host is asked."""

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

_START: Final = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


def document(root: Path) -> bytes | None:
    """The published contract as `handfast generate` wrote it; None if it has not been made."""
    path = root / "generated" / "openapi.json"
    return path.read_bytes() if path.is_file() else None


def add_contract(app: FastAPI, content: bytes) -> None:
    """Serve `content` at `/openapi.json`, byte for byte, and let `app.openapi()` return it."""
    parsed: dict[str, Any] = json.loads(content)

    def openapi() -> dict[str, Any]:
        return parsed

    async def serve(request: Request) -> Response:
        return Response(content, media_type="application/json")

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to bring one's own
    app.add_route("/openapi.json", serve, methods=["GET"], include_in_schema=False)


def add_docs(app: FastAPI, title: str) -> None:
    """Serve a page at `/docs` that shows `/openapi.json`."""
    page = _PAGE.format(title=escape(title))
    assets = asset_folder()

    async def show(request: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "start.js":
            return Response(_START, media_type="text/javascript")
        if name not in ASSETS or assets is None:
            raise NotFound()
        return FileResponse(assets / name, media_type=ASSETS[name])

    app.add_route("/docs", show, methods=["GET"], include_in_schema=False)
    app.add_route("/docs/{name}", serve, methods=["GET"], include_in_schema=False)


def asset_folder() -> Path | None:
    """Where `fastapi-offline` keeps Swagger UI: only its files are used, so it is not imported."""
    spec = find_spec("fastapi_offline")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "static"
