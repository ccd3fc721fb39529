"""What a change of the contract does to the bytes of handlers."""

from __future__ import annotations

import pytest

from handfast.codegen.evolution.evolve import MARK, evolve
from handfast.codegen.evolution.work import Evolved

FILE = "handlers/shop/operations.py"
PROTOCOL = "generated/shop/handler.py"
MODELS = "generated/shop/models.py"


def method(name: str, signature: str, route: str, result: str = "None") -> str:
    doc = f'        """{name}.\n\n        {route} (specs/shop/api.yaml:3:5)\n        """\n        ...\n'
    return f"    async def {name}(self, ctx: Context{signature}) -> {result}:\n{doc}"


def protocol(*methods: str, models: str = "") -> str:
    imports = "from uuid import UUID\n\nfrom handfast.runtime import Context\n"
    imports += f"\nfrom generated.shop.models import {models}\n" if models else ""
    return f"{imports}\n\nclass Handler(Protocol):\n" + "\n".join(methods or ["    pass"])


GET = method("get_pen", ", pen_id: UUID", "GET /pens/{pen_id}")
GET_MORE = method("get_pen", ", pen_id: UUID, *, full: bool = False", "GET /pens/{pen_id}")
DROP = method("drop_pen", ", pen_id: UUID", "DELETE /pens/{pen_id}")


def run(handler: bytes, old: str, new: str, *, models: tuple[str, str] = ("", ""), **more: bytes) -> Evolved:
    files = {FILE: handler} | {name.replace("__", "/") + ".py": data for name, data in more.items()}
    before = {PROTOCOL: old, MODELS: models[0]}
    return evolve(files, ["shop"], before, {PROTOCOL: new, MODELS: models[1]})


HEAD = b"from uuid import UUID\n\nfrom handfast.runtime import Context\n\n\n"
PEN = b"async def get_pen(ctx: Context, pen_id: UUID) -> None:  # kept\n    x = 'one'  ;  return  # odd\n"


def test_nothing_changed() -> None:
    assert run(HEAD + PEN, protocol(GET), protocol(GET)) == Evolved()


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(
    "start", [b"", b"\xef\xbb\xbf", "# -*- coding: latin-1 -*-\n# é\n".encode("latin-1")]
)
def test_a_changed_signature_is_all_that_changes(newline: bytes, start: bytes) -> None:
    old = (start + HEAD + PEN + b"\n\n\tif_ = 1\n".replace(b"\t", b"")).replace(b"\n", newline)
    made = run(old, protocol(GET), protocol(GET_MORE))
    new = old.replace(
        b"(ctx: Context, pen_id: UUID) ->", b"(ctx: Context, pen_id: UUID, *, full: bool = False) ->"
    )
    assert made.files == {FILE: new}
    (note,) = made.notes
    assert (note.kind, note.function) == ("change", "get_pen")
    assert new.splitlines()[note.line - 1].startswith(b"async def get_pen(")
    assert "`full: bool = False` is new" in note.what
    assert run(new, protocol(GET), protocol(GET_MORE)).files == {}


def test_comments_of_a_signature_are_carried_above_it() -> None:
    written = (
        b"async def get_pen(\n    ctx: Context,  # who\n    # which\n    pen_id: UUID,\n"
        b"    mine: int=3,\n) -> None:\n\tpass\n"
    )
    made = run(HEAD + written, protocol(GET), protocol(GET_MORE))
    expected = (
        b"# who\n# which\nasync def get_pen(\n"
        b"    ctx: Context, pen_id: UUID, *, full: bool = False, mine: int = 3\n) -> None:\n\tpass\n"
    )
    assert made.files[FILE] == HEAD + expected


def test_a_parameter_that_the_body_still_uses_is_told() -> None:
    old = method("get_pen", ", *, tint: str", "GET /pens")
    new = method("get_pen", ", *, colour: UUID", "GET /pens")
    handler = b"async def get_pen(ctx, *, tint):\n    print(tint)\n"
    made = run(handler, protocol(old), protocol(new))
    assert "its body uses `tint`" in made.notes[0].what
    text = made.files[FILE]
    assert b"from handfast.runtime import Context\nfrom uuid import UUID\n" in text
    assert text.endswith(b"(ctx: Context, *, colour: UUID) -> None:\n    print(tint)\n")


