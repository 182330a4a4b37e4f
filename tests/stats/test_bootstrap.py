import numpy as np
import pytest
from numpy.typing import NDArray

from vlmeval.stats.bootstrap import UNKNOWN, Interval, Statistic, intervals, resample
from vlmeval.stats.clusters import cluster_sums, exact_total
from vlmeval.stats.proportion import wilson

Floats = NDArray[np.float64]
SIMULATIONS = 600


def mean(total: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return total[..., 0] / total[..., 1]


def one_interval(
    scores: Floats, codes: NDArray[np.int64] | None = None, *, proportion: bool = False, resamples: int = 10_000
) -> Interval:
    rows = np.column_stack([scores, np.ones(len(scores))])
    sums, sizes = cluster_sums(rows, np.arange(len(scores)) if codes is None else codes)
    statistic = Statistic(sums, exact_total(rows), mean, proportion)
    return intervals([statistic], sizes, resamples=resamples)[0]


def coverage(draw: object, truth: float, *, proportion: bool, seed: int = 1) -> float:
    """Return the share of simulated studies whose interval holds the truth."""
    generator = np.random.default_rng(seed)
    hits = 0
    for _ in range(SIMULATIONS):
        scores, codes = draw(generator)  # type: ignore[operator]
        low, high = one_interval(scores, codes, proportion=proportion, resamples=2_000)
        assert low is not None
        assert high is not None
        hits += low <= truth <= high
    return hits / SIMULATIONS


def test_intervals_of_independent_questions_hold_the_truth_19_times_in_20() -> None:
    def draw(generator: np.random.Generator) -> tuple[Floats, None]:
        return (generator.random(150) < 0.7).astype(float), None

    assert 0.93 <= coverage(draw, 0.7, proportion=True) <= 0.97


def test_intervals_of_questions_that_share_images_hold_the_truth_19_times_in_20() -> None:
    def draw(generator: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
        sizes = generator.integers(1, 9, 60)
        ease = np.repeat(generator.beta(1.2, 0.8, 60), sizes)
        return (generator.random(len(ease)) < ease).astype(float), np.repeat(np.arange(60), sizes)

    assert 0.93 <= coverage(draw, 0.6, proportion=True) <= 0.97


def test_intervals_that_ignore_shared_images_are_too_short() -> None:
    def draw(generator: np.random.Generator) -> tuple[Floats, None]:
        ease = np.repeat(generator.beta(1.2, 0.8, 60), 6)
        return (generator.random(len(ease)) < ease).astype(float), None

    assert coverage(draw, 0.6, proportion=True) < 0.85


def test_intervals_of_skewed_scores_of_few_clusters_hold_the_truth_19_times_in_20() -> None:
    def draw(generator: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
        common = np.repeat(generator.gamma(4.0, 1.0, 25), 4)
        return common + generator.normal(0, 1, 100), np.repeat(np.arange(25), 4)

    assert 0.92 <= coverage(draw, 4.0, proportion=False) <= 0.97


def test_intervals_near_1_hold_the_truth() -> None:
    def draw(generator: np.random.Generator) -> tuple[Floats, None]:
        return (generator.random(100) < 0.97).astype(float), None

    assert 0.93 <= coverage(draw, 0.97, proportion=True) <= 0.99


def test_drawing_distinct_rows_and_drawing_clusters_agree() -> None:
    generator = np.random.default_rng(5)
    coarse = np.column_stack([generator.integers(0, 2, 3_000).astype(float), np.ones(3_000)])
    fine = coarse + np.column_stack([generator.normal(0, 1e-9, 3_000), np.zeros(3_000)])
    few, many = resample([coarse, fine], seed=3)
    assert len(few) == 10_000
    assert len(many) == 10_000
    for share in (0.025, 0.5, 0.975):
        assert np.quantile(mean(few), share) == pytest.approx(np.quantile(mean(many), share), abs=1.5e-3)
    assert mean(few).std() == pytest.approx(mean(many).std(), rel=0.03)


def test_every_resample_draws_as_many_clusters_as_there_are() -> None:
    generator = np.random.default_rng(0)
    few = np.column_stack([generator.integers(0, 3, 500), np.ones(500)]).astype(float)
    many = np.column_stack([generator.random(500), np.ones(500)])
    for totals in resample([few, many], seed=0, resamples=300):
        assert (totals[:, 1] == 500).all()


def test_resamples_of_many_clusters_draw_as_many_and_vary_as_multinomial_draws_do() -> None:
    generator = np.random.default_rng(2)
    block = np.column_stack([generator.gamma(1.0, 1.0, 2_000), np.ones(2_000)])
    (totals,) = resample([block], seed=0, resamples=20_000)
    assert (totals[:, 1] == 2_000).all()
    assert totals[:, 0].mean() == pytest.approx(block[:, 0].sum(), abs=4 * np.sqrt(2_000 / 20_000) * block[:, 0].std())
    assert totals[:, 0].std() == pytest.approx(np.sqrt(2_000) * block[:, 0].std(), rel=0.02)


def test_the_names_and_order_of_clusters_change_no_bit() -> None:
    generator = np.random.default_rng(8)
    scores, codes = generator.random(400), np.repeat(np.arange(100), 4)
    place, name = generator.permutation(400), generator.permutation(100)
    assert one_interval(scores, codes) == one_interval(scores[place], name[codes][place])


def test_a_metric_keeps_its_interval_in_any_company() -> None:
    generator = np.random.default_rng(8)
    rows = np.column_stack([generator.integers(0, 2, 200), np.ones(200)]).astype(float)
    fine = np.column_stack([generator.random(200), np.ones(200)])
    sizes = np.ones(200, dtype=np.int64)
    coarse = Statistic(rows, exact_total(rows), mean)
    both = intervals([Statistic(fine, exact_total(fine), mean), coarse], sizes)
    assert both[1] == intervals([coarse], sizes)[0]


def test_another_seed_gives_nearly_the_same_interval() -> None:
    rows = np.column_stack([np.random.default_rng(4).random(500), np.ones(500)])
    statistic, sizes = Statistic(rows, exact_total(rows), mean), np.ones(500, dtype=np.int64)
    ours, theirs = (intervals([statistic], sizes, seed=seed)[0] for seed in (0, 1))
    assert ours != theirs
    assert ours == pytest.approx(theirs, abs=2e-3)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_share_of_all_or_none_gets_wilsons_interval_on_the_clusters(value: float) -> None:
    codes = np.repeat(np.arange(30), 4)
    assert one_interval(np.full(120, value), codes, proportion=True) == pytest.approx(wilson(value, 30))


def test_one_wrong_answer_more_never_makes_the_interval_of_a_nearly_perfect_share_shorter() -> None:
    widths = []
    for wrong in range(9):
        low, high = one_interval(np.repeat([0.0, 1.0], [wrong, 200 - wrong]), proportion=True)
        assert low is not None
        assert high is not None
        widths.append(high - low)
    assert widths == sorted(widths)


def test_a_share_of_one_cluster_is_almost_unknown() -> None:
    low, high = one_interval(np.array([1.0, 0.0]), np.array([0, 0]), proportion=True)
    assert low is not None
    assert high is not None
    assert low < 0.06
    assert high > 0.94


def test_one_cluster_gives_no_interval_for_other_metrics() -> None:
    assert one_interval(np.array([1.0, 0.5]), np.array([0, 0])) == UNKNOWN


def test_clusters_that_do_not_differ_give_no_interval_rather_than_a_point() -> None:
    assert one_interval(np.full(50, 0.3)) == UNKNOWN


def test_a_value_undefined_on_many_resamples_gives_no_interval() -> None:
    sums = np.zeros((30, 2))
    sums[0] = 1.0, 1.0
    sums[1] = 0.0, 1.0
    statistic = Statistic(sums, sums.sum(axis=0), mean)
    assert intervals([statistic], np.ones(30, dtype=np.int64)) == [UNKNOWN]


def test_columns_of_zeros_stay_zero_and_change_nothing_else() -> None:
    block = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [0.0, 1.0]])
    wide = np.zeros((4, 6))
    wide[:, [1, 4]] = block
    (narrow,), (total,) = resample([block], seed=3, resamples=50), resample([wide], seed=3, resamples=50)
    assert np.array_equal(total[:, [1, 4]], narrow)
    assert not total[:, [0, 2, 3, 5]].any()


def test_statistics_that_two_metrics_share_are_resampled_alike() -> None:
    generator = np.random.default_rng(5)
    block = generator.normal(size=(300, 3))
    other = np.column_stack([generator.normal(size=300), block[:, 1]])
    first, second, third = resample([block, block.copy(), other], seed=1, resamples=50)
    assert np.array_equal(first, second)
    assert np.array_equal(third[:, 1], first[:, 1])
    assert third.shape == (50, 2)
