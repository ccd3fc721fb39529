"""Watches the whole test run for secrets in logs and responses, and fails the test that lets one out.

What is watched, in every process of the run:

- what the code under test prints, also by child processes: what pytest captured, what `capsys` handed out,
  and what `subprocess` read from a pipe;
- every HTTP response: at the ASGI side of `tests.conftest.live`, and at the client side of httpx.

What may be nowhere: the signing secret, passwords of the database, the bearer tokens that were signed during
the run (`handfast token` and `handfast dev` print tokens of their own making: those lines alone may pass).
What may be in no log line, but in the response to whoever sent it: texts of request bodies, cookies, e-mail
addresses, anything of a token's shape. A log line is a line of JSON with a `level`. With `-s` nothing is
captured, and only responses and pipes are watched.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator, MutableMapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SHORTEST_BODY_TEXT = 12
"""A shorter text of a body may well be a word of the service's own."""
MOST_BODY_TEXTS = 5_000
LONGEST_RESPONSE = 4_000_000

JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
EMAIL = re.compile(r"[\w.+-]+(?:@|%40)(?:[\w-]+\.)+[a-zA-Z]{2,}")
COOKIE = re.compile(r"(?i)\bcookie\b\W{1,6}[\w-]+=\w")
UUID = re.compile(r"[0-9a-fA-F-]{32,36}")
PRODUCT = re.compile(r'^\{"event": "ready"|^\{"ok": true, "token"|^  (token|try) +|^[\w-]+\.[\w-]+\.[\w-]+$')
"""Lines of the command line whose very purpose is to hand out a token."""


class Leak(AssertionError):
    """A secret got out."""


class Watch:
    """What must not get out, and what got out since the last look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planted: dict[str, str] = {}
        self._bodies: set[str] = set()
        self._found: list[str] = []

    def plant(self, kind: str, secret: str) -> None:
        """Look for `secret`, called `kind` in reports, from now on and everywhere."""
        if len(secret) >= 6:
            with self._lock:
                self._planted[secret] = kind

    def sent(self, body: bytes) -> None:
        """Look for the texts in `body` in log lines until the present test ends."""
        try:
            document = json.loads(body)
        except ValueError:
            return
        with self._lock:
            for text in _texts(document):
                told = len(text) >= SHORTEST_BODY_TEXT and not UUID.fullmatch(text)
                if told and len(self._bodies) < MOST_BODY_TEXTS:
                    self._bodies.add(text)

    def response(self, where: str, text: str) -> None:
        """Look through a response: its headers and its body."""
        self._everywhere(f"response of {where}", text)

    def output(self, where: str, text: str) -> None:
        """Look through what was printed."""
        for line in text.splitlines():
            if not PRODUCT.match(line):
                self._everywhere(where, line)
            if line.startswith("{") and '"level":' in line:
                self._log_line(where, line)

    def drain(self) -> list[str]:
        """Return what was found since the last call, and forget the bodies of the test that ends."""
        with self._lock:
            found, self._found = self._found, []
            return found

    def forget_bodies(self) -> None:
        """The next test sends bodies of its own."""
        with self._lock:
            self._bodies.clear()

    def _everywhere(self, where: str, text: str) -> None:
        with self._lock:
            planted = list(self._planted.items())
        for secret, kind in planted:
            if secret in text:
                self._report(where, kind, text, secret)

    def _log_line(self, where: str, line: str) -> None:
        for kind, shape in (("a token", JWT), ("an e-mail address", EMAIL), ("a cookie", COOKIE)):
            if found := shape.search(line):
                self._report(where, kind, line, found[0])
        with self._lock:
            bodies = list(self._bodies)
        for text in bodies:
            if json.dumps(text, ensure_ascii=False)[1:-1] in line or json.dumps(text)[1:-1] in line:
                self._report(where, "text of a request body", line, text)

    def _report(self, where: str, kind: str, text: str, secret: str) -> None:
        start = max(0, text.find(secret) - 60)
        around = text[start : start + len(secret) + 120].replace(secret, f"<{kind}>")
        with self._lock:
            self._found.append(f"{kind} in {where}: …{around}…")


WATCH = Watch()
plant = WATCH.plant


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for entry in value.values():
                yield from _texts(entry)
        case list():
            for entry in value:
                yield from _texts(entry)


class Watched:
    """Stands before an application and looks at what it is sent and what it answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        came, left = bytearray(), bytearray()

        async def receiving() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "http.request" and len(came) < LONGEST_RESPONSE:
                came.extend(message.get("body", b""))
                if not message.get("more_body"):
                    WATCH.sent(bytes(came))
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                for name, value in message.get("headers", ()):
                    left.extend(name + b": " + value + b"\n")
            elif len(left) < LONGEST_RESPONSE:
                left.extend(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receiving, sending)
        finally:
            WATCH.response(f"{scope['method']} {scope['path']}", left.decode("utf-8", "replace"))


def _look_at_response(response: httpx.Response) -> None:
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.multi_items())
    request = response.request
    WATCH.response(f"{request.method} {request.url.path}", f"{headers}\n{response.text}")


def _after(function: Callable[..., Any], look: Callable[[Any], None]) -> Callable[..., Any]:
    @wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        look(result)
        return result

    return watched


def _request_body(request: httpx.Request) -> None:
    with contextlib.suppress(httpx.RequestNotRead):  # a stream is seen at the other side
        WATCH.sent(request.content)


def pytest_configure(config: pytest.Config) -> None:
    """Stand at every door through which something gets out."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(jwt, "encode", _after(jwt.encode, lambda token: plant("a bearer token", token)))
    patch.setattr(
        pytest.CaptureFixture,
        "readouterr",
        _after(pytest.CaptureFixture.readouterr, lambda read: _look_at_streams("captured output", *read)),
    )
    patch.setattr(
        subprocess.Popen,
        "communicate",
        _after(subprocess.Popen.communicate, lambda read: _look_at_streams("a child's output", *read)),
    )
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    @wraps(send)
    def watched(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        _request_body(request)
        response = send(self, request, **options)
        if response.is_closed:
            _look_at_response(response)
        return response

    @wraps(send_async)
    async def watched_async(
        self: httpx.AsyncClient, request: httpx.Request, **options: Any
    ) -> httpx.Response:
        _request_body(request)
        response = await send_async(self, request, **options)
        if response.is_closed:
            _look_at_response(response)
        return response

    patch.setattr(httpx.Client, "send", watched)
    patch.setattr(httpx.AsyncClient, "send", watched_async)


def _look_at_streams(where: str, *streams: str | bytes | None) -> None:
    for stream in streams:
        if stream:
            WATCH.output(where, stream if isinstance(stream, str) else stream.decode("utf-8", "replace"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail the phase of the test in which a secret got out."""
    report = yield
    # Each phase's report repeats the sections of the earlier ones; only its own are new.
    for title, text in report.sections:
        if title.startswith("Captured ") and title.endswith(f" {report.when}"):
            WATCH.output(title.lower(), text)
    found = WATCH.drain()
    if report.when == "teardown":
        WATCH.forget_bodies()
    if found:
        report.outcome = "failed"
        said = f"{report.longreprtext}\n" if report.longrepr is not None else ""
        report.longrepr = said + "\n".join(["a secret got out:", *dict.fromkeys(found)])
    return report
