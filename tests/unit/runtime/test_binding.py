from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Protocol
from uuid import UUID

import pytest

from handfast.runtime import Context, Created, Model, NotWritten, Ok, PublicContext
from handfast.runtime.binding import TOLD_ALONE, bind, is_stub


class Pet(Model):
    name: str


class Handler(Protocol):
    async def get_pet(
        self, ctx: Context, pet_id: UUID, *, limit: int = 20, tag: str | None = None
    ) -> Pet: ...

    async def make_pet(self, ctx: PublicContext, body: Pet) -> Created[Pet] | Ok[Pet]: ...

    async def watch(self, ctx: Context) -> AsyncIterator[Pet]: ...


HEAD = """\
from __future__ import annotations
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID
from handfast.runtime import Context, Created, NotWritten, Ok, OptionalContext, PublicContext
from tests.unit.runtime.test_binding import Pet

"""
GOOD = {
    "get_pet": """\
async def get_pet(ctx: Context, pet_id: UUID, *, limit: int = 20, tag: str | None = None) -> Pet:
    return Pet(name="a")
""",
    "make_pet": """\
async def make_pet(ctx: PublicContext, body: Pet) -> Created[Pet] | Ok[Pet]:
    return Ok(body)
""",
    "watch": """\
async def watch(ctx: Context) -> AsyncIterator[Pet]:
    raise RuntimeError
""",
}

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    monkeypatch.chdir(tmp_path)

    def load(**functions: str | None) -> ModuleType:
        file = tmp_path / "operations.py"
        texts = {name: text for name, text in (GOOD | functions).items() if text is not None}
        file.write_text(HEAD + "\n".join(texts.values()))
        spec = importlib.util.spec_from_file_location("operations", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def whats(handler: object) -> list[str]:
    found = bind(handler, Handler, feature="pets", contract="api.yaml")
    return [f"{fault.where}: {fault.what}" for fault in found.faults]


def test_a_module_that_fits_has_no_fault(load: Load) -> None:
    found = bind(load(), Handler, feature="pets", contract="api.yaml")
    assert found.faults == ()
    assert found.unwritten == frozenset()


def test_what_is_wrong_is_told_apart_from_what_is_lacking(load: Load) -> None:
    found = bind(
        load(get_pet=None, watch="def watch(ctx: Context) -> None: ...\n"),
        Handler,
        feature="pets",
        contract="api.yaml",
    )
    assert len(found.faults) == 2
    assert [fault.what for fault in found.misfits] == ["`watch` is not `async def`"]


def test_a_missing_function_is_told_with_the_file_to_write_it_in(load: Load) -> None:
    found = bind(load(get_pet=None), Handler, feature="pets", contract="api.yaml")
    assert found.unwritten == {"get_pet"}
    (fault,) = found.faults
    assert (fault.where, fault.what) == ("operations.py", "`get_pet` is missing")
    assert (
        "async def get_pet(ctx: Context, pet_id: UUID, *, limit: int = ..., tag: str | None = ...) -> Pet"
        in fault.fix
    )


STUB = '''\
async def get_pet(ctx: Context, pet_id: UUID, *, limit: int = 20, tag: str | None = None) -> Pet:
    """Return a pet.

    GET /pets/{pet_id} (api.yaml:1:1)
    """
    raise NotWritten
'''


def test_a_stub_is_told_with_its_line(load: Load) -> None:
    found = bind(load(get_pet=STUB), Handler, feature="pets", contract="api.yaml")
    assert found.unwritten == {"get_pet"}
    assert [(fault.where, fault.what) for fault in found.faults] == [
        ("operations.py:8", "`get_pet` is not written yet")
    ]


def test_many_stubs_are_told_in_one_line() -> None:
    async def stub() -> None:
        raise NotWritten

    names = [f"operation_{number}" for number in range(TOLD_ALONE + 1)]
    protocol = type("Handler", (), dict.fromkeys(names, stub))
    found = bind(SimpleNamespace(**dict.fromkeys(names, stub)), protocol, feature="pets", contract="api.yaml")
    assert found.unwritten == frozenset(names)
    (fault,) = found.faults
    assert fault.where == "handlers/pets/operations.py"
    assert fault.what == f"6 functions are not written yet: {', '.join(names)}"


@pytest.mark.parametrize(
    ("function", "stub"),
    [
        ("async def f():\n    raise NotWritten()\n", True),
        ("async def f():\n    import handfast.runtime\n    raise NotWritten\n", False),
        ("async def f():\n    if 1:\n        raise NotWritten\n", False),
        ("async def f():\n    raise ValueError(NotWritten)\n", False),
        ("async def f():\n    return NotWritten\n", False),
        ("async def f():\n    raise\n", False),
    ],
)
def test_only_a_bare_raise_is_a_stub(load: Load, function: str, stub: bool) -> None:
    assert is_stub(load(f=function).f) is stub


def test_what_has_no_source_is_no_stub() -> None:
    space: dict[str, object] = {"NotWritten": NotWritten}
    exec("async def f():\n    raise NotWritten", space)  # noqa: S102 - a function without a file
    assert not is_stub(space["f"])  # type: ignore[arg-type]
    assert not is_stub(print)
    assert not is_stub(lambda: NotWritten)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("def get_pet(ctx, pet_id, *, limit, tag): ...", "is not `async def`"),
        ("async def get_pet(ctx, pet_id, *, limit, tag):\n    yield 1\n", "has a `yield`"),
        (
            "async def get_pet(pet_id, ctx, *, limit, tag): ...",
            "takes (pet_id, ctx) instead of (ctx, pet_id)",
        ),
        ("async def get_pet(ctx, pet_id, *, limit): ...", "lacks the parameter `tag`"),
        ("async def get_pet(ctx, pet_id, *, limit, tag, more): ...", "wants `more`"),
        ("async def get_pet(ctx, pet_id: str, *, limit, tag): ...", "takes `pet_id` as str, not as UUID"),
        ("async def get_pet(ctx, pet_id, *, limit, tag: str): ...", "takes `tag` as str, not as str | None"),
        ("async def get_pet(ctx, pet_id, *, limit, tag) -> str: ...", "returns str, not Pet"),
        ("async def get_pet(ctx, pet_id, *, limit, tag) -> Pet | None: ...", "returns Pet | None, not Pet"),
        (
            "async def get_pet(ctx: Gone, pet_id, *, limit, tag): ...",
            "cannot be resolved (name 'Gone' is not defined)",
        ),
        ("async def get_pet(ctx, pet_id, limit, tag, /): ...", "does not take `limit` by name"),
        ("async def get_pet(ctx, pet_id, *, limit, tag) -> list[Pet]: ...", "returns list[Pet], not Pet"),
    ],
)
def test_a_wrong_signature_is_told_with_its_line(load: Load, function: str, words: str) -> None:
    found = whats(load(get_pet=function))
    assert any(words in one and one.startswith("operations.py:8: `get_pet`") for one in found), found


