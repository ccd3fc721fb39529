"""Webhooks and callbacks over real HTTP: typed, held against the contract, safe to point anywhere."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from handfast.runtime import (
    BadReply,
    Exchange,
    NotDelivered,
    NotSent,
    Outbound,
    Rejected,
    Settings,
    Stream,
    Unresolved,
)
from handfast.runtime.outbound import MOST_ANSWER_BYTES
from tests.codegen.serving import application, imported, made, module
from tests.conftest import live

CONTRACT = Path(__file__).parent / "cases/senders/specs/001-hooks/contracts/api.yaml"
PROJECT = {"001-hooks/contracts/api.yaml": CONTRACT.read_text(encoding="utf-8")}
KEY = {"X-Key": "k"}
EMPTY = Exchange("PUT", "http://x")


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent, and answers with the bytes it was told to."""

    answers: bytes = b""
    seen: list[tuple[str, str, dict[str, str], bytes]]

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.command, self.path, headers, self.rfile.read(length)))
        self.wfile.write(self.answers)
        self.close_connection = True

    do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 (http.server's names)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("hooks")
    made(folder, PROJECT)
    with imported(folder):
        yield folder


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Receiver]]]:
    kind = type("Kept", (Receiver,), {"seen": [], "answers": answer(204)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", kind
    finally:
        server.shutdown()
        server.server_close()


def answer(status: int, body: bytes = b"", kind: str = "application/json", *extra: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Told", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *extra]
    return "\r\n".join([*lines, "", ""]).encode() + body


def senders(root: Path, **settings: Any) -> Any:
    given = Settings.model_validate({"env": "test", "sender_networks": "127.0.0.0/8", **settings})
    return module("hooks.senders").Senders(Outbound(given))


def shipped(**values: Any) -> Any:
    found = {"id": "1", "at": datetime(2026, 1, 2, tzinfo=UTC)} | values
    return module("hooks.models").Shipped(**found)


def run(call: Callable[[], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        return await call()

    return asyncio.run(main())


def test_a_callback_goes_where_the_call_said(root: Path, receiver: tuple[str, type[Receiver]]) -> None:
    url, kept = receiver
    kept.answers = answer(200, b'{"ok": true}')
    exchange = Exchange("PUT", "http://x/orders/7", path={"id": "7"}, body={"callbackUrl": f"{url}/hook"})
    reply = run(
        lambda: senders(root).put_order_on_shipped(
            exchange,
            shipped(),
            x_signature="abcd",
            attempt=2,
            tags=["a b", "c"],
            extra_headers=KEY,
        )
    )
    assert (reply.status, reply.body.ok) == (200, True)
    ((method, path, headers, body),) = kept.seen
    assert (method, path) == ("POST", "/hook?order=7&attempt=2&tags=a%20b%2Cc")
    assert json.loads(body) == {"id": "1", "at": "2026-01-02T00:00:00Z"}
    assert headers["content-type"] == "application/json"
    assert (headers["x-signature"], headers["x-key"]) == ("abcd", "k")


def test_a_webhook_is_given_its_url(root: Path, receiver: tuple[str, type[Receiver]]) -> None:
    url, kept = receiver
    kept.answers = answer(200, b"heard", "text/plain; charset=utf-8")
    body = module("hooks.models").SendStockLowBody(item="a&b", left=[1, 2])
    assert run(lambda: senders(root).stock_low(url, body)).body == "heard"
    assert run(lambda: senders(root).stock_low(url, None)).body == "heard"
    kept.answers = answer(200)
    run(lambda: senders(root).put_picture(f"{url}/p", Stream(b"\x89PNG", "image/png")))
    assert [(one[0], one[3], one[2].get("content-type")) for one in kept.seen] == [
        ("POST", b"item=a%26b&left=1&left=2", "application/x-www-form-urlencoded"),
        ("POST", b"", None),
        ("PUT", b"\x89PNG", "image/png"),
    ]


def test_nothing_is_sent_that_breaks_the_contract(root: Path, receiver: tuple[str, type[Receiver]]) -> None:
    url, kept = receiver
    bad = [
        lambda: senders(root).put_order_on_shipped(url, shipped(), x_signature="abc"),
        lambda: senders(root).put_order_on_shipped(url, shipped(), x_signature="abcd", attempt=0),
        lambda: senders(root).put_order_on_shipped(url, shipped(secret="s"), x_signature="abcd"),
        lambda: senders(root).put_order_on_shipped(url, shipped(), x_signature="ab\r\nX: y"),
        lambda: senders(root).put_order_on_shipped(EMPTY, shipped(), x_signature="abcd"),
        lambda: senders(root).put_order_on_gone_post(EMPTY),
        lambda: senders(root).put_order_on_gone_post(url, extra_headers={"Host": "x"}),
    ]
    for call in bad:
        with pytest.raises(NotSent):
            run(call)
    assert kept.seen == []


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (answer(410), Rejected),
        (answer(500, b"oops"), Rejected),
        (answer(302, b"", "text/plain", "Location: http://127.0.0.1/"), Rejected),
        (answer(202), BadReply),
        (answer(200, b'{"ok": 1}'), BadReply),
        (answer(200, b"{"), BadReply),
        (answer(200, b"ok", "text/plain"), BadReply),
        (b"", NotDelivered),
        (b"SSH-2.0-x\r\n\r\n", NotDelivered),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", NotDelivered),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", NotDelivered),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MOST_ANSWER_BYTES + 1), NotDelivered),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", NotDelivered),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", NotDelivered),
        (b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n", NotDelivered),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, NotDelivered),
    ],
)
def test_bad_answers_are_told(
    root: Path, receiver: tuple[str, type[Receiver]], told: bytes, error: type[Exception]
) -> None:
    url, kept = receiver
    kept.answers = told
    with pytest.raises(error) as raised:
        run(lambda: senders(root).put_order_on_shipped(url, shipped(), x_signature="abcd"))
    assert type(raised.value) is error
    assert len(kept.seen) == 1


