"""`/docs` in a real browser: it works under its strict policy, and asks no other host."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.conftest import live

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.threat("disclosure.foreign-host-in-docs")
in_a_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: install it with apt-get install chromium"
)


@dataclass(frozen=True)
class Visit:
    """What a browser made of a page."""

    dom: str
    console: list[str]
    asked: set[str]
    """Hosts that it sent requests to."""


def visit(url: str, folder: Path) -> Visit:
    assert CHROMIUM is not None
    log = folder / "net.json"
    quiet = "disable-gpu disable-quic no-first-run disable-background-networking disable-component-update"
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-sync",
        *(f"--{one}" for one in quiet.split()),
    ]
    command += [f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", "--enable-logging=stderr"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    command += ["--virtual-time-budget=20000", "--dump-dom", url]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in run.stderr.splitlines() if ":CONSOLE" in line]
    events = (event.get("params", {}) for event in json.loads(log.read_text())["events"])
    # The browser asks its maker things too; those requests have no page as their initiator.
    asked = {
        str(urlsplit(facts["url"]).hostname)
        for facts in events
        if "url" in facts and urlsplit(str(facts.get("initiator"))).netloc == urlsplit(url).netloc
    }
    return Visit(run.stdout, console, asked)


@in_a_browser
def test_the_page_works_in_a_browser_and_asks_no_other_host(service_url: str, tmp_path: Path) -> None:
    found = visit(f"{service_url}/docs#/Tasks/createTask", tmp_path)
    contract = json.loads(httpx.get(f"{service_url}/openapi.json").content)
    for path in contract["paths"]:
        assert f'data-path="{path}"' in found.dom
    assert "opblock-body" in found.dom, "the operation that the address names is not open"
    assert not found.console
    assert found.asked == {"127.0.0.1"}


@in_a_browser
def test_a_breach_of_the_policy_would_be_seen(tmp_path: Path) -> None:
    policy = "default-src 'none'; img-src *"
    content = "<p style='color:red'>x<script>1</script><img src=http://elsewhere.example/x.png>"

    async def page(request: Request) -> Response:
        return HTMLResponse(content, headers={"Content-Security-Policy": policy})

    app = Starlette(routes=[Route("/", page)])
    with live(app) as url:
        found = visit(url, tmp_path)
    assert sum("Content Security Policy" in line for line in found.console) >= 2
    assert "elsewhere.example" in found.asked


def test_the_policy_allows_nothing_inline_and_nobody_else(client: httpx.Client) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