def test_names_are_written_as_the_file_has_them() -> None:
    head = b"import uuid\nfrom handfast.runtime import Context as C\n\n\n"
    made = run(
        head + b"async def get_pen(ctx: C): ...\n", protocol(method("get_pen", "", "GET /p")), protocol(GET)
    )
    assert made.files[FILE] == head + b"async def get_pen(ctx: C, pen_id: uuid.UUID) -> None: ...\n"


def test_a_new_operation_gets_a_stub() -> None:
    made = run(HEAD + PEN, protocol(GET), protocol(GET, DROP))
    text = made.files[FILE]
    assert text.startswith(HEAD.rstrip(b"\n"))
    assert PEN in text
    assert text.endswith(
        b'\n\n\nasync def drop_pen(ctx: Context, pen_id: UUID) -> None:\n    """drop_pen.\n\n'
        b'    DELETE /pens/{pen_id} (specs/shop/api.yaml:3:5)\n    """\n    raise NotWritten\n'
    )
    assert b"from handfast.runtime import NotWritten\n" in text


def test_a_feature_without_handlers_gets_a_package() -> None:
    made = evolve({"handlers/__init__.py": b""}, ["shop"], {}, {PROTOCOL: protocol(GET)})
    assert set(made.files) == {FILE, "handlers/shop/__init__.py"}
    compile(made.files[FILE], FILE, "exec")


def test_a_removed_operation_is_set_aside_and_comes_back() -> None:
    made = run(HEAD + b"@traced\n" + PEN, protocol(GET), protocol())
    mark = f"{MARK} the contract has GET /pens/{{pen_id}} no more (it stood at specs/shop/api.yaml:3:5).\n"
    assert made.files == {FILE: HEAD + mark.encode() + b"@traced\n" + PEN}
    assert [(note.kind, note.line) for note in made.notes] == [("remove", 8)]
    back = run(made.files[FILE], protocol(), protocol(GET))
    assert back.files == {FILE: HEAD + b"@traced\n" + PEN}


def test_a_renamed_operation_is_renamed_wherever_it_is_named() -> None:
    inner = b"from ._pens import get_pen\n\n__all__ = ['get_pen']\n"
    test = b"from handlers.shop import operations as ops\n\n\n"
    test += b"async def test():\n    await ops.get_pen(1)  # get_pen\n"
    new = protocol(GET.replace("get_pen", "show_pen"))
    made = run(inner, protocol(GET), new, handlers__shop___pens=HEAD + PEN, tests__test_x=test)
    assert made.files == {
        FILE: inner.replace(b"get_pen", b"show_pen"),
        "handlers/shop/_pens.py": HEAD + PEN.replace(b"get_pen", b"show_pen"),
        "tests/test_x.py": test.replace(b"ops.get_pen", b"ops.show_pen"),
    }
    assert [(note.kind, note.file, note.line) for note in made.notes] == [
        ("rename", "handlers/shop/_pens.py", 6)
    ]


CLASS = 'class {0}(Model):\n    """A pen."""\n\n    tint: str\n'


def test_a_renamed_schema_is_renamed_and_a_lost_one_stands_for_any() -> None:
    head = b"from generated.shop.models import (\n    Gone,  # why\n    Old,\n)\n\n\n"
    body = b"def help(x: Old) -> Gone:\n    return Old(tint='Old pen')\n"
    models = (CLASS.format("Old") + CLASS.replace("tint", "ink").format("Gone"), CLASS.format("New"))
    made = run(head + body, protocol(), protocol(), models=models)
    assert made.files[FILE] == (
        b"from generated.shop.models import (\n      # why\n    New,\n)\nfrom typing import Any as Gone\n\n\n"
        b"def help(x: New) -> Gone:\n    return New(tint='Old pen')\n"
    )
    assert [(note.kind, note.function, note.line) for note in made.notes] == [("change", "Gone", 1)]


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (b"@traced\nasync def get_pen(ctx): ...\n", "its decorator hides what it takes"),
        (b"if 1:\n    async def get_pen(ctx): ...\n", "its definition is conditional"),
        (b"def get_pen(ctx): ...\n", "it is no plain `async def`"),
        (b"get_pen = None\n", "it is no plain `async def`"),
        (b"async def get_pen(*a): ...\n", "it takes its arguments in a way of its own"),
        (
            b"try:\n    from x import get_pen\nexcept E:\n    from y import get_pen\n",
            "it is defined more than once",
        ),
    ],
)
def test_what_is_not_rewritten_is_told(handler: bytes, why: str) -> None:
    made = run(handler, protocol(GET), protocol(GET_MORE))
    assert made.files == {}
    (note,) = made.notes
    assert why in note.what


