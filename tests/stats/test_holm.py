import numpy as np
import pytest

from vlmeval.stats.holm import holm


def test_each_value_is_multiplied_by_the_tests_still_open_and_never_falls_below_an_earlier_one() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_one_test_is_not_adjusted_none_gives_none_and_nothing_exceeds_1() -> None:
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]


def test_a_value_that_is_no_probability_is_refused() -> None:
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=r"0\.\.1"):
            holm([0.5, wrong])


def test_among_tests_without_an_effect_a_false_claim_is_as_rare_as_the_level() -> None:
    generator = np.random.default_rng(1)
    false = sum(holm(generator.random(20).tolist()).min() <= 0.05 for _ in range(2_000))
    assert 60 <= false <= 140
