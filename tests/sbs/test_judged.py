"""A study's pairs as samples for a judge, what its verdicts are, and how far they can be believed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sbs.small import content, filled, joined, key
from vlmeval.data.task import Task
from vlmeval.errors import DataError
from vlmeval.jsonio import encode
from vlmeval.kinds.preference import PreferenceKind
from vlmeval.sbs.content import Content, Entry
from vlmeval.sbs.judge_report import judge_report
from vlmeval.sbs.judged import Pairs, Verdict, state_of, states, verdicts_of, votes_path, write_verdicts
from vlmeval.sbs.records import Shown
from vlmeval.sbs.store import StudyStore, open_store
from vlmeval.sbs.votefile import read_votes
from vlmeval.sbs.votes import BOTH_BAD
from vlmeval.stats.comparisons import LEFT, TIE
from vlmeval.types import Failure, Image, Outcome, Output, Record

KIND = PreferenceKind(Task("preference", "sbs", "study", "preference", metrics=(), primary=""))
MODELS = ("heron", "otter")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StudyStore]:
    with open_store(tmp_path / "study.db") as opened:
        yield opened


def two(prompts: int = 6) -> Content:
    """Return prompts that two models answered: heron's answer is the longer one."""
    entries = tuple(
        Entry(
            f"q{number}", (Shown(text=f"What is {number}?"),), {"heron": "long " * 9, "otter": "short"},
            dict.fromkeys(MODELS, "answered"),
        )
        for number in range(prompts)
    )  # fmt: skip
    return Content(MODELS, entries, ())


def journal(path: Path, pairs: Pairs, replies: dict[str, Outcome]) -> Path:
    rows = [Record("k", sample.id, order, outcome) for sample in pairs for order, outcome in replies.items()]
    path.write_bytes(b"".join(encode(row) + b"\n" for row in rows))
    return path


def verdict(number: int, ab: str, ba: str, *, longer: str = "left") -> Verdict:
    lengths = (9, 5) if longer == "left" else (5, 9)
    orders = {"ab": ab, "ba": ba}
    return Verdict(f"pair{number}", f"q{number}", "heron", "otter", state_of(orders), orders, *lengths)


