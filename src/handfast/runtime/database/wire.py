"""One connection: several statements sent as one libpq pipeline, answered in one round trip.

psycopg does the work through its `pq` layer, its dumpers and its loaders; the pipeline is put together here,
and waited for here: the socket stays with the event loop from one exchange to the next, so that a round trip
costs one wake-up and no call to the kernel beside sending and receiving. Without BEGIN, the statements of one
pipeline are one implicit transaction.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection, generators
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import OperationalError, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from handfast.runtime.turns import Turns

RV = TypeVar("RV")

_OK: Final = int(ConnStatus.OK)
_OFF: Final = int(PipelineStatus.OFF)
_IDLE: Final = int(TransactionStatus.IDLE)
_IN_ERROR: Final = int(TransactionStatus.INERROR)
_IN_FLIGHT: Final = frozenset((int(TransactionStatus.ACTIVE), int(TransactionStatus.UNKNOWN)))
_DONE: Final = int(ExecStatus.COMMAND_OK)
_FAILED: Final = int(ExecStatus.FATAL_ERROR)
_SKIPPED: Final = int(ExecStatus.PIPELINE_ABORTED)
_SYNC: Final = int(ExecStatus.PIPELINE_SYNC)
_AUTO: Final = [PyFormat.AUTO]
_DRAIN_SECONDS: Final = 5.0
"""How long a cancelled exchange may take to come to its end before the connection is given up."""
_WORTH_PREPARING: Final = 3
"""How often a text is sent on one connection before it becomes a prepared statement."""
_PREPARED: Final = 200
"""How many prepared statements one connection keeps."""

_STALE_PLAN: Final = "0A000"
_UNKNOWN_STATEMENT: Final = "26000"
_TAKEN_STATEMENT: Final = "42P05"
STALE: Final = frozenset({_STALE_PLAN, _UNKNOWN_STATEMENT, _TAKEN_STATEMENT})
"""SQLSTATEs of a prepared statement that the server no longer takes; unprepared it may well work."""

Statement: TypeAlias = tuple[bytes, Sequence[Any], bool]
"""SQL text, values for its placeholders, whether the text will come again.

