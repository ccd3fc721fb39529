"""What every service answers beside its contract: probes, metrics, documents, errors, correlation."""

from __future__ import annotations

import httpx
import pytest
import yaml

from tests.conftest import ROOT
from tests.contract.test_tasks import Headers, create

ORIGIN = {"origin": "https://app.example.com"}


def test_health_and_ready(client: httpx.Client) -> None:
    assert client.get("/health").status_code == 200
    ready = client.get("/ready")
    assert ready.status_code == 200, ready.text


def test_the_published_contract_is_what_is_served(client: httpx.Client) -> None:
    served = client.get("/openapi.json")
    assert served.status_code == 200
    assert served.json() == yaml.safe_load((ROOT / "contracts/openapi.yaml").read_text())


def test_metrics_count_requests_by_operation(client: httpx.Client, auth_headers: Headers) -> None:
    create(client, auth_headers)
    text = client.get("/metrics").text
    assert 'operation_id="createTask"' in text
    assert 'status="201"' in text


@pytest.mark.threat("disclosure.foreign-host-in-docs")
def test_docs_name_no_foreign_host(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "text/html" in page.headers["content-type"]
    assert "https://" not in page.text.replace("https://www.w3.org", "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("PUT", "/api/tasks", 405),
        ("GET", "/api/tasks", 401),
        ("GET", "/api/tasks/00000000-0000-4000-8000-00000000dead", 404),
        ("GET", "/api/tasks/x", 422),
        ("GET", "/api/tasks?limit=0", 422),
    ],
)
def test_every_error_carries_cors_headers_and_a_correlation_id(
    client: httpx.Client, auth_headers: Headers, method: str, path: str, status: int
) -> None:
    headers = ORIGIN | ({} if status == 401 else auth_headers)
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert answer.headers["x-correlation-id"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.threat("denial.body-too-large")
def test_a_body_over_the_limit_is_413_with_cors_headers(client: httpx.Client, auth_headers: Headers) -> None:
    headers = ORIGIN | auth_headers | {"content-type": "application/json"}
    answer = client.post("/api/tasks", content=b'"' + b"x" * 20_000_000 + b'"', headers=headers)
    assert answer.status_code == 413
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]


@pytest.mark.threat("disclosure.cross-origin")
def test_a_foreign_origin_gets_no_cors_header(client: httpx.Client) -> None:
    answer = client.get("/api/tasks", headers={"origin": "https://elsewhere.example.com"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.threat("repudiation.correlation-id-forged")
def test_the_callers_correlation_id_is_kept(client: httpx.Client) -> None:
    assert (
        client.get("/health", headers={"x-correlation-id": "abc-123"}).headers["x-correlation-id"]
        == "abc-123"
    )
    assert client.get("/health", headers={"x-request-id": "abc-456"}).headers["x-correlation-id"] == "abc-456"
    strange = client.get("/health", headers={"x-correlation-id": "a b\tc" * 100}).headers["x-correlation-id"]
    assert " " not in strange
