"""CLIPScore and RefCLIPScore of captions: what a dual encoder makes of caption, image and references.

Hessel et al. 2021, CLIPScore, arXiv:2104.08718, section 3; github.com/jmhessel/clipscore, clipscore.py:

    CLIP-S(c, v)       = 2.5 * max(cos(c, v), 0)
    RefCLIP-S(c, R, v) = harmonic mean of CLIP-S(c, v) and max(cos(c, r), 0) over r in R, 0 where one of them is 0

Caption and references are embedded as written, not as PTB tokens, each after "A photo depicts "; of a corpus both are
means over captions. The vectors are made once and kept with the run (`vlmeval.run.clipscore`), so these metrics get
cosines; in a run their names end in the encoder's, `clipscore:openai__clip-vit-base-patch32`, since the figures of two
encoders cannot be compared. Published ones are of `clip:openai/clip-vit-base-patch32`.

Known differences: an unparsed reply, the empty caption, scores 0, where the program scores the prefix alone; cosines
are float64 of float32 vectors, the program's on a GPU are of float16 ones (about 1e-3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vlmeval.errors import DataError
from vlmeval.metrics.mean import Mean
from vlmeval.types import Answer, Image, MetricInfo, Sample

WEIGHT = 2.5
PREFIX = "A photo depicts "
NO_ENCODER = "no encoder (--clipscore MODEL)"
NAMES = ("clipscore", "refclipscore")
SOURCE = "jmhessel/clipscore (Hessel et al. 2021, arXiv:2104.08718)"


@dataclass(frozen=True, slots=True)
class Similarity:
    """The cosines of a caption with its image, and with the nearest of its references."""

    image: float
    reference: float


Similarities = Mapping[tuple[str, str], Similarity]
"""By sample id and caption."""


class ClipScore(Mean):
    """The mean of CLIPScore over captions; statistics (score, 1). Of several answers (epochs), scores are averaged."""

    info = MetricInfo(name="clipscore", title="CLIPScore", scale=100.0, source=SOURCE, signature="clipscore:2.5")

    def __init__(self, similarities: Similarities | None = None, *, unseen: int = 0) -> None:
        """`similarities` are those of all captions but `unseen` ones without vectors; None: there is no encoder."""
        self._similarities: Similarities = {} if similarities is None else similarities
        self._lack = NO_ENCODER if similarities is None else ""
        if unseen:
            self._lack = f"{unseen} captions without vectors: the same command with --clipscore embeds them"

    def lacks(self) -> str:
        """Return what is missing to compute it, "" for nothing."""
        return self._lack

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (score, 1), or None without a reference or an answer, and where a caption has no similarity."""
        if not sample.references or not answers:
            return None
        scores: list[float] = []
        for answer in answers:
            caption = caption_of(answer)
            found = self._similarities.get((sample.id, caption))
            if caption and found is None:
                return None
            scores.append(self.score(found) if found is not None else 0.0)
        return sum(scores) / len(scores), 1.0

    @staticmethod
    def score(similarity: Similarity) -> float:
        """Return the score of one caption."""
        return clip_score(similarity)


class RefClipScore(ClipScore):
    """The mean of RefCLIPScore over captions; statistics as those of `ClipScore`."""

    info = MetricInfo(
        name="refclipscore", title="RefCLIPScore", scale=100.0, source=SOURCE, signature="refclipscore:2.5"
    )

    @staticmethod
    def score(similarity: Similarity) -> float:
        """Return the harmonic mean of CLIPScore and the cosine with the nearest reference."""
        pictured, told = clip_score(similarity), max(similarity.reference, 0.0)
        return 2 * pictured * told / (pictured + told) if pictured > 0 and told > 0 else 0.0


def clip_score(similarity: Similarity) -> float:
    """Return CLIPScore of one caption, 0..2.5."""
    return WEIGHT * max(similarity.image, 0.0)


def caption_of(answer: Answer) -> str:
    """Return the caption that an answer is, "" for an unparsed one."""
    return answer.value if isinstance(answer.value, str) else ""


def image_item(sample: Sample) -> Sample:
    """Return a sample's image as what is embedded. Raises DataError where it has none, or several."""
    images = [part for part in sample.parts if isinstance(part, Image)]
    if len(images) != 1:
        raise DataError(
            f"sample {sample.id}: {len(images)} images; CLIPScore compares a caption with one: leave --clipscore out, "
            "or have the pictures beside the data (--image-root)"
        )
    return Sample(sample.id, (images[0],))


def text_items(sample: Sample, texts: Iterable[str]) -> tuple[Sample, ...]:
    """Return captions or references of a sample as what is embedded."""
    return tuple(Sample(sample.id, (PREFIX + text,)) for text in texts)
