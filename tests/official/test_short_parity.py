"""ANLS, relaxed accuracy, OCRBench and exact match against the official programs on recorded replies.

A case is read by its files: gold_label.json with submission.json (the fixture of shunk031/ANLS), else rows as
VLMEvalKit writes them.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tests.official.cases import PANDAS_MISSING, REASON, Case, Parity, compares, found_cases, largest_difference
from vlmeval.metrics.anls import Anls, AnlsStrict
from vlmeval.metrics.exact import Match
from vlmeval.metrics.ocrbench import HANDWRITTEN_MATHS, OcrBench
from vlmeval.metrics.relaxed import (
    RelaxedAccuracy,
    RelaxedAccuracyPix2struct,
    RelaxedAccuracyVlmevalkit,
    listed,
    number,
)
from vlmeval.metrics.vqa import VqaVlmevalkit2026
from vlmeval.types import Answer, Metric, Sample

PREFIXES = ("anls_", "docvqa", "infovqa", "chartqa", "ocrvqa", "gqa", "ocrbench_")
FOUND = found_cases(*PREFIXES)
TEXTVQA = found_cases("textvqaval_")
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)


def named(cases: Sequence[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.folder.name for case in cases])


@dataclass(frozen=True)
class Asked:
    """The questions of a case with their replies, and how it was scored. Verdicts are 0..1, figures in per cent."""

    metric: Metric
    samples: Sequence[Sample]
    replies: Mapping[str, str]
    verdicts: Mapping[str, float]
    figures: Mapping[str, float]

    def rows(self, metric: Metric | None = None) -> dict[str, tuple[float, ...]]:
        """Return each sample's statistics."""
        used = (metric or self.metric).fit(self.samples)
        found = {one.id: used.stats(one, [Answer("", self.replies[one.id], "text")]) for one in self.samples}
        return {name: row for name, row in found.items() if row is not None}

    def value(self, rows: Mapping[str, tuple[float, ...]], tag: str = "", metric: Metric | None = None) -> float:
        """Return the figure of all rows, or of those whose sample has the tag's value."""
        inside = [rows[one.id] for one in self.samples if not tag or tag in one.tags.values()]
        return float((metric or self.metric).value(np.sum(np.array(inside), axis=0)))


def fixture(case: Case) -> Asked:
    golds, given = case.load("gold_label")["data"], case.load("submission")
    samples = [Sample(str(item["questionId"]), ("?",), tuple(item["answers"])) for item in golds]
    official = case.expected["official"]
    replies = {str(item["questionId"]): item["answer"] for item in given}
    return Asked(AnlsStrict(), samples, replies, official["per_question"], {"": 100 * official["score"]})


def metric_of(case: Case) -> Metric:
    """Return the metric of the program that a folder's figures are of, VLMEvalKit at c03bc04."""
    name = case.folder.name
    if name.startswith("ocrbench"):
        return OcrBench()
    if name.startswith("chartqa"):
        return RelaxedAccuracyVlmevalkit()
    return Anls() if name.startswith(("docvqa", "infovqa", "anls")) else Match()


def read(case: Case) -> Asked:
    if case.files("gold_label"):
        return fixture(case)
    metric = metric_of(case)
    samples, replies = [], {}
    for row in case.rows:
        key, answer, reply = str(row["index"]), str(row["answer"]), str(row.get("prediction", "nan"))
        literal = isinstance(metric, OcrBench) or (isinstance(metric, Anls) and answer.startswith("["))
        golds = ast.literal_eval(answer) if literal else [answer]
        tags: dict[str, str] = {name: str(row[name]) for name in ("split", "category") if name in row}
        samples.append(Sample(key, (str(row["question"]),), tuple(map(str, golds)), tags=tags))
        replies[key] = "nan" if reply in PANDAS_MISSING else reply
    figures = {**case.expected["official"], **case.expected.get("official_10_categories", {})}
    figures[""] = figures.pop("Overall" if "Overall" in figures else "Final Score")
    named_tags = {value for one in samples for value in one.tags.values()}
    return Asked(
        metric, samples, replies, case.verdicts, {name: figures[name] for name in figures if name in {"", *named_tags}}
    )


