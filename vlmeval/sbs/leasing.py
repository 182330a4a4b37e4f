"""Pairs given out: an annotator's open leases, new ones by the policy, and what becomes of those that run out."""

from __future__ import annotations

from msgspec import json

from vlmeval.sbs.database import Database, Row
from vlmeval.sbs.operations import Held, Operations
from vlmeval.sbs.policy import Chooser, Draw, Plan, gold_due, read_plan
from vlmeval.sbs.records import Lease, Shown

_LEASE = """select a.id, p.parts, a.side, one.text, other.text, one.images, other.images, a.expires_at
    from assignment a join item i on i.id = a.item join prompt p on p.id = i.prompt
    join answer one on one.id = i.answer_a join answer other on other.id = i.answer_b"""
_LEASE_BY_ID = _LEASE + " where a.id = ?"
_OPEN_LEASES = _LEASE + " where a.annotator = ? and a.state = 'leased' order by a.id limit ?"
_BALANCED = """select i.id from item i where i.open > 0
    and not exists (select 1 from assignment a where a.item = i.id and a.annotator = ?)
    order by i.open desc, i.prio, i.id limit 1 for update of i skip locked"""
_OF_PAIR = """select i.id from item i where i.pair = ? and i.open > 0
    and not exists (select 1 from assignment a where a.item = i.id and a.annotator = ?)
    order by i.open desc, i.prio, i.id limit 1 for update of i skip locked"""
_GOLD = """select i.id from item i where i.gold <> ''
    and not exists (select 1 from assignment a where a.item = i.id and a.annotator = ?)
    order by i.prio, i.id limit 1"""
_EXPIRED = """select i.id, i.item from assignment i where i.state = 'leased' and i.expires_at <= ?
    order by i.item, i.id for update of i skip locked"""
_SIDES = "select side, count(*) from assignment where item = ? and state in ('leased', 'voted') group by side"


class Leasing(Operations):
    """Leases. For an item that is no gold item, open slots + leased + voted assignments are always its `need`."""

    def __init__(self, database: Database, chooser: Chooser, *, lease_seconds: float) -> None:
        super().__init__(database, lease_seconds=lease_seconds)
        self._chooser = chooser
        self._plan: Plan | None = None

    def leases(self, annotator: int, now: float, *, count: int) -> tuple[Lease, ...]:
        """Return up to `count` open leases of the annotator, the one to judge first first."""
        self._running()
        taken = self._annotator(annotator)
        rows = self._database.rows(_OPEN_LEASES, (annotator, count))
        found = [self._renewed(row, now) for row in rows]
        while len(found) < count:
            assignment = self._revived(annotator, now)
            if assignment is None:
                assignment = self._taken(annotator, taken, now)
                if assignment is None:
                    break
                taken += 1
            found.append(self._lease(assignment))
        return tuple(found)

    def lease(self, annotator: int, now: float) -> Lease | None:
        """Return the lease to judge now, None when nothing is left."""
        found = self.leases(annotator, now, count=1)
        return found[0] if found else None

    def expire(self, now: float) -> int:
        """Return the slots of leases that ran out; their number."""
        rows = self._database.rows(_EXPIRED, (now,))
        for assignment, item in rows:
            self._database.execute("update assignment set state = 'expired' where id = ?", (assignment,))
            self._give_back(int(item))
            self._note(now, "expire", {"assignment": assignment, "item": item})
        return len(rows)

    def reset(self) -> None:
        """Forget all events, and settings that may not have been stored."""
        super().reset()
        self._plan = None

    def forget_plan(self) -> None:
        """Read the settings again at the next lease."""
        self._plan = None

    def _lease(self, assignment: int) -> Lease:
        row = self._database.row(_LEASE_BY_ID, (assignment,))
        assert row is not None  # noqa: S101 - written in this transaction
        return lease_of(row)

    def _renewed(self, row: Row, now: float) -> Lease:
        """Return an open lease, prolonged once less than half of its time is left."""
        lease = lease_of(row)
        if lease.expires - now >= self._lease_seconds / 2:
            return lease
        self._set_state(lease.assignment, "leased", now)
        return self._lease(lease.assignment)

    def _revived(self, annotator: int, now: float) -> int | None:
        """Return an assignment of the annotator that ran out, taken again where its slot is free."""
        rows = self._database.rows(
            """select a.id, a.item, a.side, a.state, i.gold from assignment a join item i on i.id = a.item
            where a.annotator = ? and a.state = 'expired' and (i.open > 0 or i.gold <> '') order by a.id""",
            (annotator,),
        )
        for row in rows:
            held = Held(*row)
            if self._slot_taken(held):
                self._set_state(held.id, "leased", now)
                self._note(now, "renew", {"annotator": annotator, "assignment": held.id, "item": held.item})
                return held.id
        return None

    def _taken(self, annotator: int, taken: int, now: float) -> int | None:
        """Return a new assignment by the policy; None when nothing is left for this annotator."""
        if self._plan is None:
            self._plan = read_plan(self._database)
        if gold_due(self._plan, annotator, taken):
            row = self._database.row(_GOLD, (annotator,))
            if row is not None:
                return self._assigned(annotator, int(row[0]), Draw(None, 1.0, "gold"), now)
        for draw in self._chooser.draws(self._database, self._plan, annotator, taken):
            item = self._free_item(annotator, draw)
            if item is not None:
                return self._assigned(annotator, item, draw, now)
        return None

    def _free_item(self, annotator: int, draw: Draw) -> int | None:
        """Take a slot of the first item of the draw that the annotator has not seen."""
        if draw.pair is None:
            row = self._database.row(_BALANCED, (annotator,))
        else:
            row = self._database.row(_OF_PAIR, (draw.pair, annotator))
        if row is None:
            return None
        self._database.execute("update item set open = open - 1 where id = ?", (row[0],))
        return int(row[0])

    def _assigned(self, annotator: int, item: int, draw: Draw, now: float) -> int:
        """Store an assignment, the side that this item has shown less often on the left."""
        shown: dict[str, int] = dict(self._database.rows(_SIDES, (item,)))
        a, b = shown.get("a", 0), shown.get("b", 0)
        first = self._database.row("select first from item where id = ?", (item,))
        side = str(first[0]) if a == b and first is not None else ("a" if a < b else "b")
        row = self._database.row(
            """insert into assignment
            (item, annotator, side, state, policy, probability, leased_at, expires_at)
            values (?, ?, ?, 'leased', ?, ?, ?, ?) returning id""",
            (item, annotator, side, draw.policy, draw.probability, now, now + self._lease_seconds),
        )
        assert row is not None  # noqa: S101 - an insert that returns
        self._database.execute("update annotator set taken = taken + 1 where id = ?", (annotator,))
        self._note(
            now, "lease",
            {"annotator": annotator, "assignment": row[0], "item": item, "side": side, "policy": draw.policy,
             "probability": draw.probability},
        )  # fmt: skip
        return int(row[0])


def lease_of(row: Row) -> Lease:
    """Return the lease of a row of `_LEASE`, the answers in the sides as shown."""
    assignment, parts, side, one, other, images, other_images, expires = row
    pair = ((one, _names(images)), (other, _names(other_images)))
    left, right = pair if side == "a" else pair[::-1]
    prompt = json.decode(parts, type=tuple[Shown, ...])
    return Lease(assignment, prompt, left[0], right[0], expires, left[1], right[1])


def _names(images: str) -> tuple[str, ...]:
    return json.decode(images, type=tuple[str, ...])
