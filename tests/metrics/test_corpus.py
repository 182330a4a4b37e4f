"""The corpus over arrays gives what the captions give one by one, in every form a batch can have."""

import importlib
import importlib.util
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmeval.metrics.cider import CiderD
from vlmeval.metrics.corpus import Corpus
from vlmeval.metrics.encoding import Encoder, Tokens
from vlmeval.metrics.ngrams import CaptionMetric, corpora
from vlmeval.metrics.ptb import tokenize
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Batch, Sample

NAMES = ("bleu_1", "bleu_4", "rouge_l", "cider", "bleu_nltk")
WORD = st.sampled_from(
    ["a", "the", "dog.", "cat", "runs", "on", "23 3/4", "it's", "", "\xa0", "B. The", "(555) 123-4567", "日本"]
)
CAPTION = st.lists(WORD, max_size=8).map(" ".join)
CORPUS = st.lists(
    st.tuples(st.lists(CAPTION, max_size=2), st.lists(CAPTION, min_size=1, max_size=3)), min_size=1, max_size=5
)


def batch_of(corpus: list[tuple[list[str], list[str]]]) -> Batch:
    samples = [Sample(str(number), (), tuple(references)) for number, (_, references) in enumerate(corpus)]
    answers = [[Answer(f"epoch{at}", text, "text") for at, text in enumerate(texts)] for texts, _ in corpus]
    return Batch(samples, answers)


@pytest.mark.parametrize("name", NAMES)
@given(corpus=CORPUS)
def test_a_batch_has_the_statistics_of_its_samples(name: str, corpus: list[tuple[list[str], list[str]]]) -> None:
    batch = batch_of(corpus)
    metric: CaptionMetric = METRICS.load(name)().fit(batch.samples)
    single = [metric.stats(sample, answers) for sample, answers in zip(batch.samples, batch.answers, strict=True)]
    together = metric.stats_many(batch)
    assert [row is None for row in together] == [row is None for row in single]
    for one, other in zip(together, single, strict=True):
        if one is not None and other is not None:
            assert one == pytest.approx(other, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("tokens", ["ptb", "none"])
@given(texts=st.lists(CAPTION | st.text(max_size=30), max_size=6))
def test_texts_are_encoded_as_they_are_split(tokens: Tokens, texts: list[str]) -> None:
    encoder = Encoder(tokens)
    words, pieces = encoder.encode(texts)
    for encoded, split in ((words, str.split), (pieces, lambda text: text.split(" "))):
        starts = encoded.ends - encoded.lengths
        for text, start, end in zip(texts, starts, encoded.ends, strict=True):
            expected = split(tokenize(text) if tokens == "ptb" else text)
            assert encoded.tokens[start:end].tolist() == [encoder.number(word) for word in expected]


def test_several_metrics_share_one_corpus() -> None:
    batch = batch_of([(["a dog"], ["a dog runs"]), (["a cat"], ["the cat"])])
    for name in NAMES[:4]:
        METRICS.load(name)().fit(batch.samples).stats_many(batch)
    assert list(batch.shared) == ["captions:ptb"]
    assert corpora(batch, "ptb")[0] is batch.shared["captions:ptb"][0]


def test_images_without_a_caption_count_in_the_weights() -> None:
    corpus = [(["a red dog"], ["a red dog"]), ([], ["two cats"]), ([], ["a red bus"])]
    batch = batch_of(corpus)
    fewer = batch_of(corpus[:2])
    scores = [CiderD().fit(one.samples).stats_many(one)[0] for one in (batch, fewer)]
    assert scores[0] == pytest.approx((10.0 * 3 / 4, 1))
    assert CiderD().fit(batch.samples).stats_many(batch)[1] is None
    assert scores[0] == pytest.approx(scores[1])  # norms cancel where a caption is its reference


def test_a_batch_of_other_samples_keeps_the_weights_of_the_fitted_ones() -> None:
    whole = batch_of([(["a dog runs"], ["a dog sits"]), (["a cat"], ["the cat"]), (["a bus"], ["a red bus"])])
    metric = CiderD().fit(whole.samples)
    part = Batch(whole.samples[:1], whole.answers[:1])
    assert metric.stats_many(part)[0] == pytest.approx(metric.stats_many(whole)[0])
    assert metric.stats_many(part)[0] != CiderD().fit(part.samples).stats_many(part)[0]


def test_a_sample_without_references_has_no_place_in_a_corpus() -> None:
    with pytest.raises(ValueError, match="sample 7 has no references"):
        corpora(Batch([Sample("7", ())], [()]), "ptb")


def test_an_empty_corpus_has_no_figures() -> None:
    corpus = Corpus([], [], "ptb")
    assert corpus.bleu.shape == (0, 10)
    assert corpus.cider.shape == corpus.rouge.shape == (0,)


def test_numbers_that_do_not_fit_into_one_sort_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from vlmeval.metrics import corpus as module

    draw = random.Random(0)
    texts = [" ".join(draw.choices("abcdefg", k=9)) for _ in range(60)]
    arguments = (texts[:20], [texts[20 + at * 2 : 22 + at * 2] for at in range(20)])
    expected = Corpus(*arguments, "none")
    places, keys = np.arange(9), np.array([5, 1, 1 << 62, 5, 2, 1, 1 << 62, 0, 5])
    order = module._sorted(places, keys)[0]
    assert order.tolist() == sorted(range(9), key=lambda at: (keys[at], at))
    monkeypatch.setattr(module, "PAIRS", 7)
    assert np.array_equal(Corpus(*arguments, "none").rouge, expected.rouge)


def test_document_frequencies_count_images() -> None:
    found = Corpus([None] * 3, [["a dog", "a dog runs"], ["a cat"], ["dog a"]], "none").frequencies()
    assert [found.count(ngram) for ngram in (("a",), ("a", "dog"), ("a", "dog", "runs"), ("dog", "a"), ("bus",))] == [
        3, 1, 1, 1, 0,
    ]  # fmt: skip
    assert found.count(("a", "bus")) == found.count(("cat", "a")) == 0


@pytest.mark.skipif(importlib.util.find_spec("nltk") is None, reason="needs nltk")
@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from("abcd"), min_size=1, max_size=9).map(" ".join),
            st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=9).map(" ".join), min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=4,
    )
)
@pytest.mark.filterwarnings(
    "ignore:.*BLEU score evaluates to 0.*:UserWarning", "ignore:\\nThe hypothesis.*:UserWarning"
)
def test_nltk_gives_the_same_bleu(corpus: list[tuple[str, list[str]]]) -> None:
    original = importlib.import_module("nltk.translate.bleu_score")
    batch = batch_of([([caption], references) for caption, references in corpus])
    metric = METRICS.load("bleu_nltk")()
    total = np.array(metric.stats_many(batch)).sum(axis=0)
    expected = original.corpus_bleu(
        [[text.split() for text in references] for _, references in corpus], [caption.split() for caption, _ in corpus]
    )
    assert metric.value(total) == pytest.approx(expected, rel=1e-12, abs=1e-60)
