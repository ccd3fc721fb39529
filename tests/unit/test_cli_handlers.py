"""What is left to write by hand, told from texts alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.cli.handlers import Work, handler_of, work
from handfast.codegen.cache import Outline

PROTOCOL = """\
class Handler(Protocol):
    async def create(self, ctx: Context, body: New, *, dry: bool = False) -> Thing: ...
    async def drop(self, ctx: Context, thing_id: UUID) -> None: ...
"""
PLACE = "generated/shop/handler.py"


SHOP = Outline("shop", {}, 0)


def todo(
    root: Path, module: str | None, before: str = PROTOCOL, *, single: bool = False
) -> list[tuple[str, str]]:
    file = root / ("handlers/shop.py" if single else "handlers/shop/operations.py")
    file.parent.mkdir(parents=True)
    if module is not None:
        file.write_text(module)
    features = [SHOP]
    return [(item.kind, item.function) for item in work(root, features, {PLACE: before}, {PLACE: PROTOCOL})]


CREATE = "async def create(ctx, body, *, dry=False): ...\n"
DROP = "async def drop(ctx, thing_id): ...\n"
BOTH = CREATE + DROP


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (None, [("write", "create"), ("write", "drop")]),
        (BOTH, []),
        (CREATE, [("write", "drop")]),
        ("from .other import create\nfrom .other import remove as drop\n", []),
        ("create = drop = None\n", []),
        ("from .other import *\n", []),
        ("def broken(:\n", []),
        ("# create\n'drop'\n", [("write", "create"), ("write", "drop")]),
    ],
)
def test_missing_functions(tmp_path: Path, module: str | None, expected: list[tuple[str, str]]) -> None:
    assert todo(tmp_path, module) == expected


def test_one_module_instead_of_a_package(tmp_path: Path) -> None:
    assert todo(tmp_path, CREATE, single=True) == [("write", "drop")]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("def create(ctx, body, *, dry=False): ...", "is not `async def`"),
        ("async def create(ctx): ...", "takes (ctx) instead of (ctx, body)"),
        ("async def create(body, ctx, *, dry): ...", "takes (body, ctx) instead of (ctx, body)"),
        ("async def create(ctx, body): ...", "lacks the parameter `dry`"),
        ("async def create(ctx, body, more, *, dry): ...", "wants `more`, which the contract does not have"),
        ("async def create(ctx, body, *, dry, more): ...", "wants `more`, which the contract does not have"),
        ("async def create(ctx, body, dry=False, more=1): ...", None),
        ("async def create(*args, **kwargs): ...", None),
        ("@wrapped\ndef create(): ...", None),
    ],
)
def test_parameters_that_do_not_fit(tmp_path: Path, function: str, words: str | None) -> None:
    file = tmp_path / "handlers/shop/operations.py"
    file.parent.mkdir(parents=True)
    file.write_text(f"{DROP}\n{function}\n")
    found = work(tmp_path, [SHOP], {PLACE: PROTOCOL}, {PLACE: PROTOCOL})
    assert [(one.kind, one.line, one.what) for one in found] == (
        [] if words is None else [("change", 3, f"`create` {words}")]
    )


def test_a_changed_signature(tmp_path: Path) -> None:
    before = PROTOCOL.replace("*, dry: bool = False", "*, dry: bool = True")
    assert todo(tmp_path, BOTH, before) == [("change", "create")]


def test_an_operation_that_is_no_more(tmp_path: Path) -> None:
    before = PROTOCOL + "    async def count(self, ctx: Context) -> int: ...\n"
    assert todo(tmp_path, BOTH + "async def count(ctx): ...\n", before) == [("remove", "count")]
    assert todo(tmp_path / "other", BOTH, before) == []


def test_the_words(tmp_path: Path) -> None:
    (item, _) = work(tmp_path, [SHOP], {}, {PLACE: PROTOCOL})
    assert str(item) == (
        "handlers/shop/operations.py:1: `create` is still to be written\n"
        "  fix: async def create(ctx: Context, body: New, *, dry: bool = False) -> Thing"
        "  (generated/shop/handler.py)"
    )
    assert Work(**item.facts()) == item  # type: ignore[arg-type]  # facts are its own fields


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ("raise NotWritten", "still a stub"),
        ('"""Words."""\n    raise NotWritten()', "still a stub"),
        ("if dry:\n        raise NotWritten\n    return Thing()", "written"),  # as the service itself sees it
        ("return Thing()", "written"),
    ],
)
def test_the_state_of_a_handler(tmp_path: Path, body: str, state: str) -> None:
    (tmp_path / "handlers/shop").mkdir(parents=True)
    module = tmp_path / "handlers/shop/operations.py"
    module.write_text(f"\n@traced\nasync def create(ctx, body, *, dry=False):\n    {body}\n")
    found = handler_of(tmp_path, "shop", "create")
    assert (found.file, found.line, found.state) == ("handlers/shop/operations.py", 3, state)
    module.write_text("from elsewhere import *\n")
    assert handler_of(tmp_path, "shop", "create").state == "not known"
