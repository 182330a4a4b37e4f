"""Ranks of all positives, average precision and strict orders, against enumeration; tiles of torch against numpy."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vlmeval.score import ranks as ranks_module
from vlmeval.score.ranks import Ranks, Side, Vectors, count_tiles, expected_ranks
from vlmeval.score.tiles import NumpyMultiplier, TorchMultiplier, open_multiplier

Scores = NDArray[np.float32]


def ranked(scores: Scores, positives: list[list[int]], ids: list[str] | None = None) -> Ranks:
    """Return the ranks that a matrix of scores gives: its rows against unit vectors."""
    n, m = scores.shape
    places = [np.array(one, dtype=np.intp) for one in positives]
    return expected_ranks(scores, range(n), np.eye(m, dtype=np.float32), range(m), places, ids=ids or [])


def orders(scores: list[int]) -> list[tuple[int, ...]]:
    """Return all orders of the candidates that descend by score."""
    return [
        order for order in permutations(range(len(scores))) if all(scores[a] >= scores[b] for a, b in pairwise(order))
    ]


def precision(order: tuple[int, ...], right: list[int]) -> float:
    hits, total = 0, 0.0
    for place, candidate in enumerate(order, start=1):
        if candidate in right:
            hits += 1
            total += hits / place
    return total / len(right)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-2, 2), min_size=1, max_size=6), st.data())
def test_expectations_are_those_over_all_orders_of_the_ties(scores: list[int], data: st.DataObject) -> None:
    right = data.draw(st.lists(st.integers(0, len(scores) - 1), min_size=1, unique=True))
    found = ranked(np.array([scores], dtype=np.float32), [right])
    every = orders(scores)
    assert found.precision[0] == pytest.approx(np.mean([precision(order, right) for order in every]))
    places = np.array([sorted(order.index(one) + 1 for one in right) for order in every])
    assert found.positives[0] == pytest.approx(places.mean(axis=0))
    assert found.rank[0] == pytest.approx(places[:, 0].mean())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-2, 2), min_size=1, max_size=7), st.data())
def test_blip_takes_the_later_and_trec_the_larger_id(scores: list[int], data: st.DataObject) -> None:
    right = data.draw(st.lists(st.integers(0, len(scores) - 1), min_size=1, unique=True))
    ids = data.draw(st.permutations([f"d{n}" for n in range(len(scores))]))
    found = ranked(np.array([scores], dtype=np.float32), [right], list(ids))
    later = tuple(sorted(range(len(scores)), key=lambda one: (-scores[one], -one)))
    larger = tuple(
        sorted(sorted(range(len(scores)), key=lambda one: ids[one], reverse=True), key=lambda one: -scores[one])
    )
    for strict, order in ((found.blip, later), (found.trec, larger)):
        assert strict.rank[0] == min(order.index(one) for one in right) + 1
        assert strict.precision[0] == pytest.approx(precision(order, right))


def test_a_large_tie_has_the_expectation_of_a_random_order() -> None:
    scores = np.zeros((1, 400), dtype=np.float32)
    found = ranked(scores, [[3, 77, 200]])
    draw = np.random.default_rng(0)
    sampled = []
    for _ in range(20_000):
        places = np.sort(draw.choice(400, 3, replace=False)) + 1
        sampled.append((np.arange(1, 4) / places).mean())
    assert found.precision[0] == pytest.approx(np.mean(sampled), rel=0.03)
    assert found.rank[0] == 1 + 397 / 4


def test_a_query_without_a_positive_is_not_a_number_and_harms_no_other() -> None:
    found = ranked(np.array([[3, 2, 1], [1, 2, 3], [3, 1, 2]], dtype=np.float32), [[1], [], [0, 2]])
    assert found.rank[[0, 2]].tolist() == [2.0, 1.0]
    assert np.isnan(found.rank[1])
    assert np.isnan(found.precision[1])
    assert [part.tolist() for part in found.positives] == [[2.0], [], [1.0, 2.0]]


def made(seed: int, images: int = 60, captions: int = 4, dimension: int = 24) -> tuple[Scores, Scores]:
    draw = np.random.default_rng(seed)
    left = draw.standard_normal((images, dimension))
    right = np.repeat(left, captions, axis=0) + 1.2 * draw.standard_normal((images * captions, dimension))
    right[7] = right[3]  # a duplicate
    left, right = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right))
    return left.astype(np.float32), right.astype(np.float32)


def both(left: Scores, right: Scores, multiplier: NumpyMultiplier | TorchMultiplier) -> tuple[Ranks, Ranks]:
    captions = len(right) // len(left)
    rows, columns = Vectors(left, range(len(left))), Vectors(right, range(len(right)))
    texts_of = [np.arange(captions * n, captions * n + captions) for n in range(len(left))]
    images_of = [np.array([n // captions]) for n in range(len(right))]
    sides = (
        Side(rows, columns, texts_of, axis=0, order=np.arange(len(right))),
        Side(columns, rows, images_of, axis=1, order=np.arange(len(left))),
    )
    count_tiles(rows, columns, sides, multiplier)
    return sides[0].ranks(), sides[1].ranks()


@pytest.mark.parametrize("sparse", [0.0, 1 / 64, 1.0])
@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_one_pass_over_both_directions_equals_float64(
    name: str, sparse: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "torch":
        pytest.importorskip("torch").set_num_threads(1)
    multiplier = NumpyMultiplier() if name == "numpy" else TorchMultiplier("cpu")
    for constant, value in (("QUERIES", 17), ("CANDIDATES", 29), ("SPARSE", sparse)):
        monkeypatch.setattr(ranks_module, constant, value)
    left, right = made(1)
    exact = left.astype(np.float64) @ right.astype(np.float64).T
    texts_of = [list(range(4 * n, 4 * n + 4)) for n in range(60)]
    images_of = [[n // 4] for n in range(240)]
    for found, scores, positives in zip(
        both(left, right, multiplier),
        (exact, exact.T),
        (texts_of, images_of),
        strict=True,
    ):
        for query, own in enumerate(positives):
            order = sorted(range(scores.shape[1]), key=lambda one: -scores[query, one])
            places = sorted(order.index(one) + 1 for one in own)
            if not found.any_tied[query]:
                assert found.positives[query].tolist() == places
                assert found.precision[query] == pytest.approx(precision(tuple(order), own))
            else:
                assert np.abs(found.positives[query] - places).max() <= 1


def test_small_products_stay_with_numpy() -> None:
    assert isinstance(open_multiplier(1000), NumpyMultiplier)
