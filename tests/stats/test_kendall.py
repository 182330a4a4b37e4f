"""Kendall's tau-b, against a known table and its own symmetries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.stats.kendall import kendall

STATS = pytest.importorskip("scipy.stats")
FIGURES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=30)


@given(FIGURES)
def test_it_is_scipys_tau_b_with_and_without_ties(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    found = kendall(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(STATS.kendalltau(first, second).statistic, abs=1e-12)


def test_equal_orders_give_one_and_opposite_ones_minus_one() -> None:
    assert kendall([1, 2, 3], [10, 20, 30]) == pytest.approx(1.0)
    assert kendall([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
