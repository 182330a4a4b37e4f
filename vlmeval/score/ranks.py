"""Vectors to ranks: where the best right candidate of each query stands.

The rank of a query is 1 + the candidates above its best positive + its share of a tie: of t wrong candidates tied with
p right ones, t / (p + 1) stand above the first right one on average over all orders of the tie.

Scores are counted in tiles of float32 products: nothing is sorted, and the matrix of all scores is never in memory.
Where a score is nearer to the best positive's than float32 can tell, it is computed again in float64, so the ranks are
those of exact arithmetic; what cannot be told apart then is a tie, and counted as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vlmeval.errors import DataError
from vlmeval.store.embeddings import Embeddings
from vlmeval.store.layout import RunFolder
from vlmeval.types import Answer, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUERIES = 1024
CANDIDATES = 4096
PAIRS = 1 << 13
FEW = 64


@dataclass(frozen=True)
class Ranks:
    """The expected rank of each query's best positive, counted from 1, and whether it is tied with a wrong one.

    Both of shape (queries,); the rank of a query without a positive is NaN.
    """

    rank: NDArray[np.float64]
    tied: NDArray[np.bool_]


def rank_answers(folder: RunFolder, samples: Sequence[Sample]) -> dict[str, tuple[Answer, ...]]:
    """Return the answer of each query: its rank, by the rule "rank", or "tie" where a wrong candidate is tied.

    Absent are queries without a vector or without a positive among the candidates, and all queries of a direction that
    has candidates without a vector: a rank among some of the candidates is not a rank. Raises DataError for an id that
    is not "direction:item".
    """
    embeddings = Embeddings(folder.path)
    sides: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        direction, colon, _ = sample.id.partition(":")
        if not colon or direction not in ("i2t", "t2i"):
            raise DataError(f'sample {sample.id}: the id of a retrieval query begins with "i2t:" or "t2i:"')
        sides[direction].append(sample)
    return {
        **_answers(sides["i2t"], sides["t2i"], embeddings),
        **_answers(sides["t2i"], sides["i2t"], embeddings),
    }


def _answers(
    queries: Sequence[Sample], candidates: Sequence[Sample], embeddings: Embeddings
) -> dict[str, tuple[Answer, ...]]:
    """Return the answers of one direction."""
    candidate_rows = [embeddings.row(sample) for sample in candidates]
    if None in candidate_rows or not candidates:
        return {}
    places = {sample.id.partition(":")[2]: place for place, sample in enumerate(candidates)}
    asked: list[Sample] = []
    query_rows: list[int] = []
    positives: list[NDArray[np.intp]] = []
    for sample in queries:
        row = embeddings.row(sample)
        right = [places[name] for name in sample.references if name in places]
        if row is not None and right:
            asked.append(sample)
            query_rows.append(row)
            positives.append(np.unique(np.array(right, dtype=np.intp)))
    if not asked:
        return {}
    matrix = embeddings.matrix
    ranks = expected_ranks(matrix, query_rows, matrix, [row for row in candidate_rows if row is not None], positives)
    return {
        sample.id: (Answer("", decimal(rank), "tie" if tied else "rank"),)
        for sample, rank, tied in zip(asked, ranks.rank.tolist(), ranks.tied.tolist(), strict=True)
    }


def decimal(rank: float) -> str:
    """Return a rank as text: "1", "2.5"; floats read back from it are equal."""
    return str(int(rank)) if rank == int(rank) else repr(rank)


def expected_ranks(
    queries: NDArray[np.float32],
    query_rows: Sequence[int],
    candidates: NDArray[np.float32],
    candidate_rows: Sequence[int],
    positives: Sequence[NDArray[np.intp]],
) -> Ranks:
    """Return the ranks of `queries[query_rows]`, (n, d), among `candidates[candidate_rows]`, (m, d), by dot product.

    `positives[i]` holds the places, 0..m-1 and each once, of the right candidates of query i.
    """
    rank = np.full(len(query_rows), np.nan)
    tied = np.zeros(len(query_rows), dtype=np.bool_)
    rows = np.asarray(candidate_rows, dtype=np.intp)
    for start in range(0, len(query_rows), QUERIES):
        part = slice(start, start + QUERIES)
        block = _Block(queries[np.asarray(query_rows[part], dtype=np.intp)], candidates, rows, positives[part])
        for first in range(0, len(rows), CANDIDATES):
            block.count(first, candidates[rows[first : first + CANDIDATES]])
        rank[part], tied[part] = block.ranks()
    return Ranks(rank, tied)


class _Block:
    """Some queries, with what was counted for them so far."""

    def __init__(
        self,
        queries: NDArray[np.float32],
        candidates: NDArray[np.float32],
        rows: NDArray[np.intp],
        positives: Sequence[NDArray[np.intp]],
    ) -> None:
        n, dimension = queries.shape
        self._queries = queries
        self._owner = np.repeat(np.arange(n), [len(places) for places in positives])
        self._place = np.concatenate(positives) if positives else np.zeros(0, dtype=np.intp)
        self._above = np.zeros(n)
        self._wrong_tied = np.zeros(n)
        right = np.empty(len(self._place))
        for start in range(0, len(right), PAIRS):
            part = slice(start, start + PAIRS)
            right[part] = _products(queries[self._owner[part]], candidates[rows[self._place[part]]])
        self._best = np.full(n, -np.inf)
        np.maximum.at(self._best, self._owner, right)
        self._size = np.linalg.norm(queries.astype(np.float64), axis=1)
        # Bounds on the error of a sum of `dimension` products (Higham, Accuracy and Stability, section 3.1).
        self._rounding32, self._rounding64 = (dimension + 2) * 2.0**-24, (dimension + 2) * 2.0**-51
        sizes = np.linalg.norm(candidates[rows[self._place]].astype(np.float64), axis=1)
        equal = right >= self._best[self._owner] - self._rounding64 * self._size[self._owner] * sizes
        self._right_tied = np.bincount(self._owner[equal], minlength=n)

    def count(self, first: int, tile: NDArray[np.float32]) -> None:
        """Count the candidates of `tile`, shape (c, d), which begins at place `first`."""
        scores = self._queries @ tile.T
        inside = (self._place >= first) & (self._place < first + len(tile))
        scores[self._owner[inside], self._place[inside] - first] = -np.inf
        sizes = np.linalg.norm(tile.astype(np.float64), axis=1)
        margin = self._rounding32 * self._size * sizes.max(initial=0.0)
        # Rounded outwards: a float32 bound inside the margin would decide what float64 has to.
        high = np.nextafter((self._best + margin).astype(np.float32), np.float32(np.inf))[:, None]
        low = np.nextafter((self._best - margin).astype(np.float32), np.float32(-np.inf))[:, None]
        # Most queries have nothing of a tile near their best positive or above: one pass over all scores finds them.
        reached = np.count_nonzero(scores >= low, axis=1)
        active = np.flatnonzero(reached)
        scores, high, low = scores[active], high[active], low[active]
        above = np.count_nonzero(scores > high, axis=1)
        self._above[active] += above
        near = reached[active] - above
        few = np.flatnonzero((near > 0) & (near <= FEW))
        owner, place = np.nonzero((scores[few] >= low[few]) & (scores[few] <= high[few]))
        owner = active[few[owner]]
        for start in range(0, len(owner), PAIRS):
            query, candidate = owner[start : start + PAIRS], place[start : start + PAIRS]
            self._recount(query, _products(self._queries[query], tile[candidate]), sizes[candidate])
        for row in np.flatnonzero(near > FEW).tolist():
            candidate = np.flatnonzero((scores[row] >= low[row]) & (scores[row] <= high[row]))
            exact = tile[candidate].astype(np.float64) @ self._queries[active[row]].astype(np.float64)
            self._recount(np.full(len(candidate), active[row]), exact, sizes[candidate])

    def ranks(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return (expected ranks, whether a wrong candidate is tied with the best positive)."""
        rank = 1 + self._above + self._wrong_tied / (self._right_tied + 1)
        return np.where(np.isfinite(self._best), rank, np.nan), self._wrong_tied > 0

    def _recount(self, query: NDArray[np.intp], exact: NDArray[np.float64], sizes: NDArray[np.float64]) -> None:
        """Count candidates, all of shape (pairs,), that float32 cannot tell from the best positive of `query`."""
        difference = exact - self._best[query]
        bound = self._rounding64 * self._size[query] * sizes
        n = len(self._best)
        self._above += np.bincount(query[difference > bound], minlength=n)
        self._wrong_tied += np.bincount(query[np.abs(difference) <= bound], minlength=n)


def _products(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the dot product of each pair of rows, shape (n,), in float64."""
    products: NDArray[np.float64] = np.einsum("ij,ij->i", left.astype(np.float64), right.astype(np.float64))
    return products