def test_pairs_hold_no_gold_item_and_no_name_of_a_model(store: StudyStore, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for number in range(2):
        (images / f"{number}.png").write_bytes(b"picture %d" % number)
    filled(store, content(2, gold=2))
    pairs = Pairs(store, tmp_path)
    assert len(pairs) == pairs.total == 6
    sample = next(iter(pairs))
    image = sample.parts[0]
    assert isinstance(image, Image)
    assert image.sha256 == hashlib.sha256(image.read()).hexdigest()
    shown = encode(list(pairs)).decode()
    assert not [name for name in ("otter-7b", "heron-2", "ibis-chat", "gold") if name in shown]
    assert len(Pairs(store, tmp_path, limit=2)) == 2


def test_an_image_that_is_gone_is_named(store: StudyStore, tmp_path: Path) -> None:
    filled(store, content(1))
    with pytest.raises(DataError, match=r"0\.png: an image of the study cannot be read"):
        Pairs(store, tmp_path)


@pytest.mark.parametrize(
    ("ab", "ba", "state"),
    [
        ("left", "left", "consistent"),
        ("tie", "tie", "consistent"),
        ("left", "right", "inconsistent"),
        ("left", "tie", "inconsistent"),
        ("left", "unparsed", "unparsed"),
        ("failed", "unparsed", "failed"),
        ("left", "missing", "missing"),
    ],
)
def test_a_pair_is_judged_where_both_orders_have_a_verdict(ab: str, ba: str, state: str) -> None:
    assert state_of({"ab": ab, "ba": ba}) == state


@pytest.mark.parametrize(
    ("ab", "ba", "state"),
    [
        (Output("Verdict: 1"), Output("Verdict: 2"), "consistent"),
        (Output("Verdict: 1"), Output("Verdict: 1"), "inconsistent"),
        (Output("well"), Output("Verdict: 1"), "unparsed"),
        (Failure("refused", "no"), Output("Verdict: 1"), "failed"),
    ],
)
def test_verdicts_are_read_from_the_journal(
    store: StudyStore, tmp_path: Path, ab: Outcome, ba: Outcome, state: str
) -> None:
    filled(store, two(2))
    pairs = Pairs(store, tmp_path)
    found = verdicts_of(pairs, KIND, journal(tmp_path / "outputs.jsonl", pairs, {"ab": ab, "ba": ba}))
    assert states(found) == {state: 2}
    assert states(verdicts_of(pairs, KIND, tmp_path / "none.jsonl")) == {"missing": 2}


def test_verdicts_become_votes_with_inconsistent_ones_told_and_unparsed_ones_left_out(tmp_path: Path) -> None:
    found = [verdict(1, "left", "left"), verdict(2, "left", "right"), verdict(3, "unparsed", "left"),
             verdict(4, "both_bad", "both_bad")]  # fmt: skip
    path = write_verdicts(tmp_path, "org/judge", found)
    assert path == votes_path(tmp_path, "org/judge")
    votes = read_votes(path)
    assert votes.models == ("heron", "otter")
    assert votes.outcome.tolist() == [LEFT, TIE, BOTH_BAD]
    assert votes.kind is not None
    assert votes.kind.names == ("org/judge",)
    assert any("differ between the two orders" in note for note in votes.notes)


def test_the_report_counts_consistency_side_and_length() -> None:
    told = [("left", "left"), ("left", "right"), ("right", "right"), ("tie", "tie"), ("unparsed", "left")]
    found = [verdict(number, *orders) for number, orders in enumerate(told)]
    found.append(verdict(5, "left", "left", longer="right"))
    report = judge_report(found, study="s", judge="j", parser="p", pairs=9, people=None, own=None)
    assert (report.pairs, report.asked) == (9, 6)
    assert report.states == {"consistent": 4, "inconsistent": 1, "unparsed": 1}
    assert report.outcomes == {"left": 2, "right": 1, "tie": 1, "both_bad": 0}
    assert (report.consistency.value, report.consistency.n) == (0.8, 5)
    assert (report.first.value, report.first.n) == (5 / 8, 8)
    assert report.longer.value == pytest.approx(1 / 3)
    assert report.longer.low is not None
    assert (report.agreement.value, report.agreement.n) == (None, 0)


def test_a_judge_that_keeps_to_the_first_side_is_told_by_side_and_consistency() -> None:
    found = [verdict(number, "left", "right") for number in range(20)]
    report = judge_report(found, study="s", judge="j", parser="p", pairs=20, people=None, own=None)
    assert (report.first.value, report.first.n, report.first.clusters) == (1.0, 40, 20)
    assert report.first.low is not None
    assert report.first.low > 0.8
    assert report.consistency.value == 0.0


def test_agreement_with_people_is_on_the_overlap(store: StudyStore, tmp_path: Path) -> None:
    filled(store, two(6), overlap=1)
    (voter,) = joined(store, "Ada")
    people_for_heron = {"q0", "q1", "q2"}
    for _ in range(4):
        lease = store.lease(voter, 10.0)
        assert lease is not None
        prompt = lease.prompt[0].text.removeprefix("What is ").removesuffix("?")
        wanted = "long " * 9 if f"q{prompt}" in people_for_heron else "short"
        store.vote(voter, lease.assignment, key(), "left" if lease.left == wanted else "right", seconds=1.0, now=10.0)
    pairs = Pairs(store, tmp_path)
    found = []
    for sample in pairs:
        prefers = "left" if pairs.models[sample.id][0] == "heron" else "right"
        long_left = prefers == "left"
        orders = {"ab": prefers, "ba": prefers}
        found.append(Verdict(sample.id, sample.cluster, *pairs.models[sample.id], "consistent", orders,
                             45 if long_left else 5, 5 if long_left else 45))  # fmt: skip
    people = store.votes()
    assert people.prompt is not None
    voted = [people.prompt.names[code] for code in people.prompt.codes.tolist()]
    same = sum(name in people_for_heron for name in voted)
    report = judge_report(
        found, study="s", judge="j", parser="p", pairs=6, people=people,
        own=read_votes(write_verdicts(tmp_path, "j", found)),
    )  # fmt: skip
    assert (report.agreement.value, report.agreement.n) == (same / 4, 4)
    assert report.longer.value == report.longer_shared.value == 1.0
    assert (report.longer_people.value, report.longer_people.n) == (same / 4, 4)
