"""The store of a study, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.sbs.small import MODELS, content, filled, joined, key, token_hash, vote_all
from vlmeval.errors import ConfigError, DataError, JournalError
from vlmeval.sbs.database import BrokenInvariantError
from vlmeval.sbs.judging import Judging
from vlmeval.sbs.records import ConflictError, UnknownAssignmentError
from vlmeval.sbs.schema import connect
from vlmeval.sbs.store import StudyStore, open_store

_STUDIES = count()
Opener = Callable[[], StudyStore]


@pytest.fixture(params=["sqlite", "postgresql"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Open one and the same store, as often as asked."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else tmp_path / "study.db"
    study = f"store {next(_STUDIES)} of {tmp_path.name}"
    opened: list[StudyStore] = []

    def another() -> StudyStore:
        opened.append(open_store(url, study=study))
        return opened[-1]

    yield another
    for store in opened:
        store.close()


def test_a_vote_comes_back_as_it_was_given(opener: Opener) -> None:
    store = filled(opener(), content(1, models=MODELS[:2]), overlap=1)
    (annotator,) = joined(store, "ann")
    lease = store.lease(annotator, 10.0)
    assert lease is not None
    assert {lease.left, lease.right} == {"answer 0 to 0", "answer 1 to 0"}
    assert [part.image or part.text for part in lease.prompt] == ["0.png", "What is in picture 0?"]
    store.vote(annotator, lease.assignment, key(), "left", seconds=4.25, now=14.25, reason="clearer")
    (ballot,) = store.ballots()
    assert ballot.model_left == MODELS[int(lease.left.split()[1])]
    assert (ballot.outcome, ballot.seconds, ballot.reason, ballot.voted_at) == ("left", 4.25, "clearer", 14.25)
    assert (ballot.prompt, ballot.category, ballot.policy, ballot.probability) == ("q0", "even", "balanced", 1.0)
    assert store.lease(annotator, 20.0) is None


def test_no_model_is_named_in_what_an_annotator_gets(opener: Opener) -> None:
    store = filled(opener(), content(3), overlap=1)
    (annotator,) = joined(store, "ann")
    while lease := store.lease(annotator, 10.0):
        assert not any(model in repr(lease) for model in MODELS)
        store.vote(annotator, lease.assignment, key(), "tie", seconds=None, now=11.0)


def test_an_undone_vote_stays_in_the_table_and_counts_no_more(opener: Opener) -> None:
    store = filled(opener(), content(1, models=MODELS[:2]), overlap=1)
    (annotator,) = joined(store, "ann")
    lease = store.lease(annotator, 10.0)
    assert lease is not None
    first = key()
    store.vote(annotator, lease.assignment, first, "left", seconds=1.0, now=11.0)
    undo = key()
    again = store.undo(annotator, 12.0, key=undo)
    assert again == store.undo(annotator, 12.0, key=undo), "a double click takes one vote back"
    assert again is not None
    assert (again.assignment, again.left) == (lease.assignment, lease.left)
    assert list(store.ballots()) == []
    store.vote(annotator, lease.assignment, key(), "right", seconds=1.0, now=13.0)
    assert [one.outcome for one in store.ballots()] == ["right"]
    kinds = [event.kind for event in store.events() if event.kind in ("vote", "undo")]
    assert kinds == ["vote", "undo", "vote"]
    repeated = store.vote(annotator, lease.assignment, first, "left", seconds=1.0, now=14.0)
    assert (repeated.outcome, repeated.revision) == ("left", 1), "a late repetition gets the body it missed"
    assert store.undo(annotator, 15.0) is not None
    assert store.undo(annotator, 16.0) is None


@pytest.mark.parametrize(
    ("outcome", "idempotency", "seconds", "message"),
    [
        ("lefft", "key-000000", 1.0, 'did you mean "left"'),
        ("skip", "key-000000", 1.0, "unknown outcome"),
        ("left", "short", 1.0, "key of its own"),
        ("left", "key-000000; drop table vote", 1.0, "key of its own"),
        ("left", "key-000000", -1.0, "seconds is -1"),
        ("left", "key-000000", float("nan"), "seconds is nan"),
    ],
)
def test_a_vote_that_says_nothing_is_refused_and_loses_nothing(
    tmp_path: Path, outcome: str, idempotency: str, seconds: float, message: str
) -> None:
    with filled(open_store(tmp_path / "study.db"), content(1), overlap=1) as store:
        (annotator,) = joined(store, "ann")
        lease = store.lease(annotator, 10.0)
        assert lease is not None
        with pytest.raises(DataError, match=message):
            store.vote(annotator, lease.assignment, idempotency, outcome, seconds=seconds, now=11.0)
        assert store.lease(annotator, 12.0) == lease
        assert store.verify() == ()


def test_unknown_assignments_and_annotators_are_refused(opener: Opener) -> None:
    store = filled(opener(), content(1), overlap=2)
    ann, ben = joined(store, "ann", "ben")
    lease = store.lease(ann, 10.0)
    assert lease is not None
    for annotator, assignment in ((ben, lease.assignment), (ann, lease.assignment + 1), (99, lease.assignment)):
        with pytest.raises(UnknownAssignmentError):
            store.vote(annotator, assignment, key(), "left", seconds=1.0, now=11.0)
    with pytest.raises(UnknownAssignmentError):
        store.lease(99, 10.0)
    store.set_active(ann, 12.0, active=False)
    assert store.annotator(token_hash("ann")) is None
    with pytest.raises(UnknownAssignmentError):
        store.lease(ann, 13.0)
    with pytest.raises(ConflictError, match="name is in use"):
        store.add_annotator("ben", token_hash("other"), 14.0)
    with pytest.raises(ConflictError, match="token is in use"):
        store.add_annotator("cyd", token_hash("ben"), 14.0)


def test_a_late_vote_counts_while_its_slot_is_free_and_is_refused_once_it_is_not(opener: Opener) -> None:
    store = filled(opener(), content(1, models=MODELS[:2]), overlap=1)
    ann, ben = joined(store, "ann", "ben")
    first = store.lease(ann, 10.0)
    assert first is not None
    assert store.lease(ben, 20.0) is None, "the only slot is given out"
    assert store.expire(609.9) == 0
    assert store.expire(610.0) == 1
    second = store.lease(ben, 700.0)
    assert second is not None
    with pytest.raises(ConflictError, match="ran out"):
        store.vote(ann, first.assignment, key(), "left", seconds=1.0, now=701.0)
    assert store.lease(ann, 702.0) is None
    store.skip(ann, first.assignment, key(), reason="gone anyway", now=703.0)
    assert store.counts()["open"] == 0, "an expired lease has no slot to give back"
    assert store.expire(1_300.0) == 1
    store.vote(ben, second.assignment, key(), "right", seconds=1.0, now=1_400.0)
    assert [(one.annotator, one.outcome) for one in store.ballots()] == [(ben, "right")]
    with pytest.raises(ConflictError, match="taken back"):
        store.undo(ann, 1_500.0)
    assert store.verify() == ()


def test_another_key_on_a_judged_pair_is_a_conflict_and_the_first_vote_stands(opener: Opener) -> None:
    store = filled(opener(), content(1), overlap=1)
    (annotator,) = joined(store, "ann")
    lease, other = store.leases(annotator, 10.0, count=2)
    own = key()
    store.vote(annotator, lease.assignment, own, "left", seconds=1.0, now=11.0)
    with pytest.raises(ConflictError, match="voted already"):
        store.vote(annotator, lease.assignment, key(), "right", seconds=1.0, now=12.0)
    with pytest.raises(ConflictError, match="another vote"):
        store.vote(annotator, other.assignment, own, "left", seconds=1.0, now=12.0)
    with pytest.raises(ConflictError, match="another vote"):
        store.vote(annotator, lease.assignment, own, "right", seconds=1.0, now=12.0)
    assert [one.outcome for one in store.ballots()] == ["left"]


def test_what_is_committed_is_flushed_to_the_disk(tmp_path: Path) -> None:
    database = connect(str(tmp_path / "study.db"))
    assert database.row("pragma synchronous") == (2,)
    assert database.row("pragma journal_mode") == ("wal",)
    assert database.row("pragma foreign_keys") == (1,)
    database.close()


def test_votes_and_events_cannot_be_changed_or_removed(opener: Opener) -> None:
    store = filled(opener(), content(1, models=MODELS[:2]), overlap=1)
    (annotator,) = joined(store, "ann")
    vote_all(store, annotator, "left")
    for statement in (
        "update vote set outcome = 'right'", "delete from vote", "update event set at = 0", "delete from event",
        "update item set open = -1", "update item set open = need + 1",
        "insert into assignment (item, annotator, side, state, policy, probability, leased_at, expires_at) "
        "select item, annotator, side, state, policy, probability, 0, 0 from assignment",
        "insert into vote (assignment, revision, key, outcome, voted_at, turn) values (1, 1, 'other', 'left', 0, 0)",
        "insert into vote (assignment, revision, key, outcome, voted_at, turn) values (1, 2, 'other', 'left', 0, 0)",
    ):  # fmt: skip
        with pytest.raises(BrokenInvariantError):
            store.submit(lambda judging, statement=statement: judging.database.execute(statement)).result()  # type: ignore[misc]
    assert store.verify() == ()


TAMPERING = {
    "update event set at = at + 1 where kind = 'vote'": "was altered",
    "delete from event where kind = 'lease'": "missing",
    "delete from event where seq = (select max(seq) from event)": "events were removed",
    "update vote set outcome = 'right'": "of which the audit log does not tell",
    "delete from vote": "no such vote is stored",
    "update item set open = open + 1, need = need + 2": "2 votes wanted|3 votes wanted",
    "update assignment set state = 'expired'": "its last vote is left",
    "update answer set text = 'other' where id = 1": "not those of the study as it was made",
    "update prompt set parts = '[]'": "not those of the study as it was made",
}


@pytest.mark.parametrize("statement", TAMPERING)
def test_whoever_writes_past_the_store_is_found_out(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "study.db"
    with filled(open_store(path), content(1, models=MODELS[:2]), overlap=1) as store:
        (annotator,) = joined(store, "ann")
        vote_all(store, annotator, "left")
    past = sqlite3.connect(path)
    for table in ("vote", "event"):
        past.executescript(f"drop trigger {table}_no_update; drop trigger {table}_no_delete")
    past.execute(statement)
    past.commit()
    past.close()
    with open_store(path) as store:
        assert any(re.search(TAMPERING[statement], problem) for problem in store.verify()), store.verify()


def test_many_threads_on_two_connections_get_every_slot_once(opener: Opener) -> None:
    """Two stores as on two hosts, posts that come twice, and no slot is lost, doubled or given out too often."""
    stores = [filled(opener(), content(6), overlap=3), opener()]
    people = joined(stores[0], *(f"p{number}" for number in range(8)))
    errors: list[BaseException] = []

    def judge(number: int) -> None:
        store = stores[number % 2]
        try:
            for turn in range(100):
                lease = store.lease(people[number], 10.0)
                if lease is None:
                    return
                own = f"key-{number:04d}-{turn:04d}"
                for _ in range(2 if turn % 3 == 0 else 1):
                    store.vote(people[number], lease.assignment, own, "left", seconds=1.0, now=11.0)
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=judge, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    votes = Counter((one.item, one.annotator) for one in stores[1].ballots())
    assert set(votes.values()) == {1}
    assert Counter(item for item, _ in votes) == dict.fromkeys(range(1, 19), 3)
    assert stores[0].verify() == ()
    assert stores[1].counts()["open"] == 0


def test_one_annotator_in_many_tabs_gets_one_lease(opener: Opener) -> None:
    stores = [filled(opener(), content(6), overlap=3), opener()]
    (annotator,) = joined(stores[0], "ann")
    found = [store.submit(lambda judging: judging.lease(annotator, 10.0)) for store in stores * 10]
    assert len({future.result() for future in found}) == 1


def test_annotators_progress_and_the_organisers_view(opener: Opener) -> None:
    store = filled(opener(), content(4), overlap=2)
    ann, ben = joined(store, "Ann Other", "ben")
    assert store.progress(ann).left == 12
    lease = store.lease(ann, 10.0)
    assert lease is not None
    store.skip(ann, lease.assignment, key(), reason="too dark", now=11.0)
    assert (store.progress(ann).skipped, store.progress(ann).left) == (1, 11)
    assert vote_all(store, ann, "left") == 11
    assert vote_all(store, ben, "tie") == 12
    one, other = store.annotators()
    assert (one.votes, one.skips, one.seconds, one.annotator.label) == (11, 1, 2.5, "a1")
    assert (other.votes, other.skips, other.last_seen) == (12, 0, 10.0)
    counts = store.counts()
    assert (counts["items"], counts["need"], counts["open"], counts["voted"]) == (12, 24, 1, 23)
    assert store.models() == tuple(sorted(MODELS))
    votes = store.votes()
    assert (len(votes), votes.feature_names) == (23, ("length", "headers", "lists", "bold", "named"))
    assert sorted(rating.votes for rating in store.live()) == sorted(
        [sum(model in (b.model_left, b.model_right) for b in store.ballots()) for model in MODELS]
    )


def test_the_live_ratings_follow_votes_and_undos(tmp_path: Path) -> None:
    with filled(open_store(tmp_path / "study.db"), content(4), overlap=1) as store:
        (annotator,) = joined(store, "ann")
        assert store.live() == []
        vote_all(store, annotator, "left")
        before = store.live()
        assert sum(rating.votes for rating in before) == 24
        lease = store.undo(annotator, 20.0)
        assert lease is not None
        assert sum(rating.votes for rating in store.live()) == 22
        store.vote(annotator, lease.assignment, key(), "left", seconds=1.0, now=21.0)
        assert [(one.model, round(one.rating, 6)) for one in store.live()] == [
            (one.model, round(one.rating, 6)) for one in before
        ]


def test_a_store_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    sqlite3.connect(path).execute("create table mine (x)").connection.close()
    with pytest.raises(JournalError, match="no study of vlmeval"):
        open_store(path)
    text = tmp_path / "text.db"
    text.write_text("not a database " * 100)
    with pytest.raises(JournalError, match="not a database"):
        open_store(text)
    with pytest.raises(ConfigError, match="mysql"):
        open_store("mysql://host/db")


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with open_store(tmp_path / "study.db"):
        assert (tmp_path / "study.db").stat().st_mode & 0o077 == 0


def test_an_unreachable_server_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg", reason="the extra postgres (psycopg) is not installed")
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1") as caught:
        open_store("postgresql://someone:secret@127.0.0.1:9/none", study="s")
    assert "secret" not in str(caught.value)


def test_an_error_in_one_request_leaves_its_neighbours_alone(opener: Opener) -> None:
    store = filled(opener(), content(2), overlap=1)
    ann, ben = joined(store, "ann", "ben")

    def broken(judging: Judging) -> None:
        judging.pause(5.0)
        raise ZeroDivisionError

    before = store.submit(lambda judging: judging.lease(ann, 10.0))
    wrong = store.submit(broken)
    after = store.submit(lambda judging: judging.lease(ben, 10.0))
    with pytest.raises(ZeroDivisionError):
        wrong.result()
    assert before.result() is not None
    assert after.result() is not None
    assert store.paused is None
    assert [event.kind for event in store.events() if event.kind == "pause"] == [], "its event is dropped with it"
    assert store.verify() == ()
    store.close()
    with pytest.raises(JournalError, match="closed"):
        store.lease(ann, 10.0)


VOTER = """
import sys
from tests.sbs.small import content, filled, joined, key
from vlmeval.sbs.schema import connect
from vlmeval.sbs.store import open_store

store = filled(open_store(sys.argv[1]), content(40), overlap=1)
(annotator,) = joined(store, "ann")
for turn in range(10_000):
    lease = store.lease(annotator, 10.0)
    result = store.vote(annotator, lease.assignment, f"key-{turn:06d}", "left", seconds=1.0, now=11.0)
    print(result.assignment, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    process = subprocess.Popen(
        [sys.executable, "-c", VOTER, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(25)]
    os.kill(process.pid, signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().splitlines() if line]
    process.wait()
    process.stdout.close()
    with open_store(path) as store:
        kept = {one.assignment for one in store.ballots()}
        assert set(told) <= kept
        assert len(kept) - len(told) <= 1, "the vote on its way may be kept, nothing else"
        assert store.verify() == ()
        assert store.counts()["open"] + store.counts()["leased"] + store.counts()["voted"] == 120
