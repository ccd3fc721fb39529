"""Tokens of a real Better Auth server, over real HTTP, on a real PostgreSQL: `nox -s better_auth`."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import SQLModel

from generated.sharing.routes import build_router as sharing
from generated.task_management.routes import build_router as task_management
from handfast.runtime import Settings, create_app
from handfast.runtime.database import Dsns
from handfast.runtime.security import user_id
from handfast.runtime.users import revoke
from handlers.sharing import operations as sharing_operations
from handlers.task_management import operations as task_operations
from tests.conftest import ROOT, SECRET, live

pytestmark = [
    pytest.mark.better_auth,
    pytest.mark.skipif(
        "BETTER_AUTH_TEST_FOLDER" not in os.environ,
        reason="needs the packages that `nox -s better_auth` installs",
    ),
]

START_SECONDS = 60
KINDS: dict[str, dict[str, str]] = {
    "EdDSA": {"alg": "EdDSA", "crv": "Ed25519"},
    "ES256": {"alg": "ES256"},
    "ES512": {"alg": "ES512"},
    "RS256": {"alg": "RS256"},
    "PS256": {"alg": "PS256"},
}


@dataclass
class AuthServer:
    """A Better Auth server on a fixed port; its database is a file, so it may stop and come back."""

    port: int
    database: Path
    jwt: dict[str, Any]
    uuid: bool
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        folder = Path(os.environ["BETTER_AUTH_TEST_FOLDER"])  # set by the nox session
        given = {"port": self.port, "database": str(self.database), "uuid": self.uuid, "jwt": self.jwt}
        self.process = subprocess.Popen(
            ["node", "server.mjs", json.dumps(given)],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "BETTER_AUTH_SECRET": SECRET},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        assert readable, "the Better Auth server did not start"
        assert self.process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.communicate()

    def sign_up(self) -> Callable[[], str]:
        """Make a user, and return what gets a new token of it."""
        new = {"email": f"{uuid4().hex}@example.com", "password": uuid4().hex, "name": "Ann"}
        answer = httpx.post(
            f"{self.url}/api/auth/sign-up/email", json=new, headers={"Origin": self.url}, timeout=20
        )
        session = {"Authorization": f"Bearer {answer.raise_for_status().headers['set-auth-token']}"}

        def token() -> str:
            got = httpx.get(f"{self.url}/api/auth/token", headers=session, timeout=20)
            return str(got.raise_for_status().json()["token"])

        return token


@contextmanager
def better_auth(folder: Path, *, uuid: bool = False, **jwks: object) -> Iterator[AuthServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = AuthServer(port, folder / "auth.db", {"jwks": jwks}, uuid)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def service(dsns: Dsns, auth: AuthServer, **more: object) -> Iterator[httpx.Client]:
    """The reference service, which takes tokens of `auth`."""
    settings = Settings.model_validate(
        {"env": "test", "database_url": dsns.service, "better_auth_url": auth.url} | more
    )
    routers = [task_management(task_operations), sharing(sharing_operations)]
    app = create_app(settings, root=ROOT, routers=routers, tables=SQLModel.metadata, users=True)
    with live(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def subject(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["sub"])


def listed(client: httpx.Client, token: str) -> int:
    return client.get("/api/tasks", headers=bearer(token)).status_code


def invented() -> str:
    """A token whose key the server has never heard of."""
    claims = {"sub": str(uuid4()), "exp": int(time.time()) + 600}
    return jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": uuid4().hex})


@pytest.mark.threat("spoofing.token-forged")
@pytest.mark.parametrize("uuid", [False, True], ids=["default-ids", "uuid-ids"])
@pytest.mark.parametrize("kind", KINDS)
def test_users_who_sign_up_have_tasks_of_their_own(kind: str, uuid: bool, dsns: Dsns, tmp_path: Path) -> None:
    with better_auth(tmp_path, uuid=uuid, keyPairConfig=KINDS[kind]) as auth, service(dsns, auth) as client:
        token, other = auth.sign_up()(), auth.sign_up()()
        assert jwt.get_unverified_header(token)["alg"] == kind
        if uuid:
            assert user_id(subject(token)) == UUID(subject(token))
        else:
            assert (len(subject(token)), user_id(subject(token)).version) == (32, 5)
        made = client.post("/api/tasks", json={"title": "Water the plants"}, headers=bearer(token))
        assert made.status_code == 201, made.text
        path = f"/api/tasks/{made.json()['id']}"
        assert client.get(path, headers=bearer(token)).json()["title"] == "Water the plants"
        assert client.get(path, headers=bearer(other)).status_code == 403
        assert client.get(path).status_code == 401
        head, body, mark = token.split(".")
        assert listed(client, f"{head}.{body}.{mark[:-8]}AAAAAAAA") == 401
        assert listed(client, f"{head}.{other.split('.')[1]}.{mark}") == 401


def test_keys_rotate(dsns: Dsns, tmp_path: Path) -> None:
    with better_auth(tmp_path, rotationInterval=3) as auth, service(dsns, auth) as client:
        token = auth.sign_up()
        old = token()
        assert listed(client, old) == 200
        until = time.monotonic() + 30
        while kid(new := token()) == kid(old):
            assert time.monotonic() < until, "the server did not rotate its key"
            time.sleep(0.5)  # between two questions
        assert listed(client, new) == 200
        assert listed(client, old) == 200


@pytest.mark.threat("denial.auth-server-down")
def test_known_keys_outlive_their_server(dsns: Dsns, tmp_path: Path) -> None:
    with (
        better_auth(tmp_path) as auth,
        # Keys age within the test, and no token is remembered: each is checked by its key.
        service(dsns, auth, jwks_cache_seconds=1, token_cache_seconds=0) as client,
    ):
        token = auth.sign_up()
        seen, unseen = token(), token()
        assert listed(client, seen) == 200
        assert listed(client, invented()) == 401
        auth.stop()
        time.sleep(1.5)  # until the keys are older than `jwks_cache_seconds`
        assert listed(client, seen) == 200
        assert listed(client, unseen) == 200
        refused = client.get("/api/tasks", headers=bearer(invented()))
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        auth.start()
        assert listed(client, token()) == 200


@pytest.mark.threat("spoofing.token-after-sign-out")
def test_sign_out_everywhere(dsns: Dsns, tmp_path: Path) -> None:
    with better_auth(tmp_path) as auth, service(dsns, auth, token_cache_seconds=0) as client:
        token, other = auth.sign_up(), auth.sign_up()()
        old = token()
        assert listed(client, old) == listed(client, other) == 200
        revoke(dsns.service, subject(old))
        assert listed(client, old) == 401
        assert listed(client, other) == 200
        time.sleep(1.1)  # `iat` counts whole seconds
        assert listed(client, token()) == 200
