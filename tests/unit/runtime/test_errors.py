from __future__ import annotations

import pytest

from handfast.runtime import ApiError, ConfigError, Conflict, Fault, NotFound, Violation, Violations
from handfast.runtime.errors import error_of_status, phrase


class ReferenceTaken(Conflict, code="reference_taken"):
    """Another order has the reference.

    And more about it.
    """


def test_a_subclass_keeps_the_status_and_has_its_own_code_and_words() -> None:
    error = ReferenceTaken()
    assert (error.status, error.code, error.title) == (409, "reference_taken", "Conflict")
    assert error.detail == "Another order has the reference."
    assert str(ReferenceTaken("This time.")) == "This time."
    assert Conflict.code == "conflict"


def test_an_undocumented_subclass_has_its_parents_words() -> None:
    class Mine(NotFound):
        pass

    assert Mine().detail == NotFound().detail


def test_a_status_that_is_no_error_is_refused() -> None:
    with pytest.raises(TypeError, match="400 to 599"):
        type("Mine", (ApiError,), {}, status=200)


def test_headers_are_kept() -> None:
    assert NotFound(headers={"X-A": "1"}).headers == {"X-A": "1"}
    assert NotFound().headers == {}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "Not Found"),
        (413, "Content Too Large"),
        (422, "Unprocessable Content"),
        (499, "Client Error"),
        (599, "Server Error"),
    ],
)
def test_phrases(status: int, words: str) -> None:
    assert phrase(status) == words


def test_an_error_of_a_status_is_of_its_own_class_if_there_is_one() -> None:
    assert isinstance(error_of_status(404), NotFound)
    assert type(error_of_status(500)).__name__ == "InternalError"
    teapot = error_of_status(418, "short and stout")
    assert (teapot.status, teapot.code, teapot.detail) == (418, "i'm_a_teapot", "short and stout")
    assert ApiError.status == 500


def test_violations_take_the_status_of_the_contract() -> None:
    violation = Violation("body", "", "type", "must be an object")
    assert Violations([violation]).status == 422
    assert Violations([violation], status=400).status == 400
    assert Violations.status == 422


def test_faults_are_printed_with_their_cure() -> None:
    error = ConfigError([Fault("no secret", "set one", "SECRET"), Fault("odd", "mend it")])
    assert str(error) == "SECRET: no secret\n  fix: set one\nodd\n  fix: mend it"
