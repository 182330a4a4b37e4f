"""The store of one study: what web pages, commands and load tests call. SQLite or PostgreSQL behind one interface.

Writes go through one thread that commits them in groups; a call returns, and a future resolves, after COMMIT. Reads see
everything committed. All methods may be called from any thread. Times are seconds since 1970 and always parameters:
the store has no clock. See `schema` for the invariants, `judging` for what each operation does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from vlmeval.sbs import audit, tallies
from vlmeval.sbs.database import Database
from vlmeval.sbs.judging import Judging
from vlmeval.sbs.live import LiveRating
from vlmeval.sbs.policy import Chooser
from vlmeval.sbs.records import (
    LEASE_SECONDS,
    Annotator,
    Ballot,
    Conduct,
    Event,
    Item,
    Lease,
    Progress,
    Shown,
    Texts,
    VoteResult,
)
from vlmeval.sbs.schema import connect
from vlmeval.sbs.tally import LiveTally
from vlmeval.sbs.votes import Votes
from vlmeval.sbs.writer import Writer

__all__ = ["StudyStore", "open_store"]
T = TypeVar("T")


def open_store(url: str | Path, *, study: str = "", lease_seconds: float = LEASE_SECONDS) -> StudyStore:
    """Return the store at `url`: the path of an SQLite file, or postgresql://..., where `study` names the namespace.

    The tables are made where they are not there. Raises ConfigError for a server that cannot be reached or a missing
    driver, JournalError for a file that is no store of ours.
    """
    return StudyStore(lambda: connect(str(url), study=study), lease_seconds=lease_seconds)


class StudyStore:
    """One open study. Close it, or use it in a `with` statement."""

    def __init__(self, open_database: Callable[[], Database], *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._reader = open_database()
        self._chooser = Chooser()
        self._tally = LiveTally()
        self._counting = threading.Lock()
        self._writer: Writer[Judging] = Writer(
            open_database, lambda database: Judging(database, self._chooser, lease_seconds=lease_seconds)
        )

    def submit(self, operation: Callable[[Judging], T]) -> Future[T]:
        """Have the writer run `operation` in a transaction; the future resolves after COMMIT, or with its error.

        For a server that does not block: `await asyncio.wrap_future(store.submit(lambda j: j.lease(1, now)))`.
        `Judging` has the same methods as the ones here that write.
        """
        return self._writer.submit(operation)

    def lease(self, annotator: int, now: float) -> Lease | None:
        """Return the pair that the annotator judges now: the open lease if there is one (same pair, same side), else a
        new one. None when nothing is left for them. Raises PausedError, UnknownAssignmentError (no such annotator).
        """
        found = self.leases(annotator, now, count=1)
        return found[0] if found else None

    def leases(self, annotator: int, now: float, *, count: int) -> tuple[Lease, ...]:
        """Return up to `count` open leases, the one to judge first first, so that a page can fetch the next ahead."""
        return self.submit(lambda judging: judging.leases(annotator, now, count=count)).result()

    def vote(
        self, annotator: int, assignment: int, key: str, outcome: str, *,
        seconds: float | None, now: float, reason: str = "",
    ) -> VoteResult:  # fmt: skip
        """Keep a vote. `key` is the client's UUID: the same key again returns the same result and stores nothing.

        A vote after the lease ran out counts if the slot is still free. Raises ConflictError for another key on a voted
        assignment, for a key used elsewhere, and for a lost slot; UnknownAssignmentError; DataError for an unknown
        outcome; PausedError.
        """
        return self.submit(
            lambda judging: judging.vote(annotator, assignment, key, outcome, seconds=seconds, now=now, reason=reason)
        ).result()

    def skip(
        self, annotator: int, assignment: int, key: str, *, reason: str, now: float, seconds: float | None = None
    ) -> VoteResult:
        """Give the pair back with a reason; the annotator will not see it again. Idempotent and refused as `vote`."""
        return self.submit(
            lambda judging: judging.skip(annotator, assignment, key, reason=reason, now=now, seconds=seconds)
        ).result()

    def undo(self, annotator: int, now: float, *, key: str = "") -> Lease | None:
        """Take the annotator's last vote or skip back and return its pair, same side, to judge again.

        None where there is nothing to take back. The old row stays; a superseding one is added. Raises ConflictError
        for a skip whose slot is gone. With a `key`, the same key again takes nothing more back.
        """
        return self.submit(lambda judging: judging.undo(annotator, now, key=key)).result()

    def expire(self, now: float) -> int:
        """Return the slots of leases that ran out; the number of them. To be called now and then (every minute)."""
        return self.submit(lambda judging: judging.expire(now)).result()

    def add_annotator(self, name: str, token_hash: str, now: float) -> Annotator:
        """Add an annotator by the sha256 (hex) of their token. Raises ConflictError for a name or token in use."""
        return self.submit(lambda judging: judging.add_annotator(name, token_hash, now)).result()

    def set_active(self, annotator: int, now: float, *, active: bool) -> None:
        """Let an annotator in, or shut them out; their votes stay. Raises UnknownAssignmentError."""
        self.submit(lambda judging: judging.set_active(annotator, now, active=active)).result()

    def pause(self, now: float, *, reason: str = "") -> None:
        """Give out no lease and take no vote until `resume`."""
        self.submit(lambda judging: judging.pause(now, reason=reason)).result()

    def resume(self, now: float) -> None:
        """End a pause."""
        self.submit(lambda judging: judging.resume(now)).result()

    @property
    def paused(self) -> str | None:
        """The reason of the pause ("" without one), None where the study runs."""
        return tallies.paused(self._reader)

    def annotator(self, token_hash: str) -> Annotator | None:
        """Return the annotator whose token has this sha256 (hex), None for a wrong token or one shut out."""
        return tallies.annotator(self._reader, token_hash)

    def annotators(self) -> tuple[Conduct, ...]:
        """Return what each annotator has done, by id; flags come from `flagged` alone, which costs a fit."""
        return tallies.conducts(self._reader)

    def flagged(self) -> tuple[Conduct, ...]:
        """Return the annotators with a flag: votes at random, one side, half of 5 or more gold items missed."""
        return tallies.flagged(self._reader)

    def progress(self, annotator: int) -> Progress:
        """Return how far the annotator is."""
        return tallies.progress(self._reader, annotator)

    def counts(self) -> dict[str, int]:
        """Return the totals: items, need, open, leased, voted, skipped, expired, gold, gold_voted, annotators."""
        return tallies.counts(self._reader)

    def models(self) -> tuple[str, ...]:
        """Return the models, sorted."""
        return tallies.models(self._reader)

    def live(self) -> list[LiveRating]:
        """Return the ratings of the votes that stand, best first; [] until votes join all models."""
        with self._counting:
            self._tally.follow(self._reader)
            return self._tally.ratings()

    def votes(self) -> Votes:
        """Return the votes that stand as `sbs.rate` takes them, gold items left out. Raises DataError for none."""
        return tallies.votes(self._reader)

    def ballots(self, *, gold: bool = False) -> Iterator[Ballot]:
        """Yield the votes that stand, oldest first, those on gold items where asked."""
        return tallies.ballots(self._reader, gold=gold)

    def items(self) -> Iterator[Item]:
        """Yield all items by id."""
        return tallies.items(self._reader)

    def texts(self) -> dict[int, Texts]:
        """Return what the annotators of each item saw, with the models: for exports, never for annotators."""
        return tallies.texts(self._reader)

    def prompts(self) -> dict[str, tuple[Shown, ...]]:
        """Return text and images of each prompt, in reading order, by its name."""
        return tallies.prompts(self._reader)

    def images(self) -> tuple[str, ...]:
        """Return the file names of the images of all prompts, sorted."""
        return tallies.images(self._reader)

    def head(self) -> tuple[int, str]:
        """Return number and hash of the last event of the audit log: noted elsewhere, they prove it unaltered."""
        return audit.head(self._reader)

    def events(self, *, after: int = 0) -> Iterator[Event]:
        """Yield the audit log behind event `after`, oldest first."""
        return audit.events(self._reader, after=after)

    def verify(self) -> tuple[str, ...]:
        """Return what is wrong with the chain or the invariants, a sentence each; () where all is well."""
        return audit.verify(self._reader)

    def close(self) -> None:
        """Write what waits, and close. Closing again is free."""
        self._writer.close()
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
