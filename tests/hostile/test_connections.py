"""What one caller can do with many connections, or by not reading, and requests broken at random."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handfast.runtime.database import Dsns
from tests.hostile.attack import QUIET_SECONDS, Reader, Target, attacked, statuses
from tests.hostile.kinds import AUTH, TOKEN, chunked, get, head, post

CONNECTIONS = 60
HEALTH = (get(b"/health", b"Connection: close"),)


@pytest.fixture(scope="module")
def target(dsns: Dsns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    limits = {
        "HANDFAST_CONNECTION_LIMIT": str(CONNECTIONS),
        "HANDFAST_HEAD_TIMEOUT_SECONDS": "2",
        "HANDFAST_BODY_TIMEOUT_SECONDS": "2",
        "HANDFAST_KEEP_ALIVE_SECONDS": "1",
        "HANDFAST_WRITE_TIMEOUT_SECONDS": "1",
        "HANDFAST_TRUSTED_PROXIES": "10.0.0.0/8",
    }
    with attacked(tmp_path_factory.mktemp("connections"), dsns, **limits) as made:
        yield made


def eventually(port: int, seconds: float = 6) -> None:
    """Wait until a normal request is answered."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if statuses(port, HEALTH) == [200]:
                return
        assert time.monotonic() < deadline, "the service does not answer"
        time.sleep(0.1)


@pytest.mark.threat("denial.connection-flood")
def test_too_many_connections_are_told_so_and_idle_ones_make_room(target: Target) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", target.port)))
        assert statuses(target.port, HEALTH) == [503]  # connections are taken in the order of their coming
        eventually(target.port)  # though nobody has closed one of them


@pytest.mark.threat("denial.unread-response")
def test_a_caller_that_reads_no_answer_is_cut_off(target: Target) -> None:
    before = target.resident_bytes
    with contextlib.ExitStack() as stack:
        hoarders = []
        for _ in range(6):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(10)
            stack.enter_context(one).connect(("127.0.0.1", target.port))
            one.sendall(get(b"/big"))
            hoarders.append(one)
        time.sleep(2.5)  # longer than it may take to write; reading would show how far it is, and help it on
        eventually(target.port)
        for one in hoarders:
            assert _read_until_cut(one) < 8_000_000
    assert target.resident_bytes - before < 64 * 1024 * 1024


def _read_until_cut(connection: socket.socket) -> int:
    length = 0
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(1 << 16):
            length += len(data)
    return length


@pytest.mark.threat("denial.pipelining")
def test_requests_that_wait_are_few(target: Target) -> None:
    with contextlib.suppress(OSError):  # it hangs up while we are still sending
        statuses(target.port, (get(b"/big") * 20_000,))
    eventually(target.port)


@pytest.mark.threat("tampering.request-smuggling")
def test_a_refused_request_ends_the_connection(target: Target) -> None:
    bad = head(b"POST /free HTTP/1.1", b"Content-Length: 1", b"Transfer-Encoding: chunked")
    with socket.create_connection(("127.0.0.1", target.port), timeout=10) as connection:
        connection.sendall(bad + b"0\r\n\r\n" + get(b"/health"))
        reader = Reader(connection)
        assert reader.status(10) == 400
        assert reader.status(QUIET_SECONDS) is None
        connection.settimeout(10)
        assert connection.recv(1) == b""


@pytest.mark.threat("tampering.request-smuggling")
def test_a_body_that_breaks_after_its_answer_gets_no_second_one_and_ends_the_connection(
    target: Target,
) -> None:
    head_only = head(b"POST /health HTTP/1.1", b"Transfer-Encoding: chunked")  # nobody reads this body
    assert statuses(target.port, (head_only, 0.3, b"x\r\n", get(b"/health"))) == [405]
    eventually(target.port)


@pytest.mark.threat("denial.unstorable-text")
@pytest.mark.parametrize(
    ("path", "document", "places"),
    [
        ("/search", {"text": "a\0b"}, ["/text"]),
        ("/stored", {"a": [{"b": "x"}, {"c\0": "y\0"}]}, ["/a/1/c\0", "/a/1/c\0"]),
        ("/stored", "\0", [""]),
        ("/count", {"number": 10**30}, [""]),
    ],
)
def test_what_the_database_cannot_hold_is_told_with_its_place(
    target: Target, path: str, document: object, places: list[str]
) -> None:
    headers = {"Authorization": f"Bearer {target.token.decode()}"}
    answer = httpx.post(f"http://127.0.0.1:{target.port}{path}", json=document, headers=headers)
    assert answer.status_code == 422
    assert [(one["location"], one["pointer"]) for one in answer.json()["errors"]] == [
        ("body", place) for place in places
    ]


VALID = (
    get(b"/health"),
    get(b"/api/tasks?limit=2&sort=priority", AUTH),
    get(b"/api/tasks/00000000-0000-4000-8000-000000000000", AUTH, b"Accept: application/json"),
    post(b"/api/tasks", b'{"title":"x","priority":"high","due_date":"2026-12-01"}', AUTH),
    post(b"/form", b"name=a&size[x]=1", type=b"application/x-www-form-urlencoded"),
    post(b"/tree", b'{"children":[{"children":[]}]}'),
    post(
        b"/upload",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n',
        type=b"multipart/form-data; boundary=b",
    ),
    chunked(b"/free", b'3\r\n"x"\r\n', b"0\r\n\r\n"),
    head(b"OPTIONS /api/tasks HTTP/1.1", b"Origin: https://x", b"Access-Control-Request-Method: GET"),
)
Mutation = tuple[str, int, bytes]
MUTATIONS = st.tuples(
    st.sampled_from(("insert", "delete", "replace", "double", "cut")),
    st.integers(0, 400),
    st.sampled_from(
        (b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"%", b"{", b'"', b"[", b"0", b"9" * 30, b"\xff")
    )
    | st.binary(min_size=1, max_size=6),
)


CLOSING = tuple(raw.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) for raw in VALID)


def mutated(raw: bytes, mutations: list[Mutation]) -> bytes:
    for what, place, data in mutations:
        place %= len(raw) + 1
        match what:
            case "insert":
                raw = raw[:place] + data + raw[place:]
            case "delete":
                raw = raw[:place] + raw[place + len(data) :]
            case "replace":
                raw = raw[:place] + data + raw[place + len(data) :]
            case "double":
                raw = raw[:place] + raw[place : place + 20] + raw[place:]
            case _:
                raw = raw[:place] or raw
    return raw


@pytest.mark.threat("denial.malformed-http")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.sampled_from(CLOSING), mutations=st.lists(MUTATIONS, min_size=1, max_size=5))
def test_no_mutation_of_a_request_makes_the_service_fail(
    target: Target, raw: bytes, mutations: list[Mutation]
) -> None:
    with socket.create_connection(("127.0.0.1", target.port), timeout=10) as connection:
        connection.sendall(mutated(raw.replace(TOKEN, target.token), mutations))
        reader = Reader(connection)
        with contextlib.suppress(TimeoutError):  # incomplete: the rest is not waited for
            while (status := reader.status(0.1)) is not None:
                assert status < 500


def test_mutations_left_no_error_in_the_log(target: Target) -> None:
    assert statuses(target.port, HEALTH) == [200]
    text = Path(target.log).read_text()
    assert "Traceback" not in text
    assert "request_failed" not in text
    assert '"level":"error"' not in text
