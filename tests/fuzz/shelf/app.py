"""The shelf, with a layer in front of it in which more holes can be opened."""

import base64
import hashlib
import json
import os
from pathlib import Path

from generated.shelf.routes import build_router
from handfast.runtime import Settings, create_app
from handfast.testing import make_token
from handlers.shelf import operations, tables
from handlers.shelf.holes import hole


class Front:
    """A layer that answers conditions before anybody is asked who they are, or believes what a token says."""

    def __init__(self, app):
        self.app = app
        self.seen = set()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and hole("early-304"):
            scope, send = await self.conditional(scope, send)
            if scope is None:
                return
        if scope["type"] == "http" and hole("alg-none"):
            scope = {**scope, "headers": [(name, believed(value)) for name, value in scope["headers"]]}
        await self.app(scope, receive, send)

    async def conditional(self, scope, send):
        tag = b'"' + hashlib.sha256(scope["path"].encode()).hexdigest()[:12].encode() + b'"'
        if (b"if-none-match", tag) in scope["headers"] and tag in self.seen:
            await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", tag)]})
            await send({"type": "http.response.body", "body": b""})
            return None, send

        async def tagged(message):
            if message["type"] == "http.response.start" and message["status"] == 200:
                self.seen.add(tag)
                message = {**message, "headers": [*message["headers"], (b"etag", tag)]}
            await send(message)

        return scope, tagged


def believed(value):
    """A good token for whoever a token without a signature says it is."""
    try:
        head, body = (
            json.loads(base64.urlsafe_b64decode(part + b"=="))
            for part in value.removeprefix(b"Bearer ").split(b".")[:2]
        )
        if str(head.get("alg")).lower() != "none":
            return value
        return b"Bearer " + make_token(body["sub"], secret=os.environ["BETTER_AUTH_SECRET"]).encode()
    except (ValueError, AttributeError):
        return value


app = Front(
    create_app(
        Settings(),
        root=Path(__file__).parent,
        routers=[build_router(operations)],
        tables=tables.metadata,
    )
)
