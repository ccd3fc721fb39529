"""`handfast token`: tokens that the service accepts, from a secret that stays here."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest

from handfast.cli.errors import CliError, WrongUse
from handfast.cli.identity import development_secret, duration, mint, private_folder
from handfast.runtime import Settings
from tests.unit.cli_kit import handfast

SECRET = "only-for-tests-0123456789-abcdefghijklmnop"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HANDFAST_ENV", "BETTER_AUTH_SECRET", "BETTER_AUTH_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "app.py").touch()


def test_the_development_secret_signs_it(tmp_path: Path) -> None:
    made = handfast("token", "--project", tmp_path)
    assert made.code == 0
    secret = (tmp_path / ".handfast/secret").read_text().strip()
    claims = jwt.decode(made.out.strip(), secret, algorithms=["HS256"])
    assert str(UUID(claims["sub"])) == claims["sub"]
    assert claims["exp"] - claims["iat"] == 24 * 3600
    again = handfast("token", "--project", tmp_path).out.strip()
    assert jwt.decode(again, secret, algorithms=["HS256"])["sub"] == claims["sub"]


def test_user_time_and_scopes(tmp_path: Path) -> None:
    user = uuid4()
    made = handfast(
        "token",
        "--project",
        tmp_path,
        "--user",
        str(user),
        "--ttl",
        "90s",
        "--scope",
        "a",
        "--scope",
        "b",
        "--json",
    )
    assert made.json["seconds"] == 90
    claims = jwt.decode(made.json["token"], development_secret(tmp_path), algorithms=["HS256"])
    assert (claims["sub"], claims["scope"]) == (str(user), "a b")


def test_the_secret_of_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    made = handfast("token", "--project", tmp_path)
    assert jwt.decode(made.out.strip(), SECRET, algorithms=["HS256"])
    assert not (tmp_path / ".handfast").exists()


def test_the_file_env_of_the_project_counts(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"BETTER_AUTH_SECRET={SECRET}\n")
    assert jwt.decode(handfast("token", "--project", tmp_path).out.strip(), SECRET, algorithms=["HS256"])


def test_issuer_and_audience_are_those_that_the_service_checks() -> None:
    settings = Settings.model_validate(
        {"better_auth_url": "https://auth.example.com", "token_audience": "api"}
    )
    claims = jwt.decode(mint(settings, SECRET), SECRET, algorithms=["HS256"], audience="api")
    assert claims["iss"] == "https://auth.example.com"


@pytest.mark.threat("spoofing.development-credentials")
def test_production_makes_no_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDFAST_ENV", "production")
    refused = handfast("token", "--project", tmp_path)
    assert refused.code == 2
    assert refused.out == ""


@pytest.mark.threat("spoofing.development-credentials")
def test_the_secret_is_private(tmp_path: Path) -> None:
    secret = development_secret(tmp_path)
    assert len(secret.encode()) >= 32
    assert stat.S_IMODE((tmp_path / ".handfast").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / ".handfast/secret").stat().st_mode) == 0o600
    assert (tmp_path / ".handfast/.gitignore").read_text() == "*\n"
    (tmp_path / ".handfast/secret").write_text("short")
    with pytest.raises(CliError, match="holds no secret"):
        development_secret(tmp_path)


def test_a_project_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CliError, match="cannot be made"):
        private_folder(tmp_path / "file")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800)])
def test_durations(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0s", "h", "1w", "-1h", "1.5h", "1 h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(WrongUse):
        duration(text)


def test_a_bad_duration_is_wrong_use(tmp_path: Path) -> None:
    refused = handfast("token", "--project", tmp_path, "--ttl", "soon")
    assert refused.code == 2
    assert "fix: " in refused.err


def test_a_folder_that_is_no_project_gets_no_secret(tmp_path: Path) -> None:
    (tmp_path / "app.py").unlink()
    refused = handfast("token", "--project", tmp_path)
    assert refused.code == 2
    assert "no app.py" in refused.err
    assert list(tmp_path.iterdir()) == []
