"""Strengths by Newton on counts: optimum, gauge, existence, and the same answer as other programs."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmeval.stats.bradley_terry import BradleyTerry
from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import Cells, collapse, components, one_by_one
from vlmeval.stats.davidson import Davidson
from vlmeval.stats.pairwise import NoOptimumError, NotIdentifiedError, fit
from vlmeval.stats.rao_kupper import RaoKupper
from vlmeval.stats.responses import ResponseModel

MODELS: list[ResponseModel] = [BradleyTerry(), Davidson(), RaoKupper()]
EVERY = pytest.mark.parametrize("model", MODELS, ids=[model.name for model in MODELS])


def drawn(size: int, votes: int, *, seed: int = 0, tie: float = -0.3, side: float = 0.0) -> tuple[Cells, Floats]:
    """Return votes with planted strengths under Davidson's model, and the strengths."""
    generator = np.random.default_rng(seed)
    theta = generator.normal(0, 0.7, size)
    left = generator.integers(0, size, votes)
    right = (left + generator.integers(1, size, votes)) % size
    won, tied, _ = Davidson().probabilities(theta[left] - theta[right] + side, tie)
    draw = generator.random(votes)
    outcome = (draw > won).astype(np.int8) + (draw > won + tied).astype(np.int8)
    return collapse(left, right, outcome, size), theta - theta.mean()


@EVERY
@pytest.mark.parametrize("tie", [0.4, 2.0])
def test_slopes_and_bends_are_the_derivatives_of_the_log_likelihood(model: ResponseModel, tie: float) -> None:
    eta, step = np.linspace(-6, 6, 9), 1e-5
    here, up, down = (model.at(eta + shift, tie) for shift in (0, step, -step))
    assert (up.log_likelihood - down.log_likelihood) / (2 * step) == pytest.approx(here.slope, abs=1e-8)
    assert -(up.slope - down.slope) / (2 * step) == pytest.approx(np.broadcast_to(here.bend, up.slope.shape), abs=1e-8)
    if not model.ties:
        return
    assert here.tie_slope is not None
    assert here.tie_bend is not None
    assert here.cross_bend is not None
    up, down = model.at(eta, tie + step), model.at(eta, tie - step)
    assert up.tie_slope is not None
    assert down.tie_slope is not None
    shape = up.slope.shape
    assert (up.log_likelihood - down.log_likelihood) / (2 * step) == pytest.approx(here.tie_slope, abs=1e-8)
    assert -(up.tie_slope - down.tie_slope) / (2 * step) == pytest.approx(
        np.broadcast_to(here.tie_bend, shape), abs=1e-7
    )
    assert -(up.slope - down.slope) / (2 * step) == pytest.approx(np.broadcast_to(here.cross_bend, shape), abs=1e-8)
    assert np.exp(here.log_likelihood) == pytest.approx(model.probabilities(eta, tie), abs=1e-12)
    assert model.probabilities(eta, tie).sum(axis=0) == pytest.approx(np.ones(len(eta)), abs=1e-12)


@EVERY
@pytest.mark.parametrize("eta", [-800.0, 800.0])
def test_a_huge_difference_overflows_nowhere(model: ResponseModel, eta: float) -> None:
    response = model.at(np.array([eta]), 0.5)
    assert np.isfinite(response.log_likelihood).all()
    assert np.isfinite(response.slope).all()


@EVERY
def test_the_fit_is_stationary_and_sums_to_zero(model: ResponseModel) -> None:
    cells, _ = drawn(12, 3_000)
    found = fit(cells, model, side=True)
    response = found.response(cells)
    slope = (cells.counts * response.slope).sum(axis=0)
    pull = np.bincount(cells.left, slope, 12) - np.bincount(cells.right, slope, 12)
    assert np.abs(pull).max() < 1e-7
    assert abs(slope.sum()) < 1e-7
    assert abs(found.theta.sum()) < 1e-10
    assert found.steps <= 8


def test_davidson_returns_planted_strengths_ties_and_side() -> None:
    cells, theta = drawn(15, 400_000, tie=-0.3, side=0.2)
    found = fit(cells, Davidson(), side=True)
    assert found.theta == pytest.approx(theta, abs=0.05)
    assert found.tie == pytest.approx(-0.3, abs=0.02)
    assert found.side == pytest.approx(0.2, abs=0.02)


def test_half_ties_shrink_the_scale_that_davidson_keeps() -> None:
    cells, theta = drawn(10, 200_000, tie=0.3)
    spread = theta.std()
    assert fit(cells, BradleyTerry()).theta.std() < 0.85 * spread
    assert fit(cells, Davidson()).theta.std() == pytest.approx(spread, rel=0.05)


def test_swapping_the_sides_of_all_votes_changes_the_sign_of_the_side_effect_only() -> None:
    cells, _ = drawn(6, 900, side=0.3)
    turned = Cells(6, cells.right, cells.left, cells.counts[::-1], cells.squares[::-1], cells.features)
    one, other = fit(cells, Davidson(), side=True), fit(turned, Davidson(), side=True)
    assert other.theta == pytest.approx(one.theta, abs=1e-9)
    assert other.side == pytest.approx(-(one.side or 0.0), abs=1e-9)


