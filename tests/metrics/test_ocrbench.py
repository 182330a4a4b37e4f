"""OCRBench by hand: what contains what, the mathematics of its own, and counts that are counts."""

import numpy as np
import pytest

from vlmeval.metrics.ocrbench import HANDWRITTEN_MATHS, OcrBench, OcrBenchShare, contains
from vlmeval.types import Answer, Sample

OTHER = "Doc-oriented VQA"


def sample(*references: str, category: str = OTHER) -> Sample:
    return Sample("1", ("?",), references, tags={"category": category})


@pytest.mark.parametrize(
    ("reply", "gold", "category", "right"),
    [
        ('The word is "Friend".', "FRIEND", OTHER, True),
        ("two\nlines", "Two Lines", OTHER, True),
        ("twolines", "two lines", OTHER, False),
        ("frien", "friend", OTHER, False),
        (r"\frac { a } { B }", r"\frac{a}{B}", HANDWRITTEN_MATHS, True),
        ("x ^ { 2 }\n+ 1", "x^{2} + 1", HANDWRITTEN_MATHS, True),
        (r"\frac{a}{b}", r"\frac{a}{B}", HANDWRITTEN_MATHS, False),
        ("", "a", OTHER, False),
    ],
)
def test_a_reply_is_right_that_contains_the_answer(reply: str, gold: str, category: str, right: bool) -> None:
    assert contains(reply, ("?!", gold), category) is right


@pytest.mark.parametrize("gold", ["", " ", "\n"])
def test_an_empty_answer_is_an_error_because_every_reply_contains_it(gold: str) -> None:
    with pytest.raises(ValueError, match="an answer is empty"):
        contains("anything", ("a", gold), OTHER)


def test_the_score_is_a_count_and_never_divided_by_a_thousand() -> None:
    metric = OcrBench()
    rows = [metric.stats(sample("a"), [Answer("", reply, "text")]) for reply in ("a", "b", "ab", None)]
    total = np.sum(np.array(rows), axis=0)
    assert metric.value(total) == metric.value(total) == 2
    assert OcrBenchShare().value(total) == 0.5
    assert metric.info.scale == 1
    values = metric.value(np.array([[2.0, 4.0], [0.0, 0.0]]))
    assert values[0] == 2
    assert np.isnan(values[1])


def test_a_hidden_gold_does_not_enter_and_epochs_count_by_their_mean() -> None:
    assert OcrBench().stats(sample(), [Answer("", "a", "text")]) is None
    assert OcrBench().stats(sample("a"), []) is None
    both = [Answer("epoch0", "a", "text"), Answer("epoch1", None, "empty")]
    assert OcrBench().stats(sample("a"), both) == (0.5, 1.0)
