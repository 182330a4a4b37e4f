"""Matching again: the first candidates of every retrieval query, by the vectors, are shown to the model as pairs.

Li et al. 2022, BLIP, arXiv:2201.12086, section 4.1; salesforce/BLIP train_retrieval.py, `evaluation`: the score of a
pair is the matching head's plus the similarity, and candidates that were not matched stand behind all that were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from vlmeval.errors import ConfigError
from vlmeval.store.embeddings import Embeddings
from vlmeval.store.layout import RunFolder
from vlmeval.store.lines import Appender
from vlmeval.store.reranked import FILE, Reranked, nearest, read_reranked
from vlmeval.types import Part, Sample


@runtime_checkable
class Reranker(Protocol):
    """A dual encoder that can also look at an image and a text together."""

    rerank_top: int

    def match(self, query: Part, candidates: Sequence[Part]) -> list[float]:
        """Return how well each candidate goes with the query, one image or one text; larger is better."""
        ...


def rerank_run(folder: RunFolder, samples: Sequence[Sample], model: Reranker, *, folds: int = 1) -> None:
    """Have the first `model.rerank_top` candidates of every query matched; a query that has its line is left alone.

    Raises ConfigError for a task with folds, whose candidates are others in each.
    """
    if folds != 1:
        raise ConfigError("re-ranking is not done within folds; use the task without them")
    embeddings = Embeddings(folder.path)
    done = read_reranked(folder.path)
    writer = Appender(folder.path / FILE, Reranked)
    try:
        for own, other in (("i2t:", "t2i:"), ("t2i:", "i2t:")):
            queries = [sample for sample in samples if sample.id.startswith(own) and sample.id not in done]
            candidates = [sample for sample in samples if sample.id.startswith(other)]
            rows = [[embeddings.row(sample) for sample in side] for side in (queries, candidates)]
            if not queries or not candidates:
                continue
            kept = [[row for row in side if row is not None] for side in rows]
            found = nearest(embeddings.matrix, kept[0], kept[1], model.rerank_top)
            for query, (places, similarity) in zip(queries, found, strict=True):
                chosen = [candidates[place] for place in places]
                matched = model.match(query.parts[0], [one.parts[0] for one in chosen])
                scores = tuple(one + two for one, two in zip(matched, similarity, strict=True))
                line = Reranked(query.id, tuple(one.id for one in chosen), scores)
                writer.write(msgspec.json.encode(line) + b"\n")
                writer.sync()
    finally:
        writer.close()
