"""The HTML report in a real browser: it shows, filters, asks nobody, and runs nothing of the contract's."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from datetime import date
from html import unescape
from pathlib import Path

import pytest

from handfast.codegen.project import load_file
from handfast.diff.compare import compare
from handfast.diff.contract import contracts
from handfast.diff.html import html
from handfast.diff.report import Report

CHROMIUM = shutil.which("chromium")
in_a_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: install it with apt-get install chromium"
)
CASE = Path(__file__).parent / "cases" / "enums"
EVIL = "</code><script>document.title='taken over'</script><img src=http://elsewhere.example/x.png>"


def report(folder: Path) -> str:
    """Return the page of a case whose contract holds markup."""
    for name in ("old", "new"):
        text = (
            (CASE / f"{name}.yaml").read_text().replace("[x", f'["{EVIL}", x').replace(", y", f", '{name}'")
        )
        (folder / f"{name}.yaml").write_text(text)
    sides = [contracts(load_file(folder / f"{name}.yaml", folder)) for name in ("old", "new")]
    changes = compare(sides[0], sides[1], date(2026, 1, 1))
    assert changes
    return html(Report("old.yaml", "new.yaml", changes))


def dom(page: str, folder: Path) -> tuple[str, list[str]]:
    """Return what a browser makes of a page, and what it complains of."""
    assert CHROMIUM is not None
    file = folder / "report.html"
    file.write_text(page, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-sync", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr"]
    command += [
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--virtual-time-budget=5000",
        "--dump-dom",
        file.as_uri(),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return run.stdout, [line for line in run.stderr.splitlines() if ":CONSOLE" in line]


def test_the_page_needs_nothing_else_and_holds_no_markup_of_the_contract(tmp_path: Path) -> None:
    page = report(tmp_path)
    assert "taken over" in page
    assert "<script>document" not in page
    assert "<img" not in page
    assert not re.findall(r"(?:src|href)=", re.sub(r"&lt;.*?&gt;", "", page))
    assert page.count("<article") == page.count("<details>")


@in_a_browser
def test_the_page_works_in_a_browser(tmp_path: Path) -> None:
    page = report(tmp_path)
    seen, console = dom(page, tmp_path)
    count = page.count("<article")
    assert f'id="shown">{count} shown<' in seen
    assert "<title>Changes of the contract</title>" in seen
    assert not console


@in_a_browser
def test_severities_are_filtered(tmp_path: Path) -> None:
    # Whoever comes back to the page with a box cleared finds it so: the script reads the boxes at its start.
    page = report(tmp_path).replace('value="safe" checked', 'value="safe"')
    seen, console = dom(page, tmp_path)
    hidden = re.findall(r'<article class="(\w+)"[^>]*hidden', seen)
    assert hidden
    assert set(hidden) == {"safe"}
    left = page.count("<article") - len(hidden)
    assert f'id="shown">{left} shown<' in seen
    assert not console


@in_a_browser
def test_a_script_of_somebody_else_does_not_run(tmp_path: Path) -> None:
    page = report(tmp_path).replace("</main>", "<script>document.title='taken over'</script></main>")
    seen, console = dom(page, tmp_path)
    assert "<title>Changes of the contract</title>" in seen
    assert any("Content Security Policy" in line for line in console)


CLICKS = """
const seen = () => [...document.querySelectorAll('article')].filter(one => one.getClientRects().length)
  .map(one => `${one.dataset.severity} ${one.dataset.direction}`);
const click = value => document.querySelector(`input[value=${value}]`).click();
const told = {counts: [...document.querySelectorAll('label')].map(one => one.innerText.trim()), all: seen()};
click('safe');
told.withoutSafe = seen();
click('response');
told.withoutResponses = seen();
told.shown = document.getElementById('shown').value;
click('safe');
click('response');
told.again = seen();
const details = document.querySelector('details');
told.open = [details.open];
details.querySelector('summary').click();
told.open.push(details.open);
told.rows = [...details.querySelectorAll('tbody tr')].map(row => {
  const [old, now] = [...row.cells].map(cell => cell.getBoundingClientRect());
  return {beside: old.top === now.top && old.right <= now.left && old.width > 100 && now.width > 100,
    old: row.cells[0].className, now: row.cells[1].className,
    texts: [...row.cells].map(cell => cell.innerText)};
});
document.body.replaceChildren(JSON.stringify(told));
"""
"""Does what a reader does with the page, and writes down what is to be seen."""


@in_a_browser
def test_a_reader_filters_and_sees_old_beside_new(tmp_path: Path) -> None:
    page = report(tmp_path)
    trusted = base64.b64encode(hashlib.sha256(CLICKS.encode()).digest()).decode()
    page = page.replace("script-src ", f"script-src 'sha256-{trusted}' ")
    seen, console = dom(page.replace("</body>", f"<script>{CLICKS}</script></body>"), tmp_path)
    assert not console
    body = re.search(r"<body>(.*)</body>", seen, re.DOTALL)
    assert body is not None
    told = json.loads(unescape(body[1]))
    every = re.findall(r'<article class="\w+" data-severity="(\w+)" data-direction="(\w+)"', page)
    names = [" ".join(one) for one in every]
    assert told["all"] == told["again"] == names
    assert told["counts"][:3] == [
        f"{sum(severity == name for severity, _ in every)} {name}" for name in ("breaking", "risky", "safe")
    ]
    assert told["withoutSafe"] == [name for name in names if not name.startswith("safe")]
    left = [name for name in told["withoutSafe"] if name.endswith("request")]
    assert told["withoutResponses"] == left
    assert told["shown"] == f"{len(left)} shown"
    assert told["open"] == [False, True]
    assert all(row["beside"] for row in told["rows"])
    changed = [row for row in told["rows"] if row["texts"][0] != row["texts"][1]]
    assert changed
    assert all("gone" in row["old"] or "come" in row["now"] for row in changed)
