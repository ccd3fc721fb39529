"""What is installed and shipped: the bill of materials, licences and advisories."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from handfast import __version__
from tools import advisories, licences, sbom

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements/runtime.txt").read_text(encoding="ascii")

pytestmark = pytest.mark.threat("tampering.unknown-contents")


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(sbom.render(ROOT, __version__))
    return made


def test_the_bill_fits_the_schema_of_cyclonedx() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sbom.render(ROOT, __version__)) is None


def test_it_holds_every_locked_package_with_version_address_and_hashes(bill: dict[str, Any]) -> None:
    pins = re.findall(r"^([a-z0-9.-]+)==(\S+)", LOCK, flags=re.MULTILINE)
    assert [(part["name"], part["version"]) for part in bill["components"]] == pins
    assert sum(len(part["hashes"]) for part in bill["components"]) == LOCK.count("--hash=sha256:")
    for part in bill["components"]:
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"
        assert part["hashes"]
    marked = {part["name"] for part in bill["components"] if "properties" in part}
    assert marked == set(re.findall(r"^([a-z0-9.-]+)==\S+ ; ", LOCK, flags=re.MULTILINE))


def test_the_same_lock_gives_the_same_bytes_without_clock_serial_number_or_path(tmp_path: Path) -> None:
    text = sbom.render(ROOT, __version__)
    (tmp_path / "requirements").mkdir()
    for name in ("runtime.txt", "licences.lst"):
        (tmp_path / "requirements" / name).write_bytes((ROOT / "requirements" / name).read_bytes())
    assert sbom.render(tmp_path, __version__) == text
    assert "serialNumber" not in text
    assert "timestamp" not in text
    assert str(ROOT) not in text


def test_licences_are_those_that_the_packages_tell() -> None:
    written = licences.FILE.read_text(encoding="utf-8")
    assert licences.render(written) == written, "run `python -m tools.licences`"
    known = sbom.read_licences(written)
    of_this_platform = {name for name in licences.locked() if licences.licence_of(name)}
    assert of_this_platform <= set(known)
    assert len(known) > 30


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        (None, 75, "nothing was checked"),
        ([], 75, "nothing was checked"),
        ([{"name": "a", "skip_reason": "not found"}], 75, "nothing was checked"),
        ([{"name": "a", "version": "1", "vulns": []}], 0, "1 packages checked"),
        (
            [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "gone"}],
            1,
            "b: not checked: gone",
        ),
        (
            [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}],
            1,
            "a 1: X-1, fixed in 2",
        ),
    ],
)
def test_what_was_not_checked_is_never_called_well(answers: Any, code: int, said: str) -> None:
    got, lines = advisories.verdict(answers)
    assert got == code
    assert said in "\n".join(lines)
