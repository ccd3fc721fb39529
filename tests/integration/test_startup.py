"""`handfast serve` refuses an unsafe or incomplete set-up, says every reason at once and names the cure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from handfast.runtime.database import Dsns, migrate, throwaway
from tests.conftest import ROOT, SECRET

OPERATIONS = Path("handlers/task_management/operations.py")


def serve(root: Path, environment: dict[str, str], *extra: str) -> subprocess.CompletedProcess[str]:
    """Run `handfast serve` in `root`; it must end by itself, since it is to refuse."""
    command = [sys.executable, "-m", "handfast", "serve", "--port", "0", *extra]
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HANDFAST_", "BETTER_", "DATABASE"))
    }
    return subprocess.run(
        command, cwd=root, env=clean | environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def production(dsns: Dsns) -> dict[str, str]:
    """A complete and safe environment."""
    return {
        "HANDFAST_ENV": "production",
        "DATABASE_URL": dsns.service,
        "HANDFAST_DATABASE_OWNER_URL": dsns.owner,
        "BETTER_AUTH_SECRET": SECRET,
        "CORS_ORIGINS": "https://app.example.com",
    }


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The reference service in a folder of its own."""
    for folder in ("generated", "handlers", "migrations", "contracts", "specs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"BETTER_AUTH_SECRET": ""}, ["BETTER_AUTH_SECRET"]),
        ({"BETTER_AUTH_SECRET": "short"}, ["BETTER_AUTH_SECRET", "32"]),
        ({"BETTER_AUTH_SECRET": "changeme" * 5}, ["BETTER_AUTH_SECRET"]),
        ({"DATABASE_URL": ""}, ["DATABASE_URL"]),
        ({"DATABASE_URL": "postgresql://nobody:secret-word@127.0.0.1:9/tasks"}, ["127.0.0.1"]),
        ({"HANDFAST_BODY_LIMIT_BYTES": "many"}, ["HANDFAST_BODY_LIMIT_BYTES"]),
        ({"BETTER_AUTH_SECRET": "", "DATABASE_URL": ""}, ["BETTER_AUTH_SECRET", "DATABASE_URL"]),
    ],
)
@pytest.mark.threat("spoofing.weak-secret")
def test_bad_settings(production: dict[str, str], change: dict[str, str], said: list[str]) -> None:
    refused = serve(ROOT, production | change)
    assert refused.returncode in (1, 3), refused.stdout + refused.stderr
    text = refused.stdout + refused.stderr
    for word in [*said, "fix:"]:
        assert word in text
    assert "Traceback" not in text
    assert "secret-word" not in text


@pytest.mark.threat("elevation.database-role")
def test_a_superuser_is_refused(production: dict[str, str], dsns: Dsns) -> None:
    refused = serve(ROOT, production | {"DATABASE_URL": dsns.admin})
    assert refused.returncode in (1, 3)
    assert "superuser" in refused.stdout + refused.stderr


@pytest.mark.threat("tampering.migration")
def test_a_pending_migration_is_refused(
    production: dict[str, str], postgres: throwaway.Server, copy: Path
) -> None:
    fresh = throwaway.database(postgres, root=ROOT)
    (head,) = migrate.heads(copy)
    later = copy / "migrations/versions/9999_later.py"
    later.write_text(
        f'"""Later."""\nrevision = "9999_later"\ndown_revision = "{head}"\n\n\n'
        "def upgrade() -> None:\n    pass\n\n\ndef downgrade() -> None:\n    pass\n"
    )
    refused = serve(
        copy, production | {"DATABASE_URL": fresh.service, "HANDFAST_DATABASE_OWNER_URL": fresh.owner}
    )
    assert refused.returncode in (1, 3)
    assert "handfast migrate" in refused.stdout + refused.stderr


def test_a_missing_and_a_mistyped_handler_are_named_with_their_place(
    production: dict[str, str], copy: Path
) -> None:
    module = copy / OPERATIONS
    text = module.read_text()
    text = text.replace("async def delete_task(", "async def remove_task(")
    text = text.replace(
        "async def get_task(ctx: Context, task_id: UUID)", "async def get_task(ctx: Context, task_id: str)"
    )
    module.write_text(text)
    refused = serve(copy, production)
    assert refused.returncode in (1, 3)
    said = refused.stdout + refused.stderr
    line = text[: text.index("async def get_task(")].count("\n") + 1
    assert "delete_task" in said
    assert f"{OPERATIONS}:{line}" in said
    assert "remove_task" in said


def test_a_stub_is_refused_in_production(production: dict[str, str], copy: Path) -> None:
    module = copy / OPERATIONS
    text = module.read_text().replace(
        "    await ctx.db.delete(tables.Task, task_id)\n", "    raise NotWritten\n"
    )
    module.write_text(text.replace("import UNSET, Context", "import UNSET, Context, NotWritten"))
    refused = serve(copy, production)
    assert refused.returncode in (1, 3)
    assert "delete_task" in refused.stdout + refused.stderr
