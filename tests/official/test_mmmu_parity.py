"""MMMU against the official parse-and-eval on recorded replies: letters, free answers, and where it drew at random."""

import gzip
import json
from typing import Any

import pytest

from tests.official.cases import REASON, Case, found_cases
from vlmeval.data.task import Task
from vlmeval.kinds.choice import ChoiceKind
from vlmeval.metrics.accuracy import Accuracy
from vlmeval.types import Answer, Output, Sample

FOUND = found_cases("mmmu_val_")
CASE = pytest.mark.parametrize("case", FOUND, ids=[case.folder.name for case in FOUND])
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
MOST_DIFFERENCES = 0.03


def replies(case: Case) -> dict[str, dict[str, Any]]:
    data = json.loads(gzip.decompress((case.folder / "responses.json.gz").read_bytes()))
    return {row["id"]: row for rows in data.values() for row in rows}


def sample_of(row: dict[str, Any]) -> Sample:
    gold = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
    choices = tuple(row.get("index2ans", {}).values()) if row["question_type"] == "multiple-choice" else ()
    return Sample(row["id"], ("?",), tuple(map(str, gold)), choices)


def answered(case: Case, extractor: str, policy: str = "honest") -> dict[str, tuple[Sample, tuple[Answer, ...]]]:
    options = {"circular": False, "extractor": extractor, "policy": policy}
    kind = ChoiceKind(Task("mmmu", "mmmu", "val", "choice", ("accuracy",), "accuracy", options=options, prompt="mmmu"))
    found = {}
    for name, row in replies(case).items():
        sample = sample_of(row)
        found[name] = (sample, kind.answers(sample, {"rot0": Output(row["response"])}))
    return found


@CASE
def test_every_reply_is_read_and_scored_as_the_official_program_did_unless_it_drew(case: Case) -> None:
    wrong, drawn = [], 0
    for name, (sample, answers) in answered(case, "mmmu").items():
        official = case.verdicts[name]
        if official["random_fallback"]:
            drawn += answers[0].value is None
            continue
        stats = Accuracy().stats(sample, answers)
        if stats != (float(official["correct"]), 1.0) or (
            sample.choices and answers[0].value != official["parsed_pred"]
        ):
            wrong.append((name, answers[0], official))
    assert wrong == []
    assert drawn == sum(official["random_fallback"] for official in case.verdicts.values())


@CASE
def test_the_official_policy_draws_where_the_official_program_drew(case: Case) -> None:
    drawn = {
        name
        for name, (_, answers) in answered(case, "mmmu", "official").items()
        if answers[0].rule == "official-random"
    }
    assert drawn == {name for name, official in case.verdicts.items() if official["random_fallback"]}


@CASE
def test_our_own_rule_differs_on_few_questions_and_they_can_be_seen(case: Case) -> None:
    different = []
    for name, (sample, answers) in answered(case, "vlmeval").items():
        official = case.verdicts[name]
        if not official["random_fallback"] and sample.choices and answers[0].value != official["parsed_pred"]:
            different.append((name, sample.choices, replies(case)[name]["response"][-80:], answers[0], official))
    assert len(different) <= MOST_DIFFERENCES * len(case.verdicts), "\n".join(map(str, different))
