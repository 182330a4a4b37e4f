"""Who is told apart, all pairs at once."""

import numpy as np
import pytest

from vlmeval.stats.clusters import Floats
from vlmeval.stats.sandwich import Covariance
from vlmeval.stats.separations import rank, separated, tiers


def independent(errors: Floats, freedom: int | None = None) -> Covariance:
    return Covariance(np.diag(errors**2), freedom, {})


def test_models_far_apart_have_one_rank_each() -> None:
    found = rank(np.array([0.0, 10.0, 5.0]), independent(np.full(3, 0.1)))
    assert found.low.tolist() == found.high.tolist() == [3, 1, 2]
    assert found.tier.tolist() == [3, 1, 2]
    assert found.bound.tolist() == [3, 1, 2]


def test_equal_models_share_all_ranks_and_one_tier() -> None:
    found = rank(np.zeros(4), independent(np.ones(4)))
    assert found.low.tolist() == [1] * 4
    assert found.high.tolist() == [4] * 4
    assert set(found.tier.tolist()) == {1}


def test_boards_of_equal_models_are_falsely_separated_at_the_level() -> None:
    generator = np.random.default_rng(0)
    spread = independent(np.ones(10))
    wrong = sum(bool(separated(row, spread, draws=1_000).any()) for row in generator.standard_normal((400, 10)))
    assert 0.02 <= wrong / 400 <= 0.085


def test_few_degrees_of_freedom_separate_less() -> None:
    theta = np.array([0.0, 2.4, 4.8])
    assert separated(theta, independent(np.full(3, 0.5))).sum() == 3
    assert separated(theta, independent(np.full(3, 0.5), 2)).sum() < 3


def test_step_down_finds_what_the_first_step_leaves() -> None:
    # One model far below is settled at once; the critical value for the other pair is then smaller.
    errors = np.array([0.1, 0.1, 0.1, 0.1])
    theta = np.array([0.0, 0.335, 50.0, 100.0])
    alone = separated(theta[:2], independent(errors[:2]))
    together = separated(theta, independent(errors))
    assert alone[1, 0] == together[1, 0]


def test_a_seed_gives_the_same_ranks_again() -> None:
    theta = np.linspace(0, 1, 8)
    spread = independent(np.full(8, 0.15))
    assert np.array_equal(rank(theta, spread, seed=3).above, rank(theta, spread, seed=3).above)


def test_a_tier_ends_where_its_first_model_is_separated() -> None:
    above = np.zeros((3, 3), dtype=bool)
    above[0, 2] = True
    assert tiers(np.array([3.0, 2.0, 1.0]), above).tolist() == [1, 1, 2]


@pytest.mark.parametrize("size", [1, 2])
def test_tiny_boards_have_ranks(size: int) -> None:
    assert rank(np.zeros(size), independent(np.ones(size))).high.tolist() == [size] * size
