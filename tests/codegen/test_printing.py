"""Imports, prose and format: the small parts that every printed module is made of."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.codegen import printing
from handfast.codegen.imports import Imports
from handfast.codegen.ir import ClassName, PyName, TypeRef
from handfast.codegen.output import generate
from handfast.codegen.printing import Format, PrintError, formatted
from handfast.codegen.prose import docstring, sentence, words
from handfast.codegen.stubs import stub_module
from tests.codegen.contracts import with_schemas


def test_imports_stand_in_sections_and_in_order() -> None:
    imports = Imports()
    imports.name("generated.a.models", "Task")
    imports.names("handfast.runtime", ["is_absent", "Model", "UNSET", "Load15", "Load5"])
    imports.name("typing", "Literal")
    imports.name("__future__", "annotations")
    assert imports.block() == (
        "from __future__ import annotations\n\n"
        "from typing import Literal\n\n"
        "from handfast.runtime import UNSET, Load5, Load15, Model, is_absent\n\n"
        "from generated.a.models import Task"
    )


def test_a_type_that_the_scope_hides_is_written_with_its_module() -> None:
    imports = Imports(shadowed=["list", "date", "uuid4"])
    date = frozenset({("datetime", "date"), ("uuid", "uuid4"), ("datetime", "datetime")})
    ref = TypeRef("list[date] | dict[str, uuid4] | datetime", imports=date)
    assert imports.type(ref, "m") == "builtins.list[dt.date] | dict[str, uuid.uuid4] | datetime"
    assert (
        imports.block()
        == "import builtins\nimport datetime as dt\nimport uuid\nfrom datetime import datetime"
    )
    assert imports.type(TypeRef("str"), "m") == "str"


def test_a_class_of_the_contract_keeps_its_name() -> None:
    imports = Imports(taken=["Field"])
    assert imports.name("pydantic", "Field") == "_Field"
    assert imports.type(TypeRef("Field", frozenset({ClassName("Field")})), "generated.a.models") == "Field"
    assert imports.block() == "from pydantic import Field as _Field\n\nfrom generated.a.models import Field"


def test_operations_called_like_types_and_like_our_own_names_still_work(tmp_path: Path) -> None:
    feature = with_schemas(tmp_path, {"Thing": {"type": "array", "items": {"type": "string"}}})
    (operation,) = feature.operations
    names = ["list", "request", "make", "make_operation"]
    feature = replace(feature, operations=tuple(replace(operation, name=PyName(name)) for name in names))
    files = generate([feature], root=tmp_path)
    assert "body: builtins.list[str]" in files["generated/things/handler.py"]
    routes = files["generated/things/routes.py"]
    assert "async def request_endpoint(request: Request)" in routes
    assert 'make_operation_ = router.operation("make"' in routes
    assert "async def list(ctx: PublicContext, body: builtins.list[str])" in stub_module(feature)


# --- prose ----------------------------------------------------------------------------------------


@given(st.lists(st.text(), max_size=3), st.integers(0, 8))
def test_any_prose_is_a_docstring(paragraphs: list[str], indent: int) -> None:
    text = docstring(*paragraphs, indent=indent, width=60)
    if text:
        pad = " " * indent
        tree = ast.parse(f"if True:\n{pad or ' '}{text}\n" if indent else text)
        assert len(tree.body) == 1


def test_long_lines_are_wrapped_but_code_and_tables_are_not() -> None:
    code = "x" * 30 + " " + "y" * 30
    text = docstring(f"- {code}\n```\n{code}\n```\n| {code} |", indent=0, width=40)
    assert text.split("\n") == [
        '"""- ' + "x" * 30,
        "  " + "y" * 30,
        "```",
        code,
        "```",
        f"| {code} |",
        '"""',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("List pets", "List pets."), ("Really?", "Really?"), ("", ""), ("One\nline\n\nnext", "One line.")],
)
def test_a_summary_is_a_sentence(text: str, expected: str) -> None:
    assert sentence(text) == expected


def test_a_name_as_words() -> None:
    assert words("getTask_by_id") == "Get task by id"


# --- format ---------------------------------------------------------------------------------------


def test_the_projects_own_line_length_and_quotes_are_used(tmp_path: Path) -> None:
    assert Format.of(tmp_path) == Format()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'a'\n", encoding="utf-8")
    assert Format.of(tmp_path) == Format()
    (tmp_path / "pyproject.toml").write_text(
        "[tool.ruff]\nline-length = 30\n"
        "[tool.ruff.format]\nquote-style = 'single'\nskip-magic-trailing-comma = true\n"
        "exclude = ['a']\n",
        encoding="utf-8",
    )
    style = Format.of(tmp_path)
    assert style.line_length == 30
    assert formatted({"a.py": 'x = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]'}, style) == {
        "a.py": "x = [\n    'aaaaaaaaaaaa',\n    'bbbbbbbbbbbb',\n]\n"
    }
    (tmp_path / "ruff.toml").write_text("line-length = 100\n", encoding="utf-8")
    assert Format.of(tmp_path).line_length == 100
    (tmp_path / ".ruff.toml").write_text("line-length = [", encoding="utf-8")
    assert Format.of(tmp_path) == Format()


def test_nothing_to_format() -> None:
    assert formatted({}, Format()) == {}


def test_text_that_is_no_python_is_named() -> None:
    with pytest.raises(PrintError, match=r"generated/a\.py"):
        formatted({"generated/a.py": "def"}, Format())


def test_without_ruff_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> SimpleNamespace:
        raise ImportError(name)

    monkeypatch.setattr(printing, "import_module", missing)
    with pytest.raises(PrintError, match=r"install handfast\[codegen\]"):
        formatted({"a.py": ""}, Format())


def test_templates_of_a_wheel_are_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "header.jinja").write_text("from the wheel", encoding="utf-8")
    monkeypatch.setattr(printing, "_PACKAGED", tmp_path)
    assert printing.environment(None).get_template("header.jinja").render() == "from the wheel"
