"""A small project around a contract of its own, made once and copied for each test that changes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.cli_kit import NOTES, handfast


@pytest.fixture(scope="session")
def made_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that nobody changes."""
    folder = tmp_path_factory.mktemp("made") / "notes"
    made = handfast("new", folder, "--contract", NOTES)
    assert made.code == 0, made.out + made.err
    return folder


@pytest.fixture
def project(made_project: Path, tmp_path: Path) -> Path:
    """A project to change."""
    return Path(shutil.copytree(made_project, tmp_path / "project"))
