from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from handfast.runtime import ConfigError, Settings
from handfast.runtime.settings import variable

NAMED = ("DATABASE_URL", "BETTER_AUTH_SECRET", "BETTER_AUTH_URL", "CORS_ORIGINS", "LOG_LEVEL")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_production_is_the_default_and_secrets_have_none() -> None:
    settings = Settings()
    assert settings.production
    assert settings.better_auth_secret is None
    assert settings.check_responses == "log"


def test_five_variables_have_names_of_their_own_and_all_others_the_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert {
        variable(name) for name in Settings.model_fields if not variable(name).startswith("HANDFAST_")
    } == {*NAMED}
    monkeypatch.setenv("DATABASE_URL", "postgresql://a")
    monkeypatch.setenv("HANDFAST_ENV", "test")
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example.com/, https://b.example.com,")
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    monkeypatch.setenv("BETTER_AUTH_URL", "https://auth.example.com/")
    settings = Settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://a"
    assert settings.cors_origins == ("https://a.example.com", "https://b.example.com")
    assert settings.log_level == "warning"
    assert settings.better_auth_url == "https://auth.example.com"
    assert settings.check_responses == "raise"


def test_an_argument_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("HANDFAST_BODY_LIMIT_BYTES=1\nHANDFAST_DEADLINE_SECONDS=1\nOTHER=1\n")
    monkeypatch.setenv("HANDFAST_BODY_LIMIT_BYTES", "2")
    assert Settings().body_limit_bytes == 2
    assert Settings().deadline_seconds == 1
    assert Settings(body_limit_bytes=3).body_limit_bytes == 3
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example.com")
    assert Settings(cors_origins=("https://b.example.com",)).cors_origins == ("https://b.example.com",)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("HANDFAST_DATABASE_POOL_SIZE", "")
    assert Settings().database_url is None
    assert Settings().database_pool_size == 10


@pytest.mark.threat("disclosure.secret-in-error")
def test_every_bad_value_is_reported_by_its_variable_and_none_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "sekret-loud")
    monkeypatch.setenv("HANDFAST_DATABASE_POOL_SIZE", "-7")
    with pytest.raises(ConfigError) as caught:
        Settings()
    assert [fault.where for fault in caught.value.faults] == ["HANDFAST_DATABASE_POOL_SIZE", "LOG_LEVEL"]
    text = str(caught.value)
    assert "fix: correct or unset LOG_LEVEL" in text
    assert "sekret" not in text
    assert "-7" not in text


@pytest.mark.threat("disclosure.secret-in-error")
def test_secrets_are_not_printed() -> None:
    settings = Settings.model_validate(
        {"better_auth_secret": "sekret", "database_url": "postgresql://u:sekret@h"}
    )
    assert "sekret" not in repr(settings)


@pytest.mark.threat("disclosure.cross-origin")
@pytest.mark.parametrize(
    "origins",
    [
        "app.example.com",
        "https://app.example.com/path",
        "https://app.example.com?x",
        "https://user@app.example.com",
        "https://*.example.com",
        "https://app.example.com:x",
        "HTTPS://app.example.com",
        "null",
        "https://a.example.com, null",
        "*, https://a.example.com",
        "https://a.example.com/ https://b.example.com",
    ],
)
def test_what_is_no_origin_stops_the_start_with_a_cure(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("CORS_ORIGINS", origins)
    with pytest.raises(ConfigError) as caught:
        Settings()
    (fault,) = caught.value.faults
    assert fault.where == "CORS_ORIGINS"
    assert "https://app.example.com" in fault.what or "drop it" in fault.what
    assert origins not in str(fault).replace("such as https://app.example.com", "")


@pytest.mark.parametrize(
    "origins", ["*", "http://localhost:5173", "https://[::1]:8000", "capacitor://localhost"]
)
def test_origins_as_browsers_write_them_are_taken(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("CORS_ORIGINS", origins)
    assert Settings().cors_origins == (origins,)


@pytest.mark.threat("spoofing.forwarded-headers")
@pytest.mark.parametrize("proxies", ["*", "proxy.internal", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.1, x"])
def test_what_is_no_address_is_no_proxy(monkeypatch: pytest.MonkeyPatch, proxies: str) -> None:
    monkeypatch.setenv("HANDFAST_TRUSTED_PROXIES", proxies)
    with pytest.raises(ConfigError, match=r"10\.0\.0\.5 or 10\.0\.0\.0/8"):
        Settings()


def test_a_header_of_the_settings_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDFAST_REFERRER_POLICY", "no-referrer\r\nX-A: b")
    with pytest.raises(ConfigError, match="HANDFAST_REFERRER_POLICY"):
        Settings()


@pytest.mark.threat("disclosure.secret-in-error")
@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("mysql://bob:topsecret@db/app", "must begin with postgresql://"),
        ("topsecret", "write it like postgresql://"),
        ("postgresql://bob:topsecret#x@db/app", "%23 for #"),
        ("postgresql://bob:topsecret/x@db:5432/app", "%2F for /"),
        ("postgresql://bob:topsecret@x@db:5432/app", "%40 for @"),
        ("postgresql+psycopg://bob:topsecret?x@db/app", "percent-encode"),
    ],
)
@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "HANDFAST_DATABASE_OWNER_URL", "HANDFAST_DATABASE_DIRECT_URL"]
)
def test_a_connection_string_that_libpq_would_misread_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, dsn: str, words: str
) -> None:
    monkeypatch.setenv(name, dsn)
    with pytest.raises(ConfigError) as refused:
        Settings()
    (fault,) = refused.value.faults
    assert (fault.where, words in fault.what) == (name, True)
    assert "topsecret" not in str(refused.value)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://db/app",
        "postgres://bob:a%40b@db:5432/app?application_name=x@y",
        "postgresql+psycopg://bob@/app?host=/run/postgresql",
        "host=db password='a b' dbname=app",
        "postgresql://bob:a:b@[::1]:5432/app",
    ],
)
def test_connection_strings_that_libpq_takes(dsn: str) -> None:
    assert Settings.model_validate({"database_url": dsn}).database_url == SecretStr(dsn)
