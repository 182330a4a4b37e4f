import itertools

import numpy as np
import pytest

from tests.stats.simulated import Floats, mean, pair, rows
from vlmeval.stats.clusters import cluster_sums
from vlmeval.stats.mcnemar import mcnemar
from vlmeval.stats.permutation import exchange_test

# Darwin's maize, cross- minus self-fertilised, in eighths of an inch: Fisher 1935, section 21, counts 863 of 32,768.
MAIZE = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)


def test_fishers_maize_has_863_exchanges_as_extreme_on_each_side() -> None:
    found = exchange_test(rows(np.zeros(15)), rows(MAIZE), mean)
    assert found.method == "exact"
    assert found.p == pytest.approx(2 * 863 / 2**15, abs=1e-12)


def test_drawn_exchanges_come_near_the_exact_ones() -> None:
    generator = np.random.default_rng(1)
    padded = np.concatenate([MAIZE, generator.normal(0, 1e-6, 10)])
    found = exchange_test(rows(np.zeros(25)), rows(padded), mean)
    assert found.method == "drawn"
    assert found.p == pytest.approx(2 * 863 / 2**15, abs=0.01)
    assert exchange_test(rows(np.zeros(25)), rows(padded), mean, seed=1).p != found.p
    assert exchange_test(rows(np.zeros(25)), rows(padded), mean) == found


def test_of_single_samples_right_or_wrong_it_is_mcnemars_test() -> None:
    first, second = pair(np.random.default_rng(4), 800, gained=0.08, lost=0.05)
    change = second[:, 0] - first[:, 0]
    expected = mcnemar(int((change > 0).sum()), int((change < 0).sum()))
    assert exchange_test(first, second, mean).p == pytest.approx(expected, rel=1e-9)


def test_clusters_are_exchanged_whole() -> None:
    """Four images with the same three gains each: two of sixteen exchanges are as extreme, not two of 4,096."""
    codes = np.repeat(np.arange(4), 3)
    sums, _ = cluster_sums(np.hstack([rows(np.zeros(12)), rows(np.ones(12))]), codes)
    assert exchange_test(sums[:, :2], sums[:, 2:], mean).p == pytest.approx(2 / 16)


def test_a_metric_that_is_no_mean_is_tested_by_its_own_value() -> None:
    """F1 from (hits, guesses + golds): all 64 exchanges of six clusters, by hand."""
    generator = np.random.default_rng(6)
    blocks = [generator.integers(0, 5, (6, 2)).astype(float) for _ in range(2)]
    for block in blocks:
        block[:, 1] += block[:, 0] + 1

    def f1(total: Floats) -> Floats:
        value: Floats = 2 * total[..., 0] / total[..., 1]
        return value

    seen = abs(f1(blocks[1].sum(axis=0)) - f1(blocks[0].sum(axis=0)))
    extreme = 0.0
    for chosen in itertools.product((False, True), repeat=6):
        mask = np.array(chosen)[:, np.newaxis]
        one, two = np.where(mask, blocks[1], blocks[0]), np.where(mask, blocks[0], blocks[1])
        extreme += float(abs(f1(two.sum(axis=0)) - f1(one.sum(axis=0))) >= seen - 1e-12)
    assert exchange_test(blocks[0], blocks[1], f1).p == pytest.approx(extreme / 64)


def test_models_that_never_differ_have_p_1_and_an_undefined_metric_none() -> None:
    same = rows(np.array([1.0, 0.0, 1.0]))
    assert exchange_test(same, same, mean).p == 1.0
    empty = np.array([[0.0, 0.0], [0.0, 0.0]])
    assert exchange_test(empty, np.array([[1.0, 1.0], [1.0, 1.0]]), mean).p is None


def test_a_drawn_p_value_is_never_0_and_its_size_is_right() -> None:
    generator = np.random.default_rng(8)
    shifted = generator.normal(5.0, 1.0, 100)
    assert exchange_test(rows(np.zeros(100)), rows(shifted), mean, permutations=999).p == pytest.approx(1 / 1_000)
    false = sum(
        (exchange_test(rows(np.zeros(60)), rows(generator.normal(0, 1, 60)), mean, permutations=400).p or 1) <= 0.05
        for _ in range(1_000)
    )
    assert 30 <= false <= 70
