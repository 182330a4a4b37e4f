"""CLIPScore and RefCLIPScore of a run, from vectors that lie beside its journal: no model is asked.

Every encoder that has seen the run's captions gives both metrics, under its name. Where captions have come since that
it has not seen, neither is computed: a mean over some of the captions is not that of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from vlmeval.data.task import Task
from vlmeval.metrics.clipscore import (
    NAMES,
    ClipScore,
    RefClipScore,
    Similarity,
    caption_of,
    image_item,
    text_items,
)
from vlmeval.score.assembly import Case
from vlmeval.score.judged import SEPARATOR
from vlmeval.store.embeddings import Embeddings
from vlmeval.store.layout import RunFolder
from vlmeval.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARK_DIGITS = 4


def with_encoders(task: Task, encoders: Mapping[str, str]) -> Task:
    """Return the task with both metrics under each encoder, last; without an encoder as it is."""
    if not encoders:
        return task
    own = [name for name in task.metrics if name not in NAMES]
    named = [f"{name}{SEPARATOR}{encoder}" for encoder in encoders for name in NAMES]
    primary = f"{task.primary}{SEPARATOR}{next(iter(encoders))}" if task.primary in NAMES else task.primary
    return msgspec.structs.replace(task, metrics=(*own, *named), primary=primary)


def encoder_metrics(folder: RunFolder, encoders: Mapping[str, str], cases: Sequence[Case]) -> dict[str, ClipScore]:
    """Return the metrics of all encoders by their names in the run. Raises JournalError for damaged vectors."""
    found: dict[str, ClipScore] = {}
    for encoder, mark in encoders.items():
        embeddings = Embeddings(folder.encoded(mark).path)
        similarities: dict[tuple[str, str], Similarity] = {}
        unseen = 0
        for case in cases:
            captions = list(dict.fromkeys(filter(None, map(caption_of, case.answers))))
            if not captions or not case.sample.references:
                continue
            cosines = similarities_of(embeddings, case.sample, captions)
            unseen += len(captions) - len(cosines)
            similarities |= {(case.sample.id, caption): one for caption, one in cosines.items()}
        for metric in (ClipScore, RefClipScore):
            one = metric(similarities, unseen=unseen)
            one.info = msgspec.structs.replace(
                metric.info,
                title=f"{metric.info.title} ({encoder})",
                signature=f"{metric.info.signature}|encoder:{encoder}@{mark[:MARK_DIGITS]}",
            )
            found[f"{metric.info.name}{SEPARATOR}{encoder}"] = one
    return found


def similarities_of(embeddings: Embeddings, sample: Sample, captions: Sequence[str]) -> dict[str, Similarity]:
    """Return the cosines of a sample's captions, float64; of those whose vectors are all there."""
    rows = [embeddings.row(item) for item in (image_item(sample), *text_items(sample, sample.references))]
    if None in rows:
        return {}
    known = {
        caption: row
        for caption, item in zip(captions, text_items(sample, captions), strict=True)
        if (row := embeddings.row(item)) is not None
    }
    others = unit(embeddings.matrix[[row for row in rows if row is not None]])
    cosines = unit(embeddings.matrix[list(known.values())]) @ others.T
    return {
        caption: Similarity(float(line[0]), float(line[1:].max())) for caption, line in zip(known, cosines, strict=True)
    }


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return rows (n, d) scaled to length 1: those of a float16 encoder are so to about 1e-3."""
    exact = vectors.astype(np.float64)
    scaled: NDArray[np.float64] = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    return scaled