def test_chunks_and_interim_answers_are_read(root: Path, receiver: tuple[str, type[Receiver]]) -> None:
    url, kept = receiver
    head = b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    kept.answers = head + b'Transfer-Encoding: chunked\r\n\r\n4;x=y\r\n{"ok\r\n8\r\n": true}\r\n0\r\n\r\n'
    reply = run(lambda: senders(root).put_order_on_shipped(url, shipped(), x_signature="abcd"))
    assert reply.body.ok is True


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1%25lo]/",
        "http://224.0.0.1/",
        "https://name.invalid/",
        "http://user:password@example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/",
        "http://",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com/\r\nX: y",
    ],
)
def test_what_is_not_public_is_not_reached(root: Path, url: str) -> None:
    guarded = senders(root, sender_networks="")
    with pytest.raises(NotDelivered):
        run(lambda: guarded.put_order_odd(url))


def test_a_silent_receiver_is_given_up(root: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)  # accepts, and never serves
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(NotDelivered, match=r"within 0\.2 seconds"):
            run(lambda: senders(root, sender_timeout_seconds=0.2).put_order_odd(url))
    finally:
        server.server_close()


def test_expressions_are_evaluated() -> None:
    exchange = Exchange(
        "POST",
        "https://api.example.com/subscribe/a?queryUrl=https://b/c",
        path={"eventType": "a"},
        query={"queryUrl": "https://b/c"},
        header={"content-type": "application/json"},
        body={"failedUrl": "u", "successUrls": ["f", "m"], "a/b~c": 1, "deep": {}},
    ).answered(201, {"id": 5}, {"Location": "/subscription/1"})
    expected = {
        "$url": exchange.url,
        "$method": "POST",
        "$statusCode": "201",
        "$request.path.eventType": "a",
        "$request.query.queryUrl": "https://b/c",
        "$request.header.Content-Type": "application/json",
        "$request.body#/failedUrl": "u",
        "$request.body#/successUrls/1": "m",
        "$request.body#/a~1b~0c": "1",
        "$response.header.Location": "/subscription/1",
        "$response.body#/id": "5",
        "http://n?t={$request.query.queryUrl}&e={$response.body#/id}": "http://n?t=https%3A%2F%2Fb%2Fc&e=5",
        "{$request.query.queryUrl}/{$request.path.eventType}": "https://b/c/a",
        "http://fixed/{no}": "http://fixed/{no}",
    }
    assert {text: exchange.resolve(text) for text in expected} == expected
    missing = ("$request.body#/none", "$request.body#/deep", "$request.body#/successUrls/9")
    for text in (*missing, "$response.path.x", "$x"):
        with pytest.raises(Unresolved):
            exchange.resolve(text)


def test_handlers_send_callbacks_of_the_call_they_serve(
    root: Path, receiver: tuple[str, type[Receiver]]
) -> None:
    url, kept = receiver
    kept.answers = answer(204)
    sending = senders(root)

    async def put_order(ctx: Any, id_: str, body: Any, *, ack: str | None) -> Any:
        await sending.put_order_on_shipped(ctx.exchange, shipped(), x_signature="abcd")
        await sending.put_order_on_gone_delete(sending.url("put_order_on_gone_delete", ctx.exchange))
        return body

    app = application(root, {"hooks": SimpleNamespace(put_order=put_order)})
    with live(app) as service:
        query = {"ack": f"{url}/gone"}
        answered = httpx.put(f"{service}/orders/a%20b%26c", params=query, json={"callbackUrl": f"{url}/hook"})
    assert answered.status_code == 201, answered.text
    assert [(one[0], one[1]) for one in kept.seen] == [
        ("POST", "/hook?order=a%20b%26c"),
        ("DELETE", "/gone"),
    ]
