"""VQA accuracy against three official programs' results on recorded answers, per sample and overall."""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from tests.official.cases import PANDAS_MISSING, REASON, Case, Parity, compares, found_cases, largest_difference
from vlmeval.metrics.vqa import VqaAccuracy, VqaM4C, VqaV2, VqaVlmevalkit
from vlmeval.types import Answer, Sample

FOUND = found_cases("textvqa", "vqa_")
CASE = pytest.mark.parametrize("case", FOUND, ids=[case.folder.name for case in FOUND])
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)


@dataclass(frozen=True)
class Asked:
    """The questions of a case and their replies, the program it was scored with, and its figures in per cent."""

    metric: Callable[[], VqaAccuracy]
    samples: Sequence[Sample]
    replies: Mapping[str, str]
    verdicts: Mapping[str, float]
    overall: float
    groups: Mapping[str, Mapping[str, float]]

    def scores(self) -> dict[str, float]:
        metric = self.metric().fit(self.samples)
        found = {
            sample.id: metric.stats(sample, [Answer("", self.replies[sample.id], "text")]) for sample in self.samples
        }
        return {name: float(metric.value(np.array(stats))) for name, stats in found.items() if stats is not None}


def listed(cell: Any) -> list[str]:
    """Return a list, also one that a table spells as text."""
    return list(ast.literal_eval(cell) if isinstance(cell, str) else cell)


def sample_of(key: object, references: Sequence[str], tags: dict[str, str] | None = None) -> Sample:
    return Sample(str(key), ("?",), tuple(map(str, references)), tags=tags or {})


def read(case: Case) -> Asked:
    """Return a case by its files: VQA JSON files, rows with lists (LLaVA), or rows with literals (VLMEvalKit)."""
    official = case.expected["official"]
    if case.files("annotations"):
        samples = [
            sample_of(
                row["question_id"],
                [answer["answer"] for answer in row["answers"]],
                {"perQuestionType": row["question_type"], "perAnswerType": row["answer_type"]},
            )
            for row in case.load("annotations")["annotations"]
        ]
        replies = {str(row["question_id"]): row["answer"] for row in case.load("results")}
        groups = {name: official[name] for name in ("perQuestionType", "perAnswerType")}
        return Asked(VqaV2, samples, replies, case.verdicts, official["overall"], groups)
    verdicts = {name: 100 * value for name, value in case.verdicts.items()}
    if "answers" in case.rows[0]:
        samples = [sample_of(row["question_id"], listed(row["answers"])) for row in case.rows]
        replies = {str(row["question_id"]): str(row.get("prediction", "")) for row in case.rows}
        return Asked(VqaM4C, samples, replies, verdicts, official["accuracy_x100"], {})
    samples = [sample_of(row["index"], ast.literal_eval(row["answer"])) for row in case.rows]
    replies = {str(row["index"]): str(row.get("prediction", "nan")) for row in case.rows}
    replies = {name: "nan" if reply in PANDAS_MISSING else reply for name, reply in replies.items()}
    return Asked(VqaVlmevalkit, samples, replies, verdicts, official["Overall"], {})


@CASE
def test_every_reply_has_the_official_accuracy(case: Case) -> None:
    asked = read(case)
    scores = asked.scores()
    if not asked.verdicts:
        pytest.skip("the folder has no verdicts per sample")
    assert len(scores) == len(asked.verdicts) == len(asked.samples)
    assert {name: 100 * score for name, score in scores.items()} == pytest.approx(asked.verdicts, abs=1e-9)


@CASE
def test_the_figures_equal_the_official_ones(case: Case) -> None:
    asked = read(case)
    scores = asked.scores()
    assert 100 * fmean(scores.values()) == pytest.approx(asked.overall, abs=5e-5)
    for tag, expected in asked.groups.items():
        for name, value in expected.items():
            group = [scores[sample.id] for sample in asked.samples if sample.tags[tag] == name]
            assert 100 * fmean(group) == pytest.approx(value, abs=5.1e-5), (tag, name)


@compares("textvqa", "vqa_")
def lines(case: Case) -> Iterator[Parity]:
    asked = read(case)
    scores = {name: 100 * score for name, score in asked.scores().items()}
    overall = fmean(scores.values())
    rounded = abs(overall - asked.overall) > 1e-9
    yield Parity(
        f"{asked.metric().info.name}, %",
        len(scores),
        asked.overall,
        overall,
        largest_difference(scores, asked.verdicts) if asked.verdicts else 0.0,
        "the official program rounds its figure" if rounded else "",
    )
