import numpy as np
import pytest

from vlmeval.stats.components import components


def test_a_table_worked_by_hand() -> None:
    """Means 1, .5, .5, 0: within (0 + .5 + .5 + 0) / 4 = .25, between 2 x .5 / 3 = 1/3, samples (1/3 - 1/4) / 2."""
    found = components([[1, 1], [1, 0], [0, 1], [0, 0]])
    assert found is not None
    assert found.mean == 0.5
    assert found.epochs == pytest.approx(0.25)
    assert found.samples == pytest.approx(1 / 24)
    assert found.error**2 == pytest.approx(1 / 6 / 4)
    assert found.epochs_error**2 == pytest.approx(0.25 / 8)
    assert found.error**2 == pytest.approx(found.samples / 4 + found.epochs_error**2)


def test_planted_variances_come_back_with_unequal_numbers_of_tries_too() -> None:
    generator = np.random.default_rng(2)
    tries = generator.integers(1, 6, 20_000)
    scores = [
        centre + generator.normal(0, 0.5, count)
        for centre, count in zip(generator.normal(1, 2, 20_000), tries, strict=True)
    ]
    found = components(scores)
    assert found is not None
    assert found.samples == pytest.approx(4.0, rel=0.03)
    assert found.epochs == pytest.approx(0.25, rel=0.03)


def test_tries_that_differ_only_by_chance_leave_nothing_between_samples() -> None:
    found = components([[1, 0], [0, 1], [1, 0]])
    assert found is not None
    assert found.samples == 0.0
    assert found.epochs == 0.5


@pytest.mark.parametrize("scores", [[], [[1, 0]], [[1], [0], [1]], [[1, 0], []]])
def test_nothing_tells_the_two_apart_without_two_samples_and_a_second_try(scores: list[list[float]]) -> None:
    assert components(scores) is None
