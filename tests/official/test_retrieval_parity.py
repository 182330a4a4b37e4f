"""Recall@K against BLIP, CLIP_benchmark and trec_eval on recorded similarities and rankings."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.official.cases import REASON, Case, Parity, compares, found_cases
from vlmeval.metrics.recall import MeanRank, Recall1, Recall5, Recall10
from vlmeval.score.ranks import Ranks, decimal, expected_ranks
from vlmeval.types import Answer, Metric, Sample

FOUND = found_cases("retrieval_")
MATRICES = [case for case in FOUND if (case.folder / "sims.npz").exists()]
RANKINGS = [case for case in FOUND if list(case.folder.glob("qrels*"))]
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
RECALLS: dict[int, Metric] = {1: Recall1(), 5: Recall5(), 10: Recall10()}


def ranks_of(scores: NDArray[np.float32], positives: list[NDArray[np.intp]]) -> Ranks:
    """Return the ranks that a matrix of scores, (queries, candidates), gives: its rows against unit vectors."""
    n, m = scores.shape
    return expected_ranks(scores, range(n), np.eye(m, dtype=np.float32), range(m), positives)


def value_of(metric: Metric, ranks: Ranks) -> float:
    """Return a metric over ranks, by the way a run's answers take."""
    sample = Sample("i2t:1", (), ("1",))
    rows = [metric.stats(sample, [Answer("", decimal(rank), "rank")]) for rank in ranks.rank.tolist()]
    return float(metric.value(np.array(rows).sum(axis=0)))


def both_directions(case: Case) -> tuple[Ranks, Ranks]:
    with np.load(case.folder / "sims.npz") as archive:
        scores = next(iter(archive.values())).astype(np.float32)
    owners = np.array(json.loads((case.folder / "text_to_image.json").read_text("utf8")))
    texts_of = [np.flatnonzero(owners == image) for image in range(len(scores))]
    images_of = [np.array([owner]) for owner in owners]
    return ranks_of(scores, texts_of), ranks_of(np.ascontiguousarray(scores.T), images_of)


@pytest.mark.parametrize("case", MATRICES, ids=[case.folder.name for case in MATRICES])
def test_recall_equals_blip_and_clip_benchmark_where_nothing_is_tied(case: Case) -> None:
    texts, images = both_directions(case)
    blip, clip = case.expected["official_BLIP_itm_eval"], case.expected["official_CLIP_benchmark"]
    for first, metric in RECALLS.items():
        near_border = sum((texts.tied & (np.floor(texts.rank) <= first) & (texts.rank > first)).tolist())
        allowed = 100 * near_border / len(texts.rank) + 1e-4
        assert 100 * value_of(metric, texts) == pytest.approx(blip[f"txt_r{first}"], abs=allowed)
        assert value_of(metric, texts) == pytest.approx(clip[f"text_retrieval_recall@{first}"], abs=allowed / 100)
        assert 100 * value_of(metric, images) == pytest.approx(blip[f"img_r{first}"], abs=1e-4)
        assert value_of(metric, images) == pytest.approx(clip[f"image_retrieval_recall@{first}"], abs=1e-6)


@pytest.mark.parametrize("case", MATRICES, ids=[case.folder.name for case in MATRICES])
def test_a_tie_at_the_border_stays_between_its_bounds(case: Case) -> None:
    texts, _ = both_directions(case)
    for name, bounds in case.expected.get("tie_bounds", {}).items():
        value = 100 * value_of(RECALLS[int(name.removeprefix("txt_r"))], texts)
        assert bounds["ties_lose"] - 1e-9 <= value <= bounds["ties_win"] + 1e-9
        assert texts.tied.any()


@pytest.mark.parametrize("case", MATRICES, ids=[case.folder.name for case in MATRICES])
def test_every_untied_rank_equals_the_recorded_one(case: Case) -> None:
    recorded = json.loads(gzip.decompress((case.folder / "ranks.json.gz").read_bytes()))
    for ranks, name in zip(
        both_directions(case), ("image_to_text_best_rank_0based", "text_to_image_rank_0based"), strict=True
    ):
        expected = np.array(recorded[name]) + 1
        assert np.array_equal(ranks.rank[~ranks.tied], expected[~ranks.tied])
        assert np.all(np.abs(ranks.rank - expected)[ranks.tied] < 1)


@pytest.mark.parametrize("case", MATRICES, ids=[case.folder.name for case in MATRICES])
def test_mean_ranks_equal_the_recorded_ones(case: Case) -> None:
    texts, images = both_directions(case)
    for ranks, side in ((texts, "i2t"), (images, "t2i")):
        ties = np.count_nonzero(ranks.tied) / len(ranks.rank)
        assert value_of(MeanRank(), ranks) == pytest.approx(case.expected[f"mean_rank_{side}"], abs=ties + 1e-9)


def success(case: Case) -> tuple[dict[str, dict[int, float]], dict[str, dict[int, float]]]:
    """Return recall at K by topic, ours and trec_eval's."""
    relevant: dict[str, set[str]] = defaultdict(set)
    for line in gzip.decompress(next(case.folder.glob("qrels*")).read_bytes()).decode().splitlines():
        topic, _, document, judged = line.split()
        if int(judged) > 0:
            relevant[topic].add(document)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in gzip.decompress(next(case.folder.glob("results*")).read_bytes()).decode().splitlines():
        topic, _, document, _, score, _ = line.split()
        found[topic][document] = float(score)
    ours, official = {}, {}
    for topic, scores in found.items():
        positives = np.flatnonzero([document in relevant[topic] for document in scores])
        ranks = ranks_of(np.array([list(scores.values())], dtype=np.float32), [positives])
        ours[topic] = {first: value_of(metric, ranks) for first, metric in RECALLS.items()}
        official[topic] = {first: case.expected["official"][topic][f"success_{first}"] for first in RECALLS}
    return ours, official


@pytest.mark.parametrize("case", RANKINGS, ids=[case.folder.name for case in RANKINGS])
def test_recall_is_the_success_of_trec_eval(case: Case) -> None:
    ours, official = success(case)
    assert ours == official


@compares("retrieval_")
def lines(case: Case) -> Iterator[Parity]:
    if case in RANKINGS:
        ours, official = success(case)
        for first in RECALLS:
            pairs = [(ours[topic][first], official[topic][first]) for topic in official]
            means = [float(np.mean(side)) for side in zip(*pairs, strict=True)]
            largest = max(abs(one - other) for one, other in pairs)
            yield Parity(f"success@{first} (trec_eval)", len(pairs), means[1], means[0], largest)
        return
    clip = case.expected["official_CLIP_benchmark"]
    for side, ranks in zip(("text", "image"), both_directions(case), strict=True):
        for first, metric in RECALLS.items():
            value, official = value_of(metric, ranks), clip[f"{side}_retrieval_recall@{first}"]
            border = ranks.tied & (np.floor(ranks.rank) <= first) & (ranks.rank > first)
            note = "computed in 32 bits there"
            note += f"; {int(border.sum())} tie at the border: expected rank" if border.any() else ""
            beyond = max(0.0, abs(value - official) - border.sum() / len(ranks.rank))
            yield Parity(f"{side} recall@{first}", len(ranks.rank), official, value, 0.0 if beyond < 1e-6 else beyond,
                         note)  # fmt: skip
