"""Scores to ranks by counting: how many wrong candidates stand above each right one.

The rank of a query is 1 + the candidates above its best positive + its share of a tie: of t wrong candidates tied with
p right ones, t / (p + 1) stand above the first right one on average over all orders of the tie. Average precision is
its expectation over the orders of ties too (McSherry and Najork 2008, ECIR, section 3). Two orders in use are counted
beside: "blip", the later candidate first (salesforce/BLIP itm_eval: argsort()[::-1]), and "trec", the larger id first
(usnistgov/trec_eval, form_res_rels.c).

Scores are counted in tiles of float32 products: nothing is sorted, and the matrix of all scores is never in memory.
Where a score is nearer to a positive's than float32 can tell, it is computed again in float64, so the ranks are those
of exact arithmetic; what cannot be told apart then is a tie, and counted as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vlmeval.score.precision import Groups
from vlmeval.score.tiles import Multiplier, Tile, open_multiplier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Places = NDArray[np.intp]
    Floats32 = NDArray[np.float32]
    Floats64 = NDArray[np.float64]

QUERIES = 512
CANDIDATES = 2048
PAIRS = 1 << 11
SPARSE = 1 / 64


@dataclass(frozen=True)
class Strict:
    """Ranks (queries,) of the best positive under one strict order of ties, and the average precision under it."""

    rank: Floats64
    precision: Floats64


@dataclass(frozen=True)
class Ranks:
    """The expected rank of each query's best positive, counted from 1, and whether it is tied with a wrong one.

    All of shape (queries,); NaN for a query without a positive. `tied` is of the best positive, `any_tied` of any.
    `precision` is the expected average precision. `positives[i]` are the expected ranks of all positives, ascending.
    """

    rank: Floats64
    tied: NDArray[np.bool_]
    any_tied: NDArray[np.bool_]
    precision: Floats64
    positives: list[Floats64]
    blip: Strict
    trec: Strict


def expected_ranks(
    queries: Floats32,
    query_rows: Sequence[int],
    candidates: Floats32,
    candidate_rows: Sequence[int],
    positives: Sequence[Places],
    *,
    ids: Sequence[str] = (),
) -> Ranks:
    """Return the ranks of `queries[query_rows]`, (n, d), among `candidates[candidate_rows]`, (m, d), by dot product.

    `positives[i]` holds the places, 0..m-1 and each once, of the right candidates of query i. `ids` (m,) name the
    candidates for "trec"; their places do without.
    """
    left, right = Vectors(queries, query_rows), Vectors(candidates, candidate_rows)
    side = Side(left, right, positives, axis=0, order=id_order(ids, len(right)))
    count_tiles(left, right, [side])
    return side.ranks()


class Vectors:
    """Rows of a matrix, read where they are needed. `sizes` are their lengths."""

    def __init__(self, matrix: Floats32, rows: Sequence[int]) -> None:
        self._matrix = matrix
        self._rows = np.asarray(rows, dtype=np.intp)
        self.dimension = matrix.shape[1]
        self.sizes = np.empty(len(self._rows))
        for start in range(0, len(self._rows), PAIRS):
            part = self.at(np.arange(start, min(start + PAIRS, len(self._rows))))
            wide = part.astype(np.float64)
            self.sizes[start : start + PAIRS] = np.sqrt(np.einsum("ij,ij->i", wide, wide))

    def __len__(self) -> int:
        return len(self._rows)

    def at(self, places: Places) -> Floats32:
        """Return the vectors at `places`, shape (len(places), d)."""
        found: Floats32 = self._matrix[self._rows[places]]
        return found

    def part(self, start: int, size: int) -> Floats32:
        """Return up to `size` vectors from `start`."""
        return self._matrix[self._rows[start : start + size]]


def id_order(ids: Sequence[str], count: int) -> Places:
    """Return the place of each id in the order of their bytes; 0..count-1 without ids."""
    if not ids:
        return np.arange(count, dtype=np.intp)
    order = np.empty(count, dtype=np.intp)
    order[sorted(range(count), key=lambda place: ids[place].encode("utf8", "surrogatepass"))] = np.arange(count)
    return order


def count_tiles(left: Vectors, right: Vectors, sides: Sequence[Side], multiplier: Multiplier | None = None) -> None:
    """Go through all products once and have every side count its own."""
    if not sides:
        return
    multiplier = multiplier or open_multiplier(len(left) * len(right) * left.dimension)
    for row in range(0, len(left), QUERIES):
        block = multiplier.rows(left.part(row, QUERIES))
        for column in range(0, len(right), CANDIDATES):
            tile = multiplier.tile(block, multiplier.rows(right.part(column, CANDIDATES)))
            height = min(QUERIES, len(left) - row)
            width = min(CANDIDATES, len(right) - column)
            for side in sides:
                side.count(tile, (row, column), (height, width))


class Side:
    """One direction: the positives of all its queries, and what was counted above each of them.

    Along `axis` 0 of the tiles its queries are the rows, along 1 the columns. Flat arrays over positives are in the
    order of the queries, the best positive of a query first.
    """

    def __init__(
        self, queries: Vectors, candidates: Vectors, positives: Sequence[Places], *, axis: int, order: Places
    ) -> None:
        self._queries, self._candidates, self._axis, self._order = queries, candidates, axis, order
        counts = np.fromiter((len(places) for places in positives), dtype=np.intp, count=len(positives))
        owner = np.repeat(np.arange(len(positives), dtype=np.intp), counts)
        place = np.concatenate([np.zeros(0, dtype=np.intp), *positives]).astype(np.intp)
        score = self._exact(owner, place)
        ordered = np.lexsort((place, -score, owner))
        self._owner, self._place, self._score = owner, place[ordered], score[ordered]
        self._counts = counts
        self._starts = np.concatenate(([0], np.cumsum(counts)))[:-1].astype(np.intp)
        # Bounds on the error of a sum of `d` products (Higham, Accuracy and Stability, section 3.1).
        rounding32, self._rounding64 = (queries.dimension + 2) * 2.0**-24, (queries.dimension + 2) * 2.0**-51
        margin = rounding32 * queries.sizes[owner] * candidates.sizes.max(initial=0.0)
        # Rounded outwards: a float32 bound inside the margin would decide what float64 has to.
        self._high = np.nextafter((self._score + margin).astype(np.float32), np.float32(np.inf))
        self._low = np.nextafter((self._score - margin).astype(np.float32), np.float32(-np.inf))
        size = len(place)
        self._above, self._tied = np.zeros(size), np.zeros(size)
        self._later, self._larger = np.zeros(size), np.zeros(size)

    def count(self, tile: Tile, corner: tuple[int, int], shape: tuple[int, int]) -> None:
        """Count the tile whose first row and column are `corner`."""
        axis = self._axis
        first, offset = corner[axis], corner[1 - axis]
        height, width = shape[axis], shape[1 - axis]
        # Owners ascend: the positives of this block's queries lie together.
        begin, end = np.searchsorted(self._owner, [first, first + height])
        inside = np.flatnonzero((self._place[begin:end] >= offset) & (self._place[begin:end] < offset + width)) + begin
        query, candidate = self._owner[inside] - first, self._place[inside] - offset
        rows, columns = (query, candidate) if axis == 0 else (candidate, query)
        held = tile.swap(rows, columns, -np.inf)
        for rank in range(int(self._counts[first : first + height].max(initial=0)) - 1, -1, -1):
            low, high, positive = self._bounds(first, height, rank)
            flat = tile.reached(low, axis, int(SPARSE * height * width))
            if flat is not None:
                query, candidate = self._split(flat, shape[1])
                self._count_pairs(query + first, candidate + offset, tile.values(flat), rank)
                break
            counts, flat = tile.count(low, high, axis)
            query, candidate = self._split(flat, shape[1])
            live = self._counts[first : first + height] > rank
            self._above[positive[live]] += (counts - np.bincount(query, minlength=height))[live]
            known = live[query]
            self._recount(positive[query[known]], candidate[known] + offset)
        tile.swap(rows, columns, held)

    def _bounds(self, first: int, height: int, rank: int) -> tuple[Floats32, Floats32, Places]:
        """Return low, high and flat place of the positive `rank` of the queries from `first`, the best is 0.

        A query with fewer positives has the bounds of its worst, so that all it has is reached; one without, infinity.
        """
        queries = slice(first, first + height)
        counts = self._counts[queries]
        positive = self._starts[queries] + np.minimum(rank, counts - 1)
        low, high = np.full((2, len(counts)), np.inf, dtype=np.float32)
        filled = counts > 0
        low[filled], high[filled] = self._low[positive[filled]], self._high[positive[filled]]
        return low, high, positive

    def _split(self, flat: Places, width: int) -> tuple[Places, Places]:
        """Return (queries, candidates) of flat places of a tile."""
        row, column = np.divmod(flat, width)
        return (row, column) if self._axis == 0 else (column, row)

    def _count_pairs(self, query: Places, candidate: Places, score: Floats32, rank: int) -> None:
        """Count the few scores, all (pairs,), that are near or above positives 0..`rank` of their query."""
        counts = np.minimum(self._counts[query], rank + 1)
        pair = np.repeat(np.arange(len(query)), counts)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
        positive = self._starts[query[pair]] + within
        score = score[pair]
        above = score > self._high[positive]
        np.add.at(self._above, positive[above], 1)
        near = ~above & (score >= self._low[positive])
        self._recount(positive[near], candidate[pair[near]])

    def _recount(self, positive: Places, candidate: Places) -> None:
        """Count pairs, all of shape (pairs,), that float32 cannot tell from the positive's score."""
        for start in range(0, len(positive), PAIRS):
            one, other = positive[start : start + PAIRS], candidate[start : start + PAIRS]
            owner = self._owner[one]
            difference = self._exact(owner, other) - self._score[one]
            bound = self._rounding64 * self._queries.sizes[owner] * self._candidates.sizes[other]
            tied = np.abs(difference) <= bound
            np.add.at(self._above, one[difference > bound], 1)
            one, other = one[tied], other[tied]
            np.add.at(self._tied, one, 1)
            np.add.at(self._later, one[other > self._place[one]], 1)
            np.add.at(self._larger, one[self._order[other] > self._order[self._place[one]]], 1)

    def _exact(self, owner: Places, place: Places) -> Floats64:
        """Return the products of queries and candidates, pair by pair, in float64."""
        products = np.empty(len(owner))
        for start in range(0, len(owner), PAIRS):
            part = slice(start, start + PAIRS)
            left, right = self._queries.at(owner[part]), self._candidates.at(place[part])
            products[part] = np.einsum("ij,ij->i", left.astype(np.float64), right.astype(np.float64))
        return products

    def ranks(self) -> Ranks:
        """Return what was counted, as ranks."""
        sizes = self._rounding64 * self._queries.sizes[self._owner] * self._candidates.sizes[self._place]
        groups = Groups.of(self._owner, self._starts, self._counts, self._score, sizes, self._above, self._tied)
        tied = np.zeros(len(self._counts), dtype=np.bool_)
        filled = self._counts > 0
        tied[filled] = self._tied[self._starts[filled]] > 0
        return Ranks(
            rank=groups.first_rank(),
            tied=tied,
            any_tied=np.bincount(self._owner[self._tied > 0], minlength=len(self._counts)) > 0,
            precision=groups.precision(),
            positives=groups.expected(),
            blip=Strict(*groups.strict(self._place, self._later)),
            trec=Strict(*groups.strict(self._order[self._place], self._larger)),
        )
