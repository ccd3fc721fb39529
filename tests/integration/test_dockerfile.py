"""The image's steps, carried out in a scratch folder; the service runs from there and is well."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from handfast import __version__
from handfast.runtime.database import Dsns
from handfast.testing import free_port
from tests.conftest import ROOT, SECRET
from tests.integration.dockerfile_kit import Stage, carry_out, instructions
from tests.waiting import answered, eventually
from tools import sbom

DOCKERFILE = ROOT / "Dockerfile"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The last stage; the one that built it is gone, as it is in an image."""
    scratch = tmp_path_factory.mktemp("image")
    stage = carry_out(DOCKERFILE, scratch)
    shutil.rmtree(scratch / "build")
    return stage


def environment(image: Stage) -> dict[str, str]:
    return image.variables({"PATH": "/usr/bin:/bin"})


def test_the_service_runs_from_the_image(image: Stage, dsns: Dsns) -> None:
    port = free_port()
    host = image.command.index("--port")
    command = [*image.command[: host + 1], str(port)]
    secrets = {"DATABASE_URL": dsns.service, "BETTER_AUTH_SECRET": SECRET}
    program = shutil.which(command[0], path=environment(image)["PATH"])
    assert program is not None
    assert Path(program).is_relative_to(image.root)
    process = subprocess.Popen(
        [program, *command[1:]],
        cwd=image.place("."),
        env=environment(image) | secrets,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.poll() is not None or answered(f"{url}/ready") is not None, seconds=60)
        assert process.poll() is None, process.communicate()[0]
        assert well(image, port)
        for path, status in (("/ready", 200), ("/api/tasks", 401), ("/docs", 200)):
            answer = answered(f"{url}{path}")
            assert answer is not None
            assert answer[0] == status
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[0]
    assert process.returncode == 0, said


def well(image: Stage, port: int) -> bool:
    """Whether the image's own health check says so."""
    command = [word.replace(":8000/", f":{port}/") for word in image.healthcheck]
    program = image.place("/srv/venv/bin/python")
    assert command[0] == "python"
    done = subprocess.run([program, *command[1:]], env=environment(image), capture_output=True, check=False)
    return done.returncode == 0


def test_without_settings_it_says_what_is_missing(image: Stage) -> None:
    program = image.place("/srv/venv/bin/handfast")
    done = subprocess.run(
        [program, *image.command[1:]],
        cwd=image.place("."),
        env=environment(image),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    for name in ("DATABASE_URL", "BETTER_AUTH_SECRET"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.threat("elevation.image-privileges")
def test_the_image_holds_no_tools(image: Stage) -> None:
    packages = {
        path.name.partition("-")[0] for path in image.root.glob("srv/venv/lib/*/site-packages/*.dist-info")
    }
    assert "handfast" in packages
    assert not packages & {"pip", "uv", "hatchling", "ruff", "datamodel_code_generator", "pytest", "mypy"}
    assert not list(image.place(".").rglob("__pycache__"))


@pytest.mark.threat("tampering.unknown-contents")
def test_the_image_says_what_is_inside(image: Stage) -> None:
    assert image.place("/srv/handfast.cdx.json").read_text() == sbom.render(ROOT, __version__)


@pytest.mark.threat("elevation.image-privileges")
def test_it_runs_as_nobody_in_particular_and_in_exec_form(image: Stage) -> None:
    assert image.user.split(":")[0].isdigit()
    assert image.user != "0"
    assert image.command[:2] == ["handfast", "serve"]
    assert image.healthcheck
    assert image.ports == ["8000"]
    assert image.environment["HANDFAST_ENV"] == "production"
    words = [word for word, _ in instructions(DOCKERFILE.read_text())]
    assert words.count("FROM") == 2
    assert words.index("USER") < words.index("CMD")


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("hadolint")), str(DOCKERFILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
