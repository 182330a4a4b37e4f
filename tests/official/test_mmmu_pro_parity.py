"""MMMU-Pro against the verdicts stored with the official program's outputs: every letter, but for its random draws."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.official.cases import REASON, Case, Parity, as_records, compares, found_cases
from vlmeval.data.catalog import find_task
from vlmeval.data.task import Task
from vlmeval.kinds.choice import ChoiceKind
from vlmeval.types import Answer, Output, Sample

FOUND = found_cases("mmmu_pro_")
MODES = [
    (case, path.name.partition(".")[0].removeprefix("responses").lstrip("_"))
    for case in FOUND
    for path in sorted(case.files("responses"))
]
MODE = pytest.mark.parametrize(("case", "mode"), MODES, ids=[f"{case.folder.name}-{mode}" for case, mode in MODES])
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
MOST_DIFFERENCES = 0.05
"""More than elsewhere: the official rule reads "J. A dramatic increase" as A, "D. both B and C" as C."""


@dataclass(frozen=True)
class Read:
    """A reply, what we read in it and what the official program stored."""

    sample: Sample
    reply: str
    answer: Answer
    official: dict[str, Any]

    @property
    def drawn(self) -> bool:
        return bool(self.official["random_fallback"])

    @property
    def right(self) -> bool:
        return self.answer.value in self.sample.references


@cache
def read(case: Case, mode: str, extractor: str, policy: str = "honest") -> list[Read]:
    settings = {"circular": False, "extractor": extractor, "policy": policy}
    kind = ChoiceKind(Task("p", "mmmu", "pro_standard10", "choice", ("accuracy",), "accuracy", options=settings))
    ending = f"_{mode}" if mode else ""
    verdicts = case.load(f"per_sample{ending}.", "per_sample.")
    found = []
    for row in as_records(case.load(f"responses{ending}.")):
        options = ast.literal_eval(row["options"]) if isinstance(row["options"], str) else row["options"]
        sample = Sample(row["id"], ("?",), (row["answer"],), tuple(map(str, options)))
        reply = row["response"] if isinstance(row.get("response"), str) else ""
        (answer,) = kind.answers(sample, {"rot0": Output(reply)})
        found.append(Read(sample, reply, answer, verdicts[row["id"]]))
    return found


def wrong(case: Case, mode: str) -> list[tuple[str, str, Answer, dict[str, Any]]]:
    """Return the replies that are read otherwise than officially, where nothing was drawn."""
    return [
        (one.sample.id, one.reply[-80:], one.answer, one.official)
        for one in read(case, mode, "mmmu-pro")
        if not one.drawn and (one.answer.value != one.official["pred"] or one.right != one.official["if_right"])
    ]


@MODE
def test_every_stored_letter_and_verdict_is_reproduced_where_nothing_was_drawn(case: Case, mode: str) -> None:
    assert wrong(case, mode) == []
    official = case.expected["official"]
    figures = official.get(mode, official)
    found = read(case, mode, "mmmu-pro")
    assert len(found) == figures["n"]
    undrawn = sum(one.official["if_right"] for one in found if not one.drawn)
    assert sum(one.right for one in found) == figures.get("correct_without_fallback", undrawn)


@MODE
def test_exactly_the_drawn_replies_are_unread_and_the_official_policy_draws_them_labelled(
    case: Case, mode: str
) -> None:
    drawn = {one.sample.id for one in read(case, mode, "mmmu-pro") if one.drawn}
    assert {one.sample.id for one in read(case, mode, "mmmu-pro") if one.answer.value is None} == drawn
    official = read(case, mode, "mmmu-pro", "official")
    assert {one.sample.id for one in official if one.answer.rule == "official-random"} == drawn
    assert all(one.answer.value is not None for one in official)


@MODE
def test_our_own_rule_differs_on_few_replies_and_they_can_be_seen(case: Case, mode: str) -> None:
    found = read(case, mode, "vlmeval")
    different = [
        (one.sample.id, one.reply[-120:], one.answer, one.official["pred"])
        for one in found
        if not one.drawn and one.right != one.official["if_right"]
    ]
    if not case.is_listed:
        pytest.skip("the bound is set on the listed folders")
    assert len(different) <= MOST_DIFFERENCES * len(found), "\n".join(map(str, different))


def default_extractor(mode: str) -> str:
    """Return the rule that the task reads with."""
    return str(
        find_task("mmmu_pro_standard10_cot" if mode.endswith("cot") else "mmmu_pro_standard10").options["extractor"]
    )


@MODE
def test_the_default_of_the_task_gives_the_official_verdict_on_all_but_the_draws(case: Case, mode: str) -> None:
    found = read(case, mode, default_extractor(mode))
    assert [one.sample.id for one in found if one.right != one.official["if_right"] and not one.drawn] == []


@compares("mmmu_pro_")
def lines(case: Case) -> Iterator[Parity]:
    for mode in [mode for other, mode in MODES if other == case]:
        found = read(case, mode, "mmmu-pro")
        official = sum(one.official["if_right"] for one in found if not one.drawn) / len(found)
        ours = sum(one.right for one in found) / len(found)
        drawn = sum(one.drawn for one in found)
        note = f"{drawn} drawn at random there, unparsed here" if drawn else ""
        largest = max(abs(ours - official), 1.0 if wrong(case, mode) else 0.0)
        own = sum(one.right for one in read(case, mode, default_extractor(mode))) / len(found)
        yield Parity(f"accuracy, {mode}".rstrip(", "), len(found), official, ours, largest, note, own)
