"""What `handfast.runtime` and `handfast.testing` offer."""

from __future__ import annotations

import ast
import logging
import socket
from pathlib import Path
from uuid import UUID

import pytest

import handfast
import handfast.runtime
from handfast import testing
from handfast.runtime import Context, OptionalContext, PublicContext, Upload
from handfast.runtime.observability import configure_logging
from tests.unit.runtime.small import settings

SOURCE = Path(handfast.runtime.__file__).parent


def test_everything_exported_exists_once_and_is_documented() -> None:
    names = handfast.runtime.__all__
    assert len(names) == len(set(names))
    for name in names:
        assert hasattr(handfast.runtime, name), name
    imported = {
        alias.asname or alias.name
        for node in ast.parse((SOURCE / "__init__.py").read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(names)
    assert set(testing.__all__) <= set(dir(testing))
    assert handfast.__version__


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: file.name)
def test_the_runtime_never_imports_the_generator_or_the_command_line(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert not [name for name in names if name.startswith(("handfast.codegen", "handfast.cli"))]


def test_a_context_for_tests() -> None:
    user = UUID("0191b0f0-0000-7000-8000-000000000000")
    assert testing.context(user=user, scopes=["a"]).user.id == user
    assert testing.context().user.id != testing.context().user.id
    assert testing.context(OptionalContext).user is None
    known = testing.context(OptionalContext, user="ann").user
    assert known is not None
    assert known.subject == "ann"
    assert type(testing.context(PublicContext)) is PublicContext
    assert isinstance(testing.context(), Context)


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", testing.free_port()))


async def test_an_upload_is_read_in_pieces() -> None:
    upload = Upload.of(b"x" * 100_000, filename="f")
    assert len(await upload.read(10)) == 10
    assert [len(chunk) async for chunk in upload] == [65_536, 34_454]
    assert await upload.read() == b""


def test_lines_of_the_standard_library_become_ours(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(settings(log_level="warning"))
    configure_logging(settings(log_level="warning"))
    logging.getLogger("other").info("quiet")
    try:
        raise ValueError("odd")
    except ValueError:
        logging.getLogger("other").exception("loud %s", 1)
    (line,) = capsys.readouterr().out.splitlines()
    assert '"message":"loud 1"' in line
    assert '"exc_value":"odd"' in line
    logging.getLogger("other").log(35, "between")
    assert capsys.readouterr().out == ""
