import math

import pytest

from vlmeval.stats.mcnemar import mcnemar


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [(15, 5, 2 * 21_700 / 2**20), (5, 15, 2 * 21_700 / 2**20), (0, 6, 2 / 64), (1, 0, 1.0), (7, 7, 1.0), (0, 0, 1.0)],
)
def test_the_p_value_is_the_binomial_tail_twice(gained: int, lost: int, p: float) -> None:
    assert mcnemar(gained, lost) == pytest.approx(p, rel=1e-12)


def test_mid_p_counts_the_observed_table_half() -> None:
    tail = 21_700 - math.comb(20, 5) / 2
    assert mcnemar(15, 5, mid=True) == pytest.approx(2 * tail / 2**20)
    assert mcnemar(0, 0, mid=True) == 1.0


def test_large_tables_neither_overflow_nor_underflow() -> None:
    assert mcnemar(500_000, 500_000) == pytest.approx(1.0)
    assert mcnemar(501_000, 499_000) == pytest.approx(0.0455, abs=2e-4)  # z = 2
    assert 0.0 <= mcnemar(0, 100_000) < 1e-300


def test_the_test_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for gained, lost in ((61, 40), (12, 30), (3, 4), (170, 140)):
        assert mcnemar(gained, lost) == pytest.approx(stats.binomtest(gained, gained + lost).pvalue, rel=1e-9)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 gained"):
        mcnemar(-1, 3)
