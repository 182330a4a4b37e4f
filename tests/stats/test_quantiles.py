import pytest

from vlmeval.stats.quantiles import expanded_tail, student_quantile


@pytest.mark.parametrize(
    ("freedom", "quantile", "tolerance"),
    [(2, 4.302653, 0.04), (5, 2.570582, 3e-4), (10, 2.228139, 1e-5), (30, 2.042272, 1e-6), (1000, 1.962339, 1e-6)],
)
def test_the_quantiles_of_students_t_are_those_of_the_tables(freedom: int, quantile: float, tolerance: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(quantile, abs=tolerance)


def test_the_tail_shrinks_for_few_clusters_and_is_the_nominal_one_for_many() -> None:
    tails = [expanded_tail(0.95, clusters) for clusters in (2, 5, 20, 100, 10_000)]
    assert tails == sorted(tails)
    assert tails[0] < 1e-9
    assert tails[-1] == pytest.approx(0.025, abs=5e-5)
