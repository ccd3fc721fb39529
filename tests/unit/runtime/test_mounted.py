"""Secrets from files: `X_FILE` instead of `X`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from handfast.redaction import REDACTED, redact
from handfast.runtime import ConfigError, Settings
from handfast.runtime.mounted import LONGEST_BYTES
from handfast.runtime.settings import secret_fields, variable
from tests.unit.cli_kit import handfast

SECRET = "only-in-the-mounted-file-of-this-test-0123456789"

PUBLIC = {"better_auth_url": "an address that tokens name, not a secret"}
"""Settings that are called like secrets and are none, with the reason."""


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    return file


def secret_of(settings: Settings, field: str) -> str:
    value = getattr(settings, field)
    assert isinstance(value, SecretStr)
    return value.get_secret_value()


@pytest.mark.parametrize("field", secret_fields())
def test_every_secret_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, mounted: Path, field: str
) -> None:
    value = f"postgresql://role:{SECRET}@db/app" if field.startswith("database") else SECRET
    mounted.write_text(f"{value}\n")
    monkeypatch.setenv(f"{variable(field)}_FILE", str(mounted))
    assert secret_of(Settings(), field) == value
    assert SECRET not in repr(Settings())
    assert redact(f"a {SECRET} b") == f"a {REDACTED} b"


@pytest.mark.threat("disclosure.secret-typed-as-text")
def test_whatever_is_called_like_a_secret_is_typed_as_one() -> None:
    called = [
        name for name in Settings.model_fields if re.search(r"_(secret|key|token|password|url|dsn)$", name)
    ]
    assert set(called) - set(PUBLIC) == set(secret_fields())
    assert set(PUBLIC) <= set(Settings.model_fields)
    for name in secret_fields():
        assert SecretStr in get_args(Settings.model_fields[name].annotation)


def test_the_file_may_be_named_in_dotenv_and_an_argument_wins(
    monkeypatch: pytest.MonkeyPatch, mounted: Path, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"BETTER_AUTH_SECRET_FILE={mounted}\n")
    assert secret_of(Settings(), "better_auth_secret") == SECRET
    assert secret_of(Settings(better_auth_secret=SecretStr("given")), "better_auth_secret") == "given"
    aliased = Settings.model_validate({"BETTER_AUTH_SECRET": "given"})
    assert secret_of(aliased, "better_auth_secret") == "given"
    monkeypatch.setenv("BETTER_AUTH_SECRET_FILE", "")
    assert Settings().better_auth_secret is None


@pytest.mark.parametrize(
    ("content", "kept"),
    [("a b\n", "a b"), ("a\r\n", "a"), (" a ", " a "), ("a", "a"), ("ä\n", "ä")],
)
def test_one_line_break_at_the_end_is_not_part_of_it(
    monkeypatch: pytest.MonkeyPatch, mounted: Path, content: str, kept: str
) -> None:
    mounted.write_bytes(content.encode())
    monkeypatch.setenv("BETTER_AUTH_SECRET_FILE", str(mounted))
    assert secret_of(Settings(), "better_auth_secret") == kept


BAD = {
    "empty": (b"", "is empty"),
    "blank": (b"  \n", "is empty"),
    "large": (b"hush" * LONGEST_BYTES, f"is larger than {LONGEST_BYTES} bytes"),
    "binary": (b"hush\xff", "is no UTF-8 text"),
    "several lines": (b"hush\nhush\n", "holds more than one line"),
    "NUL": (b"hush\0", "holds more than one line"),
}


@pytest.mark.threat("tampering.mounted-secret")
@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_no_secret_is_a_fault_without_its_content(
    monkeypatch: pytest.MonkeyPatch, mounted: Path, case: str
) -> None:
    content, said = BAD[case]
    mounted.write_bytes(content)
    monkeypatch.setenv("BETTER_AUTH_SECRET_FILE", str(mounted))
    with pytest.raises(ConfigError) as caught:
        Settings()
    (fault,) = caught.value.faults
    assert (fault.where, fault.what) == ("BETTER_AUTH_SECRET_FILE", f"the file {mounted} {said}")
    assert fault.fatal
    assert "hush" not in str(caught.value)


@pytest.mark.threat("tampering.mounted-secret")
def test_what_is_no_readable_file_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mounted: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    open_to_all = tmp_path / "open"
    open_to_all.write_text("hush-hush")
    open_to_all.chmod(0o666)
    for path, said in [
        (tmp_path / "nothing", "cannot be read: No such file or directory"),
        (tmp_path, "is no regular file"),
        (tmp_path / "pipe", "is no regular file"),
        (open_to_all, "can be written by everybody"),
    ]:
        monkeypatch.setenv("DATABASE_URL_FILE", str(path))
        with pytest.raises(ConfigError) as caught:
            Settings()
        (fault,) = caught.value.faults
        assert (fault.where, fault.what) == ("DATABASE_URL_FILE", f"the file {path} {said}")


def test_a_secret_and_its_file_exclude_each_other(monkeypatch: pytest.MonkeyPatch, mounted: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://svc:hush-word@h/d")
    monkeypatch.setenv("DATABASE_URL_FILE", str(mounted))
    with pytest.raises(ConfigError, match="DATABASE_URL and DATABASE_URL_FILE are both set") as caught:
        Settings()
    assert "hush-word" not in str(caught.value)


def test_faults_of_files_and_of_values_are_told_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("BETTER_AUTH_SECRET_FILE", str(tmp_path))
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(ConfigError) as caught:
        Settings()
    assert sorted(fault.where for fault in caught.value.faults) == [
        "BETTER_AUTH_SECRET_FILE",
        "DATABASE_URL_FILE",
        "LOG_LEVEL",
    ]


def test_handfast_token_signs_with_a_mounted_secret(monkeypatch: pytest.MonkeyPatch, mounted: Path) -> None:
    import jwt

    monkeypatch.setenv("BETTER_AUTH_SECRET_FILE", str(mounted))
    (mounted.parent / "app.py").touch()
    made = handfast("token", "--project", mounted.parent)
    assert made.code == 0, made.err
    assert jwt.decode(made.out.strip(), SECRET, algorithms=["HS256"])["sub"]
    mounted.unlink()
    refused = handfast("token", "--project", mounted.parent)
    assert refused.code == 3
    assert f"BETTER_AUTH_SECRET_FILE: the file {mounted} cannot be read" in refused.err


@pytest.mark.threat("disclosure.secret-in-error")
def test_a_secret_beside_a_faulty_setting_is_known_to_redaction(tmp_path: Path) -> None:
    """The stack trace that `--debug` prints is held against secrets of settings that were never made."""
    (tmp_path / "app.py").write_text(
        "import os\nfrom handfast.runtime import ConfigError, Settings\n"
        "try:\n    Settings()\nexcept ConfigError as error:\n"
        "    raise RuntimeError('lost ' + os.environ['BETTER_AUTH_SECRET'] + ' there') from error\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "handfast", "serve", "--port", "0", "--debug"],
        cwd=tmp_path,
        env=os.environ | {"BETTER_AUTH_SECRET": SECRET, "LOG_LEVEL": "loud"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"lost {REDACTED} there" in done.stderr
    assert "Traceback" in done.stderr
    assert SECRET not in done.stderr + done.stdout
