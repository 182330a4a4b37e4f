"""CIDEr by hand, its properties, and pycocoevalcap itself where it is installed."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.cider import CiderD
from vlmeval.types import Answer, Sample

CAPTION = st.lists(st.sampled_from(["a", "the", "dog", "cat", "runs", "on", "red", "mat"]), max_size=8).map(" ".join)
CORPUS = st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=3)), min_size=1, max_size=5)


def samples_of(corpus: list[tuple[str, list[str]]]) -> list[Sample]:
    return [Sample(str(number), (), tuple(texts)) for number, (_, texts) in enumerate(corpus)]


def scores_of(corpus: list[tuple[str, list[str]]]) -> list[float]:
    samples = samples_of(corpus)
    metric = CiderD().fit(samples)
    rows = [
        metric.stats(sample, [Answer("", caption, "text")])
        for sample, (caption, _) in zip(samples, corpus, strict=True)
    ]
    return [row[0] for row in rows if row is not None]


def test_a_caption_equal_to_its_only_reference_has_ten() -> None:
    corpus = [("a red dog runs fast", ["a red dog runs fast"]), ("two cats sleep on mats", ["two cats sleep on mats"])]
    assert scores_of(corpus) == pytest.approx([10, 10])


def test_one_image_alone_has_zero_by_definition() -> None:
    assert scores_of([("a dog", ["a dog"])]) == [0]


def test_the_captions_of_another_image_have_nothing_in_common() -> None:
    corpus = [("two cats sleep on mats", ["a red dog runs fast"]), ("a red dog runs fast", ["two cats sleep on mats"])]
    assert scores_of(corpus) == [0, 0]


def test_references_without_a_word_and_empty_captions_score_nothing() -> None:
    assert scores_of([("", ["a dog"]), ("a cat", [""]), ("", [""])]) == [0, 0, 0]


def test_without_the_references_of_all_samples_there_is_no_score() -> None:
    with pytest.raises(ValueError, match="not fitted"):
        CiderD().stats(Sample("1", (), ("a dog",)), [Answer("", "a dog", "text")])


def test_a_sample_with_hidden_references_is_no_image_of_the_corpus() -> None:
    corpus = [("a red dog", ["a red dog"]), ("two cats", ["two cats"])]
    plain = CiderD().fit(samples_of(corpus))
    hidden = CiderD().fit([*samples_of(corpus), Sample("hidden", ())])
    answers = [Answer("", "a red dog", "text")]
    assert plain.stats(samples_of(corpus)[0], answers) == hidden.stats(samples_of(corpus)[0], answers)


@given(CORPUS)
def test_the_order_of_samples_changes_nothing(corpus: list[tuple[str, list[str]]]) -> None:
    assert scores_of(corpus) == pytest.approx(scores_of(corpus[::-1])[::-1], abs=1e-12)


@pytest.mark.skipif(importlib.util.find_spec("pycocoevalcap") is None, reason="needs pycocoevalcap")
@given(CORPUS)
def test_pycocoevalcap_gives_the_same(corpus: list[tuple[str, list[str]]]) -> None:
    from pycocoevalcap.cider.cider import Cider

    references = {number: texts for number, (_, texts) in enumerate(corpus)}
    if not any(text for texts in references.values() for text in texts):
        return
    captions = {number: [caption] for number, (caption, _) in enumerate(corpus)}
    mean, singles = Cider().compute_score(references, captions)
    found = scores_of(corpus)
    assert found == pytest.approx(list(singles), abs=1e-9)
    assert CiderD().value(np.array([sum(found), len(found)])) == pytest.approx(mean, abs=1e-9)
