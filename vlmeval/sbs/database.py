"""What the store needs of a database, whatever its dialect: statements with `?`, locks, and three kinds of errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

Value = str | int | float | None
Row = tuple[Any, ...]


class RetryTransactionError(Exception):
    """The database asks to run the transaction again (deadlock, serialisation): nothing of it was kept."""


class BrokenInvariantError(Exception):
    """A statement broke an invariant of the schema; only its savepoint is lost."""


class Database(Protocol):
    """One connection, for several threads. Outside of `begin` each statement stands alone.

    A select may end in `for update ...`, which keeps its rows from other writers; SQLite, with one writer, leaves that
    out. Statements raise BrokenInvariantError, RetryTransactionError, and JournalError where the disk or server fails.
    """

    postgres: bool

    def execute(self, statement: str, values: Sequence[Value] = ()) -> None:
        """Run a statement."""
        ...

    def many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run a statement for each row of values."""
        ...

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        ...

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """Run a statement and return its first row."""
        ...

    def begin(self) -> None:
        """Start a transaction that writes; `execute("commit")` or `rollback` ends it."""
        ...

    def rollback(self) -> None:
        """End the transaction, nothing of it kept; does nothing without one."""
        ...

    def prepare(self) -> bool:
        """Make ready, in a transaction, for tables to be looked for; tell whether they are there."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
