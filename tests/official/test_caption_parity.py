"""BLEU, ROUGE-L and CIDEr against pycocoevalcap's figures on recorded captions, and tokens against CoreNLP's."""

import gzip
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.official.cases import REASON, Case, Parity, compares, found_cases, largest_difference
from vlmeval.metrics.bleu import Bleu1, Bleu2, Bleu3, Bleu4
from vlmeval.metrics.cider import CiderD
from vlmeval.metrics.meteor import Meteor
from vlmeval.metrics.ngrams import CaptionMetric, Tokens
from vlmeval.metrics.ptb import tokenize
from vlmeval.metrics.rouge import RougeL
from vlmeval.types import Answer, Batch, Sample

FOUND = found_cases("coco_", "caption_")
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
METRICS: Mapping[str, type[CaptionMetric]] = {
    "Bleu_1": Bleu1, "Bleu_2": Bleu2, "Bleu_3": Bleu3, "Bleu_4": Bleu4, "ROUGE_L": RougeL, "CIDEr": CiderD,
}  # fmt: skip
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Corpus:
    """Captions with their references, and the official figures, overall and by image."""

    name: str
    tokens: Tokens
    references: Mapping[str, Sequence[str]]
    captions: Mapping[str, str]
    overall: Mapping[str, float]
    by_image: Mapping[str, Mapping[str, float]]


