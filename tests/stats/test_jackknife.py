import math

import numpy as np
import pytest

from tests.stats.simulated import mean, rows
from vlmeval.stats.clusters import cluster_sums
from vlmeval.stats.jackknife import (
    clustered_wilson,
    jackknife_error,
    leave_one_out,
    ratio_error,
    student_interval,
)
from vlmeval.stats.proportion import wilson


def test_the_error_of_a_mean_of_single_samples_is_the_textbook_one() -> None:
    scores = np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])
    textbook = math.sqrt(32 / 7 / 8)  # squared deviations from 5 sum to 32
    assert ratio_error(rows(scores)) == pytest.approx(textbook)
    block = rows(scores)
    assert jackknife_error(leave_one_out(block, block.sum(axis=0), mean)) == pytest.approx(textbook)


def test_the_clustered_error_adds_residuals_within_clusters_first() -> None:
    """Two images of two questions: all right, all wrong. Residuals sum to +1 and -1: sqrt(2 x 2) / 4."""
    sums = np.array([[2.0, 2.0], [0.0, 2.0]])
    assert ratio_error(sums) == pytest.approx(0.5)
    assert ratio_error(rows(np.array([1.0, 1.0, 0.0, 0.0]))) == pytest.approx(math.sqrt(1 / 3 / 4))


def test_ratio_and_jackknife_agree_on_many_clusters_of_unequal_size() -> None:
    generator = np.random.default_rng(5)
    codes = np.repeat(np.arange(500), generator.integers(1, 9, 500))
    sums, _ = cluster_sums(
        rows(generator.random(len(codes)) < np.repeat(generator.random(500), np.bincount(codes))), codes
    )
    ours = jackknife_error(leave_one_out(sums, sums.sum(axis=0), mean))
    assert ours == pytest.approx(ratio_error(sums), rel=0.01)


def test_one_cluster_and_an_undefined_value_give_no_error() -> None:
    assert ratio_error(np.array([[1.0, 2.0]])) is None
    assert ratio_error(np.array([[0.0, 0.0], [0.0, 0.0]])) is None
    assert jackknife_error(np.array([0.5])) is None
    assert jackknife_error(np.array([0.5, np.nan])) is None


def test_students_interval_has_the_degrees_of_the_clusters() -> None:
    low, high = student_interval(0.0, 1.0, 11)
    assert (low, high) == pytest.approx((-2.228, 2.228), abs=1e-3)


def test_wilsons_interval_on_independent_samples_is_the_plain_one_and_wider_on_clusters() -> None:
    error = math.sqrt(0.7 * 0.3 / 1_000)
    assert clustered_wilson(0.7, error, 100_000) == pytest.approx(wilson(0.7, 1_000), abs=1e-5)
    low, high = clustered_wilson(0.7, 2 * error, 50)
    assert low < wilson(0.7, 250)[0]
    assert high > wilson(0.7, 250)[1]
