"""AMBER's captions: CHAIR, Cover, Hal and Cog, by the words that people annotated.

Wang et al. 2023, AMBER, arXiv:2311.07397, section 3.3; official program junyangwang0410/AMBER, inference.py. Of a
description the words of AMBER's vocabulary count (418 nouns). A word is safe where it is on the list of safe words, or
is an annotated object of the image or a synonym of one; any other is made up.

    amber_chair   made-up words / words of the vocabulary
    amber_cover   objects of the image that are mentioned / objects of the image
    amber_hal     descriptions with a made-up word / descriptions
    amber_cog     objects that people imagine and the description names / objects that people imagine

The sums of the official program run over all descriptions, and so do these. Of several annotated words that share a
synonym the first is marked, synonyms before annotated words, and a word annotated twice is marked once, as there.

Known differences: the official program finds nouns with NLTK's tagger and lemmatiser, and takes a word for one of an
image's where spaCy's vectors (en_core_web_lg) have a cosine above 0.8. There is neither here: every word that is in the
vocabulary as it stands, or whose singular is, counts as a noun in any case of its letters, and only annotated synonyms
are forgiven. So the figures differ, CHAIR and Hal mostly being higher: compare models scored here with one another, not
with published figures. The official figures are rounded to 0.1, with 0.001 added to denominators.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SOURCE = "junyangwang0410/AMBER inference.py (Wang et al. 2023, arXiv:2311.07397), words instead of tagger and vectors"
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
_IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "feet": "foot", "teeth": "tooth", "mice": "mouse",
    "geese": "goose", "leaves": "leaf", "knives": "knife", "shelves": "shelf", "wolves": "wolf", "sheep": "sheep",
}  # fmt: skip


@dataclass(frozen=True)
class Mentions:
    """What a description mentions: words of the vocabulary, made-up ones, and annotated words by place."""

    words: int
    made_up: int
    truth: frozenset[int]
    hallu: frozenset[int]


def singulars(word: str) -> tuple[str, ...]:
    """Return the word, then what it may be the plural of, the likeliest first."""
    found = [word]
    if word in _IRREGULAR:
        found.append(_IRREGULAR[word])
    if word.endswith("ies"):
        found.append(f"{word[:-3]}y")
    if word.endswith("es"):
        found.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        found.append(word[:-1])
    return tuple(found)


def nouns(text: str, vocabulary: frozenset[str]) -> list[str]:
    """Return the words of the vocabulary in a text, in order, as the vocabulary has them, lower-cased."""
    forms = (singulars(word) for word in _WORD.findall(text.lower()))
    return [found for form in forms if (found := next((one for one in form if one in vocabulary), None))]


def mentions(text: str, sample: Sample) -> Mentions:
    """Return what `text` mentions. `sample.fields` are those of the benchmark `amber_generative`.

    Raises ValueError for a sample of another benchmark.
    """
    if not {"truth", "hallu", "safe", "vocabulary"} <= sample.fields.keys():
        raise ValueError(f"sample {sample.id} has no words of AMBER; these metrics are for its captions")
    safe = _words(sample.fields["safe"])
    truth, hallu = _places(sample.fields["truth"]), _places(sample.fields["hallu"])
    said = nouns(text, _words(sample.fields["vocabulary"]))
    imagined = [word for word in said if word not in safe and word not in truth]
    return Mentions(
        words=len(said),
        made_up=len(imagined),
        truth=frozenset(truth[word] for word in said if word not in safe and word in truth),
        hallu=frozenset(hallu[word] for word in imagined if word in hallu),
    )


@lru_cache(maxsize=64)
def _words(lines: str) -> frozenset[str]:
    return frozenset(lines.lower().split("\n"))


@lru_cache(maxsize=4096)
def _places(lines: str) -> dict[str, int]:
    """Return the place of the annotated word that a word marks: synonyms of all before the words themselves."""
    rows = [line.split("\t") for line in lines.lower().split("\n") if line]
    found: dict[str, int] = {}
    for place, (_, *synonyms) in enumerate(rows):
        for word in synonyms:
            found.setdefault(word, place)
    for place, (word, *_) in enumerate(rows):
        found.setdefault(word, place)
    return found


class AmberMetric(ABC):
    """A share of sums: the statistics are (counted, out of). Of several answers (epochs), they are averaged."""

    info: MetricInfo

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return this metric: it needs nothing of the other references."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, float] | None:
        """Return the sample's statistics; None without an answer. An unparsed reply mentions nothing."""
        if not answers:
            return None
        said = [answer.value if isinstance(answer.value, str) else "" for answer in answers]
        rows = [self._row(mentions(text, sample), sample) for text in said]
        return sum(row[0] for row in rows) / len(rows), sum(row[1] for row in rows) / len(rows)

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share, shape (...), of sums, shape (..., 2); NaN where nothing was counted."""
        import numpy as np

        share: NDArray[np.float64] = np.full(total[..., 1].shape, np.nan)
        np.divide(total[..., 0], total[..., 1], out=share, where=total[..., 1] > 0)
        return share

    @abstractmethod
    def _row(self, said: Mentions, sample: Sample) -> tuple[float, float]:
        """Return the statistics of one description."""


def _info(name: str, title: str, *, higher_is_better: bool = False) -> MetricInfo:
    return MetricInfo(name, title, higher_is_better, scale=100, source=SOURCE, signature=f"{name}:words")


class AmberChair(AmberMetric):
    """The share of mentioned objects that are made up."""

    info = _info("amber_chair", "CHAIR (AMBER)")

    def _row(self, said: Mentions, sample: Sample) -> tuple[float, float]:
        return float(said.made_up), float(said.words)


class AmberCover(AmberMetric):
    """The share of an image's objects that are mentioned."""

    info = _info("amber_cover", "Cover", higher_is_better=True)

    def _row(self, said: Mentions, sample: Sample) -> tuple[float, float]:
        return float(len(said.truth)), float(len(sample.fields["truth"].split("\n")))


class AmberHal(AmberMetric):
    """The share of descriptions with something made up."""

    info = _info("amber_hal", "Hal")

    def _row(self, said: Mentions, sample: Sample) -> tuple[float, float]:
        return float(said.made_up > 0), 1.0


class AmberCog(AmberMetric):
    """The share of the objects that people would imagine in the image that are mentioned."""

    info = _info("amber_cog", "Cog")

    def _row(self, said: Mentions, sample: Sample) -> tuple[float, float]:
        return float(len(said.hallu)), float(len(sample.fields["hallu"].split("\n")))
