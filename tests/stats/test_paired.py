import numpy as np
import pytest

from tests.stats.simulated import Floats, clustered_pair, mean, pair, rows
from vlmeval.stats.mcnemar import mcnemar
from vlmeval.stats.paired import Difference, Pairs, paired_difference


def found(pairs: Pairs, *, resamples: int = 1_000) -> Difference:
    difference = paired_difference(pairs, resamples=resamples)
    assert difference is not None
    return difference


def covers(difference: Difference, truth: float) -> bool:
    assert difference.low is not None
    assert difference.high is not None
    return difference.low <= truth <= difference.high


def test_a_difference_with_its_parts() -> None:
    first, second = pair(np.random.default_rng(1), 2_000, gained=0.06, lost=0.03)
    gained, lost = (int(((second - first)[:, 0] == sign).sum()) for sign in (1, -1))
    one = found(Pairs(first, second, np.arange(2_000), mean, proportion=True), resamples=10_000)
    assert one.difference == pytest.approx((gained - lost) / 2_000)
    assert (one.first, one.second) == (first[:, 0].mean(), second[:, 0].mean())
    assert (one.p, one.test, one.samples, one.clusters) == (mcnemar(gained, lost), "mcnemar", 2_000, 2_000)
    spread = np.sqrt((gained + lost) / 2_000 - one.difference**2) / np.sqrt(1_999)
    assert one.error == pytest.approx(spread)
    assert one.error_apart is not None
    assert one.error_apart > 2 * spread
    assert (one.low, one.high) == pytest.approx(
        (one.difference - 1.96 * spread, one.difference + 1.96 * spread), abs=1e-3
    )


def test_where_lower_is_better_less_is_a_gain() -> None:
    first, second = rows(np.full(50, 2.0) + np.arange(50) % 3), rows(np.full(50, 1.0) + np.arange(50) % 2)
    pairs = Pairs(first, second, np.arange(50), mean, higher_is_better=False)
    assert found(pairs).difference > 0
    assert found(pairs._replace(higher_is_better=True)).difference < 0


def test_the_order_of_the_samples_changes_no_bit() -> None:
    generator = np.random.default_rng(5)
    first, second, codes = clustered_pair(generator, 60)
    place = generator.permutation(len(codes))
    pairs = Pairs(first, second, codes, mean, proportion=True)
    assert found(pairs) == found(Pairs(first[place], second[place], codes[place], mean, proportion=True))


def test_models_that_never_differ_are_the_same_within_an_interval_that_is_no_point() -> None:
    block = rows(np.arange(200) % 3 > 0)
    one = found(Pairs(block, block, np.arange(200), mean, proportion=True))
    assert (one.difference, one.p) == (0.0, 1.0)
    assert one.low is not None
    assert one.high is not None
    assert -0.03 < one.low < 0 < one.high < 0.03
    assert one.error == pytest.approx(one.high / 1.96, rel=0.01)


def test_no_samples_and_an_undefined_value_give_no_difference_and_one_cluster_no_interval() -> None:
    nothing = np.zeros((0, 2))
    assert paired_difference(Pairs(nothing, nothing, np.zeros(0, dtype=np.int64), mean)) is None
    empty = np.zeros((3, 2))
    assert paired_difference(Pairs(empty, empty, np.arange(3), mean)) is None
    one = found(Pairs(rows(np.array([0.5, 0.2])), rows(np.array([0.7, 0.1])), np.zeros(2, dtype=np.int64), mean))
    assert (one.low, one.high, one.error) == (None, None, None)


@pytest.mark.parametrize("design", ["single shares", "clustered shares", "clustered scores"])
def test_intervals_of_a_difference_hold_the_truth_at_their_level(design: str) -> None:
    generator = np.random.default_rng(11)
    hits = 0
    for _ in range(1_000):
        if design == "single shares":
            first, second = pair(generator, 400, gained=0.12, lost=0.08)
            pairs, truth = Pairs(first, second, np.arange(400), mean, proportion=True), 0.04
        elif design == "clustered shares":
            pairs, truth = Pairs(*clustered_pair(generator, 100), mean, proportion=True), 0.0
        else:
            codes = np.repeat(np.arange(100), 3)
            image = np.repeat(generator.gamma(2.0, 1.0, 100), 3)
            common = generator.normal(0, 1, 300)
            pairs, truth = Pairs(rows(common), rows(common + image), codes, mean), 2.0
        hits += covers(found(pairs), truth)
    assert 930 <= hits <= 970


def test_two_models_of_one_truth_are_rarely_told_apart_questions_sharing_images_or_not() -> None:
    generator = np.random.default_rng(13)
    false = {"single": 0, "clustered": 0, "real-valued": 0}
    for _ in range(1_000):
        first, second = pair(generator, 500, gained=0.1, lost=0.1)
        false["single"] += p_of(Pairs(first, second, np.arange(500), mean, proportion=True)) <= 0.05
        false["clustered"] += p_of(Pairs(*clustered_pair(generator, 60), mean, proportion=True)) <= 0.05
        noise = generator.gamma(1.0, 1.0, (2, 100))
        false["real-valued"] += p_of(Pairs(rows(noise[0]), rows(noise[1]), np.arange(100), mean)) <= 0.05
    assert all(count <= 60 for count in false.values()), false


def p_of(pairs: Pairs) -> float:
    """Return the p-value; the interval, which it does not depend on, without resampling."""
    difference = paired_difference(pairs, resamples=300, method="analytic")
    assert difference is not None
    assert difference.p is not None
    return difference.p


def test_questions_that_share_images_taken_as_single_ones_are_told_apart_too_often() -> None:
    """What the test by clusters is for: every image's four questions go the same way."""
    generator = np.random.default_rng(17)
    false = {"by image": 0, "by question": 0}
    for _ in range(300):
        better = np.repeat(generator.integers(-1, 2, 60), 4)
        first, second = rows(better < 0), rows(better > 0)
        by_image = Pairs(first, second, np.repeat(np.arange(60), 4), mean, proportion=True)
        false["by image"] += p_of(by_image) <= 0.05
        false["by question"] += p_of(by_image._replace(codes=np.arange(240))) <= 0.05
    assert false["by image"] <= 24
    assert false["by question"] >= 60


def test_a_planted_difference_of_3_points_on_2000_pairs_is_found_19_times_in_20() -> None:
    generator = np.random.default_rng(19)
    hits = 0
    for _ in range(400):
        first, second = pair(generator, 2_000, gained=0.065, lost=0.035)
        one = found(Pairs(first, second, np.arange(2_000), mean, proportion=True), resamples=500)
        hits += one.p is not None and one.p <= 0.05 and one.difference > 0
    assert hits >= 380


def test_f1_of_two_models_is_compared_by_its_own_value() -> None:
    generator = np.random.default_rng(23)
    gold = generator.random(600) < 0.5

    def statistics(error: float) -> Floats:
        said = gold ^ (generator.random(600) < error)
        return np.column_stack([gold & said, said.astype(float) + gold]).astype(np.float64)

    def f1(total: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            value: Floats = 2 * total[..., 0] / total[..., 1]
        return value

    one = found(Pairs(statistics(0.2), statistics(0.1), np.arange(600), f1), resamples=5_000)
    assert one.test == "drawn"
    assert one.p is not None
    assert one.p < 0.01
    assert one.low is not None
    assert 0.02 < one.low < one.difference
