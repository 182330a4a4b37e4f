"""Overlap of boxes: the share of expressions whose box has an IoU of at least 0.5 with the gold, and the mean IoU.

Boxes are continuous: no pixel is added to a side. Equal to QwenLM/Qwen-VL eval_mm/evaluate_grounding.py ("Precision
@ 1") and EvolvingLMMs-Lab/lmms-eval tasks/refcoco/utils_rec.py (ACC@0.5, IoU) but for replies they cannot read: they
take (0, 0, 0, 0), here the reply is unparsed, with the same 0; and they take the first box of a reply, here the last.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from vlmeval.errors import DataError
from vlmeval.metrics.mean import Mean
from vlmeval.types import Answer, MetricInfo, Sample

Box = tuple[float, float, float, float]
THRESHOLD = 0.5


def iou(first: Box, second: Box) -> float:
    """Return intersection over union of two boxes (x1, y1, x2, y2) with x1 < x2 and y1 < y2, 0..1."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    # Two tiny sides may underflow to an area of 0.
    union = _area(first) + _area(second) - shared
    return min(1.0, shared / union) if union > 0 else 0.0


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def read_box(text: str, where: str) -> Box:
    """Return the box that "x1,y1,x2,y2" spells. Raises DataError that names `where`."""
    try:
        x1, y1, x2, y2 = map(float, text.split(","))
    except ValueError as error:
        raise DataError(f'{where}: expected a box "x1,y1,x2,y2", found {text[:80]!r}') from error
    return x1, y1, x2, y2


class _Overlap(Mean):
    """The mean of what the best reference gives each reply; an unparsed reply counts 0."""

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (figure, 1), or None without a reference or an answer."""
        if not sample.references or not answers:
            return None
        golds = [read_box(text, f"sample {sample.id}, reference") for text in sample.references]
        figures = [
            self._figure(max(iou(read_box(answer.value, f"sample {sample.id}, answer"), gold) for gold in golds))
            if isinstance(answer.value, str)
            else 0.0
            for answer in answers
        ]
        return sum(figures) / len(figures), 1.0

    @abstractmethod
    def _figure(self, overlap: float) -> float:
        """Return what an IoU counts."""


class Iou50(_Overlap):
    """The share of boxes with an IoU of at least 0.5 ("Precision@0.5", "Acc@0.5")."""

    info = MetricInfo(
        "iou_50",
        "Boxes with IoU >= 0.5",
        scale=100.0,
        source="QwenLM/Qwen-VL eval_mm/evaluate_grounding.py; EvolvingLMMs-Lab/lmms-eval tasks/refcoco/utils_rec.py",
        signature="iou_50",
        proportion=True,
    )

    def _figure(self, overlap: float) -> float:
        return float(overlap >= THRESHOLD)


class MeanIou(_Overlap):
    """The mean IoU."""

    info = MetricInfo(
        "mean_iou",
        "Mean IoU",
        scale=100.0,
        source="EvolvingLMMs-Lab/lmms-eval tasks/refcoco/utils_rec.py",
        signature="mean_iou",
    )

    def _figure(self, overlap: float) -> float:
        return overlap
