"""Whatever FastAPI describes becomes a contract that is generated, and from which nothing departs."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.adopt.kit import SAMPLE
from tests.unit.cli_kit import handfast


def test_an_application_keeps_the_contract_that_it_derives(tmp_path: Path) -> None:
    project = tmp_path / "2nd-api"
    shutil.copytree(SAMPLE / "wide", project / "wide")
    (project / "specs/007-idea").mkdir(parents=True)
    (project / "specs/007-idea/spec.md").write_text("# Ideas, and no contract yet\n")
    ran = handfast("adopt", "wide.main:app", "--project", project, "--json")
    assert ran.code == 0, ran.out + ran.err
    found = ran.json
    assert found["departures"] == {"breaking": 0, "risky": 0, "safe": 0}
    assert found["counts"] == {"moved": 0, "by hand": 17, "nowhere": 0, "outside of the contract": 0}
    assert [one["path"] for one in found["others"]] == ["/static/{path}"]
    routes = {one["operation"]: one["route"] for one in found["operations"]}
    assert [name for name, route in routes.items() if route["slashes"]] == ["GET /files/{path}"]
    depending = {name: route["dependencies"] for name, route in routes.items() if route["dependencies"]}
    assert list(depending) == ["GET /me"]
    assert [code["name"] for code in depending["GET /me"]] == ["current_user"]
    assert all(one["compared"] for one in found["operations"])
    contracts = sorted(path.name for path in (project / "specs/008-nd-api/contracts").iterdir())
    assert contracts == ["api.yaml", "one.yaml", "two.yaml"]
    assert handfast("check", "--project", project).code == 0
