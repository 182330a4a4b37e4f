"""MathVista against the official normalisation of recorded extractions: every prediction, verdict and breakdown."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.official.cases import REASON, Case, Parity, compares, found_cases, largest_difference
from vlmeval.data.task import Task
from vlmeval.kinds.letters import LETTERS
from vlmeval.kinds.mathvista import MathVistaKind
from vlmeval.metrics.accuracy import Verbatim
from vlmeval.score.estimates import slice_masks
from vlmeval.types import Answer, Output, Sample

FOUND = found_cases("mathvista_")
CASE = pytest.mark.parametrize("case", FOUND, ids=[case.folder.name for case in FOUND])
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
BREAKDOWNS = (
    "question_type", "answer_type", "language", "source", "category", "task", "context", "grade", "skills",
)  # fmt: skip
VARIANTS = {"published": "stored", "released": "current"}
"""Our names of the two rules for whole numbers, and the prefix of their columns in the folders."""
LEAST_AGREEMENT = 0.9


def sample_of(row: dict[str, Any]) -> Sample:
    choices = tuple(listed(row.get("choices")))
    golds = [LETTERS[place] for place, choice in enumerate(choices) if choice == row["answer"]]
    tags = {name: "\n".join(listed(row[name])) if name == "skills" else row[name] for name in BREAKDOWNS}
    fields = {"answer_type": row["answer_type"], "precision": str(row.get("precision", ""))}
    return Sample(row["pid"], ("?",), tuple(golds) if choices else (row["answer"],), choices, tags, fields=fields)


def listed(cell: Any) -> list[str]:
    """Return a list, also one that a table spells as text."""
    found = ast.literal_eval(cell) if isinstance(cell, str) and cell else cell
    return list(found or ())


def kind_of(**options: str) -> MathVistaKind:
    return MathVistaKind(Task("m", "mathvista", "testmini", "mathvista", ("verbatim",), "verbatim", options=options))


def rows(case: Case) -> list[dict[str, Any]]:
    return [{"extraction": "", "response": "", **row} for row in case.rows]


@cache
def answered(case: Case, integers: str) -> tuple[list[Sample], list[Answer]]:
    kind = kind_of(integers=integers, policy="official")
    samples = [sample_of(row) for row in case.rows]
    pairs = zip(samples, rows(case), strict=True)
    return samples, [kind.extracted(sample, str(row["extraction"])) for sample, row in pairs]


def wording(sample: Sample, answer: Answer) -> str | None:
    """Return the answer as the official program writes it: a choice's text, a number, None."""
    if sample.choices and isinstance(answer.value, str):
        return str(sample.choices[LETTERS.index(answer.value)])
    return None if answer.value is None else str(answer.value)


def figures(case: Case, integers: str) -> dict[str, float]:
    """Return the share of right answers overall ("") and for each value of each breakdown ("task=...")."""
    samples, answers = answered(case, integers)
    metric = Verbatim()
    stats = np.array([metric.stats(sample, [answer]) for sample, answer in zip(samples, answers, strict=True)])
    return {name: float(metric.value(stats[mask].sum(axis=0))) for name, mask in slice_masks(samples, BREAKDOWNS)}


def official_figures(case: Case, column: str) -> dict[str, float]:
    key = "published" if column == "stored" else "official_current"
    official = case.expected.get(key) or pytest.skip(f"the folder has no figures {key}")
    shares = {"": official["correct"] / official["total"]}
    for name, values in official["breakdown"].items():
        shares |= {f"{name}={value}": right / total for value, (right, total) in values.items()}
    return shares


def different(case: Case, integers: str) -> list[tuple[str, object, object]]:
    """Return the samples whose normalised prediction or verdict is not the official one."""
    column = VARIANTS[integers]
    found: list[tuple[str, object, object]] = []
    if not case.verdicts:
        return []
    for sample, answer in zip(*answered(case, integers), strict=True):
        official = case.verdicts[sample.id]
        ours = (wording(sample, answer), answer.value in sample.references)
        theirs = (official[f"{column}_prediction"], official[f"{column}_true_false"])
        if ours != theirs:
            found.append((sample.id, ours, theirs))
    return found


@pytest.mark.parametrize("integers", VARIANTS)
@CASE
def test_every_extraction_is_normalised_and_judged_as_officially(case: Case, integers: str) -> None:
    if not case.verdicts:
        pytest.skip("the folder has no verdicts per sample")
    assert len(case.verdicts) == len(case.rows)
    assert different(case, integers) == []


@pytest.mark.parametrize("integers", VARIANTS)
@CASE
def test_overall_and_every_breakdown_equal_the_official_ones(case: Case, integers: str) -> None:
    assert figures(case, integers) == pytest.approx(official_figures(case, VARIANTS[integers]), abs=1e-12)


@CASE
def test_the_honest_policy_leaves_unread_what_the_official_program_takes_by_distance(case: Case) -> None:
    samples, official = answered(case, "released")
    for sample, row, theirs in zip(samples, rows(case), official, strict=True):
        ours = kind_of().extracted(sample, str(row["extraction"]))
        assert ours == theirs or theirs.rule == "official-nearest"
        assert ours.value is not None or ours.rule != "extraction"


@CASE
def test_the_rules_read_most_replies_as_the_recorded_extraction_does(case: Case) -> None:
    """Where both the rules and the recorded language model read an answer; code and empty replies are not read."""
    kind, compared, different = kind_of(), 0, []
    for row in rows(case):
        sample = sample_of(row)
        (ours,) = kind.answers(sample, {"rot0": Output(row["response"])})
        theirs = kind.extracted(sample, str(row["extraction"]))
        if ours.value is None or theirs.value is None or "print(" in row["response"]:
            continue
        compared += 1
        if ours.value != theirs.value:
            different.append((row["pid"], row["response"][-160:], row["extraction"], ours))
    if not case.is_listed:
        pytest.skip("the bound is set on the listed folders")
    assert len(different) <= max(2, (1 - LEAST_AGREEMENT) * compared), "\n".join(map(str, different))


@compares("mathvista_")
def lines(case: Case) -> Iterator[Parity]:
    named = {"published": "published", "released": "official_current"}
    for integers, column in VARIANTS.items():
        if named[integers] not in case.expected:
            continue
        ours, official = figures(case, integers), official_figures(case, column)
        wrong = 1.0 if different(case, integers) else 0.0
        rule = "int(x)" if integers == "published" else "int(float(x))"
        largest = max(wrong, largest_difference(ours, official))
        own = [kind_of(integers=integers).extracted(sample_of(row), str(row["extraction"])) for row in rows(case)]
        right = sum(answer.value in sample_of(row).references for answer, row in zip(own, rows(case), strict=True))
        figure = f"accuracy, {rule}, 9 breakdowns"
        yield Parity(figure, len(own), official[""], ours[""], largest, default=right / len(own))
