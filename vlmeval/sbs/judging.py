"""What annotators and organisers do to a study, each operation within a savepoint of the writer's transaction.

The annotator's row is locked first, so that two tabs, also on two hosts, get one lease and one vote.
"""

from __future__ import annotations

import re

from vlmeval.errors import DataError
from vlmeval.sbs.leasing import Leasing
from vlmeval.sbs.operations import Body, Held
from vlmeval.sbs.records import Annotator, ConflictError, Lease, UnknownAssignmentError, VoteResult, outcome_of

LONGEST_REASON = 2_000
LONGEST_NAME = 200
_KEY = re.compile(r"[0-9A-Za-z_-]{8,64}")
_HASH = re.compile(r"[0-9a-f]{64}")
_VOTE_OF_KEY = """select v.assignment, v.outcome, v.revision, a.annotator from vote v
    join assignment a on a.id = v.assignment where v.key = ?"""
_LAST_VOTE = """select v.assignment, v.revision, v.outcome from vote v join assignment a on a.id = v.assignment
    where a.annotator = ? and a.state in ('voted', 'skipped') order by v.turn desc limit 1"""


class Judging(Leasing):
    """All operations. Times are seconds since 1970."""

    def vote(
        self, annotator: int, assignment: int, key: str, outcome: str, *,
        seconds: float | None, now: float, reason: str = "",
    ) -> VoteResult:  # fmt: skip
        """Keep a vote; see `StudyStore.vote`."""
        return self._judge(annotator, assignment, key, outcome_of(outcome), seconds=seconds, now=now, reason=reason)

    def skip(
        self, annotator: int, assignment: int, key: str, *, reason: str, now: float, seconds: float | None = None
    ) -> VoteResult:
        """Give a pair back; see `StudyStore.skip`."""
        return self._judge(annotator, assignment, key, "skip", seconds=seconds, now=now, reason=reason)

    def undo(self, annotator: int, now: float, *, key: str = "") -> Lease | None:
        """Take the last vote or skip back; see `StudyStore.undo`."""
        self._running()
        self._annotator(annotator)
        if key:
            known = self._database.row(_VOTE_OF_KEY, (checked_key(key),))
            if known is not None and (known[1], known[3]) != ("undo", annotator):
                raise ConflictError("this key belongs to another request")
            if known is not None:
                return self._lease(int(known[0]))
        last = self._database.row(_LAST_VOTE, (annotator,))
        if last is None:
            return None
        held = self._held(annotator, int(last[0]))
        revision = int(last[1]) + 1
        if held.state == "skipped" and not self._slot_taken(held):
            raise ConflictError("the skipped pair has been given to others; it cannot be taken back")
        self._add_vote(
            annotator, held, revision, key or f"undo-{held.id}-{revision}", "undo", seconds=None, now=now, reason="",
            undone=str(last[2]),
        )  # fmt: skip
        self._set_state(held.id, "leased", now)
        return self._lease(held.id)

    def add_annotator(self, name: str, token_hash: str, now: float) -> Annotator:
        """Add an annotator; see `StudyStore.add_annotator`."""
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise DataError(f'annotator "{name[:40]}": a name has 1 to {LONGEST_NAME} printable characters')
        if not _HASH.fullmatch(token_hash):
            raise DataError(f'annotator "{name}": a token is stored as its sha256, 64 hexadecimal digits')
        known = self._database.row(
            "select name from annotator where name = ? or token_hash = ?", (name.strip(), token_hash)
        )
        if known is not None:
            same = "name" if known[0] == name.strip() else "token"
            raise ConflictError(f'annotator "{name}": this {same} is in use already')
        row = self._database.row(
            "insert into annotator (name, token_hash, added_at) values (?, ?, ?) returning id",
            (name.strip(), token_hash, now),
        )
        assert row is not None  # noqa: S101 - an insert that returns
        self._note(now, "annotator", {"annotator": row[0]})
        return Annotator(int(row[0]), name.strip())

    def set_active(self, annotator: int, now: float, *, active: bool) -> None:
        """Let an annotator in or shut them out."""
        row = self._database.row("update annotator set active = ? where id = ? returning id", (int(active), annotator))
        if row is None:
            raise UnknownAssignmentError(f"there is no annotator a{annotator}")
        self._note(now, "active", {"annotator": annotator, "active": active})

    def pause(self, now: float, *, reason: str = "") -> None:
        """Stop giving out pairs and taking votes."""
        self._database.execute("delete from setting where name = 'paused'")
        self._database.execute("insert into setting (name, value) values ('paused', ?)", (reason[:LONGEST_REASON],))
        self._note(now, "pause", {"reason": reason[:LONGEST_REASON]})

    def resume(self, now: float) -> None:
        """End a pause."""
        if self._database.row("delete from setting where name = 'paused' returning value") is not None:
            self._note(now, "resume", {})

    def _judge(
        self, annotator: int, assignment: int, key: str, outcome: str, *,
        seconds: float | None, now: float, reason: str,
    ) -> VoteResult:  # fmt: skip
        """Keep a vote or a skip, or return what was answered to this key before."""
        self._annotator(annotator)
        known = self._database.row(_VOTE_OF_KEY, (checked_key(key),))
        if known is not None:
            if (known[0], known[1], known[3]) != (assignment, outcome, annotator):
                raise ConflictError("this key belongs to another vote; a new vote needs a new key")
            return VoteResult(assignment, outcome, int(known[2]))
        self._running()
        held = self._held(annotator, assignment)
        if held.state in ("voted", "skipped"):
            raise ConflictError(f"this pair is {held.state} already; take that back first (undo)")
        if held.state == "expired" and outcome != "skip" and not self._slot_taken(held):
            raise ConflictError("the time for this pair ran out, and it was given to others; nothing else is lost")
        row = self._database.row("select coalesce(max(revision), 0) from vote where assignment = ?", (assignment,))
        revision = int(row[0] if row else 0) + 1
        self._add_vote(annotator, held, revision, key, outcome, seconds=seconds, now=now, reason=reason)
        state = "skipped" if outcome == "skip" else "voted"
        self._database.execute("update assignment set state = ? where id = ?", (state, assignment))
        if outcome == "skip" and held.state == "leased":
            self._give_back(held.item)
        return VoteResult(assignment, outcome, revision)

    def _add_vote(
        self, annotator: int, held: Held, revision: int, key: str, outcome: str, *,
        seconds: float | None, now: float, reason: str, undone: str = "",
    ) -> None:  # fmt: skip
        turn = self._database.row("update annotator set turns = turns + 1 where id = ? returning turns", (annotator,))
        self._database.execute(
            """insert into vote (assignment, revision, key, outcome, reason, seconds, voted_at, turn)
            values (?, ?, ?, ?, ?, ?, ?, ?)""",
            (held.id, revision, key, outcome, checked_reason(reason), checked_seconds(seconds), now,
             turn[0] if turn else 0),
        )  # fmt: skip
        kind = outcome if outcome in ("skip", "undo") else "vote"
        body: Body = {
            "annotator": annotator, "assignment": held.id, "item": held.item, "side": held.side, "revision": revision,
            "key": key,
        }  # fmt: skip
        if kind == "vote":
            body["outcome"] = outcome
        if undone:
            body["undone"] = undone
        self._note(now, kind, body)


def checked_key(key: str) -> str:
    """Return an idempotency key. Raises DataError for one that is none."""
    if not _KEY.fullmatch(key):
        raise DataError("a vote needs a key of its own: 8 to 64 letters, digits, - or _ (a UUID)")
    return key


def checked_seconds(seconds: float | None) -> float | None:
    """Return the time a vote took. Raises DataError for a negative or endless one."""
    if seconds is not None and not 0 <= seconds < float("inf"):
        raise DataError(f"seconds is {seconds}: expected a time, 0 or more")
    return seconds


def checked_reason(reason: str) -> str:
    """Return a reason that every database can hold. Raises DataError for one that is too long."""
    if len(reason) > LONGEST_REASON:
        raise DataError(f"the reason has {len(reason)} characters; at most {LONGEST_REASON}")
    return reason.replace("\0", "").encode("utf8", "replace").decode()