def unpacked(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def read(case: Case) -> Iterator[Corpus]:
    """Yield the corpora of a case by the files it has."""
    folder, expected, name = case.folder, case.expected, case.folder.name
    if (folder / "rows.jsonl.gz").exists():
        references = {str(row["index"]): row["references"] for row in case.rows}
        captions = {str(row["index"]): str(row["prediction"]) for row in case.rows}
        figures = unpacked(folder / "per_image.json.gz")
        for tokens, prefix, key in (
            ("none", "raw_", "official_no_tokenizer"),
            ("ptb", "ptb_", "official_with_PTBTokenizer"),
        ):
            by_image = {
                image: {
                    metric.removeprefix(prefix): value for metric, value in row.items() if metric.startswith(prefix)
                }
                for image, row in figures.items()
            }
            yield Corpus(f"{name} {tokens}", tokens, references, captions, expected[key], by_image)
    elif (folder / "gts_ptb.json.gz").exists():
        references = unpacked(folder / "gts_ptb.json.gz")
        captions = {image: texts[0] for image, texts in unpacked(folder / "res.json.gz").items()}
        by_image = unpacked(folder / "per_image.json.gz")
        yield Corpus(f"{name} none", "none", references, captions, expected["official"], by_image)
        again = expected["official_after_retokenizing_with_PTB"]
        yield Corpus(f"{name} ptb", "ptb", references, captions, again, {})
    elif (folder / "references.json").exists():
        references = unpacked(folder / "references.json")
        for stem, figures in expected["official"].items():
            captions = unpacked(folder / f"{stem}.json")
            yield Corpus(f"{name} {stem}", "ptb", references, captions, figures["overall"], figures["per_image"])
    else:
        for stem, vector in unpacked(folder / "vectors.json").items():
            references = {str(place): texts for place, texts in enumerate(vector["references"])}
            captions = {str(place): text for place, text in enumerate(vector["candidates"])}
            figures = expected["official"][stem]
            yield Corpus(f"{name} {stem}", "none", references, captions, figures["overall"], figures["per_item"])


CORPORA = [corpus for case in FOUND for corpus in read(case)]
CORPUS = pytest.mark.parametrize("corpus", CORPORA, ids=[corpus.name for corpus in CORPORA])


@cache
def statistics(name: str, metric: str) -> dict[str, tuple[float, ...]]:
    """Return the statistics by image of the corpus called `name`."""
    corpus = next(corpus for corpus in CORPORA if corpus.name == name)
    return at_once(corpus, metric)


@pytest.mark.parametrize("metric", METRICS)
@CORPUS
def test_the_corpus_figure_equals_the_official_one(corpus: Corpus, metric: str) -> None:
    rows = statistics(corpus.name, metric)
    assert len(rows) == len(corpus.references)
    total = np.array(list(rows.values())).sum(axis=0)
    assert METRICS[metric]().value(total) == pytest.approx(corpus.overall[metric], rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize("metric", METRICS)
@CORPUS
def test_every_caption_has_the_official_figure(corpus: Corpus, metric: str) -> None:
    rows = statistics(corpus.name, metric)
    differing = {
        image: (value, figures[metric])
        for image, figures in corpus.by_image.items()
        if not math.isclose(
            value := float(METRICS[metric]().value(np.array(rows[image]))),
            figures[metric],
            rel_tol=TOLERANCE,
            abs_tol=TOLERANCE,
        )
    }
    assert differing == {}


RUNNABLE = [corpus for corpus in CORPORA if corpus.tokens == "ptb" and "METEOR" in corpus.overall and corpus.by_image]


@pytest.mark.slow
@pytest.mark.skipif(bool(Meteor().lacks()), reason="METEOR needs Java and pycocoevalcap")
def test_meteor_equals_the_official_figures() -> None:
    asked = [(corpus, image) for corpus in RUNNABLE for image in corpus.references]
    samples = [Sample(str(place), (), tuple(corpus.references[image])) for place, (corpus, image) in enumerate(asked)]
    answers = [(Answer("", corpus.captions[image], "text"),) for corpus, image in asked]
    rows = np.array(Meteor().stats_many(Batch(samples, answers)))
    for corpus in RUNNABLE:
        own = [place for place, (one, _) in enumerate(asked) if one is corpus]
        # The record of a caption beside a no-break space is another than the program gives it today.
        odd = {place for place in own if any("\xa0" in tokenize(text) for text in samples[place].references)}
        for place in set(own) - odd:
            assert Meteor().value(rows[place]) == pytest.approx(corpus.by_image[asked[place][1]]["METEOR"], abs=1e-9)
        tolerance = 1e-5 if odd else 1e-9
        assert Meteor().value(rows[own].sum(axis=0)) == pytest.approx(corpus.overall["METEOR"], abs=tolerance)


def at_once(corpus: Corpus, metric: str) -> dict[str, tuple[float, ...]]:
    """Return the statistics by image, computed for the whole corpus together."""
    samples = [Sample(image, (), tuple(texts)) for image, texts in corpus.references.items()]
    batch = Batch(samples, [(Answer("", corpus.captions[sample.id], "text"),) for sample in samples])
    rows = METRICS[metric](tokens=corpus.tokens).fit(samples).stats_many(batch)
    return {sample.id: row for sample, row in zip(samples, rows, strict=True) if row is not None}


def tokenized(case: Case) -> Iterator[tuple[str, str]]:
    """Yield (text, the original's tokens) of a case that recorded both."""
    references = unpacked(case.folder / "references.json")
    for stem, figures in case.expected["official"].items():
        captions = unpacked(case.folder / f"{stem}.json")
        for image, texts in figures["tokenized"]["gts"].items():
            yield from zip(references[image], texts, strict=True)
        for image, texts in figures["tokenized"]["res"].items():
            yield captions[image], texts[0]


def test_tokens_equal_the_recorded_ones() -> None:
    recorded = [pair for case in FOUND if (case.folder / "references.json").exists() for pair in tokenized(case)]
    assert recorded
    assert [tokenize(text) for text, _ in recorded] == [tokens for _, tokens in recorded]


@compares("coco_", "caption_")
def lines(case: Case) -> Iterator[Parity]:
    for corpus in (corpus for corpus in CORPORA if corpus.name.startswith(f"{case.folder.name} ")):
        for metric, factory in METRICS.items():
            rows = statistics(corpus.name, metric)
            ours = {image: float(factory().value(np.array(row))) for image, row in rows.items()}
            official = {image: figures[metric] for image, figures in corpus.by_image.items()}
            largest = largest_difference({image: ours[image] for image in official}, official)
            figure = float(factory().value(np.array(list(rows.values())).sum(axis=0)))
            largest = max(largest, abs(figure - corpus.overall[metric]))
            title = f"{metric}, {corpus.name.partition(' ')[2]}"
            yield Parity(title, len(rows), corpus.overall[metric], figure, largest)
