"""Vectors of a run to answers: ranks of retrieval, classes of zero-shot classification, scores of pairs.

An answer of retrieval is the rank of the first right candidate, by the rule "rank", or "tie" where a wrong candidate is
tied with it. Beside it stand, without a rule since they decide nothing, "ranks" (of all right ones, ascending), "ap"
(average precision), "fold" where the task has folds, and where a right one is tied the ranks of other programs:
"blip", "trec", "ap_trec".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vlmeval.errors import DataError
from vlmeval.kinds.pairs import PairsKind
from vlmeval.kinds.retrieval import RetrievalKind
from vlmeval.kinds.zeroshot import ZeroShotKind
from vlmeval.score.precision import Groups
from vlmeval.score.ranks import Ranks, Side, Vectors, count_tiles, expected_ranks, id_order
from vlmeval.store.embeddings import Embeddings
from vlmeval.store.reranked import Reranked, read_reranked
from vlmeval.types import Answer, Sample, TaskKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vlmeval.store.layout import RunFolder

Answers = dict[str, tuple[Answer, ...]]
DIRECTIONS = ("i2t", "t2i")
SHOWN_CLASSES = 5


def vector_answers(folder: RunFolder, kind: TaskKind, samples: Sequence[Sample]) -> Answers:
    """Return the answers of all samples that have theirs, by sample id, in the way of the kind."""
    if isinstance(kind, ZeroShotKind):
        return class_answers(folder, kind, samples)
    if isinstance(kind, PairsKind):
        return pair_answers(folder, kind, samples)
    return rank_answers(folder, samples, folds=kind.folds if isinstance(kind, RetrievalKind) else 1)


def rank_answers(folder: RunFolder, samples: Sequence[Sample], *, folds: int = 1) -> Answers:
    """Return the answers of each query, ranked within its fold.

    Absent are queries without a vector or without a positive among the candidates, and all queries of a direction that
    has candidates without a vector: a rank among some of the candidates is not a rank. Where candidates were matched
    again, queries whose turn has not come are absent too: their ranks would be by other scores. Raises DataError for an
    id that is not "direction:item".
    """
    embeddings = Embeddings(folder.path)
    found: Answers = {}
    for number, (images, texts) in enumerate(fold_sides(samples, folds)):
        for sample_id, answers in _both_ways(images, texts, embeddings).items():
            fold = (Answer("fold", str(number), ""),) if folds > 1 else ()
            found[sample_id] = answers + fold
    again = read_reranked(folder.path)
    if again:
        sides = directions(samples)
        by_id = {sample.id: sample for sample in samples}
        sizes = {"i2t": len(sides["t2i"]), "t2i": len(sides["i2t"])}
        found = {name: matched_answers(by_id[name], again[name], sizes[name[:3]]) for name in found if name in again}
    return found


def matched_answers(query: Sample, line: Reranked, candidates: int) -> tuple[Answer, ...]:
    """Return the answers of a query whose first candidates were matched again; the others stand behind, all tied.

    The rule is "unlisted" where no right one was among those that were matched.
    """
    right = set(query.references)
    listed = [
        (item_id.partition(":")[2] in right, score) for item_id, score in zip(line.candidates, line.scores, strict=True)
    ]
    wrong = np.array([score for good, score in listed if not good])
    own = sorted((score for good, score in listed if good), reverse=True)
    missing = len(right) - len(own)
    beyond = candidates - len(listed) - missing
    score = np.array([*own, *[-np.inf] * missing])
    above = np.array([*(float((wrong > one).sum()) for one in own), *[float(len(wrong))] * missing])
    tied = np.array([*(float((wrong == one).sum()) for one in own), *[float(beyond)] * missing])
    zeros, count = np.zeros(len(score), dtype=np.intp), np.array([len(score)], dtype=np.intp)
    ranked = np.where(np.isfinite(score), score, np.finfo(np.float64).min)
    groups = Groups.of(zeros, zeros[:1], count, ranked, np.zeros(len(score)), above, tied)
    rule = "unlisted" if not own else "tie" if tied[0] else "rank"
    return (
        Answer("", decimal(float(groups.first_rank()[0])), rule),
        Answer("ranks", tuple(map(decimal, groups.expected()[0].tolist())), ""),
        Answer("ap", repr(float(groups.precision()[0])), ""),
    )


def fold_sides(samples: Sequence[Sample], folds: int) -> list[tuple[list[Sample], list[Sample]]]:
    """Return (queries image to text, queries text to image) of each fold: as many images in each, in the data's order.

    A text is in the fold of its image; one whose image is not there is in the first.
    """
    sides = directions(samples)
    images = sides["i2t"]
    size = max(1, -(-len(images) // folds))
    parts: list[tuple[list[Sample], list[Sample]]] = [([], []) for _ in range(folds)]
    fold_of = {}
    for place, sample in enumerate(images):
        fold_of[item_of(sample)] = place // size
        parts[place // size][0].append(sample)
    for sample in sides["t2i"]:
        parts[next((fold_of[name] for name in sample.references if name in fold_of), 0)][1].append(sample)
    return parts


def directions(samples: Iterable[Sample]) -> Mapping[str, list[Sample]]:
    """Return the queries by direction. Raises DataError for an id that is not "direction:item"."""
    sides: dict[str, list[Sample]] = {direction: [] for direction in DIRECTIONS}
    for sample in samples:
        direction, colon, _ = sample.id.partition(":")
        if not colon or direction not in sides:
            raise DataError(f'sample {sample.id}: the id of a retrieval query begins with "i2t:" or "t2i:"')
        sides[direction].append(sample)
    return sides


def item_of(sample: Sample) -> str:
    """Return the id of the item that a query is, without its direction."""
    return sample.id.partition(":")[2]


def _both_ways(images: Sequence[Sample], texts: Sequence[Sample], embeddings: Embeddings) -> Answers:
    """Return the answers of both directions, from one pass over all products."""
    rows = [[embeddings.row(sample) for sample in side] for side in (images, texts)]
    present = [
        [sample for sample, row in zip(side, held, strict=True) if row is not None]
        for side, held in zip((images, texts), rows, strict=True)
    ]
    if not all(present):
        return {}
    vectors = [Vectors(embeddings.matrix, [row for row in held if row is not None]) for held in rows]
    names = [[item_of(sample) for sample in side] for side in present]
    sides: list[tuple[list[Sample], Side]] = []
    for axis in (0, 1):
        other = 1 - axis
        if None in rows[other]:
            continue
        places = {name: place for place, name in enumerate(names[other])}
        order = id_order(names[other], len(names[other]))
        side = Side(
            vectors[axis], vectors[other], [_positives(one, places) for one in present[axis]], axis=axis, order=order
        )
        sides.append((present[axis], side))
    count_tiles(vectors[0], vectors[1], [side for _, side in sides])
    found: Answers = {}
    for queries, side in sides:
        found |= _written(queries, side.ranks())
    return found


def _positives(sample: Sample, places: Mapping[str, int]) -> NDArray[np.intp]:
    return np.unique(np.array([places[name] for name in sample.references if name in places], dtype=np.intp))


def _written(queries: Sequence[Sample], ranks: Ranks) -> Answers:
    """Return the ranks of queries as answers; a query without a positive has none."""
    found: Answers = {}
    columns = (ranks.rank.tolist(), ranks.tied.tolist(), ranks.any_tied.tolist(), ranks.precision.tolist())
    for place, (sample, rank, tied, any_tied, precision) in enumerate(zip(queries, *columns, strict=True)):
        if rank != rank:
            continue
        others = tuple(map(decimal, ranks.positives[place].tolist()))
        answers = [
            Answer("", decimal(rank), "tie" if tied else "rank"),
            Answer("ranks", others, ""),
            Answer("ap", repr(precision), ""),
        ]
        if any_tied:
            answers += [
                Answer("blip", decimal(float(ranks.blip.rank[place])), ""),
                Answer("trec", decimal(float(ranks.trec.rank[place])), ""),
                Answer("ap_trec", repr(float(ranks.trec.precision[place])), ""),
            ]
        found[sample.id] = tuple(answers)
    return found


def vector_remarks(
    kind: TaskKind, metrics: Sequence[str], samples: Sequence[Sample], rules: Mapping[str, int]
) -> list[str]:
    """Return what a reader of ranks must know: queries that are tied, and recalls that no encoder can miss."""
    remarks = []
    if rules.get("tie"):
        remarks.append(f"{rules['tie']} queries whose best right candidate is tied with a wrong one: expected rank")
    if isinstance(kind, RetrievalKind):
        parts = [part for part in fold_sides(samples, kind.folds) if all(part)]
        for name in metrics:
            first = name.split("_")[1] if name.startswith("recall_") else ""
            for axis, words in enumerate(("image to text", "text to image")):
                fewest = min((len(part[1 - axis]) for part in parts), default=0)
                if first.isdecimal() and 0 < fewest <= int(first):
                    remarks.append(f"{name} {words} is 100 for any model: there are only {fewest} candidates")
    return remarks


def decimal(rank: float) -> str:
    """Return a rank as text: "1", "2.5"; floats read back from it are equal."""
    return str(int(rank)) if rank == int(rank) else repr(rank)


def class_answers(folder: RunFolder, kind: ZeroShotKind, samples: Sequence[Sample]) -> Answers:
    """Return the rank of each image's class, and "classes", the first few in order.

    The vector of a class is the mean of the unit vectors of its prompts, scaled to length 1 (Radford et al. 2021,
    arXiv:2103.00020, section 3.1.4). All answers are absent while a prompt has no vector.
    """
    embeddings = Embeddings(folder.path)
    names = kind.classes_of(samples)
    weights = class_vectors(embeddings, kind, names)
    queries = [sample for sample in samples if embeddings.row(sample) is not None]
    if weights is None or not queries:
        return {}
    rows = [row for sample in queries if (row := embeddings.row(sample)) is not None]
    places = {key: place for place, key in enumerate(kind.keys(names))}
    positives = [_positives(sample, places) for sample in queries]
    ranks = expected_ranks(embeddings.matrix, rows, weights, range(len(names)), positives)
    found: Answers = {}
    for place, (sample, rank, tied) in enumerate(zip(queries, ranks.rank.tolist(), ranks.tied.tolist(), strict=True)):
        scores = weights @ embeddings.matrix[rows[place]]
        first = np.argsort(-scores, kind="stable")[:SHOWN_CLASSES].tolist()
        if rank == rank:
            best = Answer("", decimal(rank), "tie" if tied else "rank")
            found[sample.id] = (best, Answer("classes", tuple(names[one] for one in first), ""))
    return found


def class_vectors(embeddings: Embeddings, kind: ZeroShotKind, names: Sequence[str]) -> NDArray[np.float32] | None:
    """Return the classifier, shape (classes, d), float32 unit rows; None where a prompt has no vector."""
    found: list[NDArray[np.float64]] = []
    for name in names:
        prompts = [embeddings.row(prompt) for prompt in kind.prompts(name)]
        if None in prompts:
            return None
        vectors = embeddings.matrix[[row for row in prompts if row is not None]].astype(np.float64)
        found.append((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(axis=0))
    if not found:
        return None
    means = np.stack(found)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    flat = np.flatnonzero(lengths[:, 0] == 0)
    if len(flat):
        raise DataError(f'the vectors of the prompts of class "{names[int(flat[0])]}" cancel out; change the templates')
    return np.asarray(means / lengths, dtype=np.float32)


def pair_answers(folder: RunFolder, kind: PairsKind, samples: Sequence[Sample]) -> Answers:
    """Return the similarities of a sample's captions with its images: c0 i0, c0 i1, c1 i0, c1 i1, or c0, c1."""
    embeddings = Embeddings(folder.path)
    found: Answers = {}
    for sample in samples:
        images, captions = kind.members(sample)
        rows = [[embeddings.row(item) for item in side] for side in (captions, images)]
        if None in rows[0] or None in rows[1]:
            continue
        left, right = (embeddings.matrix[[row for row in side if row is not None]].astype(np.float64) for side in rows)
        # In float64, pair by pair: two equal captions have one score, to the last bit.
        scores = np.einsum("id,jd->ij", left, right)
        found[sample.id] = (Answer("", tuple(map(repr, scores.ravel().tolist())), "similarity"),)
    return found
