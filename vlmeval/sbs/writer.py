"""One thread that writes, with group commit: what waits goes into one transaction, each request in its savepoint.

An answer is given after COMMIT. A request that fails takes back its own savepoint only; a transaction that the
database wants again (deadlock between hosts) is run again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from vlmeval.errors import JournalError, VlmevalError
from vlmeval.sbs.database import BrokenInvariantError, Database, RetryTransactionError

T = TypeVar("T")
LARGEST_GROUP = 256
ATTEMPTS = 6


class Ledger(Protocol):
    """What requests work on: it is told how they end."""

    def keep(self) -> None:
        """Take note that the last request succeeded."""
        ...

    def drop(self) -> None:
        """Forget what the last request noted."""
        ...

    def seal(self) -> None:
        """Write what the kept requests noted, right before COMMIT."""
        ...

    def reset(self) -> None:
        """Forget everything of a transaction that was rolled back."""
        ...


LedgerT = TypeVar("LedgerT", bound=Ledger)


class _Request(NamedTuple):
    operation: Callable[[Any], Any]
    future: Future[Any]


class _Stop(NamedTuple):
    pass


class Writer(Generic[LedgerT]):
    """The thread. `make` gives what requests work on, from the writer's own connection."""

    def __init__(self, open_database: Callable[[], Database], make: Callable[[Database], LedgerT]) -> None:
        self._open = open_database
        self._make = make
        self._database = open_database()
        self._ledger = make(self._database)
        self._queue: queue.SimpleQueue[_Request | _Stop] = queue.SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="votes", daemon=True)
        self._thread.start()

    def submit(self, operation: Callable[[LedgerT], T]) -> Future[T]:
        """Queue `operation`. Its future holds what it returned, once that is committed, or its error.

        Raises JournalError where the writer is closed.
        """
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise JournalError("the store of the study is closed")
            self._queue.put(_Request(operation, future))
        return future

    def close(self) -> None:
        """Write what waits, and stop."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(_Stop())
        self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            group: list[_Request] = []
            item = self._queue.get()
            while True:
                if isinstance(item, _Stop):
                    going = False
                    break
                group.append(item)
                if len(group) == LARGEST_GROUP:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if group:
                self._commit([one for one in group if one.future.set_running_or_notify_cancel()])
        self._database.close()

    def _commit(self, group: list[_Request]) -> None:
        """Run a group, and tell each request how it ended."""
        failure: Exception = JournalError("the database kept refusing the transaction; try again")
        for _ in range(ATTEMPTS):
            try:
                ends = self._transaction(group)
            except RetryTransactionError as error:
                failure.__cause__ = error
                self._abandon()
            except (JournalError, BrokenInvariantError) as error:
                failure = error
                self._abandon()
                break
            else:
                for request, (value, problem) in zip(group, ends, strict=True):
                    if problem is None:
                        request.future.set_result(value)
                    else:
                        request.future.set_exception(problem)
                return
        for request in group:
            request.future.set_exception(failure)

    def _transaction(self, group: list[_Request]) -> list[tuple[Any, Exception | None]]:
        database, ledger = self._database, self._ledger
        ends: list[tuple[Any, Exception | None]] = []
        database.begin()
        for request in group:
            database.execute("savepoint request")
            try:
                value = request.operation(ledger)
            except (RetryTransactionError, JournalError):
                raise
            except Exception as error:  # noqa: BLE001 - it is raised where the request came from, as executors do
                database.execute("rollback to savepoint request")
                ledger.drop()
                ends.append((None, error))
            else:
                ledger.keep()
                ends.append((value, None))
            database.execute("release savepoint request")
        ledger.seal()
        database.execute("commit")
        return ends

    def _abandon(self) -> None:
        """Roll back; where even that fails, go on with a new connection."""
        self._ledger.reset()
        try:
            self._database.rollback()
        except (JournalError, RetryTransactionError):
            self._database.close()
            try:
                database = self._open()
            except VlmevalError:
                return  # the next request meets the closed connection, and this again
            self._database, self._ledger = database, self._make(database)
