"""Krippendorff's own example, Fleiss' own table, and what is undefined."""

import numpy as np
import pytest

from vlmeval.stats.agreement import Scale, fleiss_kappa, krippendorff_alpha, majority, unit_counts

NONE = -1
# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section D: four observers, twelve units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
)  # fmt: skip
# Fleiss 1971 as in the literature: ten subjects, fourteen raters, five categories; kappa .210.
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ],
    dtype=np.float64,
)  # fmt: skip


@pytest.mark.parametrize(("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_equals_krippendorffs_2011_example(scale: Scale, alpha: float) -> None:
    units = np.broadcast_to(np.arange(12), OBSERVERS.shape)
    given = OBSERVERS != NONE
    counts = unit_counts(units[given], OBSERVERS[given] - 1, 5)
    assert krippendorff_alpha(counts, scale=scale) == pytest.approx(alpha, abs=5.001e-4)


def test_fleiss_kappa_equals_the_worked_example() -> None:
    assert fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5.001e-4)


def test_full_agreement_is_one() -> None:
    counts = np.array([[3.0, 0.0], [0.0, 3.0]])
    assert krippendorff_alpha(counts) == 1
    assert fleiss_kappa(counts) == 1


def test_one_category_or_one_rating_a_unit_leaves_agreement_undefined() -> None:
    assert krippendorff_alpha(np.array([[2.0, 0.0], [3.0, 0.0]])) is None
    assert krippendorff_alpha(np.array([[1.0, 0.0], [0.0, 1.0]])) is None
    assert fleiss_kappa(np.array([[2.0, 0.0]])) is None


def test_interval_alpha_uses_the_values_given() -> None:
    counts = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [2.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    near = krippendorff_alpha(counts, scale="interval", values=np.array([0.0, 0.1, 10.0]))
    even = krippendorff_alpha(counts, scale="interval")
    assert near is not None
    assert even is not None
    assert near != pytest.approx(even)


def test_fleiss_kappa_refuses_units_with_other_numbers_of_raters() -> None:
    with pytest.raises(ValueError, match="same number of raters"):
        fleiss_kappa(np.array([[2.0, 0.0], [1.0, 2.0]]))


def test_a_shared_first_place_has_no_majority() -> None:
    assert majority(np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 0.0]])).tolist() == [0, -1]
