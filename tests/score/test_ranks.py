"""Ranks against a full sort: ties, negative scores, collapsed encoders, scores that float32 cannot tell apart."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vlmeval.errors import DataError
from vlmeval.score import ranks as ranks_module
from vlmeval.score.ranks import Ranks, expected_ranks
from vlmeval.score.vectors import decimal, rank_answers
from vlmeval.store.embeddings import EmbeddingWriter, item_key
from vlmeval.store.layout import RunFolder
from vlmeval.types import Answer, Image, Sample


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


class Sorted(NamedTuple):
    rank: NDArray[np.float64]
    tied: NDArray[np.bool_]


def by_sorting(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], positives: list[NDArray[np.intp]]
) -> Sorted:
    """Return the ranks as the definition has them, from the whole matrix."""
    scores = queries.astype(np.float64) @ candidates.astype(np.float64).T
    rank, tied = np.empty(len(queries)), np.zeros(len(queries), dtype=np.bool_)
    for query, (row, places) in enumerate(zip(scores, positives, strict=True)):
        best = row[places].max()
        wrong = np.delete(row, places)
        ties = np.count_nonzero(np.abs(wrong - best) < 1e-12)
        right_ties = np.count_nonzero(np.abs(row[places] - best) < 1e-12)
        rank[query] = 1 + np.count_nonzero(wrong >= best + 1e-12) + ties / (right_ties + 1)
        tied[query] = ties > 0
    return Sorted(rank, tied)


def counted(queries: NDArray[np.float32], candidates: NDArray[np.float32], positives: list[NDArray[np.intp]]) -> Ranks:
    return expected_ranks(queries, range(len(queries)), candidates, range(len(candidates)), positives)


def assert_equal(found: Ranks, expected: Sorted) -> None:
    assert np.array_equal(found.rank, expected.rank)
    assert np.array_equal(found.tied, expected.tied)


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(1, 6),
    st.integers(1, 3),
    st.sampled_from([0.0, 1 / 64, 1.0]),
)
def test_counting_in_tiles_equals_sorting(
    seed: int, images: int, captions: int, dimension: int, levels: int, sparse: float
) -> None:
    draw = np.random.default_rng(seed)
    # Few distinct values make exact ties, duplicates and orthogonal pairs.
    pool = draw.integers(-levels, levels + 1, size=(images * (captions + 1), dimension)).astype(np.float64)
    pool[~pool.any(axis=1)] = 1.0
    vectors = unit(pool)
    queries, candidates = vectors[:images], vectors[images:]
    positives = [np.arange(captions * image, captions * image + captions) for image in range(images)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("QUERIES", 7), ("CANDIDATES", 11), ("PAIRS", 5), ("SPARSE", sparse)):
            patch.setattr(ranks_module, name, value)
        assert_equal(counted(queries, candidates, positives), by_sorting(queries, candidates, positives))


def test_random_vectors_have_the_ranks_of_the_sort() -> None:
    draw = np.random.default_rng(0)
    texts = unit(draw.standard_normal((6000, 32)))
    images = unit(texts[::5].astype(np.float64) + 0.3 * draw.standard_normal((1200, 32)))
    of_image = [np.arange(5 * image, 5 * image + 5) for image in range(1200)]
    of_text = [np.array([text // 5]) for text in range(6000)]
    assert_equal(counted(images, texts, of_image), by_sorting(images, texts, of_image))
    assert_equal(counted(texts, images, of_text), by_sorting(texts, images, of_text))


def test_an_encoder_that_says_one_thing_is_at_chance() -> None:
    same = np.tile(unit(np.ones((1, 16))), (500, 1))
    ranks = counted(same, same, [np.array([place]) for place in range(500)])
    assert np.all(ranks.rank == 1 + 499 / 2)
    assert ranks.tied.all()
    five = counted(same[:100], same, [np.arange(5 * place, 5 * place + 5) for place in range(100)])
    assert np.all(five.rank == 1 + 495 / 6)


def test_what_only_float64_tells_apart_is_no_tie() -> None:
    base = np.zeros((3, 64), dtype=np.float32)
    base[:, 0] = 1.0
    base[0, 1], base[1, 1], base[2, 1] = 1e-4, np.nextafter(np.float32(1e-4), np.float32(1)), 1e-4
    query = np.zeros((1, 64), dtype=np.float32)
    query[0, :2] = 1.0, 1e-2
    scores = query @ base.T
    assert scores[0, 0] == scores[0, 1]
    ranks = counted(query, base, [np.array([0])])
    assert ranks.rank.tolist() == [2.5]
    assert ranks.tied.tolist() == [True]
    assert counted(query, base[:2], [np.array([0])]).tied.tolist() == [False]


def test_scores_that_differ_by_the_order_of_a_sum_alone_are_tied() -> None:
    generator = np.random.default_rng(3)
    row = generator.standard_normal(64).astype(np.float32)
    candidates = np.stack([generator.permutation(row) for _ in range(20)])
    query = np.full((1, 64), 0.1, dtype=np.float32)
    exact = query.astype(np.float64) @ candidates.astype(np.float64).T
    assert len(set(exact[0].tolist())) > 1
    ranks = counted(query, candidates, [np.array([0])])
    assert (ranks.rank.tolist(), ranks.tied.tolist()) == ([1 + 19 / 2], [True])


def test_all_scores_may_be_negative() -> None:
    candidates = unit(np.array([[-1.0, 0.2], [-1.0, 0.5], [-1.0, 0.0]]))
    ranks = counted(unit(np.array([[1.0, 0.0]])), candidates, [np.array([0])])
    assert ranks.rank.tolist() == [2.0]


@pytest.mark.parametrize(("rank", "text"), [(1.0, "1"), (2.5, "2.5"), (1 + 995 / 6, repr(1 + 995 / 6))])
def test_a_rank_as_text_is_read_back(rank: float, text: str) -> None:
    assert decimal(rank) == text
    assert float(text) == rank


IMAGES = [Sample(f"i2t:{n}", (Image(f"{n:064x}", 1, 1, "png"),), (f"{n}a", f"{n}b")) for n in range(3)]
TEXTS = [Sample(f"t2i:{n}{side}", (f"{n}{side}",), (str(n),)) for n in range(3) for side in "ab"]
DIRECTIONS = [
    (1, 0, 0), (0, 1, 0), (0, 0, 1), (4, 1, 0), (3, 0, 1), (2, 3, 0), (1, 2, 0), (1, 0, 0), (0, 1, 1),
]  # fmt: skip
VECTORS = unit(np.array(DIRECTIONS, dtype=np.float64))


def embedded(folder: Path, samples: list[Sample], vectors: NDArray[np.float32] = VECTORS) -> RunFolder:
    with EmbeddingWriter(folder) as writer:
        writer.add(samples, [item_key(sample) for sample in samples], vectors[: len(samples)])
    return RunFolder(folder)


def test_both_directions_are_ranked_against_the_other_sides_items(tmp_path: Path) -> None:
    folder = embedded(tmp_path, IMAGES + TEXTS)
    answers = rank_answers(folder, IMAGES + TEXTS)
    assert answers["i2t:0"][0] == Answer("", "2", "rank")
    assert answers["i2t:1"][0] == Answer("", "1", "rank")
    assert answers["i2t:2"][0] == Answer("", "1", "rank")
    assert answers["t2i:0a"][0] == answers["t2i:1a"][0] == Answer("", "1", "rank")
    assert answers["t2i:2a"][0] == Answer("", "2.5", "tie")
    assert answers["t2i:2b"][0] == Answer("", "1.5", "tie")
    assert [answer.variant for answer in answers["t2i:2b"]] == ["", "ranks", "ap", "blip", "trec", "ap_trec"]


def test_the_order_of_samples_changes_nothing(tmp_path: Path) -> None:
    folder = embedded(tmp_path, IMAGES + TEXTS)
    one, other = (rank_answers(folder, samples) for samples in (IMAGES + TEXTS, (TEXTS + IMAGES)[::-1]))
    for sample_id, answers in one.items():  # but for "blip", which is the order of the data
        assert [answer for answer in answers if answer.variant != "blip"] == [
            answer for answer in other[sample_id] if answer.variant != "blip"
        ]


def test_a_direction_whose_candidates_lack_a_vector_has_no_ranks(tmp_path: Path) -> None:
    folder = embedded(tmp_path, IMAGES + TEXTS[:-1])
    answers = rank_answers(folder, IMAGES + TEXTS)
    assert set(answers) == {sample.id for sample in TEXTS[:-1]}
    assert rank_answers(RunFolder(tmp_path / "none"), IMAGES + TEXTS) == {}


def test_a_query_whose_positives_are_not_among_the_candidates_has_no_rank(tmp_path: Path) -> None:
    folder = embedded(tmp_path, IMAGES + TEXTS)
    assert set(rank_answers(folder, IMAGES + TEXTS[:2])) == {"i2t:0", "t2i:0a", "t2i:0b"}
    assert rank_answers(folder, IMAGES) == {}


def test_an_id_without_a_direction_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='sample 7: the id of a retrieval query begins with "i2t:" or "t2i:"'):
        rank_answers(RunFolder(tmp_path), [Sample("7", ("a",), ("b",))])
