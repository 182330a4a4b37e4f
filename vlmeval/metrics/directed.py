"""Recall@K of one direction: the six figures of papers. image to text is TR@K of BLIP, text to image its IR@K.

They are the slices of `recall_K` by direction under names of their own, so that tables and published figures have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from vlmeval.metrics.recall import SOURCE, _Recall
from vlmeval.types import Answer, MetricInfo, Sample

DIRECTIONS = {"i2t": "image-to-text", "t2i": "text-to-image"}


class _Directed(_Recall):
    side: ClassVar[str]

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (hit, 1), or None for a query of the other direction or without a rank."""
        return super().stats(sample, answers) if sample.tags.get("direction") == DIRECTIONS[self.side] else None


def _info(side: str, first: int) -> MetricInfo:
    return MetricInfo(
        name=f"{side}_recall_{first}",
        title=f"Recall@{first}, {DIRECTIONS[side].replace('-', ' ')}",
        scale=100.0,
        source=SOURCE,
        signature=f"{side}:r@{first}:any",
        proportion=True,
    )


class ImageToTextRecall1(_Directed):
    """Recall@1, image to text."""

    side, first, info = "i2t", 1, _info("i2t", 1)


class ImageToTextRecall5(_Directed):
    """Recall@5, image to text."""

    side, first, info = "i2t", 5, _info("i2t", 5)


class ImageToTextRecall10(_Directed):
    """Recall@10, image to text."""

    side, first, info = "i2t", 10, _info("i2t", 10)


class TextToImageRecall1(_Directed):
    """Recall@1, text to image."""

    side, first, info = "t2i", 1, _info("t2i", 1)


class TextToImageRecall5(_Directed):
    """Recall@5, text to image."""

    side, first, info = "t2i", 5, _info("t2i", 5)


class TextToImageRecall10(_Directed):
    """Recall@10, text to image."""

    side, first, info = "t2i", 10, _info("t2i", 10)
