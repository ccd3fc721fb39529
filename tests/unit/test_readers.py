"""What rows become: values as their columns' types show them."""

from typing import Any

from psycopg.pq.abc import PGresult
from sqlalchemy import ColumnElement, Text, column, select
from sqlalchemy.types import UserDefinedType

from handfast.runtime.database.rows import Reader, reader_of

INTEGER, TEXT = 23, 25


class Result:
    """A result of one column of some type."""

    nfields = 1

    def __init__(self, oid: int) -> None:
        """Be of this type."""
        self.asked = 0
        self._oid = oid

    def ftype(self, _: int) -> int:
        """The OID of the column's type."""
        self.asked += 1
        return self._oid


class Twice(UserDefinedType[Any]):
    """Doubles integers; leaves alone what is text already."""

    def result_processor(self, dialect: object, coltype: object) -> Any:
        """The processor for the OID `coltype`."""
        return (lambda value: value * 2) if coltype in (INTEGER,) else None


def reader(of: ColumnElement[Any]) -> Reader:
    """The reader of a statement that returns this column."""
    made = reader_of(select(of))
    assert made is not None
    return made


def processed(by: Reader, result: Any, value: object) -> object:
    """One value of that result."""
    as_result: PGresult = result
    ((shown,),) = by.processed([(value,)], as_result)
    return shown


def test_a_processor_is_chosen_by_what_the_server_sends() -> None:
    doubling = reader(column("n", Twice()))
    assert processed(doubling, Result(INTEGER), 4) == 8
    assert processed(doubling, Result(TEXT), "4") == "4"
    assert processed(doubling, Result(INTEGER), 5) == 10


def test_of_columns_without_any_processor_no_oid_is_asked() -> None:
    result = Result(TEXT)
    assert processed(reader(column("t", Text())), result, "as it is") == "as it is"
    assert result.asked == 0