def test_a_feature_that_decides_votes_is_found_and_taken_out() -> None:
    generator = np.random.default_rng(4)
    left = generator.integers(0, 5, 20_000)
    right = (left + generator.integers(1, 5, 20_000)) % 5
    theta = np.linspace(-0.5, 0.5, 5)
    feature = generator.normal(0.5 * (left - right), 1.0)
    p = 1 / (1 + np.exp(theta[right] - theta[left] - 0.8 * feature))
    outcome = 2 * (generator.random(20_000) > p).astype(np.int8)
    cells = one_by_one(left, right, outcome, 5, features=feature[:, np.newaxis])
    found = fit(cells, Davidson())
    assert found.beta == pytest.approx([0.8], abs=0.05)
    assert found.theta == pytest.approx(theta, abs=0.08)


def test_a_model_that_won_all_has_no_optimum() -> None:
    with pytest.raises(NoOptimumError):
        fit(collapse(np.array([0, 0]), np.array([1, 1]), np.array([0, 0]), 2), BradleyTerry())


def test_only_ties_leave_davidson_without_an_optimum() -> None:
    with pytest.raises(NoOptimumError, match="all votes are ties"):
        fit(collapse(np.array([0, 1]), np.array([1, 2]), np.array([1, 1]), 3), Davidson())


def test_one_win_and_one_tie_of_a_pair_leave_davidson_without_an_optimum() -> None:
    with pytest.raises(NoOptimumError):
        fit(collapse(np.array([0, 0]), np.array([1, 1]), np.array([0, 1]), 2), Davidson())


def test_a_side_that_never_changes_cannot_be_told_from_strengths() -> None:
    cells = collapse(np.array([0, 0, 0, 0]), np.array([1, 1, 2, 2]), np.array([0, 2, 0, 2]), 3)
    with pytest.raises(NotIdentifiedError):
        fit(cells, BradleyTerry(), side=True)


def test_pseudo_votes_make_every_joined_model_finite() -> None:
    cells = collapse(np.array([0, 1]), np.array([1, 2]), np.array([0, 0]), 3).with_pseudo_votes(0.5)
    theta = fit(cells, BradleyTerry()).theta
    assert theta[0] > theta[1] > theta[2]
    assert cells.squares.sum() == 2


def test_components_are_the_sets_that_wins_join_both_ways() -> None:
    beats = np.zeros((6, 6), dtype=bool)
    beats[[0, 1, 2], [1, 2, 0]] = True
    beats[[3, 4], [4, 3]] = True
    beats[0, 3] = True
    assert [members.tolist() for members in components(beats)] == [[0, 1, 2], [3, 4], [5]]


def test_a_fit_started_at_an_earlier_one_reaches_the_same_optimum_sooner() -> None:
    cells, _ = drawn(30, 20_000)
    first = fit(cells, Davidson())
    cells.counts[0, 0] += 1
    again, afresh = fit(cells, Davidson(), start=first), fit(cells, Davidson())
    assert again.theta == pytest.approx(afresh.theta, abs=1e-10)
    assert again.steps < afresh.steps


def test_a_model_with_few_votes_is_not_shrunk() -> None:
    cells, _ = drawn(10, 200_000)
    left = np.concatenate([cells.left, [0, 0]])
    whole = Cells(
        11, left, np.concatenate([cells.right, [10, 10]]), np.hstack([cells.counts, [[1, 0], [0, 0], [0, 3]]]),
        np.hstack([cells.squares, np.zeros((3, 2))]), np.zeros((len(left), 0)),
    )  # fmt: skip
    theta = fit(whole, BradleyTerry()).theta
    assert theta[10] - theta[0] == pytest.approx(np.log(3), abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 5))
def test_renaming_models_renames_their_strengths_only(order: list[int], seed: int) -> None:
    cells, _ = drawn(6, 400, seed=seed)
    places = np.array(order)
    renamed = Cells(6, places[cells.left], places[cells.right], cells.counts, cells.squares, cells.features)
    one, other = fit(cells, Davidson()), fit(renamed, Davidson())
    assert other.theta[places] == pytest.approx(one.theta, abs=1e-9)


@pytest.mark.parametrize("package", ["choix", "evalica"])
def test_bradley_terry_equals_other_programs(package: str) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed")
    cells, _ = drawn(8, 1_500, tie=-50.0)
    ours = fit(cells, BradleyTerry()).theta
    wins = cells.wins()
    if package == "choix":
        pairs = [(i, j) for i in range(8) for j in range(8) for _ in range(int(wins[i, j]))]
        theirs = np.asarray(importlib.import_module("choix").opt_pairwise(8, pairs, alpha=0, tol=1e-10))
        assert ours == pytest.approx(theirs - theirs.mean(), abs=1e-4)
        return
    evalica = importlib.import_module("evalica")
    rows = [(str(i), str(j)) for i in range(8) for j in range(8) for _ in range(int(wins[i, j]))]
    result = evalica.bradley_terry(
        [i for i, _ in rows], [j for _, j in rows], [evalica.Winner.X] * len(rows), tolerance=1e-12
    )
    theirs = np.log(np.array([float(result.scores[str(i)]) for i in range(8)]))
    assert ours == pytest.approx(theirs - theirs.mean(), abs=1e-6)