def test_a_file_that_cannot_be_read_stops_everything() -> None:
    made = run(b"async def get_pen(:\n", protocol(GET), protocol(GET_MORE))
    assert made.files == {}
    assert made.blocked
    assert (made.notes[0].file, made.notes[0].line) == (FILE, 1)


def test_what_a_star_brings_from_a_module_of_the_project_is_followed() -> None:
    pens = b"from .operations import *\n" + HEAD + PEN
    made = run(b"from ._pens import *\n", protocol(GET), protocol(GET_MORE, DROP), handlers__shop___pens=pens)
    assert b"pen_id: UUID, *, full: bool = False)" in made.files["handlers/shop/_pens.py"]
    assert made.files[FILE].startswith(b"from ._pens import *\n")
    assert b"async def drop_pen(" in made.files[FILE]
    assert {note.function for note in made.notes} == {"get_pen", "drop_pen"}


def test_what_a_star_brings_from_elsewhere_is_not_known_which_is_told() -> None:
    made = run(b"from pens import *\n", protocol(GET), protocol(GET_MORE, DROP))
    assert made.files == {}
    assert [note.what.partition(",")[0] for note in made.notes] == [
        "the contract has `drop_pen` anew",
        "the contract changed the signature of `get_pen` (`full: bool = False` is new)",
    ]
    assert run(b"from pens import *\n", protocol(GET), protocol(GET)) == Evolved()


def test_projects_without_handlers_are_left_alone() -> None:
    assert evolve({}, ["shop"], {}, {PROTOCOL: protocol(GET)}) == Evolved()


def test_what_names_a_schema_with_other_fields_is_told() -> None:
    handler = b"from generated.shop.models import Old as O\n\n\ndef make() -> O:\n    return O(tint='x')\n"
    models = (CLASS.format("Old"), CLASS.format("Old").replace("tint: str", "tint: int\n    ink: str"))
    made = run(handler, protocol(), protocol(), models=models)
    assert made.files == {}
    (note,) = made.notes
    assert (note.kind, note.function, note.line) == ("change", "Old", 4)
    assert note.what.endswith("`ink: str` is new; `tint: str` is `tint: int`")


def test_a_stub_is_exported_where_the_module_says_what_it_exports() -> None:
    made = run(b"__all__ = ['get_pen',]\n" + HEAD + PEN, protocol(GET), protocol(GET, DROP))
    assert made.files[FILE].startswith(b"__all__ = ['get_pen', \"drop_pen\",]\n")


def test_a_class_that_is_named_by_its_module_is_renamed_and_a_lost_one_becomes_any() -> None:
    head = b"from generated.shop import models as m\n\n\n"
    body = b"def help(x: 'm.Old', y: list[m.Old], z: 'list[m.Gone]') -> m.Gone:\n    return m.Gone(m.Old)\n"
    models = (CLASS.format("Old") + CLASS.replace("tint", "ink").format("Gone"), CLASS.format("New"))
    made = run(head + body, protocol(), protocol(), models=models)
    assert made.files[FILE] == (
        b"from generated.shop import models as m\nfrom typing import Any\n\n\n"
        b"def help(x: 'm.New', y: list[m.New], z: 'list[Any]') -> Any:\n    return m.Gone(m.New)\n"
    )
    assert [(note.function, note.line) for note in made.notes] == [
        ("Gone", 5),
        ("Gone", 5),
        ("Gone", 6),
    ]


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (b'"""Old."""\n\n\ndef help(x: \'list[Old]\') -> Old: ...\n',
         b'"""Old."""\n\n\ndef help(x: \'list[New]\') -> New: ...\n'),
        (b"K = ['Older', 'x.Old']\nL: Old\n", b"K = ['Older', 'x.Old']\nL: New\n"),
    ],
)  # fmt: skip
def test_a_schema_is_renamed_in_annotations_that_are_texts_and_in_no_other_text(
    handler: bytes, expected: bytes
) -> None:
    models = (CLASS.format("Old"), CLASS.format("New"))
    end = b"from generated.shop.models import %b\n"
    made = run(handler + end % b"Old", protocol(), protocol(), models=models)
    assert made.files[FILE] == expected + end % b"New"


