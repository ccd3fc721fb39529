"""Tokens by a published key set, over real HTTP on both sides: good ones are taken, each attack is a 401."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from sqlmodel import SQLModel

from generated.sharing.routes import build_router as sharing
from generated.task_management.routes import build_router as task_management
from handfast.runtime import Settings, create_app, jwks
from handfast.runtime.database import Dsns
from handlers.sharing import operations as sharing_operations
from handlers.task_management import operations as task_operations
from tests.conftest import ROOT, SECRET, live

KEYS: dict[str, Any] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
    "PS256": rsa.generate_private_key(65537, 2048),
}
"""The algorithm, which is also the key's id -> the key."""
WRITERS: dict[str, Any] = {
    "EdDSA": OKPAlgorithm,
    "ES256": ECAlgorithm,
    "ES512": ECAlgorithm,
    "RS256": RSAAlgorithm,
    "PS256": RSAAlgorithm,
}


def public(kind: str) -> dict[str, Any]:
    return {**WRITERS[kind].to_jwk(KEYS[kind].public_key(), as_dict=True), "kid": kind, "alg": kind}


SET = json.dumps({"keys": [public(kind) for kind in KEYS]}).encode()


class KeyServer(BaseHTTPRequestHandler):
    """Publishes the key set below /api/auth/jwks; other folders are other ways to answer."""

    def do_GET(self) -> None:
        self.send_response(302 if self.path.startswith(("/away", "/near")) else 200)
        if self.path.startswith(("/away", "/near")):
            host = "localhost" if self.path.startswith("/away") else "127.0.0.1"
            port = self.headers["Host"].rpartition(":")[2]
            self.send_header("Location", f"http://{host}:{port}/api/auth/jwks")
        self.end_headers()
        try:
            if self.path.startswith("/slow"):
                for byte in SET:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.05)
            elif self.path.startswith("/large"):
                self.wfile.write(SET + b" " * jwks.LARGEST_DOCUMENT)
            else:
                self.wfile.write(SET)
        except OSError:
            pass  # the service has had enough

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def key_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), KeyServer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def service(dsns: Dsns, address: str) -> Iterator[httpx.Client]:
    settings = Settings.model_validate(
        {
            "env": "test",
            "database_url": dsns.service,
            "better_auth_url": address,
            "better_auth_secret": SECRET,
        }
    )
    routers = [task_management(task_operations), sharing(sharing_operations)]
    app = create_app(settings, root=ROOT, routers=routers, tables=SQLModel.metadata, users=True)
    with live(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def client(dsns: Dsns, key_server: str) -> Iterator[httpx.Client]:
    with service(dsns, key_server) as client:
        yield client


def claims(address: str) -> dict[str, Any]:
    return {"sub": "ann", "iss": address, "aud": address, "exp": 9_999_999_999}


def good(kind: str, address: str, **header: Any) -> str:
    return jwt.encode(claims(address), KEYS[kind], algorithm=kind, headers={"kid": kind} | header)


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def hs256(secret: bytes, kid: str, address: str) -> str:
    """PyJWT refuses to sign with a public key, so it is done by hand, as an attacker would."""
    head = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": kid}).encode())
    text = f"{head}.{part(json.dumps(claims(address)).encode())}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), 'sha256'))}"


def forms(kind: str) -> dict[str, bytes]:
    """The public key in each form that a careless verifier might take for a secret."""
    key, info = KEYS[kind].public_key(), serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_bytes(serialization.Encoding.PEM, info)
    return {
        "PEM": pem,
        "PEM without its last line end": pem.strip(),
        "DER": key.public_bytes(serialization.Encoding.DER, info),
        "JWK": json.dumps(public(kind)).encode(),
        "JWK's value": str(public(kind).get("x") or public(kind)["n"]).encode(),
    }


def status(client: httpx.Client, token: str) -> int:
    return client.get("/api/tasks", headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.parametrize("kind", KEYS)
def test_each_kind_of_key_is_taken(kind: str, client: httpx.Client, key_server: str) -> None:
    assert status(client, good(kind, key_server)) == 200


@pytest.mark.threat("spoofing.token-algorithm-confusion")
@pytest.mark.parametrize("form", forms("EdDSA"))
@pytest.mark.parametrize("kind", KEYS)
def test_a_public_key_is_no_secret(kind: str, form: str, client: httpx.Client, key_server: str) -> None:
    assert status(client, hs256(forms(kind)[form], kind, key_server)) == 401


@pytest.mark.threat("spoofing.token-algorithm-confusion")
@pytest.mark.parametrize("named", KEYS)
@pytest.mark.parametrize("kind", KEYS)
def test_a_key_serves_its_own_id_and_algorithm_alone(
    kind: str, named: str, client: httpx.Client, key_server: str
) -> None:
    """The key of one kind under the id of another, also where it can sign by the other's algorithm."""
    assert (status(client, good(kind, key_server, kid=named)) == 200) == (kind == named)
    if kind != named and type(KEYS[kind]) is type(KEYS[named]) and WRITERS[kind] is RSAAlgorithm:
        token = jwt.encode(claims(key_server), KEYS[kind], algorithm=named, headers={"kid": kind})
        assert status(client, token) == 401


@pytest.mark.threat("spoofing.token-forged")
@pytest.mark.parametrize("kind", KEYS)
def test_keys_that_a_token_brings_along_do_not_count(
    kind: str, client: httpx.Client, key_server: str
) -> None:
    own = ed25519.Ed25519PrivateKey.generate()
    brought = json.loads(OKPAlgorithm.to_jwk(own.public_key()))
    for more in ({"jwk": brought}, {"jku": f"{key_server}/api/auth/jwks"}, {"x5u": key_server}):
        token = jwt.encode(claims(key_server), own, algorithm="EdDSA", headers={"kid": kind, **more})
        assert status(client, token) == 401


@pytest.mark.threat("spoofing.unusable-published-keys")
@pytest.mark.parametrize(
    ("folder", "expected"), [("near", 200), ("away", 503), ("large", 503), ("slow", 503)]
)
def test_what_the_key_server_may_answer(
    folder: str, expected: int, dsns: Dsns, key_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect on its own host; one to another host, 512 KB and more, and a drip of bytes are refused."""
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 1.0)
    address = f"{key_server}/{folder}"
    with service(dsns, address) as client:
        assert status(client, good("EdDSA", address)) == expected
