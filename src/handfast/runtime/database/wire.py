"""One connection: several statements sent as one libpq pipeline, answered in one round trip.

psycopg does the work through its `pq` layer, its loaders and its waiting; only the pipeline is put together
here. Without BEGIN, the statements of one pipeline are one implicit transaction.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

from psycopg import AsyncConnection, generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

_FAILED = ExecStatus.FATAL_ERROR
_SKIPPED = ExecStatus.PIPELINE_ABORTED
_WORTH_PREPARING = 3
"""How often a text is sent on one connection before it becomes a prepared statement."""
_PREPARED = 200
"""How many prepared statements one connection keeps."""

_STALE_PLAN = "0A000"
_UNKNOWN_STATEMENT = "26000"
_TAKEN_STATEMENT = "42P05"
STALE = frozenset({_STALE_PLAN, _UNKNOWN_STATEMENT, _TAKEN_STATEMENT})
"""SQLSTATEs of a prepared statement that the server no longer takes; unprepared it may well work."""

Statement = tuple[bytes, Sequence[Any], bool]
"""SQL text, values for its placeholders, whether the text will come again."""


class Wire(AsyncConnection[Any]):
    """A psycopg connection that can send a pipeline of statements at once."""

    preparing = True
    """Off for poolers between here and the server that cannot keep prepared statements."""

    def __init__(self, pgconn: PGconn, *args: Any, **kwargs: Any) -> None:
        """Wrap a libpq connection, as psycopg asks of its connection classes."""
        super().__init__(pgconn, *args, **kwargs)
        self._seen: OrderedDict[tuple[bytes, tuple[int, ...]], int] = OrderedDict()
        self._names: OrderedDict[tuple[bytes, tuple[int, ...]], bytes] = OrderedDict()
        self._numbers = itertools.count(1)
        # One that writes and one that reads, kept for the dumpers and loaders that they have found.
        self._writing = Transformer(self)
        self._reading = Transformer(self)

    @property
    def clean(self) -> bool:
        """Whether nothing is in flight, so that another statement may be sent."""
        pgconn = self.pgconn
        return (
            pgconn.status == ConnStatus.OK
            and pgconn.pipeline_status == PipelineStatus.OFF
            and pgconn.transaction_status not in (TransactionStatus.ACTIVE, TransactionStatus.UNKNOWN)
        )

    @property
    def state(self) -> TransactionStatus:
        """The transaction's state as the server last told it."""
        return TransactionStatus(self.pgconn.transaction_status)

    async def exchange(self, statements: Sequence[Statement]) -> list[PGresult]:
        """Send `statements` in one pipeline and return their results; raise the first one's error that fails.

        Cancelled meanwhile, the server is told so and its answer awaited; `clean` says whether that worked.
        """
        sends: list[Any] = []
        wanted: list[int] = []
        prepared: list[tuple[int, tuple[bytes, tuple[int, ...]], bytes]] = []
        for sql, values, again in statements:
            self._add(sql, values, again, sends, prepared)
            wanted.append(len(sends) - 1)
        async with self.lock:
            if not self.clean:
                raise OperationalError("the connection is lost")
            results = await self.wait(_exchange(self.pgconn, sends))
        # What the server has prepared it keeps, whether or not the rest went well.
        for place, key, name in prepared:
            if results[place].status == ExecStatus.COMMAND_OK:
                self._names[key] = name
        for result in results:
            if result.status == _FAILED:
                error = error_from_result(result, encoding="utf-8")
                if error.sqlstate in STALE:
                    self._forget(error.sqlstate)
                raise error
        if any(result.status == _SKIPPED for result in results):
            raise OperationalError("the server skipped a statement without saying why")
        return [results[place] for place in wanted]

    def rows(self, result: PGresult) -> list[tuple[Any, ...]]:
        """Return the rows of `result` as psycopg's loaders read them."""
        self._reading.set_pgresult(result)
        return self._reading.load_rows(0, result.ntuples, tuple)

    def _add(
        self,
        sql: bytes,
        values: Sequence[Any],
        again: bool,
        sends: list[Any],
        prepared: list[tuple[int, tuple[bytes, tuple[int, ...]], bytes]],
    ) -> None:
        """Append to `sends` what sends one statement, by name if it is prepared or worth it."""
        pgconn = self.pgconn
        dumped: Sequence[Any] | None = None
        types: tuple[int, ...] = ()
        formats: Sequence[Any] | None = None
        if values:
            dumped = self._writing.dump_sequence(values, [PyFormat.AUTO] * len(values))
            types, formats = tuple(self._writing.types or ()), list(self._writing.formats or ())
        key = (sql, types)
        name = self._names.get(key)
        if name is not None:
            self._names.move_to_end(key)
        elif again and self.preparing:
            count = self._seen.pop(key, 0) + 1
            if count < _WORTH_PREPARING:
                self._seen[key] = count
                if len(self._seen) > _PREPARED:
                    self._seen.popitem(last=False)
            elif not any(key == other for _, other, _ in prepared):
                name = b"handfast_%d" % next(self._numbers)
                if len(self._names) >= _PREPARED:
                    oldest = self._names.popitem(last=False)[1]
                    sends.append(partial(pgconn.send_query_params, b"DEALLOCATE " + oldest, None))
                prepared.append((len(sends), key, name))
                sends.append(partial(pgconn.send_prepare, name, sql, param_types=types))
        if name is not None:
            sends.append(partial(pgconn.send_query_prepared, name, dumped, param_formats=formats))
        else:
            sends.append(
                partial(
                    pgconn.send_query_params, sql, dumped, param_types=types or None, param_formats=formats
                )
            )

    def _forget(self, sqlstate: str | None) -> None:
        """Stop using the prepared statements of this connection; they would fail again and again."""
        self._names.clear()
        self._seen.clear()
        if sqlstate != _STALE_PLAN:
            self.preparing = False


def _exchange(pgconn: PGconn, sends: Sequence[Any]) -> PQGen[list[PGresult]]:
    """Put everything on the wire, then fetch one result for each; never raises for a failed statement.

    So that psycopg's `wait` can run it to its end after a cancellation, which leaves the connection clean.
    """
    pgconn.enter_pipeline_mode()
    for send in sends:
        send()
    pgconn.pipeline_sync()
    yield from generators.send(pgconn)
    results: list[PGresult] = []
    for _ in sends:
        results.append((yield from generators.fetch_many(pgconn))[-1])
    yield from generators.fetch_many(pgconn)  # the answer to the sync
    pgconn.exit_pipeline_mode()
    return results