@pytest.mark.parametrize(
    ("start", "called"), [(b"", b"New"), (b"from typing import cast\nx = cast('Old', 1)\n", b"Old")]
)
def test_a_renamed_schema_is_imported_once(start: bytes, called: bytes) -> None:
    head = start + b"from handfast.runtime import Context\nfrom generated.shop.models import Old\n"
    handler = head + b"async def get_pen(ctx: Context) -> Old: ...\n"
    old = protocol(method("get_pen", "", "GET /p", "Old"), models="Old")
    new = protocol(method("get_pen", ", *, full: bool", "GET /p", "New"), models="New")
    made = run(handler, old, new, models=(CLASS.format("Old"), CLASS.format("New")))
    text = made.files[FILE]
    assert text.count(b"import New") == 1
    assert text.count(b"generated.shop.models") == 1
    assert text.endswith(b"(ctx: Context, *, full: bool) -> %b: ...\n" % called)


def test_a_renamed_operation_is_renamed_where_a_test_puts_something_in_its_place() -> None:
    test = b"""\
from handlers.shop import operations as ops


def test(monkeypatch):
    monkeypatch.setattr(ops, 'get_pen', None)
    monkeypatch.setattr("handlers.shop.operations.get_pen", None)
    print("get_pen", 'handlers.shop.operations.get_pens')
"""
    new = protocol(GET.replace("get_pen", "show_pen"))
    made = run(HEAD + PEN, protocol(GET), new, tests__test_x=test)
    expected = test.replace(b"ops, 'get_pen'", b"ops, 'show_pen'").replace(b'get_pen", ', b'show_pen", ')
    assert made.files["tests/test_x.py"] == expected.replace(b'print("show_pen"', b'print("get_pen"')


def test_operations_that_exchange_their_names_are_told() -> None:
    show = method("show_pen", ", pen_id: UUID", "GET /pens/{pen_id}/shown")
    old, new = protocol(GET, show), protocol(
        GET.replace("get_pen", "show_pen"), show.replace("show_pen", "get_pen")
    )  # fmt: skip
    made = run(HEAD + PEN + PEN.replace(b"get_pen", b"show_pen"), old, new)
    assert made.files == {}
    assert [(note.kind, note.function, note.line) for note in made.notes] == [
        ("change", "get_pen", 6),
        ("change", "show_pen", 8),
    ]
    assert made.notes[0].what.startswith("`get_pen` is GET /pens/{pen_id}/shown now, which `show_pen` was")


def test_an_operation_that_moved_to_another_feature_is_told_with_its_new_place() -> None:
    before = {PROTOCOL: protocol(GET, DROP), "generated/bin/handler.py": ""}
    after = {PROTOCOL: protocol(GET), "generated/bin/handler.py": protocol(DROP)}
    files = {FILE: HEAD + PEN + PEN.replace(b"get_pen", b"drop_pen")}
    made = evolve(files, ["bin", "shop"], before, after)
    stub, aside = made.notes
    assert (stub.file, stub.kind) == ("handlers/bin/operations.py", "write")
    assert aside.what.endswith("; DELETE /pens/{pen_id} is `drop_pen` in handlers/bin/operations.py now")
    assert (aside.kind, aside.fix) == ("remove", "move its body there, then remove it")
