"""Relaxed accuracy by hand: five per cent of what, what is a number, and where the programs part."""

import pytest

from vlmeval.metrics.relaxed import (
    RelaxedAccuracy,
    listed,
    relaxed,
    relaxed_accuracy,
    relaxed_accuracy_vlmevalkit,
    relaxed_pix2struct,
    relaxed_vlmevalkit,
)
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Sample


@pytest.mark.parametrize(
    ("reply", "gold", "right"),
    [
        ("105", "100", True),
        ("105.1", "100", False),
        ("95", "100", True),
        ("94.9", "100", False),
        ("-95", "-100", True),
        ("95", "-100", False),
        ("5%", "5%", True),
        ("5%", "5", False),
        ("5", "5%", False),
        ("0.05", "5%", True),
        ("14", "14.0", True),
        ("1e2", "100", True),
        ("1,000", "1000", False),
        ("1,000", "1,000", True),
        ("3 km", "3", False),
        ("YES", "yes", True),
        ("yes.", "yes", False),
        ("", "yes", False),
        ("nan", "5", False),
        ("5", "nan", False),
        ("inf", "5", False),
        ("%", "5", False),
        ("2014", "[2014, 2016]", False),
        ("[2014, 2016]", "[2014, 2016]", True),
    ],
)
def test_a_number_is_right_within_five_per_cent_of_the_gold(reply: str, gold: str, right: bool) -> None:
    assert relaxed(reply, gold) is right
    assert relaxed_pix2struct(reply, gold) is right


@pytest.mark.parametrize("reply", ["0.0", "0%", "-0", "00"])
def test_a_gold_of_zero_is_a_number_here_and_a_text_in_pix2struct(reply: str) -> None:
    assert relaxed(reply, "0")
    assert not relaxed_pix2struct(reply, "0")
    assert not relaxed("0.01", "0")
    assert relaxed("0", "0")
    assert relaxed_pix2struct("0", "0")


def test_texts_that_are_no_finite_number_are_right_where_they_are_the_same() -> None:
    assert relaxed("NaN", "nan")
    assert relaxed("Inf", "inf")
    assert not relaxed_pix2struct("nan", "nan")


def test_vlmevalkit_of_2024_takes_five_per_cent_of_the_reply() -> None:
    assert relaxed_vlmevalkit("100", "95")
    assert not relaxed_pix2struct("100", "95")
    assert not relaxed_vlmevalkit("95", "100")
    assert not relaxed_vlmevalkit("0", "0.0")


def test_only_vlmevalkit_takes_a_gold_list_for_several_answers() -> None:
    assert relaxed_accuracy_vlmevalkit("2014", ("[2014, 2016]",)) == 1
    assert relaxed_accuracy("2014", ("[2014, 2016]",)) == 0
    assert listed("[Italy , 22]") == ["[Italy , 22]"]
    assert listed("['a', 1]") == ["a", "1"]
    assert listed("(1, 2)") == ["(1, 2)"]


def test_a_gold_is_data_and_is_never_evaluated() -> None:
    hostile = "[__import__('os').system('exit 1')]"
    assert listed(hostile) == [hostile]
    assert listed("[" * 100_000) == ["[" * 100_000]
    assert listed("[" * 5_000) == ["[" * 5_000]


def test_one_of_several_labels_is_enough_and_blanks_around_do_not_count() -> None:
    assert relaxed_accuracy(" 11 ", ("9", "11 ")) == 1
    assert RelaxedAccuracy().stats(Sample("1", (), ("11",)), [Answer("", "10.5", "text")]) == (1.0, 1.0)


@pytest.mark.parametrize("reply", ["9" * 10_000_000, "[ " * 5_000_000, "%" * 10_000_000])
def test_a_reply_of_ten_megabytes_is_wrong_at_once(reply: str) -> None:
    assert relaxed_accuracy(reply, ("5",)) == relaxed_accuracy_vlmevalkit(reply, ("5",)) == 0


@pytest.mark.parametrize(
    "name", ["relaxed_accuracy", "relaxed_accuracy_pix2struct", "relaxed_accuracy_vlmevalkit", "match", "gqa"]
)
def test_the_registry_knows_them_by_the_name_they_show(name: str) -> None:
    info = METRICS.load(name).info
    assert (info.name, info.proportion) == (name, True)
