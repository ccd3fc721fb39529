"""Operations that go: what their answers, their metric and the published contract say, and that they stay."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from handfast.codegen import overlay
from handfast.codegen.deprecation import moment_of, removed_early
from handfast.codegen.load import parse
from handfast.codegen.publish import publish
from handfast.runtime import NotFound
from handfast.testing import client_of, make_token
from tests.codegen.serving import SECRET, application, imported, made

CONTRACT = """\
openapi: 3.1.0
info: {title: Shelf, version: '1'}
paths:
  /old:
    get:
      operationId: old
      deprecated: true
      x-deprecated-since: 2023-07-01
      x-sunset: 2999-06-30
      security: [{}, {bearer: []}]
      responses:
        '204': {description: Gone soon., headers: {Sunset: {schema: {type: string}}}}
        '404': {description: Gone.}
  /older:
    get: {operationId: older, deprecated: true, responses: {'204': {description: x}, '404': {$ref: '#/components/responses/No'}}}
  /new:
    get: {operationId: new, responses: {'204': {description: x}}}
components:
  responses: {No: {description: No.}}
  securitySchemes: {bearer: {type: http, scheme: bearer}}
"""  # noqa: E501 (a case is a line)


async def _nothing(*_: object, **__: object) -> None:
    return None


async def _lost(*_: object, **__: object) -> None:
    raise NotFound


async def test_answers_say_when_an_operation_goes(tmp_path: Path) -> None:
    made(tmp_path, {"001-shelf/contracts/api.yaml": CONTRACT})
    handlers = SimpleNamespace(old=_nothing, older=_lost, new=_nothing)
    with imported(tmp_path):
        app = application(tmp_path, {"shelf": handlers})
        token = make_token("somebody@example.org", secret=SECRET)
        async with client_of(app) as http:
            answer = await http.get("/old")
            assert answer.status_code == 204
            assert answer.headers["deprecation"] == "@1688169600"
            assert answer.headers["sunset"] == "Sun, 30 Jun 2999 00:00:00 GMT"
            await http.get("/old", headers={"Authorization": f"Bearer {token}"})
            wrong = await http.get("/old", headers={"Authorization": "Bearer x"})
            assert (wrong.status_code, wrong.headers["deprecation"]) == (401, "@1688169600")
            older = await http.get("/older")
            assert (older.status_code, older.headers["deprecation"]) == (404, "@0")
            assert "sunset" not in older.headers
            new = await http.get("/new")
            assert not {"deprecation", "sunset"} & set(new.headers)
            metrics = (await http.get("/metrics")).text
    assert 'deprecated_requests_total{caller="anonymous",operation_id="old"} 2.0' in metrics
    assert 'deprecated_requests_total{caller="user",operation_id="old"} 1.0' in metrics
    assert 'deprecated_requests_total{caller="anonymous",operation_id="older"} 1.0' in metrics
    assert 'operation_id="new"' not in "".join(line for line in metrics.splitlines() if "deprecated" in line)
    assert "somebody" not in metrics


async def test_the_log_tells_each_caller_of_what_goes(tmp_path: Path) -> None:
    made(tmp_path, {"001-shelf/contracts/api.yaml": CONTRACT})
    handlers = SimpleNamespace(old=_nothing, older=_lost, new=_nothing)
    with imported(tmp_path):
        app = application(tmp_path, {"shelf": handlers})
        token = make_token("somebody@example.org", secret=SECRET)
        async with client_of(app) as http:
            with capture_logs() as logs:
                await http.get("/old", headers={"Authorization": f"Bearer {token}"})
                await http.get("/new")
    finished = {line["operation_id"]: line for line in logs if line["event"] == "request_finished"}
    assert finished["old"]["deprecated"] is True
    assert finished["old"]["user_id"]
    assert "deprecated" not in finished["new"]


def test_the_published_contract_declares_the_headers(tmp_path: Path) -> None:
    loaded = made(tmp_path, {"001-shelf/contracts/api.yaml": CONTRACT})
    published = publish(loaded.features)
    assert overlay.subtract(published.document, published.overlay) == published.source
    document: Any = published.document
    responses = document["paths"]["/old"]["get"]["responses"]
    assert list(responses["204"]["headers"]) == ["Sunset", "Deprecation"]
    assert set(responses["404"]["headers"]) == {"Deprecation", "Sunset"}
    older = document["paths"]["/older"]["get"]["responses"]
    assert set(older["204"]["headers"]) == {"Deprecation"}
    assert older["404"] == {"$ref": "#/components/responses/No"}
    assert "headers" not in document["paths"]["/new"]["get"]["responses"]["204"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("x-sunset: 2999-06-30", "x-sunset: soon", 9),
        ("x-sunset: 2999-06-30", "x-sunset: 2023-06-30", 9),
        ("x-deprecated-since: 2023-07-01", "x-deprecated-since: 2023-13-01", 8),
        ("x-deprecated-since: 2023-07-01", "x-deprecated-since: 2023-07-01T00:00:00", 8),
        ("      deprecated: true\n", "", 7),
    ],
)
def test_dates_that_mean_nothing_are_told(tmp_path: Path, old: str, new: str, line: int) -> None:
    assert old in CONTRACT
    loaded = made(tmp_path, {"001-shelf/contracts/api.yaml": CONTRACT.replace(old, new, 1)})
    told = [finding for finding in loaded.findings if finding.code == "bad-sunset"]
    assert [finding.source.line for finding in told][:1] == [line]
    assert not any(finding.fatal for finding in told)


def test_a_moment_is_a_date_or_has_an_offset() -> None:
    assert moment_of("2030-06-30") == datetime(2030, 6, 30, tzinfo=UTC)
    assert moment_of("2030-06-30T02:00:00+02:00") == datetime(2030, 6, 30, tzinfo=UTC)
    assert moment_of("2030-06-30T02:00:00") is None
    assert moment_of("20300630AB") is None
    assert moment_of("0001-01-01T00:00:00+23:00") is None
    assert moment_of(2030) is None


def test_an_operation_is_removed_early_until_its_sunset() -> None:
    before = parse(CONTRACT, "a.yaml").root
    after = parse(CONTRACT.replace("/old:", "/other:"), "a.yaml").root
    (finding,) = removed_early(before, after, datetime(2998, 1, 1, tzinfo=UTC))
    assert (finding.code, finding.fatal, finding.source.line) == ("early-removal", True, 9)
    assert "`GET /old` is removed before its sunset on 2999-06-30" in finding.what
    assert removed_early(before, after, datetime(2999, 6, 30, tzinfo=UTC)) == []
    assert removed_early(before, before, datetime(2998, 1, 1, tzinfo=UTC)) == []