@named(FOUND)
def test_every_reply_has_the_official_verdict(case: Case) -> None:
    asked = read(case)
    rows = asked.rows()
    if not asked.verdicts:
        pytest.skip("the folder has no verdicts per sample")
    assert len(rows) == len(asked.verdicts) == len(asked.samples) > 0
    assert {name: row[0] for name, row in rows.items()} == pytest.approx(asked.verdicts, abs=1e-12)


@named(FOUND)
def test_the_figures_and_every_breakdown_equal_the_official_ones(case: Case) -> None:
    asked = read(case)
    rows = asked.rows()
    scale = 1 if isinstance(asked.metric, OcrBench) else 100
    assert {tag: scale * asked.value(rows, tag) for tag in asked.figures} == pytest.approx(asked.figures, abs=1e-9)


@named([case for case in FOUND if case.folder.name.startswith("anls_")])
def test_the_servers_formula_gives_the_same_on_the_fixture(case: Case) -> None:
    asked = read(case)
    assert {name: row[0] for name, row in asked.rows(Anls()).items()} == pytest.approx(asked.verdicts, abs=1e-12)


@named([case for case in FOUND if "official_pix2struct_argument_order" in case.expected])
def test_relaxed_accuracy_of_the_gold_equals_pix2struct(case: Case) -> None:
    asked = read(case)
    official = dict(case.expected["official_pix2struct_argument_order"])
    official[""] = official.pop("relaxed_accuracy_target_first")
    assert official[""] == case.expected["official_current_HEAD"]["Overall"]
    asked = Asked(asked.metric, [spelled_out(one) for one in asked.samples], asked.replies, {}, {})
    metric = RelaxedAccuracyPix2struct()
    rows = asked.rows(metric)
    assert {tag: 100 * asked.value(rows, tag, metric) for tag in official} == pytest.approx(official, abs=1e-9)
    zeros = {one.id for one in asked.samples if any(number(gold) == 0 for gold in one.references)}
    ours = asked.rows(RelaxedAccuracy())
    assert {name for name, row in ours.items() if row != rows[name]} <= zeros, "a gold of 0 is a number in ours"


def spelled_out(sample: Sample) -> Sample:
    """Return the sample with the items of a gold list as golds of their own, as VLMEvalKit's reader has them."""
    golds = tuple(item for gold in sample.references for item in listed(gold))
    return Sample(sample.id, sample.parts, golds, tags=sample.tags)


@named([case for case in FOUND if case.folder.name.startswith("ocrbench_")])
def test_ocrbench_scored_twice_gives_the_same_and_its_groups_add_up(case: Case) -> None:
    asked = read(case)
    first, second = asked.value(asked.rows()), asked.value(asked.rows())
    assert first == second == case.expected["official"]["Final Score"]
    groups = {one.tags["category"] for one in asked.samples}
    assert HANDWRITTEN_MATHS in groups
    assert sum(asked.value(asked.rows(), group) for group in groups) == first


@named([case for case in TEXTVQA if "official_current_HEAD" in case.expected])
def test_vlmevalkits_code_of_2026_keeps_a_full_stop_after_a_digit(case: Case) -> None:
    metric = VqaVlmevalkit2026()
    rows = []
    for row in case.rows:
        reply = str(row.get("prediction", "nan"))
        sample = Sample(str(row["index"]), ("?",), tuple(map(str, ast.literal_eval(row["answer"]))))
        rows.append(metric.stats(sample, [Answer("", "nan" if reply in PANDAS_MISSING else reply, "text")]))
    figure = float(metric.value(np.sum(np.array(rows), axis=0)))
    assert 100 * figure == pytest.approx(case.expected["official_current_HEAD"]["Overall"], abs=1e-9)


@compares(*PREFIXES)
def lines(case: Case) -> Iterator[Parity]:
    asked = read(case)
    rows = asked.rows()
    scale = 1 if isinstance(asked.metric, OcrBench) else 100
    ours = {tag: scale * asked.value(rows, tag) for tag in asked.figures}
    own = {name: row[0] for name, row in rows.items()}
    verdicts = largest_difference(own, asked.verdicts) if asked.verdicts else 0.0
    largest = max(verdicts, largest_difference(ours, asked.figures))
    groups = f", {len(ours) - 1} groups" if len(ours) > 1 else ""
    yield Parity(f"{asked.metric.info.name}{groups}", len(rows), asked.figures[""], ours[""], largest)
