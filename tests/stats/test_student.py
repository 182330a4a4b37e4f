"""Quantiles of Student's t against tables."""

import pytest

from vlmeval.stats.student import student_cdf, student_t

TABLE = {1: 12.7062047362, 2: 4.3026527297, 3: 3.1824463053, 4: 2.7764451052, 5: 2.5705818356, 10: 2.2281388520,
         30: 2.0422724563, 120: 1.9799304051}  # fmt: skip


@pytest.mark.parametrize(("freedom", "quantile"), TABLE.items())
def test_quantiles_equal_the_table(freedom: int, quantile: float) -> None:
    assert student_t(0.975, freedom) == pytest.approx(quantile, abs=1e-9)
    assert student_t(0.025, freedom) == pytest.approx(-quantile, abs=1e-9)


def test_no_freedom_is_the_normal_law_and_many_degrees_come_near_it() -> None:
    assert student_t(0.975, None) == pytest.approx(1.959963984540054)
    assert student_t(0.975, 5000) == pytest.approx(1.9604386, abs=1e-6)
    assert student_t(0.5, 7) == pytest.approx(0, abs=1e-12)


def test_the_distribution_is_symmetric() -> None:
    assert student_cdf(-1.3, 7) == pytest.approx(1 - student_cdf(1.3, 7))


@pytest.mark.parametrize(("probability", "freedom"), [(0.0, 3), (1.0, 3), (0.5, 0)])
def test_what_has_no_quantile_is_refused(probability: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        student_t(probability, freedom)
