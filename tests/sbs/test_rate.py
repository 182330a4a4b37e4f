"""From votes to a board: planted truths come back, and what cannot be known is said."""

from dataclasses import replace

import numpy as np
import pytest

from vlmeval.errors import ConfigError, DataError
from vlmeval.sbs import tables
from vlmeval.sbs.board import Board
from vlmeval.sbs.conduct import annotators_of
from vlmeval.sbs.consensus import agreement_of, judge_agreement, judges_of
from vlmeval.sbs.plan import Wish, measure, nu_for, plan, strengths_of
from vlmeval.sbs.rate import rate
from vlmeval.sbs.simulate import Session, population_strengths, simulate
from vlmeval.sbs.strengths import ELO, Recipe, strengths
from vlmeval.sbs.votes import BOTH_BAD, Column, Votes

SESSION = Session(
    (-0.6, -0.2, 0.0, 0.2, 0.6), 4_000, annotators=16, prompts=80, nu=0.6, annotator_spread=0.2, overlap=2
)


def session(seed: int = 0, **changes: object) -> Votes:
    return simulate(replace(SESSION, **changes), np.random.default_rng(seed))  # type: ignore[arg-type]


def ratings(board: Board) -> dict[str, float]:
    return {one.model: one.rating for one in board.ratings if one.rating is not None}


def test_planted_strengths_are_inside_their_intervals_and_in_order() -> None:
    board = rate(session(), Recipe())
    truth = 1000 + ELO * population_strengths(SESSION)
    rows = {one.model: one for one in board.ratings}
    for place, value in enumerate(truth.tolist()):
        one = rows[f"model {place + 1:02d}"]
        assert one.low is not None
        assert one.high is not None
        assert one.low - 20 < value < one.high + 20
    assert board.ratings[0].model == "model 05"
    assert board.clusters == {"annotators": 16, "prompts": 80}
    assert board.side is not None
    assert abs(board.side.z) < 3


def test_an_anchor_has_exactly_its_rating_and_no_interval() -> None:
    board = rate(session(), Recipe(anchor="model 03", center=1200.0))
    anchor = next(one for one in board.ratings if one.model == "model 03")
    assert anchor.rating == anchor.low == anchor.high == 1200.0
    free = ratings(rate(session(), Recipe()))
    held = ratings(board)
    assert held["model 05"] - held["model 01"] == pytest.approx(free["model 05"] - free["model 01"])


def test_the_order_of_votes_changes_nothing_but_the_online_elo() -> None:
    votes = session()
    turned = votes.only(np.arange(len(votes)) >= 0)
    order = np.random.default_rng(1).permutation(len(votes))
    assert turned.annotator is not None
    assert turned.prompt is not None
    mixed = replace(
        votes, left=votes.left[order], right=votes.right[order], outcome=votes.outcome[order],
        annotator=Column(turned.annotator.names, turned.annotator.codes[order]),
        prompt=Column(turned.prompt.names, turned.prompt.codes[order]),
    )  # fmt: skip
    one, other = rate(votes, Recipe()), rate(mixed, Recipe())
    assert ratings(one) == pytest.approx(ratings(other), abs=1e-8)
    assert [row.error for row in one.ratings] == pytest.approx([row.error for row in other.ratings], abs=1e-8)


def test_both_bad_is_a_tie_with_a_rate_of_its_own() -> None:
    votes = session()
    outcome = votes.outcome.copy()
    outcome[outcome == 1] = BOTH_BAD
    board = rate(replace(votes, outcome=outcome), Recipe())
    assert ratings(board) == pytest.approx(ratings(rate(votes, Recipe())))
    assert all(one.both_bad == one.ties for one in board.ratings)
    assert all((one.both_bad_rate or 0) > 0.1 for one in board.ratings)


def test_models_that_no_wins_join_are_rated_apart_and_a_loser_of_all_has_no_rating() -> None:
    left = np.array([0, 1, 0, 1, 2, 3, 2, 3, 0] * 10)
    right = np.array([1, 0, 1, 0, 3, 2, 3, 2, 4] * 10)
    outcome = np.array([0, 0, 2, 0, 0, 0, 1, 0, 0] * 10, dtype=np.int8)
    board = rate(Votes(("a", "b", "c", "d", "e"), left, right, outcome), Recipe(pseudo_votes=0.0))
    assert {one.model: one.group for one in board.ratings} == {"a": 1, "b": 1, "c": 2, "d": 2, "e": 0}
    assert next(one for one in board.ratings if one.model == "e").rating is None
    assert any("2 groups of models" in note for note in board.notes)
    assert any("without a finite rating" in note and "e" in note for note in board.notes)


def test_a_small_session_gets_pseudo_votes_and_says_so() -> None:
    votes = Votes(("a", "b"), np.array([0, 0]), np.array([1, 1]), np.array([0, 0], dtype=np.int8))
    board = rate(votes, Recipe())
    assert ratings(board)["a"] > 1000
    assert any("small session" in note for note in board.notes)
    with pytest.raises(DataError, match="no finite rating exists"):
        rate(votes, Recipe(pseudo_votes=0.0))


def test_pseudo_votes_halve_the_error_of_a_tiny_session() -> None:
    shape = Session(tuple(np.linspace(-0.6, 0.6, 6).tolist()), 60, annotators=4, prompts=30)
    theta = np.array(shape.theta)
    ours, plain = [], []
    for seed in range(60):
        votes = simulate(shape, np.random.default_rng(seed))
        found = strengths(votes, Recipe(method="bt")).groups[0]
        ours.append(np.mean((found.fitted.theta - theta) ** 2))
        raw = strengths(votes, Recipe(method="bt", pseudo_votes=1e-3)).groups[0]
        plain.append(np.mean((raw.fitted.theta - theta) ** 2))
    assert np.sqrt(np.mean(ours)) < 0.75 * np.sqrt(np.mean(plain))


