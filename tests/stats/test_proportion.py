import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.stats.proportion import share_difference, wilson


@pytest.mark.parametrize(
    ("right", "trials", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3 (score, no continuity correction).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_it_gives_the_score_intervals_of_newcombes_table(right: int, trials: int, low: float, high: float) -> None:
    assert wilson(right / trials, trials) == pytest.approx((low, high), abs=5e-5)


@given(share=st.floats(0, 1), trials=st.floats(1, 1e6))
def test_it_encloses_the_share_and_stays_between_0_and_1(share: float, trials: float) -> None:
    low, high = wilson(share, trials)
    assert 0 <= low <= share <= high <= 1
    assert low < high


def test_0_of_n_mirrors_n_of_n() -> None:
    low, high = wilson(0.0, 12)
    assert wilson(1.0, 12) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("share", "trials"), [(1.1, 5), (-0.1, 5), (0.5, 0), (float("nan"), 5)])
def test_a_number_that_is_no_share_is_refused(share: float, trials: float) -> None:
    with pytest.raises(ValueError, match="share"):
        wilson(share, trials)


@given(shares=st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda two: sum(two) <= 1), trials=st.floats(1, 1e6))
def test_a_difference_lies_inside_its_bounds_and_turns_with_its_sides(
    shares: tuple[float, float], trials: float
) -> None:
    gained, lost = shares
    low, high = share_difference(gained, lost, trials)
    assert -1 <= low <= gained - lost <= high <= 1
    assert share_difference(lost, gained, trials) == pytest.approx((-high, -low), abs=1e-12)


def test_two_equal_series_may_still_differ_by_what_their_number_hides() -> None:
    # Wilson's bound for 0 of 20 is 0.1611 (Newcombe's table I).
    assert share_difference(0, 0, 20) == pytest.approx((-0.1611, 0.1611), abs=5e-5)
    assert share_difference(1, 0, 20) == pytest.approx((1 - 0.1611 * 2**0.5, 1), abs=1e-4)
