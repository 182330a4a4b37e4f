import numpy as np
import pytest
from numpy.typing import NDArray

from tests.stats.simulated import mean, rows
from vlmeval.stats.bca import acceleration, bca_tails, bias_correction
from vlmeval.stats.bootstrap import Interval, Method, Statistic, intervals, resample
from vlmeval.stats.clusters import cluster_sums, exact_total
from vlmeval.stats.jackknife import leave_one_out

Floats = NDArray[np.float64]
# Efron & Tibshirani 1993, table 14.1: the spatial test of 26 children, task A.
SPATIAL = np.array(
    [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41], dtype=float
)


def variance(total: Floats) -> Floats:
    value: Floats = total[..., 1] / total[..., 2] - (total[..., 0] / total[..., 2]) ** 2
    return value


def spatial() -> Statistic:
    sums = np.column_stack([SPATIAL, SPATIAL**2, np.ones(26)])
    return Statistic(sums, sums.sum(axis=0), variance)


def test_acceleration_and_bias_of_the_spatial_test_are_those_of_the_book() -> None:
    statistic = spatial()
    value = float(variance(statistic.total))
    assert value == pytest.approx(171.5, abs=0.05)
    assert acceleration(leave_one_out(statistic.sums, statistic.total, variance)) == pytest.approx(0.061, abs=5e-4)
    (totals,) = resample([statistic.sums], seed=0, resamples=20_000)
    assert bias_correction(variance(totals), value) == pytest.approx(0.146, abs=0.03)


def test_the_interval_of_the_spatial_test_leans_as_in_the_book() -> None:
    """The book has (115.8, 259.6) at 90 %, the percentiles (100.8, 233.9); ours are a little wider at 26 samples."""
    found = {
        method: intervals([spatial()], np.ones(26, dtype=np.int64), level=0.9, method=method)[0]
        for method in ("percentile", "bca")
    }
    assert found["percentile"] == pytest.approx((97, 239), abs=5)
    assert found["bca"] == pytest.approx((113, 268), abs=6)


def test_without_skew_bca_is_the_percentile_interval() -> None:
    generator = np.random.default_rng(2)
    block = rows(generator.normal(0, 1, 4_000))
    statistic, sizes = Statistic(block, block.sum(axis=0), mean), np.ones(4_000, dtype=np.int64)
    (plain,), (corrected,) = (
        intervals([statistic], sizes, method="percentile"),
        intervals([statistic], sizes, method="bca"),
    )
    assert corrected == pytest.approx(plain, abs=1.5e-3)


def test_a_value_outside_all_of_its_resamples_and_undefined_leave_one_outs_have_no_tails() -> None:
    left_out = np.array([0.1, 0.2, 0.3])
    assert bca_tails(np.array([2.0, 3.0]), 1.0, left_out) is None
    assert bca_tails(np.array([0.0, 3.0]), 1.0, np.array([0.1, np.nan])) is None
    assert bca_tails(np.array([0.0, 3.0]), 1.0, np.array([0.1])) is None


def test_bca_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    scores = np.random.default_rng(4).gamma(1.0, 1.0, 400)
    theirs = stats.bootstrap(
        (scores,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    block = rows(scores)
    statistic = Statistic(block, block.sum(axis=0), mean)
    (ours,) = intervals([statistic], np.ones(400, dtype=np.int64), method="bca", resamples=20_000)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.006)


def one_interval(scores: Floats, codes: NDArray[np.int64], method: Method, *, proportion: bool) -> Interval:
    block = rows(scores)
    sums, sizes = cluster_sums(block, codes)
    statistic = Statistic(sums, exact_total(block), mean, proportion)
    return intervals([statistic], sizes, method=method, resamples=1_500)[0]


@pytest.mark.parametrize("method", ["percentile", "bca", "analytic"])
@pytest.mark.parametrize("design", ["iid shares", "clustered shares", "clustered scores"])
def test_intervals_hold_the_truth_at_their_level(method: Method, design: str) -> None:
    generator = np.random.default_rng(7)
    hits = 0
    for _ in range(1_000):
        if design == "iid shares":
            scores, codes, truth = (generator.random(200) < 0.7).astype(float), np.arange(200), 0.7
        else:
            sizes = generator.integers(1, 8, 80)
            codes = np.repeat(np.arange(80), sizes)
            ease = np.repeat(generator.beta(1.5, 1.0, 80), sizes)
            truth = 0.6
            scores = (generator.random(len(codes)) < ease).astype(float)
            if design == "clustered scores":
                scores = ease + generator.normal(0, 0.1, len(codes))
        low, high = one_interval(scores, codes, method, proportion="shares" in design)
        assert low is not None
        assert high is not None
        hits += low <= truth <= high
    assert 930 <= hits <= 970


def test_bca_of_a_skewed_metric_misses_more_evenly_than_the_percentiles() -> None:
    """The variance of gamma scores: the percentile interval lies too low, its misses are nearly all on one side."""
    generator = np.random.default_rng(3)
    above: dict[Method, int] = {"percentile": 0, "bca": 0}
    for _ in range(400):
        scores = generator.gamma(2.0, 1.0, 100)
        sums = np.column_stack([scores, scores**2, np.ones(100)])
        statistic = Statistic(sums, sums.sum(axis=0), variance)
        for method in above:
            (interval,) = intervals([statistic], np.ones(100, dtype=np.int64), method=method, resamples=1_000)
            above[method] += interval.high is not None and interval.high < 2.0
    assert above["bca"] < 0.85 * above["percentile"]
