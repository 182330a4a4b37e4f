"""Any sequence of leases, votes, repetitions, undos, expiries and crashes keeps the books of a study balanced."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.sbs.small import MODELS, content, filled, joined
from vlmeval.sbs.records import ConflictError, Lease, PausedError, UnknownAssignmentError
from vlmeval.sbs.store import StudyStore, open_store

LEASE_SECONDS = 100.0
OUTCOMES = ("left", "right", "tie", "both_bad")
PEOPLE = ("ann", "ben", "cyd")
_STUDIES = count()


@dataclass
class Known:
    """What an annotator was given, as the test remembers it."""

    annotator: int
    lease: Lease
    state: str = "leased"
    expires: float = 0.0
    outcome: str = ""
    key: str = ""
    turn: int = 0


class Sessions(RuleBasedStateMachine):
    """The store against a memory of everything that it acknowledged."""

    postgres: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="vlmeval-store-"))
        self.study = f"sequence {next(_STUDIES)} {self.folder.name}"
        self.copies = 0
        self.url: str | Path = self.postgres or self.folder / "0" / "study.db"
        self.now = 1_000.0
        self.keys = count()
        self.turns = count(1)
        self.known: dict[int, Known] = {}
        self.store: StudyStore = self.opened()

    def opened(self) -> StudyStore:
        return open_store(self.url, study=self.study, lease_seconds=LEASE_SECONDS)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @initialize(prompts=st.integers(1, 3), overlap=st.integers(1, 2), gold=st.integers(0, 2),
                policy=st.sampled_from(["balanced", "fast", "new-model"]))  # fmt: skip
    def make(self, prompts: int, overlap: int, gold: int, policy: str) -> None:
        filled(
            self.store, content(prompts, gold=gold), overlap=overlap, policy=policy, gold_every=2 if gold else 0,
            new_model=MODELS[2] if policy == "new-model" else "",
        )  # fmt: skip
        self.people = joined(self.store, *PEOPLE)
        self.need = {item.id: item.need for item in self.store.items()}

    def new_key(self) -> str:
        return f"key-{next(self.keys):06d}"

    def of(self, annotator: int, *states: str) -> list[Known]:
        return [one for _, one in sorted(self.known.items()) if one.annotator == annotator and one.state in states]

    @rule(person=st.integers(0, 2), ahead=st.integers(1, 2))
    def lease(self, person: int, ahead: int) -> None:
        annotator = self.people[person]
        before = self.of(annotator, "leased")
        found = self.store.leases(annotator, self.now, count=ahead)
        again = self.store.leases(annotator, self.now, count=ahead)
        assert found == again, "a reload shows the same pair on the same side"
        for one, old in zip(found, before, strict=False):
            assert replace_expiry(one) == replace_expiry(old.lease)
        for one in found:
            old_lease = self.known.get(one.assignment)
            if old_lease is None:
                self.known[one.assignment] = Known(annotator, one, expires=one.expires)
            else:
                assert old_lease.annotator == annotator
                assert replace_expiry(one) == replace_expiry(old_lease.lease), "who comes back gets the same side"
                old_lease.state, old_lease.expires = "leased", one.expires

    @rule(person=st.integers(0, 2), outcome=st.sampled_from(OUTCOMES), data=st.data())
    def vote(self, person: int, outcome: str, data: Any) -> None:
        mine = self.of(self.people[person], "leased", "expired")
        if not mine:
            return
        one = data.draw(st.sampled_from(mine))
        key = self.new_key()
        try:
            done = self.store.vote(one.annotator, one.lease.assignment, key, outcome, seconds=1.0, now=self.now)
        except ConflictError:
            assert one.state == "expired", "only a lost slot refuses a first vote"
            return
        assert (done.assignment, done.outcome) == (one.lease.assignment, outcome)
        one.state, one.outcome, one.key, one.turn = "voted", outcome, key, next(self.turns)

    @rule(person=st.integers(0, 2), data=st.data())
    def repeat(self, person: int, data: Any) -> None:
        """A post that comes twice, and one with another key or outcome."""
        mine = self.of(self.people[person], "voted")
        if not mine:
            return
        one = data.draw(st.sampled_from(mine))
        first = self.store.vote(one.annotator, one.lease.assignment, one.key, one.outcome, seconds=1.0, now=self.now)
        assert first == self.store.vote(
            one.annotator, one.lease.assignment, one.key, one.outcome, seconds=9.0, now=self.now + 1
        )
        other = OUTCOMES[(OUTCOMES.index(one.outcome) + 1) % 4]
        with pytest.raises(ConflictError):
            self.store.vote(one.annotator, one.lease.assignment, one.key, other, seconds=1.0, now=self.now)
        with pytest.raises(ConflictError):
            self.store.vote(one.annotator, one.lease.assignment, self.new_key(), other, seconds=1.0, now=self.now)

    @rule(person=st.integers(0, 2), data=st.data())
    def vote_for_another(self, person: int, data: Any) -> None:
        theirs = [one for one in self.known.values() if one.annotator != self.people[person]]
        if not theirs:
            return
        one = data.draw(st.sampled_from(theirs))
        with pytest.raises(UnknownAssignmentError):
            self.store.vote(
                self.people[person], one.lease.assignment, self.new_key(), "left", seconds=1.0, now=self.now
            )

    @rule(person=st.integers(0, 2))
    def skip(self, person: int) -> None:
        mine = self.of(self.people[person], "leased")
        if not mine:
            return
        one, key = mine[0], self.new_key()
        done = self.store.skip(one.annotator, one.lease.assignment, key, reason="too dark", now=self.now)
        assert done == self.store.skip(one.annotator, one.lease.assignment, key, reason="too dark", now=self.now)
        one.state, one.turn = "skipped", next(self.turns)

    @rule(person=st.integers(0, 2))
    def undo(self, person: int) -> None:
        mine = self.of(self.people[person], "voted", "skipped")
        try:
            lease = self.store.undo(self.people[person], self.now)
        except ConflictError:
            assert max(mine, key=lambda one: one.turn).state == "skipped"
            return
        if not mine:
            assert lease is None
            return
        one = max(mine, key=lambda one: one.turn)
        assert lease is not None
        assert replace_expiry(lease) == replace_expiry(one.lease)
        one.state, one.expires, one.outcome = "leased", lease.expires, ""

    @rule(seconds=st.sampled_from([1.0, 40.0, 60.0, 150.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def expire(self) -> None:
        late = [one for one in self.known.values() if one.state == "leased" and one.expires <= self.now]
        assert self.store.expire(self.now) == len(late)
        for one in late:
            one.state = "expired"

    @rule(person=st.integers(0, 2))
    def pause(self, person: int) -> None:
        """Nothing is given out or taken in a pause, and afterwards all is as before."""
        annotator = self.people[person]
        self.store.pause(self.now, reason="lunch")
        assert self.store.paused == "lunch"
        with pytest.raises(PausedError, match="lunch"):
            self.store.leases(annotator, self.now, count=1)
        for one in self.of(annotator, "leased")[:1]:
            with pytest.raises(PausedError):
                self.store.vote(annotator, one.lease.assignment, self.new_key(), "left", seconds=1.0, now=self.now)
        self.store.resume(self.now)
        assert self.store.paused is None

    @precondition(lambda self: self.postgres is None)
    @rule()
    def crash(self) -> None:
        """Go on from the files as a killed process leaves them: the database and its log, nothing closed."""
        old, self.copies = Path(self.url).parent, self.copies + 1
        new = self.folder / str(self.copies)
        new.mkdir()
        for file in old.glob("study.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, new)
        self.store.close()
        self.url = new / "study.db"
        self.store = self.opened()

    @precondition(lambda self: self.postgres is not None)
    @rule()
    def lose_connections(self) -> None:
        """Have the server drop every connection: the store goes on with new ones."""
        import psycopg

        assert self.postgres is not None
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where pid <> pg_backend_pid() and backend_type = 'client backend'"
            )

    @invariant()
    def books_balance(self) -> None:
        if not hasattr(self, "need"):
            return
        assert self.store.verify() == ()
        held = [one for one in self.known.values() if one.state in ("leased", "voted")]
        counts = self.store.counts()
        gold = {item.id for item in self.store.items() if item.gold}
        by_item: dict[int, int] = {}
        pairs = set()
        for event in self.store.events():
            if event.kind == "lease":
                pairs.add((event.body["annotator"], event.body["item"], event.body["assignment"]))
        assert len({pair[:2] for pair in pairs}) == len(pairs), "nobody is given an item twice"
        items = {assignment: item for _, item, assignment in pairs}
        for one in held:
            item = items[one.lease.assignment]
            by_item[item] = by_item.get(item, 0) + 1
        for found in self.store.items():
            if found.id not in gold:
                assert found.open == self.need[found.id] - by_item.get(found.id, 0) >= 0
        stored = {one.assignment: one.outcome for one in self.store.ballots(gold=True)}
        assert stored == {key: one.outcome for key, one in self.known.items() if one.state == "voted"}
        assert counts["voted"] + counts["gold_voted"] == len(stored)
        for annotator in self.people:
            assert self.store.progress(annotator).voted == len(self.of(annotator, "voted"))


def replace_expiry(lease: Lease) -> Lease:
    import msgspec

    return msgspec.structs.replace(lease, expires=0.0)


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]


def test_sequences_on_sqlite_lose_double_and_overassign_nothing() -> None:
    run_state_machine_as_test(
        Sessions,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=CHECKS
        ),
    )


def test_sequences_on_postgresql_lose_double_and_overassign_nothing(postgres_url: str) -> None:
    class OnPostgres(Sessions):
        postgres = postgres_url

    run_state_machine_as_test(
        OnPostgres,
        settings=settings(
            max_examples=8, stateful_step_count=20, deadline=None, derandomize=True, suppress_health_check=CHECKS
        ),
    )
