"""What the caption metrics share: n-grams, what counts as a caption, averages over epochs."""

import pytest

from vlmeval.metrics.bleu import Bleu1
from vlmeval.metrics.ngrams import CaptionMetric, caption_text, ngram_counts
from vlmeval.metrics.rouge import RougeL
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Sample

SAMPLE = Sample("1", (), ("A dog runs.", "a cat"))


def test_ngrams_of_one_to_four_words_are_counted() -> None:
    ones, twos, threes, fours = ngram_counts("a b a b")
    assert ones == {("a",): 2, ("b",): 2}
    assert twos == {("a", "b"): 2, ("b", "a"): 1}
    assert threes == {("a", "b", "a"): 1, ("b", "a", "b"): 1}
    assert fours == {("a", "b", "a", "b"): 1}
    assert ngram_counts("") == [{}, {}, {}, {}]


def test_a_no_break_space_ends_a_word_here() -> None:
    assert ngram_counts("23\xa03/4 st")[0] == {("23",): 1, ("3/4",): 1, ("st",): 1}


def test_raw_captions_are_left_as_they_are() -> None:
    assert caption_text("A dog.", "ptb") == "a dog"
    assert caption_text("A dog.", "none") == "A dog."


@pytest.mark.parametrize("name", ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider"])
def test_a_sample_without_references_or_answers_does_not_enter(name: str) -> None:
    metric: CaptionMetric = METRICS.load(name)().fit([SAMPLE])
    assert metric.info.name == name
    assert metric.stats(Sample("2", ()), [Answer("", "a dog", "text")]) is None
    assert metric.stats(SAMPLE, []) is None
    assert metric.stats(SAMPLE, [Answer("", None, "empty")]) == metric.stats(SAMPLE, [Answer("", "", "text")])


def test_epochs_count_by_the_mean_of_their_statistics() -> None:
    answers = [Answer("epoch0", "a dog", "text"), Answer("epoch1", "a", "text")]
    single = [Bleu1().stats(SAMPLE, [answer]) for answer in answers]
    assert Bleu1().stats(SAMPLE, answers) == tuple((a + b) / 2 for a, b in zip(*single, strict=True))
    assert RougeL().stats(SAMPLE, answers[:1] * 2) == RougeL().stats(SAMPLE, answers[:1])
