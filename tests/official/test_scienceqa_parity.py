"""ScienceQA as LLaVA and as GPT-3's authors scored it: letters, verdicts, all questions and those with an image.

A folder is read by its columns: `prediction` for LLaVA's rule, `output` for that of GPT-3's authors. The official
verdicts are columns of the rows, or stand in a file of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from string import ascii_uppercase
from typing import Any

import pytest

from tests.official.cases import REASON, Case, Parity, compares, found_cases, largest_difference
from vlmeval.data.catalog import find_task
from vlmeval.data.task import Task
from vlmeval.kinds.choice import ChoiceKind
from vlmeval.types import Answer, Output, Sample

FOUND = found_cases("scienceqa_")
LLAVA = [case for case in FOUND if any("prediction" in row for row in case.rows)]
GPT3 = [case for case in FOUND if any("output" in row for row in case.rows)]
pytestmark = pytest.mark.skipif(not FOUND, reason=REASON)
MOST_DIFFERENCES = 0.03


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.folder.name for case in cases])


@dataclass(frozen=True)
class Read:
    """A row, the sample it stands for and what we read in its reply."""

    row: dict[str, Any]
    sample: Sample
    answer: Answer

    @property
    def right(self) -> bool:
        return self.answer.value in self.sample.references

    @property
    def has_image(self) -> bool:
        return bool(self.row.get("is_multimodal", self.row.get("has_image")))

    @property
    def place(self) -> int:
        """The place of the letter among the options, -1 for none, as LLaVA's program writes it."""
        return -1 if self.answer.value is None else ascii_uppercase.index(str(self.answer.value))

    @property
    def drawn(self) -> bool:
        """Whether the official program drew at random: our rule, equal to it elsewhere, reads nothing."""
        return "stored_result_index" in self.row and self.answer.value is None


def options_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the options, from the lines "A. ..." that end the prompt; numbered where only their count is known."""
    if "n_choices" in row:
        return tuple(f"option {place}" for place in range(int(row["n_choices"])))
    _, _, rest = row["prompt"].rpartition("\nAnswer with")[0].rpartition("\nA. ")
    found: list[str] = []
    for letter in ascii_uppercase[1:]:
        option, mark, rest = rest.partition(f"\n{letter}. ")
        found.append(option)
        if not mark:
            break
    return tuple(found)


@cache
def read(case: Case, extractor: str, policy: str = "honest") -> list[Read]:
    options = {"circular": False, "extractor": extractor, "policy": policy}
    kind = ChoiceKind(Task("s", "scienceqa", "test", "choice", ("accuracy",), "accuracy", options=options))
    found = []
    for question in case.rows:
        verdict = case.verdicts.get(str(question["question_id"]), {})
        row = {**question, **(verdict if isinstance(verdict, dict) else {"correct": verdict})}
        sample = Sample(row["question_id"], ("?",), (row["answer"],), options_of(row))
        (answer,) = kind.answers(sample, {"rot0": Output(row.get("prediction", row.get("output", "")))})
        found.append(Read(row, sample, answer))
    return found


def shares(found: list[Read], rights: list[bool]) -> dict[str, float]:
    """Return the accuracy of all questions and of those with an image, in per cent."""
    image = [right for one, right in zip(found, rights, strict=True) if one.has_image]
    return {"acc": 100 * sum(rights) / len(rights), "IMG_acc": 100 * sum(image) / len(image)}


def as_scored(case: Case) -> tuple[list[Read], list[bool]]:
    """Return the replies and their verdicts by the official rule; a recorded draw counts as it fell."""
    found = read(case, "llava" if case in LLAVA else "scienceqa-gpt3")
    verdicts = [
        one.sample.references == (ascii_uppercase[int(one.row["stored_result_index"])],) if one.drawn else one.right
        for one in found
    ]
    return found, verdicts


@each(LLAVA)
def test_llavas_letter_place_and_verdict_are_reproduced_in_every_row(case: Case) -> None:
    wrong = [
        (one.row["question_id"], one.row.get("prediction"), one.answer, one.row.get("parsed"))
        for one in read(case, "llava")
        if (one.place, one.right) != (int(one.row.get("result_index", one.place)), one.row.get("correct", one.right))
    ]
    assert wrong == []


@each(GPT3)
def test_the_rule_of_gpt3s_authors_reads_what_they_read_and_nothing_where_they_drew(case: Case) -> None:
    found = read(case, "scienceqa-gpt3")
    wrong = [one for one in found if not one.drawn and one.place != int(one.row["stored_result_index"])]
    assert wrong == []
    assert sum(one.drawn for one in found) == case.expected.get("n_unparsable", sum(one.drawn for one in found))


@each(GPT3)
def test_the_official_policy_draws_by_seed_and_says_so(case: Case) -> None:
    honest, drawn = read(case, "scienceqa-gpt3"), read(case, "scienceqa-gpt3", "official")
    for one, other in zip(honest, drawn, strict=True):
        if one.drawn:
            assert other.answer.rule == "official-random"
            assert other.place in range(len(other.sample.choices))
        else:
            assert one.answer == other.answer


@each(FOUND)
def test_all_questions_and_those_with_an_image_have_the_official_accuracy(case: Case) -> None:
    official = {name: case.expected["official"][name] for name in ("acc", "IMG_acc")}
    assert shares(*as_scored(case)) == pytest.approx(official, abs=1e-9)


@each(LLAVA)
def test_our_own_rule_differs_on_few_replies_and_they_can_be_seen(case: Case) -> None:
    found = read(case, "vlmeval")
    different = [
        (one.row.get("prediction"), one.sample.choices, one.answer, one.row.get("parsed"))
        for one in found
        if one.right != one.row.get("correct", one.right)
    ]
    if not case.is_listed:
        pytest.skip("the bound is set on the listed folders")
    assert len(different) <= MOST_DIFFERENCES * len(found), "\n".join(map(str, different))


@each(LLAVA)
def test_the_default_of_the_task_gives_the_official_verdict_on_every_question(case: Case) -> None:
    found = read(case, str(find_task("scienceqa_all_test").options["extractor"]))
    assert [one.row["question_id"] for one in found if one.right != one.row.get("correct", one.right)] == []


@compares("scienceqa_")
def lines(case: Case) -> Iterator[Parity]:
    found, verdicts = as_scored(case)
    ours = shares(found, verdicts)
    official = {name: case.expected["official"][name] for name in ours}
    drawn = sum(one.drawn for one in found)
    note = f"{drawn} draws of the official program taken as recorded" if drawn else ""
    default = read(case, str(find_task("scienceqa_all_test").options["extractor"]))
    own = shares(default, [one.right for one in default])["acc"]
    largest = largest_difference(ours, official)
    yield Parity("accuracy, %, and with an image", len(found), official["acc"], ours["acc"], largest, note, own)
