"""BLEU by hand, its properties, and pycocoevalcap itself where it is installed."""

import importlib.util
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.bleu import Bleu, Bleu1, Bleu2, Bleu3, Bleu4, bleu_counts
from vlmeval.types import Answer, Sample

WORD = st.sampled_from(["a", "the", "dog", "cat", "runs", "on", "red", "mat"])
CAPTION = st.lists(WORD, max_size=8).map(" ".join)
ORDERS: list[type[Bleu]] = [Bleu1, Bleu2, Bleu3, Bleu4]


def bleu(metric: Bleu, caption: str, references: tuple[str, ...]) -> float:
    stats = metric.stats(Sample("1", (), references), [Answer("", caption, "text")])
    return float(metric.value(np.array(stats)))


def test_counts_are_clipped_to_the_best_reference() -> None:
    counts = bleu_counts("the the the the", ("the cat the mat", "the"))
    assert counts == (4, 4, 4, 3, 2, 1, 2, 0, 0, 0)


def test_of_two_equally_close_reference_lengths_the_shorter_counts() -> None:
    assert bleu_counts("a b c", ("a b c d", "a b"))[1] == 2


def test_a_caption_equal_to_a_reference_has_bleu_one() -> None:
    for metric in ORDERS:
        assert bleu(metric(), "A red dog runs.", ("a red dog runs", "a cat")) == pytest.approx(1, abs=1e-8)


def test_a_short_caption_is_penalised() -> None:
    assert bleu(Bleu1(), "a dog", ("a dog runs fast",)) == pytest.approx(math.exp(1 - 2), abs=1e-8)


def test_no_captions_have_no_bleu_and_an_empty_one_has_none_of_it() -> None:
    assert np.isnan(Bleu4().value(np.zeros(10)))
    assert bleu(Bleu4(), "", ("a dog",)) == pytest.approx(0, abs=1e-9)


def test_every_resample_is_valued_in_one_call() -> None:
    rows = np.array([bleu_counts("a dog", ("a dog runs",)), bleu_counts("the cat", ("a cat",))])
    assert Bleu2().value(rows).shape == (2,)
    assert Bleu2().value(rows)[0] == Bleu2().value(rows[0])


@given(st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=3)), min_size=1, max_size=6), st.randoms())
def test_the_order_of_samples_and_references_changes_nothing(
    corpus: list[tuple[str, list[str]]], shuffle: random.Random
) -> None:
    before = np.array([bleu_counts(caption, tuple(references)) for caption, references in corpus]).sum(axis=0)
    again = [(caption, tuple(shuffle.sample(references, len(references)))) for caption, references in corpus]
    shuffle.shuffle(again)
    assert np.array_equal(before, np.array([bleu_counts(*pair) for pair in again]).sum(axis=0))
    assert 0 <= Bleu4().value(before) <= 1 or np.isnan(Bleu4().value(before))


@pytest.mark.skipif(importlib.util.find_spec("pycocoevalcap") is None, reason="needs pycocoevalcap")
@given(st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=3)), min_size=1, max_size=5))
def test_pycocoevalcap_gives_the_same(corpus: list[tuple[str, list[str]]]) -> None:
    from pycocoevalcap.bleu.bleu import Bleu as Original

    references = {number: texts for number, (_, texts) in enumerate(corpus)}
    captions = {number: [caption] for number, (caption, _) in enumerate(corpus)}
    expected, by_image = Original(4).compute_score(references, captions, verbose=0)
    for metric, value, singles in zip(ORDERS, expected, by_image, strict=True):
        rows = np.array([bleu_counts(caption, tuple(texts)) for caption, texts in corpus])
        total = rows.sum(axis=0)
        if total[:2].any():
            assert metric().value(total) == pytest.approx(value, rel=1e-12, abs=1e-15)
        for row, single in zip(rows, singles, strict=True):
            if row[:2].any():
                assert metric().value(row) == pytest.approx(single, rel=1e-12, abs=1e-15)
