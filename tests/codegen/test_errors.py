"""errors.py: an exception for each declared error, named by what the author has named."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from handfast.codegen.errors import BASES
from handfast.codegen.ir import ErrorClass, Feature, Json
from handfast.codegen.output import generate
from handfast.runtime import ApiError, Conflict, errors
from tests.codegen.contracts import read, write_contract
from tests.codegen.generated import check_imports, check_ruff, write_project
from tests.codegen.viewed import imported


def json_of(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


ERROR: Json = {"$ref": "#/components/schemas/Problem"}
INLINE: Json = {"type": "object", "properties": {"why": {"type": "string"}}}
RETRY: Json = {
    "Retry-After": {"required": True, "schema": {"type": "integer"}},
    "X-Id": {"schema": {"type": "string"}},
}
RESPONSES: dict[str, Json] = {
    "200": {"description": "Ok."},
    "400": {"description": "", "content": json_of(INLINE)},
    "401": {"description": "No body."},
    "404": {"$ref": "#/components/responses/Missing"},
    "409": {"description": "Taken.", "content": json_of(ERROR)},
    "418": {"description": "Tea.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    "429": {"description": "Slow down.", "headers": RETRY, "content": json_of(ERROR)},
    "503": {"description": "Later.", "headers": RETRY},
    "5XX": {"description": "Broken.", "content": json_of(ERROR)},
    "default": {"description": "Else.", "content": json_of(ERROR)},
}


@pytest.fixture
def feature(tmp_path: Path) -> Feature:
    operations: Json = {
        "/a": {"get": {"operationId": "getA", "responses": RESPONSES}},
        "/b": {"get": {"operationId": "getB", "responses": RESPONSES}},
    }
    document: dict[str, Json] = {
        "openapi": "3.1.0",
        "info": {"title": "Errors", "version": "1"},
        "paths": operations,
        "components": {
            "schemas": {
                "Problem": {
                    "type": "object",
                    "required": ["code"],
                    "properties": {"code": {"type": "integer"}},
                }
            },
            "responses": {"Missing": {"description": "Nothing there.", "content": json_of(ERROR)}},
        },
    }
    write_contract(tmp_path, "001-errors", document)
    return read(tmp_path)[0]


def test_equal_errors_are_one_class_and_names_last(feature: Feature) -> None:
    assert [error.name for error in feature.errors] == [
        "GetABadRequestError",
        "MissingError",
        "ConflictProblemError",
        "GetAImATeapotError",
        "TooManyRequestsProblemError",
        "GetAServiceUnavailableError",
        "ServerErrorProblemError",
        "DefaultProblemError",
        "GetBBadRequestError",
        "GetBImATeapotError",
        "GetBServiceUnavailableError",
    ]
    first, second = feature.operations
    assert sorted(set(first.errors) & set(second.errors)) == [
        "ConflictProblemError",
        "DefaultProblemError",
        "MissingError",
        "ServerErrorProblemError",
        "TooManyRequestsProblemError",
    ]
    assert all(isinstance(error, ErrorClass) for error in feature.errors)


def test_the_classes_are_raised_with_what_the_contract_declares(feature: Feature, tmp_path: Path) -> None:
    write_project(tmp_path, {"errors": feature}, generate([feature], root=tmp_path))
    check_imports(tmp_path, ["errors"])
    with imported(tmp_path):
        made = importlib.import_module("generated.errors.errors")
        models = importlib.import_module("generated.errors.models")
        problem = models.Problem(code=1)
        taken = made.ConflictProblemError(problem)
        assert isinstance(taken, Conflict)
        assert (taken.status, taken.body, taken.headers, taken.detail) == (409, problem, {}, "Taken.")
        slow = made.TooManyRequestsProblemError(problem, retry_after=3)
        assert slow.headers == {"Retry-After": "3"}
        assert made.GetAServiceUnavailableError(retry_after=3, x_id="a\r\nb").headers["X-Id"] == "a b"
        assert (made.GetAImATeapotError("tea").status, made.GetAImATeapotError("tea").code) == (
            418,
            "im_a_teapot",
        )
        assert made.ServerErrorProblemError(507, problem).status == 507
        assert made.DefaultProblemError(422, problem).status == 422
        for cls, status in ((made.ServerErrorProblemError, 404), (made.DefaultProblemError, 200)):
            with pytest.raises(ValueError, match="the contract declares"):
                cls(status, problem)


def test_every_error_of_the_runtime_is_a_base() -> None:
    known = {
        cls.status: name
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, ApiError) and ApiError in cls.__bases__
    }
    assert known == BASES


def test_a_class_named_as_its_base(tmp_path: Path) -> None:
    broken: Json = {"description": "Broken.", "content": json_of(INLINE)}
    responses: Json = {"InternalError": broken, "Conflict": broken}
    ref: Json = {"$ref": "#/components/responses/InternalError"}
    clash: Json = {"$ref": "#/components/responses/Conflict"}
    done: Json = {"description": "Ok."}
    document: dict[str, Json] = {
        "openapi": "3.1.0",
        "info": {"title": "Errors", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": done, "500": ref, "404": ref, "409": clash}}}},
        "components": {"responses": responses},
    }
    write_contract(tmp_path, "001-errors", document)
    feature = read(tmp_path)[0]
    write_project(tmp_path, {"errors": feature}, generate([feature], root=tmp_path))
    check_imports(tmp_path, ["errors"])
    check_ruff(tmp_path)
    text = (tmp_path / "generated" / "errors" / "errors.py").read_text()
    assert "class InternalError(NotFound):" in text
    assert "class InternalResponseError(_InternalError):" in text
    assert "class ConflictError(Conflict):" in text