@pytest.mark.parametrize(
    "function",
    [
        "async def get_pet(ctx, pet_id, *, limit, tag): ...",
        "async def get_pet(ctx: PublicContext, pet_id: object, *, limit: int, tag: str | int | None): ...",
        "async def get_pet(ctx: OptionalContext, pet_id: Any, limit=1, tag=None) -> Any: ...",
        "async def get_pet(*args, **kwargs): ...",
    ],
)
def test_a_signature_that_takes_more_fits(load: Load, function: str) -> None:
    assert whats(load(get_pet=function)) == []


@pytest.mark.parametrize(
    ("function", "fits"),
    [
        ("async def make_pet(ctx: PublicContext, body: Pet) -> Created[Pet]: ...", True),
        ("async def make_pet(ctx: PublicContext, body: Pet) -> Ok[Pet]: ...", True),
        ("async def make_pet(ctx: PublicContext, body: Pet) -> Ok[str]: ...", False),
        ("async def make_pet(ctx: PublicContext, body: Pet) -> Pet: ...", False),
        ("async def make_pet(ctx: Context, body: Pet) -> Ok[Pet]: ...", False),
    ],
)
def test_a_result_may_be_narrower_and_a_context_wider(load: Load, function: str, fits: bool) -> None:
    assert (whats(load(make_pet=function)) == []) is fits


def test_a_public_coroutine_that_no_operation_claims(load: Load) -> None:
    extra = "async def make_pets(ctx): ...\n\n\nasync def _private(): ...\n\n\ndef plain(): ...\n"
    assert whats(load(extra=extra)) == [
        "operations.py:17: `make_pets` is a public coroutine that no operation claims"
    ]


def test_any_object_may_be_a_handler() -> None:
    async def get_pet(ctx: Context, pet_id: UUID, *, limit: int, tag: str | None) -> Pet:
        return Pet(name="a")

    found = bind(SimpleNamespace(get_pet=get_pet), Handler, feature="pets", contract="api.yaml")
    assert found.unwritten == {"make_pet", "watch"}
    assert {fault.where for fault in found.faults} == {"handlers/pets/operations.py"}


def test_only_a_missing_handler_leaves_a_fault_that_development_can_live_with(load: Load) -> None:
    found = bind(
        load(get_pet=None, make_pet="def make_pet(): ..."), Handler, feature="pets", contract="api.yaml"
    )
    assert not any(fault.fatal for fault in found.faults)
