import math

import numpy as np
import pytest

from vlmeval.stats.kappa import cohen_kappa


def test_kappa_of_a_two_by_two_table_is_that_computed_by_hand() -> None:
    # 35 of 50 agree; chance 25/50 * 30/50 + 25/50 * 20/50 = 0.5; (0.7 - 0.5) / 0.5.
    assert float(cohen_kappa(np.array([20.0, 5.0, 10.0, 15.0]))) == pytest.approx(0.4, abs=1e-15)


def test_kappa_of_a_three_by_three_table_is_that_computed_by_hand() -> None:
    # Rows 53, 35, 12 and columns 53, 29, 18 of 100: 79 agree; chance 0.2809 + 0.1015 + 0.0216 = 0.4040.
    table = np.array([[45.0, 3, 5], [6, 25, 4], [2, 1, 9]])
    assert float(cohen_kappa(table.ravel())) == pytest.approx((0.79 - 0.4040) / (1 - 0.4040), abs=1e-15)


def test_full_agreement_is_one_full_contradiction_minus_one_and_independence_zero() -> None:
    tables = np.array([[7.0, 0, 0, 3], [0, 5, 5, 0], [12, 8, 18, 12]])
    assert cohen_kappa(tables).tolist() == [1.0, -1.0, 0.0]


def test_kappa_does_not_depend_on_the_order_of_the_classes_or_on_a_class_nobody_names() -> None:
    table = np.array([[45.0, 3, 5], [6, 25, 4], [2, 1, 9]])
    turned = table[np.ix_([2, 0, 1], [2, 0, 1])]
    wider = np.zeros((4, 4))
    wider[:3, :3] = table
    assert cohen_kappa(turned.ravel()) == cohen_kappa(wider.ravel()) == cohen_kappa(table.ravel())


def test_kappa_is_undefined_for_an_empty_table_and_for_one_class() -> None:
    assert math.isnan(float(cohen_kappa(np.zeros(4))))
    assert math.isnan(float(cohen_kappa(np.array([9.0, 0, 0, 0]))))


def test_counts_that_are_no_square_are_refused() -> None:
    with pytest.raises(ValueError, match="3 counts is not square"):
        cohen_kappa(np.zeros(3))