def test_categories_are_rated_from_their_own_votes() -> None:
    votes = session()
    codes = (np.arange(len(votes)) % 3 == 0).astype(np.int32)
    board = rate(replace(votes, category=Column(("maths", "art"), codes)), Recipe())
    assert [(one.name, one.votes) for one in board.categories] == [("maths", 2666), ("art", 1334)]
    alone = rate(replace(votes, category=Column(("maths", "art"), codes)).of_category("art"), Recipe())
    assert [one.rating for one in board.categories[1].ratings] == pytest.approx([one.rating for one in alone.ratings])


def test_one_annotator_or_prompt_only_cannot_be_clustered_by() -> None:
    votes = replace(session(), annotator=Column(("me",), np.zeros(4_000, dtype=np.int32)))
    board = rate(votes, Recipe())
    assert board.clusters == {"prompts": 80}
    assert any("one of annotators only" in note for note in board.notes)


def test_few_annotators_are_warned_of() -> None:
    assert any("few clusters" in note for note in rate(session(annotators=6), Recipe()).notes)


def test_a_side_effect_is_found_and_can_be_controlled_for() -> None:
    board = rate(session(side=0.3, annotator_spread=0.0), Recipe(controls=("side",)))
    assert board.side is not None
    assert board.side.low < 0.3 * ELO < board.side.high
    assert board.side.z > 3


def test_bad_annotators_are_flagged_with_ratings_without_them() -> None:
    votes = session(annotators=12, annotator_spread=0.0, overlap=1)
    assert votes.annotator is not None
    outcome = votes.outcome.copy()
    who = votes.annotator.codes
    outcome[who == 2] = 2 - outcome[who == 2]
    outcome[who == 5] = 0
    changed = replace(votes, outcome=outcome)
    board = rate(changed, Recipe())
    flags = {one.name: one.flags for one in board.flagged}
    assert "random" in flags["annotator 3"]
    assert "one side" in flags["annotator 6"]
    assert len(flags) == 2
    assert board.without_flagged is not None
    kept = rate(changed.only(~np.isin(who, [2, 5])), Recipe())
    assert [one.rating for one in board.without_flagged] == pytest.approx([one.rating for one in kept.ratings])
    assert annotators_of(replace(votes, annotator=None), Recipe()) == ()


def test_a_judge_is_compared_with_the_majority_of_people() -> None:
    names = ("a", "b")
    people = Votes(
        names, np.zeros(6, dtype=int), np.ones(6, dtype=int), np.array([0, 0, 2, 1, 0, 2], dtype=np.int8),
        prompt=Column(("p", "q", "r"), np.array([0, 0, 0, 1, 2, 2])),
    )  # fmt: skip
    judge = Votes(
        names, np.array([1, 0, 0]), np.array([0, 1, 1]), np.array([2, 1, 0], dtype=np.int8),
        prompt=Column(("p", "q", "r"), np.array([0, 1, 2])),
    )  # fmt: skip
    found = judge_agreement("j", people, judge)
    assert (found.units, found.decisive_units) == (3, 1)
    assert found.agreement == pytest.approx(2 / 3)
    assert found.decisive_agreement == 1
    agreement = agreement_of(people)
    assert agreement is not None
    assert (agreement.units, agreement.votes) == (2, 5)
    assert judges_of(people) == ()


def test_an_anchor_that_is_not_there_is_wrong_use() -> None:
    with pytest.raises(ConfigError, match='no model "model 9"'):
        rate(session(), Recipe(anchor="model 9"))


def test_tables_hold_every_model_and_no_formula() -> None:
    board = rate(replace(session(), models=("=cmd()", "b", "c", "d", "e")), Recipe())
    rows = tables.csv_text(board).splitlines()
    assert len(rows) == 6
    assert any("'=cmd()" in row for row in rows)
    assert len(tables.pairs_text(board).splitlines()) == 11
    assert all("signature" not in line or "davidson|cluster:auto" in line for line in tables.summary(board))


def test_a_plan_gives_the_width_it_promises_and_more_for_more() -> None:
    wish = Wish(models=5, width=120.0, overlap=2, annotators=12, prompts=60)
    found = plan(wish, runs=4)
    assert found.point.width <= 120
    assert found.items == -(-found.votes // 2)
    assert measure(wish, 4 * found.votes, runs=4, seed=0).width < found.point.width
    assert plan(wish, runs=4) == found


def test_a_plan_for_power_needs_more_votes_for_more_power() -> None:
    low, high = (plan(Wish(models=4, power=power, gap=100.0, overlap=1), runs=3).votes for power in (0.5, 0.9))
    assert low < high


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(models=5), "say what is wanted"),
        (Wish(models=5, width=50.0, power=0.8), "one of the two"),
        (Wish(models=1, width=50.0), "two or more"),
        (Wish(models=5, width=50.0, overlap=30), "--overlap 30"),
        (Wish(models=3, width=1.0, annotators=3, prompts=5), "more --annotators"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_the_way_out(wish: Wish, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        plan(wish, runs=1)


def test_the_planned_share_of_ties_is_drawn() -> None:
    wish = Wish(models=8, width=50.0, ties=0.3)
    theta = strengths_of(wish)
    votes = simulate(Session(tuple(theta.tolist()), 40_000, nu=nu_for(0.3, theta)), np.random.default_rng(0))
    assert (votes.outcome == 1).mean() == pytest.approx(0.3, abs=0.01)
