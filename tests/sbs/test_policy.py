"""Which pair comes next, and what chance it had."""

from __future__ import annotations

from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from tests.sbs.small import MODELS, content, filled, joined, key, vote_all
from vlmeval.sbs.content import Setting, round_robin
from vlmeval.sbs.policy import gold_due, read_plan, uniform, without_replacement
from vlmeval.sbs.records import policy_of
from vlmeval.sbs.store import StudyStore, open_store

FIVE = ("a-model", "b-model", "c-model", "d-model", "e-model")


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return open_store(tmp_path / "study.db")


def given(store: StudyStore, annotator: int, number: int) -> list[tuple[str, str, str]]:
    """Return the next items of an annotator as (prompt, model, model), each voted for."""
    items = {item.id: item for item in store.items()}
    found = []
    for _ in range(number):
        lease = store.lease(annotator, 10.0)
        assert lease is not None
        store.vote(annotator, lease.assignment, key(), "left", seconds=1.0, now=11.0)
        item = next(e.body["item"] for e in reversed(list(store.events())) if e.kind == "lease")
        found.append((items[item].prompt, items[item].model_a, items[item].model_b))
    return found


def test_the_order_is_balanced_over_pairs_and_prompts_in_every_round(store: StudyStore) -> None:
    with filled(store, content(20, models=FIVE), overlap=1) as store:
        (annotator,) = joined(store, "ann")
        found = given(store, annotator, 60)
    for start in range(0, 60, 10):
        assert set(Counter(row[1:] for row in found[start : start + 10]).values()) == {1}
    prompts = Counter(row[0] for row in found)
    assert max(prompts.values()) - min(prompts.values()) <= 3


def test_the_least_voted_items_come_first(store: StudyStore) -> None:
    with filled(store, content(4), overlap=3) as store:
        people = joined(store, "ann", "ben", "cyd")
        for annotator in people:
            vote_all(store, annotator, "tie", most=4)
        assert {item.need - item.open for item in store.items()} == {1}


def test_sides_are_balanced_within_items_and_pairs(store: StudyStore) -> None:
    with filled(store, content(10), overlap=2) as store:
        for annotator in joined(store, "ann", "ben"):
            vote_all(store, annotator, "left")
        sides = Counter((one.item, one.side) for one in store.ballots())
        assert set(sides.values()) == {1}
    order = round_robin(content(10), seed=3)
    assert set(Counter((pair, first) for _, pair, first in order).values()) == {5}


def test_the_order_depends_on_the_seed_alone() -> None:
    assert round_robin(content(9), seed=1) == round_robin(content(9), seed=1)
    assert round_robin(content(9), seed=1) != round_robin(content(9), seed=2)


def test_a_new_model_comes_first_until_its_pairs_are_done(store: StudyStore) -> None:
    with filled(store, content(5), overlap=1, policy="new-model", new_model=MODELS[2]) as store:
        (annotator,) = joined(store, "ann")
        found = given(store, annotator, 15)
        assert all(MODELS[2] in row for row in found[:10])
        assert all(MODELS[2] not in row for row in found[10:])
        chances = [one.probability for one in store.ballots()]
        assert {round(chance, 3) for chance in chances[:10]} <= {0.5, 1.0}
        assert {one.policy for one in store.ballots()} == {"new-model", "balanced"}


def test_fast_mixes_uniform_with_neighbours_and_stores_the_chance(tmp_path: Path) -> None:
    """Planted order a < b < ... < e: neighbours get .05 + .125 each, others .05."""
    with filled(open_store(tmp_path / "fast.db"), content(60, models=FIVE), overlap=1, policy="fast") as store:
        (annotator,) = joined(store, "ann")
        keys = count()
        for _ in range(230):
            lease = store.lease(annotator, 10.0)
            assert lease is not None
            left, right = (int(text.split()[1]) for text in (lease.left, lease.right))
            outcome = "left" if left > right else "right"
            store.vote(annotator, lease.assignment, f"fast-{next(keys):06d}", outcome, seconds=1.0, now=11.0)
        late = list(store.ballots())[70:]
    near = [abs(FIVE.index(one.model_left) - FIVE.index(one.model_right)) == 1 for one in late]
    assert 0.58 < sum(near) / len(near) < 0.8, "0.7 expected: half of all, and 4 of 10 of the other half"
    for one, neighbours in zip(late, near, strict=True):
        if one.probability < 1.0:
            assert one.probability == pytest.approx(0.175 if neighbours else 0.05, abs=0.05)
    assert {one.policy for one in late} == {"fast"}


def test_draws_without_replacement_give_each_pair_once_with_its_chance() -> None:
    draws = list(without_replacement({1: 0.5, 2: 0.3, 3: 0.2}, 0, 1, 2, "fast"))
    assert sorted(draw.pair or 0 for draw in draws) == [1, 2, 3]
    assert draws[-1].probability == 1.0
    first = Counter(next(without_replacement({1: 0.5, 2: 0.3, 3: 0.2}, 0, 1, n, "fast")).pair for n in range(2_000))
    assert [first[pair] / 2_000 for pair in (1, 2, 3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.04)
    numbers = [uniform(7, n) for n in range(1_000)]
    assert 0.45 < sum(numbers) / 1_000 < 0.55
    assert 0.0 <= min(numbers) <= max(numbers) < 1.0


def test_gold_items_come_once_in_every_run_and_never_twice(store: StudyStore) -> None:
    with filled(store, content(10, gold=3), overlap=2, gold_every=5) as store:
        ann, ben = joined(store, "ann", "ben")
        plan = store.submit(lambda judging: read_plan(judging.database)).result()
        for annotator in (ann, ben):
            due = [gold_due(plan, annotator, taken) for taken in range(15)]
            assert [sum(due[start : start + 5]) for start in (0, 5, 10)] == [1, 1, 1]
            vote_all(store, annotator, "left")
        gold = [one for one in store.ballots(gold=True) if one.gold]
        assert Counter(one.item for one in gold) == dict.fromkeys({one.item for one in gold}, 2)
        assert len(gold) == 6
        assert all(one.model_left == one.model_right == "" for one in gold)
        assert len(list(store.ballots())) == 60
        first, second = store.annotators()
        assert (first.gold, first.gold_right) == (3, sum(one.side == "a" for one in gold if one.annotator == ann))
        assert second.gold == 3


def test_annotators_who_miss_gold_items_or_click_one_side_are_flagged(tmp_path: Path) -> None:
    with filled(open_store(tmp_path / "flags.db"), content(14, gold=6), overlap=6, gold_every=4) as store:
        people = joined(store, "ann", "ben", "cyd", "dan", "clicker")
        keys = count()
        for annotator in people:
            while lease := store.lease(annotator, 10.0):
                good = lease.left == "good" or (lease.right != "good" and lease.left < lease.right)
                outcome = "left" if annotator == people[4] or good else "right"
                store.vote(annotator, lease.assignment, f"flag-{next(keys):06d}", outcome, seconds=1.0, now=11.0)
        flagged = store.flagged()
    assert [(one.annotator.name, "one side" in one.flags, "gold" in one.flags) for one in flagged] == [
        ("clicker", True, True)
    ]


def test_an_unknown_policy_names_the_nearest() -> None:
    from vlmeval.errors import ConfigError

    with pytest.raises(ConfigError, match='did you mean "balanced"'):
        policy_of("balance")
    assert Setting().policy == "balanced"
