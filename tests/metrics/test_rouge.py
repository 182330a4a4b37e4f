"""ROUGE-L by hand, and pycocoevalcap itself where it is installed."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.rouge import RougeL, rouge_l
from vlmeval.types import Answer, Sample

CAPTION = st.lists(st.sampled_from(["a", "the", "dog", "cat", "runs", "on", "red", "mat", "1\xa01/2"]), max_size=8).map(
    " ".join
)


def test_precision_and_recall_may_come_from_different_references() -> None:
    precision, recall = 1.0, 1.0
    assert rouge_l("a b c", ("a x b x c", "b")) == pytest.approx(
        2.44 * precision * recall / (recall + 1.44 * precision)
    )


def test_words_in_another_order_count_by_the_longest_common_subsequence() -> None:
    precision = recall = 2 / 3
    assert rouge_l("c a b", ("a b c",)) == pytest.approx(2.44 * precision * recall / (recall + 1.44 * precision))


def test_an_empty_caption_is_one_empty_word() -> None:
    assert rouge_l("", ("",)) == 1
    assert rouge_l("", ("a",)) == 0


def test_the_value_is_the_mean_over_captions() -> None:
    metric = RougeL()
    sample = Sample("1", (), ("a dog",))
    rows = [metric.stats(sample, [Answer("", text, "text")]) for text in ("A dog!", "cats")]
    assert metric.value(np.array(rows).sum(axis=0)) == pytest.approx(0.5)
    assert np.isnan(metric.value(np.zeros(2)))


@pytest.mark.skipif(importlib.util.find_spec("pycocoevalcap") is None, reason="needs pycocoevalcap")
@given(CAPTION, st.lists(CAPTION, min_size=1, max_size=4))
def test_pycocoevalcap_gives_the_same(caption: str, references: list[str]) -> None:
    from pycocoevalcap.rouge.rouge import Rouge

    assert rouge_l(caption, tuple(references)) == pytest.approx(Rouge().calc_score([caption], references), abs=1e-12)
