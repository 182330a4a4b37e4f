"""The first candidates of retrieval queries, matched again by a slower model: reranked.jsonl, one line a query.

A query that has its line is not matched again. Which candidates are first is decided by the vectors, so a line holds
for the vectors it was made from; both are of one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from vlmeval.store.lines import Lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "reranked.jsonl"
WAY_OUT = "remove the file to have all queries matched again"
QUERIES = 256


class Reranked(Struct, frozen=True):
    """One query: the ids of the samples that stand for its first candidates, and their scores, larger is better."""

    sample_id: str
    candidates: tuple[str, ...]
    scores: tuple[float, ...]


def read_reranked(folder: Path) -> dict[str, Reranked]:
    """Return the lines by query; {} where nothing was matched. Raises JournalError for a damaged line."""
    return {line.sample_id: line for line in Lines(folder / FILE, Reranked, remedy=WAY_OUT)}


def nearest(
    matrix: NDArray[np.float32], query_rows: Sequence[int], candidate_rows: Sequence[int], count: int
) -> Iterator[tuple[list[int], list[float]]]:
    """Yield for each query the places of its `count` nearest candidates and their scores, best first.

    Equal ones stand in the order of the candidates.
    """
    others = matrix[np.asarray(candidate_rows, dtype=np.intp)]
    kept = min(count, len(candidate_rows))
    for start in range(0, len(query_rows), QUERIES):
        scores = matrix[np.asarray(query_rows[start : start + QUERIES], dtype=np.intp)] @ others.T
        for line in scores:
            edge = np.partition(line, len(line) - kept)[len(line) - kept]
            near = np.flatnonzero(line >= edge)
            best = near[np.argsort(-line[near], kind="stable")][:kept]
            yield best.tolist(), line[best].tolist()
