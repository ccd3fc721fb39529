# ruff: noqa: E501  (one case a line reads best)
"""Names on the wire → Python names."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.codegen.ir import Json
from handfast.codegen.names import (
    MAX_LENGTH,
    Namer,
    derived_operation_id,
    enum_members,
    is_reserved_class,
    pascal,
    snake,
    words,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("listUsers", "list_users"), ("list-users", "list_users"), ("X-Request-ID", "x_request_id"), ("HTTPServer2", "http_server2"),
        ("filter[name]", "filter_name"), ("v1.2", "v1_2"), ("class", "class_"), ("match", "match_"), ("id", "id_"), ("type", "type_"),
        ("body", "body_"), ("ctx", "ctx_"), ("self", "self_"), ("json", "json_"), ("copy", "copy_"), ("model_name", "model_name_"),
        ("date", "date_"), ("l", "l_"), ("123abc", "n_123_abc"), ("", "empty"), ("!!!", "value"), ("_id", "id_"), ("日本語", "日本語"),
    ],
)  # fmt: skip
def test_snake_case_names_shadow_nothing(text: str, name: str) -> None:
    assert snake(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("task-list", "TaskList"), ("Task", "Task"), ("HTTPError", "HTTPError"), ("OAuth2Token", "OAuth2Token"),
        ("user_id", "UserId"), ("Context", "ContextModel"), ("Exception", "ExceptionModel"), ("none", "NoneModel"),
        ("42", "N42"), ("", "Value"), ("O", "OModel"), ("Response", "ResponseModel"), ("Tag", "Tag"), ("петя", "Петя"),
    ],
)  # fmt: skip
def test_class_names_shadow_nothing(text: str, name: str) -> None:
    assert pascal(text) == name


@given(st.text())
def test_every_text_gives_valid_names_of_bounded_length(text: str) -> None:
    for name in (snake(text), pascal(text), *enum_members([text])):
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert len(name) <= MAX_LENGTH + len("Model")
    assert not is_reserved_class(pascal(text))
    assert derived_operation_id("get", text).replace("_", "a").isidentifier()


@given(st.lists(st.text(max_size=5) | st.integers(), unique=True))
def test_members_of_an_enum_are_unique_and_stable(values: list[str | int]) -> None:
    members = enum_members(list(values))
    assert len(set(members)) == len(values)
    assert members == enum_members(list(values))


def test_members_tell_signs_apart() -> None:
    values: list[Json] = [
        "created_at",
        "-created_at",
        "+1",
        "1st",
        1,
        -1,
        "",
        " ",
        "*",
        "None",
        "<=",
        "a+b",
        "O",
    ]
    assert enum_members(values) == (
        "CREATED_AT", "MINUS_CREATED_AT", "PLUS_1", "VALUE_1_ST", "VALUE_1", "MINUS_1", "EMPTY", "SPACE", "ASTERISK",
        "NONE_", "LESS_THAN_SIGN_EQUALS_SIGN", "A_PLUS_B", "O_",
    )  # fmt: skip


def test_the_first_to_ask_keeps_the_plain_name() -> None:
    namer = Namer(["taken"])
    assert [namer.py("userId"), namer.py("user-id"), namer.py("USER_ID"), namer.py("Taken")] == [
        "user_id", "user_id_2", "user_id_3", "taken_2",
    ]  # fmt: skip
    classes = Namer()
    classes.reserve("Inputs2")
    assert [classes.cls("pet"), classes.cls("Pet"), classes.cls("pet2"), classes.cls("Pet2")] == [
        "Pet", "Pet2", "Pet2V2", "Pet2V3",
    ]  # fmt: skip


def test_long_names_are_cut_and_stay_apart() -> None:
    one, two = snake("a_" * 80 + "x"), snake("a_" * 80 + "y")
    assert one != two
    assert len(one) == len(two) <= MAX_LENGTH
    assert pascal("ab " * 60) != pascal("ab " * 61)


def test_operations_without_a_name_are_called_after_method_and_path() -> None:
    assert derived_operation_id("GET", "/pets/{petId}") == "get_pets_by_pet_id"
    assert derived_operation_id("delete", "/") == "delete"
    assert derived_operation_id("post", "/v1/users/{id}/re-send") == "post_v1_users_by_id_re_send"


def test_words_keep_acronyms_and_other_scripts_whole() -> None:
    assert words("getHTTPStatus-v2") == ["get", "HTTP", "Status", "v", "2"]
    assert words("straße_größe") == ["straße", "größe"]
