"""SQLite by the standard library: WAL, synchronous=FULL, so that what was committed survives a power cut."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from vlmeval.errors import JournalError
from vlmeval.sbs.database import BrokenInvariantError, Row, Value

BUSY_SECONDS = 30.0
LOCKING = " for update"
PRAGMAS = ("journal_mode = wal", "synchronous = full", "foreign_keys = on", "cache_size = -16000")


class SqliteDatabase:
    """A connection to the file `path`, which only its owner can read: it knows annotators by name."""

    postgres = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise JournalError(f"{path}: cannot be opened: {error.strerror}") from error
        with self._errors():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            for pragma in PRAGMAS:
                self._connection.execute(f"pragma {pragma}")

    def execute(self, statement: str, values: Sequence[Value] = ()) -> None:
        """Run a statement."""
        with self._errors(), self._lock:
            self._connection.execute(statement, values)

    def many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run a statement for each row of values."""
        with self._errors(), self._lock:
            self._connection.executemany(statement, rows)

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        with self._errors(), self._lock:
            return self._connection.execute(statement.partition(LOCKING)[0], values).fetchall()

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """Run a statement and return its first row."""
        found = self.rows(statement, values)
        return found[0] if found else None

    def begin(self) -> None:
        """Start a transaction that writes, once no other process does."""
        self.execute("begin immediate")

    def rollback(self) -> None:
        """End the transaction."""
        if self._connection.in_transaction:
            self.execute("rollback")

    def prepare(self) -> bool:
        """Tell whether our tables are there. Raises JournalError for a database of somebody else's."""
        names = {row[0] for row in self.rows("select name from sqlite_master where type = 'table'")}
        if names and not {"setting", "chain"} <= names:
            raise JournalError(
                f"{self._path}: an SQLite file, but no study of vlmeval (tables {', '.join(sorted(names)[:5])})"
            )
        return bool(names)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise BrokenInvariantError(str(error)) from error
        except sqlite3.Error as error:
            raise JournalError(
                f"{self._path}: {error}; what was acknowledged before is safe: free some space, end other programs "
                "that hold the file, and start again"
            ) from error
