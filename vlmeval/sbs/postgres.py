"""PostgreSQL by psycopg 3, for sessions that several hosts serve: a schema of its own for each study."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from vlmeval.errors import ConfigError, JournalError
from vlmeval.sbs.database import BrokenInvariantError, RetryTransactionError, Row, Value

LONGEST_NAMESPACE = 63
CONNECT_SECONDS = 10


class PostgresDatabase:
    """A connection to the server at `url`, in the schema `namespace`."""

    postgres = True

    def __init__(self, url: str, namespace: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise ConfigError(
                "--db postgresql://...: the driver is not installed; pip install 'vlmeval[postgres]'"
            ) from error
        self._driver = psycopg
        self._url = url
        self._namespace = namespace
        self._where = without_password(url)
        self._writing = False
        self._connection = self._connected()

    def execute(self, statement: str, values: Sequence[Value] = ()) -> None:
        """Run a statement."""
        self._run(statement, values)
        if statement == "commit":
            self._writing = False

    def many(self, statement: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run a statement for each row of values, sent together."""
        with self._errors(), self._connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s"), rows)

    def rows(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a statement and return its rows."""
        found: list[Row] = self._run(statement, values).fetchall()
        return found

    def row(self, statement: str, values: Sequence[Value] = ()) -> Row | None:
        """Run a statement and return its first row."""
        found = self.rows(statement, values)
        return found[0] if found else None

    def begin(self) -> None:
        """Start a transaction."""
        self.execute("begin")
        self._writing = True

    def rollback(self) -> None:
        """End the transaction."""
        self._writing = False
        if self._connection.info.transaction_status != self._driver.pq.TransactionStatus.IDLE:
            self.execute("rollback")

    def prepare(self) -> bool:
        """Make the schema, one process at a time; tell whether the tables are there."""
        self.row("select pg_advisory_xact_lock(hashtext(?))", (self._namespace,))
        self.execute(f'create schema if not exists "{self._namespace}"')
        found = self.row("select to_regclass(?)", (f'"{self._namespace}".chain',))
        return found is not None and found[0] is not None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _connected(self) -> Any:
        try:
            connection = self._driver.connect(self._url, autocommit=True, connect_timeout=CONNECT_SECONDS)
            connection.execute(f'set search_path to "{self._namespace}"')
        except self._driver.Error as error:
            raise ConfigError(f"{self._where}: {str(error).strip()}") from error
        return connection

    def _run(self, statement: str, values: Sequence[Value]) -> Any:
        """Run a statement; one that stands alone is run again where the server has dropped the connection."""
        text = statement.replace("?", "%s") if values else statement
        with self._errors():
            try:
                return self._connection.execute(text, values or None)
            except self._driver.OperationalError:
                if self._writing or not self._connection.closed:
                    raise
                self._connection = self._connected()
                return self._connection.execute(text, values or None)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        errors = self._driver.errors
        try:
            yield
        except (errors.DeadlockDetected, errors.SerializationFailure) as error:
            raise RetryTransactionError(str(error)) from error
        except (errors.IntegrityError, errors.RaiseException) as error:
            raise BrokenInvariantError(str(error)) from error
        except self._driver.Error as error:
            raise JournalError(
                f"{self._where}: {str(error).strip()}; what was acknowledged before is safe: mend the server and start "
                "again"
            ) from error


def namespace_of(study: str) -> str:
    """Return the schema of a study: letters, digits and _, told apart by a digest where the name has others."""
    plain = re.sub(r"[^a-z0-9_]+", "_", study.lower())
    name = f"vlmeval_{plain}" if study else "vlmeval"
    if plain != study or len(name) > LONGEST_NAMESPACE:
        mark = hashlib.sha256(study.encode()).hexdigest()[:8]
        name = f"{name[: LONGEST_NAMESPACE - 9]}_{mark}"
    return name


def without_password(url: str) -> str:
    """Return the address as messages may show it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