Bytes instead of a sequence of values are the text of the only one.
"""
_Key: TypeAlias = tuple[bytes, tuple[int, ...]]
"""SQL text and the types of its parameters: what one prepared statement is good for."""
_Dumped: TypeAlias = tuple[_Key, Sequence[Any] | None, Sequence[Any] | None, bool]
"""Key, values in the form of the wire, their formats, whether the text will come again."""
_ONE_TEXT: Final = (0,)
"""The type of a parameter that the server has to find out, which for functions of text is text."""
_TEXT: Final = (Format.TEXT,)


class Wire(AsyncConnection[Any]):
    """A psycopg connection that can send a pipeline of statements at once."""

    preparing = True
    """Off for poolers between here and the server that cannot keep prepared statements."""

    def __init__(self, pgconn: PGconn, *args: Any, **kwargs: Any) -> None:
        """Wrap a libpq connection, as psycopg asks of its connection classes."""
        super().__init__(pgconn, *args, **kwargs)
        self.turns = Turns()
        """Whose statements are on the wire: one exchange at a time, or one of psycopg's own."""
        self.lock = self.turns  # type: ignore[assignment]  # psycopg says `async with`, and nothing else
        self._seen: OrderedDict[_Key, int] = OrderedDict()
        self._names: OrderedDict[_Key, bytes] = OrderedDict()
        self._numbers = itertools.count(1)
        # One that writes and one that reads, kept for the dumpers and loaders that they have found.
        self._writing = Transformer(self)
        self._reading = Transformer(self)
        self.loop = asyncio.get_running_loop()
        """The loop that it belongs to; asking for the running one costs a system call in Python 3.11."""
        self._socket: int | None = None
        """The file descriptor that the loop watches for us, while it does."""
        self._waiter: asyncio.Future[None] | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing is in flight, so that another statement may be sent."""
        pgconn = self.pgconn
        return (
            pgconn.status == _OK
            and pgconn.pipeline_status == _OFF
            and pgconn.transaction_status not in _IN_FLIGHT
        )

    @property
    def free(self) -> bool:
        """Whether nothing is in flight, no transaction is open, and nobody is about to send anything."""
        pgconn = self.pgconn
        return (
            pgconn.transaction_status == _IDLE
            and pgconn.status == _OK
            and pgconn.pipeline_status == _OFF
            and not self.turns.taken
        )

    @property
    def idle(self) -> bool:
        """Whether no transaction is open, as the server last told."""
        return self.pgconn.transaction_status == _IDLE

    @property
    def failed(self) -> bool:
        """Whether a statement failed in the open transaction, which can only be rolled back."""
        return self.pgconn.transaction_status == _IN_ERROR

    async def exchange(self, statements: Sequence[Statement]) -> list[PGresult]:
        """Send `statements` in one pipeline and return their results; raise the first one's error that fails.

        Cancelled meanwhile, the server is told so and its answer awaited; `clean` says whether that worked.
        """
        # All values first: one that cannot be sent must not leave half a pipeline behind.
        dumped = self._dump(statements)
        pgconn, turns, names = self.pgconn, self.turns, self._names
        results: list[PGresult] = []
        if not turns.take():
            await turns.wait()
        try:
            if not self.clean:
                raise OperationalError("the connection is lost")
            pgconn.enter_pipeline_mode()
            wanted: list[int] = []
            prepared: list[tuple[int, _Key, bytes]] = []
            sent = 0
            for key, values, formats, again in dumped:
                name = names.get(key)
                if name is None:
                    sent += self._send(key, values, formats, again, sent, prepared)
                else:
                    names.move_to_end(key)
                    pgconn.send_query_prepared(name, values, param_formats=formats)
                    sent += 1
                wanted.append(sent - 1)
            pgconn.pipeline_sync()
            try:
                if pgconn.flush():  # the socket took not all: read meanwhile, lest both sides wait
                    await self.wait(generators.send(pgconn))
                while not self._received(results):
                    await self._more()
            except asyncio.CancelledError:
                await self._drain(results)
                raise
            except psycopg.Error:
                self._unwatch()  # libpq has closed the socket; its number may soon be another's
                raise
        finally:
            turns.give()
        if len(results) != sent:
            raise OperationalError(f"{len(results)} answers to {sent} messages")
        # What the server has prepared it keeps, whether or not the rest went well.
        for place, key, name in prepared:
            if results[place].status == _DONE:
                self._names[key] = name
        for result in results:
            status = result.status
            if status == _FAILED:
                error = error_from_result(result, encoding="utf-8")
                if error.sqlstate in STALE:
                    self._forget(error.sqlstate)
                raise error
            if status == _SKIPPED:
                raise OperationalError("the server skipped a statement without saying why")
        return results if sent == len(wanted) else [results[place] for place in wanted]

    def rows(self, result: PGresult) -> list[tuple[Any, ...]]:
        """Return the rows of `result` as psycopg's loaders read them."""
        count = result.ntuples
        if not count:
            return []
        self._reading.set_pgresult(result)
        return self._reading.load_rows(0, count, tuple)

    async def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        """Wait as psycopg does, which watches the socket itself."""
        self._unwatch()
        return await super().wait(gen, *args, **kwargs)

    async def close(self) -> None:
        """Close the connection."""
        self._unwatch()
        await super().close()

    def drop(self) -> None:
        """Close the connection at once, whatever its state."""
        self._unwatch()
        self.pgconn.finish()

    # Sending ------------------------------------------------------------------------------------

    def _dump(self, statements: Sequence[Statement]) -> list[_Dumped]:
        dumped: list[_Dumped] = []
        writer = self._writing
        for sql, values, again in statements:
            if type(values) is bytes:
                dumped.append(((sql, _ONE_TEXT), (values,), _TEXT, again))
            elif values:
                sent = writer.dump_sequence(values, _AUTO * len(values))
                dumped.append(((sql, tuple(writer.types or ())), sent, writer.formats, again))
            else:
                dumped.append(((sql, ()), None, None, again))
        return dumped

    def _send(
        self,
        key: _Key,
        values: Sequence[Any] | None,
        formats: Sequence[Any] | None,
        again: bool,
        place: int,
        prepared: list[tuple[int, _Key, bytes]],
    ) -> int:
        """Put one statement on the wire that is not prepared yet; return how many messages that took.

        What is being prepared is added to `prepared`, with its place among all messages of the pipeline.
        """
        pgconn = self.pgconn
        name = None
        messages = 1
        if again and self.preparing:
            count = self._seen.pop(key, 0) + 1
            if count < _WORTH_PREPARING:
                self._seen[key] = count
                if len(self._seen) > _PREPARED:
                    self._seen.popitem(last=False)
            elif not any(key == other for _, other, _ in prepared):
                name = b"handfast_%d" % next(self._numbers)
                if len(self._names) >= _PREPARED:
                    oldest = self._names.popitem(last=False)[1]
                    pgconn.send_query_params(b"DEALLOCATE " + oldest, None)
                    messages += 1
                prepared.append((place + messages - 1, key, name))
                pgconn.send_prepare(name, key[0], param_types=key[1])
                messages += 1
        if name is not None:
            pgconn.send_query_prepared(name, values, param_formats=formats)
        else:
            pgconn.send_query_params(key[0], values, param_types=key[1] or None, param_formats=formats)
        return messages

    def _forget(self, sqlstate: str | None) -> None:
        """Stop using the prepared statements of this connection; they would fail again and again."""
        self._names.clear()
        self._seen.clear()
        if sqlstate != _STALE_PLAN:
            self.preparing = False

    # Receiving ----------------------------------------------------------------------------------

    def _received(self, results: list[PGresult]) -> bool:
        """Take what has come, and add it to `results`; whether that was all of the pipeline."""
        pgconn = self.pgconn
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                # One closes each message's results; after a lost connection nothing else comes any more.
                if pgconn.status != _OK:
                    raise OperationalError("the connection is lost")
                continue
            if result.status == _SYNC:
                pgconn.exit_pipeline_mode()
                return True
            results.append(result)
        return False

    def _more(self) -> asyncio.Future[None]:
        """What is done when more has come and been read from the socket."""
        if self._socket is None:
            self._socket = self.pgconn.socket
            self.loop.add_reader(self._socket, self._wake)
        self._waiter = waiter = self.loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        # Without a waiter nobody has asked: a notice, or the server's farewell; then the pool replaces us.
        try:
            self.pgconn.consume_input()
        except psycopg.Error as error:
            self._unwatch()
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)
        else:
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _unwatch(self) -> None:
        if self._socket is not None:
            self.loop.remove_reader(self._socket)
            self._socket = None

    async def _drain(self, results: list[PGresult]) -> None:
        """Tell the server to stop, and take its answer; give the connection up if that does not work."""
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self.cancel_safe(timeout=_DRAIN_SECONDS)
                while not self._received(results):
                    await self._more()
        except (psycopg.Error, TimeoutError, asyncio.CancelledError):
            self.drop()
