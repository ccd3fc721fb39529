"""Which module of a project holds the application that commands run."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.cli.errors import WrongUse
from handfast.cli.root import check_composition, composition


def test_an_adopted_application_comes_before_the_project_s_own(tmp_path: Path) -> None:
    assert composition(tmp_path) is None
    with pytest.raises(WrongUse, match=r"has no app\.py"):
        check_composition(tmp_path)
    (tmp_path / "app.py").touch()
    assert composition(tmp_path) == "app"
    (tmp_path / "adopted.py").touch()
    assert composition(tmp_path) == "adopted"
    check_composition(tmp_path)
