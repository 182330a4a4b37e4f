"""What every operation on a study shares: its connection, slots of items, and events that wait for the audit log."""

from __future__ import annotations

from typing import NamedTuple

from vlmeval.sbs import audit
from vlmeval.sbs.database import Database
from vlmeval.sbs.records import PausedError, UnknownAssignmentError

Body = dict[str, str | int | float]


class Held(NamedTuple):
    """An assignment as stored, with what of its item matters."""

    id: int
    item: int
    side: str
    state: str
    gold: str


class Operations:
    """The base: one connection inside the writer's transactions, which tells by keep, drop, seal how they end."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self._noted: list[audit.Note] = []
        self._kept: list[audit.Note] = []

    @property
    def database(self) -> Database:
        """The connection, inside the writer's transaction."""
        return self._database

    def keep(self) -> None:
        """Keep the events of the last request."""
        self._kept += self._noted
        self._noted = []

    def drop(self) -> None:
        """Forget the events of the last request."""
        self._noted = []

    def seal(self) -> None:
        """Write the events of the transaction."""
        audit.append(self._database, self._kept)
        self._kept = []

    def reset(self) -> None:
        """Forget all events."""
        self._noted, self._kept = [], []

    def record(self, now: float, kind: str, body: Body) -> None:
        """Add an event of the surroundings to the audit log (an export, a log-in of the organiser)."""
        self._note(now, kind, dict(body))

    def _note(self, now: float, kind: str, body: Body) -> None:
        self._noted.append(audit.Note(now, kind, body))

    def _running(self) -> None:
        row = self._database.row("select value from setting where name = 'paused'")
        if row is not None:
            raise PausedError(f"the study is paused{': ' + row[0] if row[0] else ''}; your votes are kept")

    def _annotator(self, annotator: int) -> int:
        """Lock the annotator; return how many pairs they have been given."""
        row = self._database.row("select taken from annotator where id = ? and active = 1 for update", (annotator,))
        if row is None:
            raise UnknownAssignmentError(f"there is no annotator a{annotator}")
        return int(row[0])

    def _held(self, annotator: int, assignment: int) -> Held:
        """Lock and return an assignment of the annotator."""
        row = self._database.row(
            """select a.id, a.item, a.side, a.state, i.gold from assignment a join item i on i.id = a.item
            where a.id = ? and a.annotator = ? for update of a""",
            (assignment, annotator),
        )
        if row is None:
            raise UnknownAssignmentError("there is no such pair for this annotator; load the page again")
        return Held(*row)

    def _slot_taken(self, held: Held) -> bool:
        """Take a slot of the item, where it needs one; tell whether there was one."""
        if held.gold:
            return True
        row = self._database.row("update item set open = open - 1 where id = ? and open > 0 returning id", (held.item,))
        return row is not None

    def _give_back(self, item: int) -> None:
        self._database.execute("update item set open = open + 1 where id = ? and gold = ''", (item,))

    def _set_state(self, assignment: int, state: str, now: float) -> None:
        self._database.execute(
            "update assignment set state = ?, leased_at = ?, expires_at = ? where id = ?",
            (state, now, now + self._lease_seconds, assignment),
        )
