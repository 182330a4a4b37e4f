import numpy as np
import pytest

from tests.stats.simulated import pair
from vlmeval.stats.mcnemar import mcnemar
from vlmeval.stats.power import detectable, paired_samples, reach, samples_for, unpaired_samples


def test_80_per_cent_power_at_5_per_cent_needs_2_8_standard_errors() -> None:
    assert reach() == pytest.approx(1.959964 + 0.841621, abs=1e-6)
    assert detectable(0.01) == pytest.approx(0.0280158, abs=1e-6)
    assert detectable(0.01, power=0.5) == pytest.approx(0.0195996, abs=1e-6)


def test_four_times_the_samples_show_half_the_difference() -> None:
    error = 0.01
    assert samples_for(detectable(error), error=error, samples=1_000) == 1_000
    assert samples_for(detectable(error) / 2, error=error, samples=1_000) == 4_000
    assert samples_for(0.0, error=error, samples=1_000) is None


def test_published_sample_sizes_are_reproduced() -> None:
    """R's power.prop.test(p1 = .5, p2 = .6, power = .8) has n = 387.3; Connor's formula by hand 233.1."""
    assert unpaired_samples(0.5, 0.6) == 388
    assert paired_samples(0.1, 0.3) == 234


def test_as_many_pairs_as_said_find_the_difference_four_times_in_five() -> None:
    generator, difference, discordance = np.random.default_rng(3), 0.04, 0.16
    needed = paired_samples(difference, discordance)
    found = 0
    for _ in range(1_000):
        first, second = pair(generator, needed, gained=0.10, lost=0.06)
        change = second[:, 0] - first[:, 0]
        found += mcnemar(int((change > 0).sum()), int((change < 0).sum()), mid=True) <= 0.05
    assert 760 <= found <= 840


@pytest.mark.parametrize(("difference", "discordance"), [(0.0, 0.2), (0.3, 0.2), (0.1, 1.2)])
def test_a_difference_that_its_discordance_cannot_make_is_refused(difference: float, discordance: float) -> None:
    with pytest.raises(ValueError, match="discordance"):
        paired_samples(difference, discordance)


def test_equal_shares_and_shares_outside_0_to_1_are_refused() -> None:
    for shares in ((0.5, 0.5), (-0.1, 0.5), (0.5, 1.1)):
        with pytest.raises(ValueError, match="different shares"):
            unpaired_samples(*shares)
