"""Overlap of boxes: symmetric, between 0 and 1, the same at any scale; equal to the official formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.errors import DataError
from vlmeval.metrics.grounding import Box, Iou50, MeanIou, iou
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Sample


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x1, y1 = draw(st.floats(-1000, 1000)), draw(st.floats(-1000, 1000))
    return x1, y1, x1 + draw(st.floats(0.5, 1000)), y1 + draw(st.floats(0.5, 1000))


def official(first: Box, second: Box) -> float:
    """Return what lmms-eval's compute_iou says (its formula, for boxes with an area)."""
    wide = max(0.0, min(first[2], second[2]) - max(first[0], second[0]))
    high = max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    one = (first[2] - first[0]) * (first[3] - first[1])
    other = (second[2] - second[0]) * (second[3] - second[1])
    return wide * high / (one + other - wide * high)


def sample(*references: str) -> Sample:
    return Sample("s", ("the dog",), references)


@given(boxes(), boxes())
def test_iou_is_symmetric_between_0_and_1_and_the_official_formula(first: Box, second: Box) -> None:
    found = iou(first, second)
    assert 0 <= found <= 1
    assert found == pytest.approx(iou(second, first), abs=1e-12)
    assert found == pytest.approx(official(first, second), abs=1e-9)
    assert iou(first, first) == pytest.approx(1.0, abs=1e-12)


@given(boxes(), boxes(), st.floats(0.01, 100), st.floats(0.01, 100))
def test_iou_does_not_know_the_scale_of_either_axis(first: Box, second: Box, wide: float, high: float) -> None:
    def stretched(box: Box) -> Box:
        return box[0] * wide, box[1] * high, box[2] * wide, box[3] * high

    assert iou(stretched(first), stretched(second)) == pytest.approx(iou(first, second), abs=1e-6)


@pytest.mark.parametrize(
    ("second", "overlap"),
    [
        ((0, 0, 10, 10), 1.0),
        ((0, 0, 5, 10), 0.5),
        ((5, 0, 15, 10), 1 / 3),
        ((10, 0, 20, 10), 0.0),
        ((20, 20, 30, 30), 0.0),
        ((2, 2, 4, 4), 0.04),
    ],
)
def test_iou_of_plain_boxes(second: Box, overlap: float) -> None:
    assert iou((0, 0, 10, 10), second) == pytest.approx(overlap)


def test_half_an_overlap_is_a_hit_and_an_unparsed_reply_counts_0() -> None:
    assert Iou50().stats(sample("0,0,10,10"), [Answer("", "0.0,0.0,5.0,10.0", "list:pixel")]) == (1.0, 1.0)
    assert Iou50().stats(sample("0,0,10,10"), [Answer("", "0,0,4.99,10", "list:pixel")]) == (0.0, 1.0)
    assert MeanIou().stats(sample("0,0,10,10"), [Answer("", "0,0,5,10", "list:pixel")]) == (0.5, 1.0)
    for metric in (Iou50(), MeanIou()):
        assert metric.stats(sample("0,0,10,10"), [Answer("", None, "no_box")]) == (0.0, 1.0)
        assert metric.stats(sample(), [Answer("", "0,0,5,10", "list:pixel")]) is None
        assert metric.stats(sample("0,0,10,10"), []) is None


def test_the_best_of_several_golds_counts() -> None:
    assert MeanIou().stats(sample("50,50,60,60", "0,0,10,10"), [Answer("", "0,0,5,10", "x")]) == (0.5, 1.0)


def test_the_statistics_of_two_halves_add_up() -> None:
    rows = np.array([[1.0, 1.0], [0.0, 1.0], [0.5, 1.0]])
    assert MeanIou().value(rows.sum(axis=0)) == pytest.approx(0.5)
    assert np.isnan(MeanIou().value(np.zeros(2)))


def test_a_gold_that_is_no_box_names_its_sample() -> None:
    with pytest.raises(DataError, match="sample s, reference: expected a box \"x1,y1,x2,y2\", found 'a cat'"):
        Iou50().stats(sample("a cat"), [Answer("", "0,0,1,1", "x")])


def test_both_are_known_by_name_and_only_the_share_is_a_proportion() -> None:
    infos = [METRICS.load(name)().info for name in ("iou_50", "mean_iou")]
    assert [(info.name, info.proportion, info.scale) for info in infos] == [
        ("iou_50", True, 100.0),
        ("mean_iou", False, 100.0),
    ]
