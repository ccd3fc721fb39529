"""Hundreds of hostile requests against a real server: each gets its answer, and the service goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handfast.runtime.database import Dsns
from tests.hostile import documents, forms, limits, paths, smuggling
from tests.hostile.attack import Target, attacked, statuses
from tests.hostile.kinds import CANARY, CLOSED, TOKEN, Kind

KINDS = smuggling.KINDS + limits.KINDS + paths.KINDS + documents.KINDS + forms.KINDS
pytestmark = [
    pytest.mark.threat("denial.body-too-large"),
    pytest.mark.threat("denial.decompression-bomb"),
    pytest.mark.threat("denial.form-flood"),
    pytest.mark.threat("denial.header-bomb"),
    pytest.mark.threat("denial.json-bomb"),
    pytest.mark.threat("denial.malformed-http"),
    pytest.mark.threat("denial.multipart-bomb"),
    pytest.mark.threat("denial.oversized-head"),
    pytest.mark.threat("denial.pipelining"),
    pytest.mark.threat("denial.range-flood"),
    pytest.mark.threat("denial.regular-expression"),
    pytest.mark.threat("denial.slow-body"),
    pytest.mark.threat("denial.slow-head"),
    pytest.mark.threat("denial.unstorable-text"),
    pytest.mark.threat("disclosure.cross-origin"),
    pytest.mark.threat("disclosure.trace"),
    pytest.mark.threat("elevation.method-override"),
    pytest.mark.threat("elevation.open-proxy"),
    pytest.mark.threat("elevation.path-confusion"),
    pytest.mark.threat("spoofing.forwarded-headers"),
    pytest.mark.threat("spoofing.host-header"),
    pytest.mark.threat("tampering.header-injection"),
    pytest.mark.threat("tampering.json-ambiguity"),
    pytest.mark.threat("tampering.request-smuggling"),
    pytest.mark.threat("tampering.upgrade"),
    pytest.mark.threat("tampering.upload-name"),
]
GROWTH_BYTES = 64 * 1024 * 1024
AT_ONCE = 16
NORMAL = (b"GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN + b"\r\n\r\n",)


@pytest.fixture(scope="module")
def target(dsns: Dsns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    settings = {
        "CORS_ORIGINS": "https://app.example.com",
        "HANDFAST_HEAD_TIMEOUT_SECONDS": "3",
        "HANDFAST_BODY_TIMEOUT_SECONDS": "3",
        "HANDFAST_KEEP_ALIVE_SECONDS": "1",
        "HANDFAST_WRITE_TIMEOUT_SECONDS": "2",
        "LOG_LEVEL": "debug",
    }
    with attacked(tmp_path_factory.mktemp("hostile"), dsns, **settings) as made:
        yield made


def answers(target: Target, send: tuple[bytes | float, ...]) -> list[int]:
    pieces = (piece.replace(TOKEN, target.token) if isinstance(piece, bytes) else piece for piece in send)
    return statuses(target.port, tuple(pieces))


def verdict(target: Target, kind: Kind) -> str | None:
    """What is wrong with the answer to `kind`, or with the service after it."""
    try:
        found = answers(target, kind.send)
        after = answers(target, NORMAL)
    except (OSError, ValueError) as error:
        return f"{kind}: {type(error).__name__}: {error}"
    if after != [200]:
        return f"{kind}: a normal request after it was answered {after}"
    if len(found) > kind.most_answers:
        return f"{kind}: answered {len(found)} times: {found[:5]}"
    if not {*found} <= kind.right or (not found and CLOSED not in kind.right):
        return f"{kind}: answered {found[:5] or 'by closing'}, which should be {sorted(kind.right)}"
    return None


def test_each_hostile_kind_gets_its_answer_and_the_service_goes_on(
    target: Target, capsys: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 200
    for _ in range(20):
        assert answers(target, NORMAL) == [200]
    before = target.resident_bytes
    quick = [kind for kind in KINDS if not kind.slow]
    slow = [kind for kind in KINDS if kind.slow]
    with ThreadPoolExecutor(len(slow)) as waiting, ThreadPoolExecutor(AT_ONCE) as working:
        verdicts = {kind: waiting.submit(verdict, target, kind) for kind in slow}
        verdicts |= {kind: working.submit(verdict, target, kind) for kind in quick}
    wrong = [said for one in verdicts.values() if (said := one.result())]
    for kind, one in verdicts.items():
        if one.result() is None:
            record_property("hostile", kind.name)
    growth, peak = target.resident_bytes - before, target.peak_bytes - before
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(KINDS)} hostile kinds; memory +{growth >> 20} MB after, +{peak >> 20} MB at the peak\n"
        )
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong)
    assert growth < GROWTH_BYTES
    _check_log(target.log)
    left = [path.name for path in target.log.parent.iterdir() if path.name.startswith("tmp")]
    assert not left, "temporary files were left behind"


def _check_log(log: Path) -> None:
    text = log.read_text()
    assert CANARY.decode() not in text
    assert "Traceback" not in text
    for word in (
        "request_failed",
        "response_interrupted",
        '"level":"error"',
        '"level":"critical"',
        "exception",
    ):
        lines = [line for line in text.splitlines() if word in line]
        assert not lines, lines[0][:2000]


def test_the_marks_are_the_threats_of_the_kinds() -> None:
    assert [mark.args[0] for mark in pytestmark] == sorted({kind.threat for kind in KINDS})
