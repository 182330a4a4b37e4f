import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from vlmeval.stats.clusters import cluster_codes, cluster_sums, effective_clusters, exact_total

ROWS = st.lists(
    st.tuples(st.sampled_from(["cat", "dog", "猫", ""]), st.floats(-1e6, 1e6), st.floats(0, 1)), min_size=1, max_size=40
)


def summed(rows: list[tuple[str, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    matrix = np.array([row[1:] for row in rows])
    sums, sizes = cluster_sums(matrix, cluster_codes([row[0] for row in rows]))
    return sums, sizes, exact_total(matrix)


@given(rows=ROWS, seed=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_no_bit(rows: list[tuple[str, float, float]], seed: Random) -> None:
    shuffled = list(rows)
    seed.shuffle(shuffled)
    for ours, theirs in zip(summed(rows), summed(shuffled), strict=True):
        assert_array_equal(ours, theirs)


@given(rows=ROWS)
def test_each_cluster_is_the_sum_of_its_rows(rows: list[tuple[str, float, float]]) -> None:
    sums, sizes, total = summed(rows)
    names = sorted({row[0] for row in rows})
    for place, name in enumerate(names):
        members = [row for row in rows if row[0] == name]
        assert sizes[place] == len(members)
        assert sums[place, 1] == pytest.approx(math.fsum(row[2] for row in members))
    assert total[1] == math.fsum(row[2] for row in rows)


@given(rows=ROWS, cut=st.integers(0, 40))
def test_two_halves_add_up(rows: list[tuple[str, float, float]], cut: int) -> None:
    halves = [half for half in (rows[:cut], rows[cut:]) if half]
    total = sum(summed(half)[2] for half in halves)
    assert total == pytest.approx(summed(rows)[2], rel=1e-12, abs=1e-9)


def test_equal_clusters_count_fully_and_a_giant_counts_for_one() -> None:
    assert effective_clusters(np.array([3, 3, 3, 3])) == 4
    assert effective_clusters(np.array([1_000_000, 1, 1, 1])) == pytest.approx(1, abs=1e-4)
