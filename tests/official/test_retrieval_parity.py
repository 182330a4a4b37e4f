"""Recall@K against BLIP, CLIP_benchmark and trec_eval on recorded similarities and rankings."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.official.cases import REASON, Case, Parity, compares, found_cases
from vlmeval.metrics.median_rank import MedianRank
from vlmeval.metrics.recall import (
    MeanRank,
    Recall1,
    Recall1Blip,
    Recall1Trec,
    Recall5,
    Recall5Blip,
    Recall5Trec,
    Recall10,
    Recall10Blip,
    Recall10Trec,
)
from vlmeval.score.ranks import Ranks, expected_ranks
from vlmeval.score.vectors import decimal
from vlmeval.types import Answer, Metric, Sample

FOUND = found_cases("retrieval_")
MATRICES = [case for case in FOUND if (case.folder / "sims.npz").exists()]
RANKINGS = [case for case in FOUND if list(case.folder.glob("qrels*"))]
VARIANTS = ("", "blip", "trec")
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
RECALLS: dict[int, Metric] = {1: Recall1(), 5: Recall5(), 10: Recall10()}
BLIP: dict[int, Metric] = {1: Recall1Blip(), 5: Recall5Blip(), 10: Recall10Blip()}
TREC: dict[int, Metric] = {1: Recall1Trec(), 5: Recall5Trec(), 10: Recall10Trec()}


def ranks_of(scores: NDArray[np.float32], positives: list[NDArray[np.intp]], ids: Sequence[str] = ()) -> Ranks:
    """Return the ranks that a matrix of scores, (queries, candidates), gives: its rows against unit vectors."""
    n, m = scores.shape
    return expected_ranks(scores, range(n), np.eye(m, dtype=np.float32), range(m), positives, ids=ids)


def value_of(metric: Metric, ranks: Ranks) -> float:
    """Return a metric over ranks, by the way a run's answers take."""
    sample = Sample("i2t:1", (), ("1",))
    columns = zip(ranks.rank.tolist(), ranks.blip.rank.tolist(), ranks.trec.rank.tolist(), strict=True)
    rows = [
        metric.stats(sample, [Answer(name, decimal(rank), "rank") for name, rank in zip(VARIANTS, found, strict=True)])
        for found in columns
    ]
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
def test_the_later_of_tied_items_first_is_blip_up_to_its_unstable_sort(case: Case) -> None:
    texts, images = both_directions(case)
    blip = case.expected["official_BLIP_itm_eval"]
    for first, metric in BLIP.items():
        for side, ranks in (("txt", texts), ("img", images)):
            assert 100 * value_of(metric, ranks) == pytest.approx(blip[f"{side}_r{first}"], abs=unsettled(ranks, first))


def unsettled(ranks: Ranks, first: int) -> float:
    """Return how far, in percent, ties can move recall at `first`: numpy's argsort does not say which comes first."""
    ahead = np.ceil(ranks.rank) - ranks.rank > 0
    return (
        100 * float(np.count_nonzero(ahead & (np.floor(ranks.rank) <= first) & (ranks.rank > first)) / len(ahead))
        + 1e-9
    )


@pytest.mark.parametrize("case", MATRICES, ids=[case.folder.name for case in MATRICES])
def test_median_ranks_equal_the_recorded_ones(case: Case) -> None:
    texts, images = both_directions(case)
    for ranks, side in ((texts, "i2t"), (images, "t2i")):
        assert value_of(MedianRank(1000, 1000), ranks) == case.expected[f"median_rank_{side}"]


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


def topics(case: Case) -> Iterator[tuple[str, Ranks, int]]:
    """Yield each topic with the ranks of what was retrieved, and the number of its relevant documents."""
    relevant: dict[str, set[str]] = defaultdict(set)
    for line in gzip.decompress(next(case.folder.glob("qrels*")).read_bytes()).decode().splitlines():
        topic, _, document, judged = line.split()
        if int(judged) > 0:
            relevant[topic].add(document)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in gzip.decompress(next(case.folder.glob("results*")).read_bytes()).decode().splitlines():
        topic, _, document, _, score, _ = line.split()
        found[topic][document] = float(score)
    for topic, scores in found.items():
        positives = np.flatnonzero([document in relevant[topic] for document in scores])
        yield (
            topic,
            ranks_of(np.array([list(scores.values())], dtype=np.float32), [positives], list(scores)),
            len(relevant[topic]),
        )


def success(case: Case) -> tuple[dict[str, dict[int, float]], dict[str, dict[int, float]]]:
    """Return recall at K by topic, ties as trec_eval breaks them, and trec_eval's."""
    ours, official = {}, {}
    for topic, ranks, _ in topics(case):
        ours[topic] = {first: value_of(metric, ranks) for first, metric in TREC.items()}
        official[topic] = {first: case.expected["official"][topic][f"success_{first}"] for first in RECALLS}
    return ours, official


def average_precision(ranks: Ranks, relevant: int) -> float:
    """Return trec_eval's average precision: relevant documents that were not retrieved count, with precision 0."""
    return float(ranks.trec.precision[0]) * len(ranks.positives[0]) / relevant


@pytest.mark.parametrize("case", RANKINGS, ids=[case.folder.name for case in RANKINGS])
def test_recall_is_the_success_of_trec_eval(case: Case) -> None:
    ours, official = success(case)
    assert ours == official


@pytest.mark.parametrize("case", RANKINGS, ids=[case.folder.name for case in RANKINGS])
def test_average_precision_is_that_of_trec_eval(case: Case) -> None:
    for topic, ranks, relevant in topics(case):
        assert average_precision(ranks, relevant) == pytest.approx(case.expected["official"][topic]["map"], abs=5.1e-5)


@compares("retrieval_")
def lines(case: Case) -> Iterator[Parity]:
    if case in RANKINGS:
        ours, official = success(case)
        for first in RECALLS:
            pairs = [(ours[topic][first], official[topic][first]) for topic in official]
            means = [float(np.mean(side)) for side in zip(*pairs, strict=True)]
            largest = max(abs(one - other) for one, other in pairs)
            yield Parity(f"success@{first} (trec_eval)", len(pairs), means[1], means[0], largest)
        both = [
            (average_precision(ranks, relevant), float(case.expected["official"][topic]["map"]))
            for topic, ranks, relevant in topics(case)
        ]
        beyond = max(0.0, max(abs(one - other) for one, other in both) - 5.1e-5)
        means = [float(np.mean(side)) for side in zip(*both, strict=True)]
        yield Parity("map (trec_eval)", len(both), means[1], means[0], beyond, "4 decimals there")
        return
    blip = case.expected["official_BLIP_itm_eval"]
    for side, ranks in zip(("txt", "img"), both_directions(case), strict=True):
        for first, metric in BLIP.items():
            if unsettled(ranks, first) > 1e-6:
                continue  # numpy's unstable argsort decided a tie there: no rule gives it again on every machine
            value, official = 100 * value_of(metric, ranks), blip[f"{side}_r{first}"]
            yield Parity(
                f"{side} recall@{first}, ties as BLIP", len(ranks.rank), official, value, abs(value - official)
            )
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
