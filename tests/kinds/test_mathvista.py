"""MathVista: prompts of the authors to the letter, readings of replies, and the official normalisation."""

from __future__ import annotations

import pytest

from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.kinds import judge
from vlmeval.kinds.mathvista import MathVistaKind, find_list, find_number, nearest
from vlmeval.types import Answer, Failure, Output, Sample

HINT = "Please answer the question and provide the correct option letter, e.g., A, B, C, D, at the end."
CHOICE = Sample("3", ("How large is it?",), ("C",), ("135°", "140°", "145°", "150°"),
                fields={"hint": HINT, "answer_type": "text", "unit": ""})  # fmt: skip


def kind(**options: object) -> MathVistaKind:
    return MathVistaKind(Task("m", "mathvista", "testmini", "mathvista", ("verbatim",), "verbatim", options=options))


def free(answer_type: str, precision: str = "", unit: str = "") -> Sample:
    fields = {"hint": "Please answer.", "answer_type": answer_type, "precision": precision, "unit": unit}
    return Sample("1", ("How much?",), ("1",), fields=fields)


def read(sample: Sample, reply: str, **options: object) -> Answer:
    (answer,) = kind(**options).answers(sample, {"rot0": Output(reply)})
    return answer


def test_a_choice_is_asked_with_hint_question_and_bracketed_letters() -> None:
    (request,) = kind().requests(CHOICE)
    assert request.text == (
        f"Hint: {HINT}\nQuestion: How large is it?\nChoices:\n(A) 135°\n(B) 140°\n(C) 145°\n(D) 150°"
    )
    assert (request.variant, kind().shown(CHOICE, "rot0")) == ("rot0", ("A", "B", "C", "D"))


def test_a_number_is_asked_with_its_unit_and_without_choices() -> None:
    (request,) = kind().requests(free("integer", unit="g"))
    assert request.text == "Hint: Please answer.\nQuestion: How much? (Unit: g)"


@pytest.mark.parametrize(
    ("reply", "letter", "rule"),
    [
        ("C", "C", "letter"),
        ("The correct answer is (C).", "C", "answer"),
        ("145°", "C", "wording"),
        ("<think>A?</think>D", "D", "letter"),
        ("I cannot see the figure.", None, "refusal"),
        ("", None, "empty"),
    ],
)
def test_choices_are_read_by_the_rules_of_all_choices(reply: str, letter: str | None, rule: str) -> None:
    assert read(CHOICE, reply) == Answer("rot0", letter, rule)


@pytest.mark.parametrize(
    ("reply", "number", "rule"),
    [
        ("14", "14", "number"),
        ("-3", "-3", "number"),
        ("$1,250", "1250", "number"),
        ("250 g", "250", "number"),
        (".5", ".5", "number"),
        ("The answer is 14.", "14", "stated_number"),
        ("We add 5 + 9. The final answer is: **14**", "14", "stated_number"),
        (r"so $x = \boxed{77}$ of 100", "77", "stated_number"),
        ("There are 3 cats and 4 dogs, so the total number of animals is 3 + 4 = 7.", "7", "stated_number"),
        ("The range is 20 - 7. Therefore, the range of the temperatures is 13 degrees.", "13", "stated_number"),
        ("The perimeter is 4 m + 4 m + 4 m + 4 m = 16 m. So the perimeter is 16 m.", "16", "stated_number"),
        ("I count 7 balls.", "7", "only_number"),
        ("It is either 7 or 8 balls.", None, "several_numbers"),
        ("No idea at all.", None, "no_number"),
        ("abc1", None, "no_number"),
    ],
)
def test_a_number_is_read_where_the_reply_gives_one(reply: str, number: str | None, rule: str) -> None:
    assert find_number(reply) == (number, rule)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("[2007, 2008]", "[2007, 2008]"),
        ("From [1, 2] we get [1.5,2.5].", "[1.5, 2.5]"),
        ("[the year]", None),
        ("[]", None),
        ("[__import__('os').system('touch /tmp/x')]", None),
        ("between 2007 and 2008", None),
    ],
)
def test_a_list_is_the_last_list_of_numbers_and_nothing_is_evaluated(reply: str, found: str | None) -> None:
    assert find_list(reply)[0] == found


@pytest.mark.parametrize(
    ("sample", "reply", "value"),
    [
        (free("integer"), "The answer is 2.0", "2"),
        (free("float", "1"), "The answer is 0.115", "0.1"),
        (free("float", "2"), "1.239", "1.24"),
        (free("float", "1"), "3", "3.0"),
        (free("list"), "[1,2]", "[1, 2]"),
        (free("integer"), "", None),
        (free("integer"), "<think>it is 3", None),
    ],
)
def test_a_value_has_the_form_of_the_gold(sample: Sample, reply: str, value: str | None) -> None:
    assert read(sample, reply).value == value


@pytest.mark.parametrize(
    ("extraction", "released", "published"),
    [("2", "2", "2"), ("2.0", "2", None), ("3.4", "3", None), ("1e3", "1000", None), ("two", None, None),
     ("inf", None, None), ("nan", None, None), ("", None, None), ("9" * 5000, None, None)],
)  # fmt: skip
def test_whole_numbers_are_read_by_the_rule_of_each_program(
    extraction: str, released: str | None, published: str | None
) -> None:
    assert kind().extracted(free("integer"), extraction).value == released
    assert kind(integers="published").extracted(free("integer"), extraction).value == published


@pytest.mark.parametrize(
    ("extraction", "official", "honest"),
    [
        ("C", "C", "C"),
        ("(c) 145°", "C", "C"),
        ("145°", "C", "C"),
        ("145", "C", "C"),
        ("144°", "B", None),
        ("", "A", None),
        ("E", "A", None),
        ("f(x)", "A", None),
    ],
)
def test_the_nearest_option_counts_under_the_official_policy_only(
    extraction: str, official: str, honest: str | None
) -> None:
    assert kind(policy="official").extracted(CHOICE, extraction).value == official
    assert kind().extracted(CHOICE, extraction).value == honest


def test_the_nearest_option_is_labelled_and_the_first_of_equals() -> None:
    assert nearest("cot", ["cat", "cut"]) == "A"
    assert read(CHOICE, "no idea", policy="official").rule == "official-nearest"
    assert kind(policy="official").extracted(CHOICE, "zzz").rule == "official-nearest"


@pytest.mark.parametrize(
    ("sample", "words", "value"),
    [
        (free("integer"), "14", "14"),
        (free("integer"), "The final answer is 14.", "14"),
        (free("float", "1"), "0.25", "0.2"),
        (free("list"), "[1, 2]", "[1, 2]"),
        (free("integer"), "none", None),
        (free("list"), "none", None),
    ],
)
def test_a_judge_is_asked_for_the_form_of_the_gold_and_its_words_are_read_by_the_rules(
    sample: Sample, words: str, value: str | None
) -> None:
    reply = "Either 7 or 8, or both of them."
    outcomes = {"rot0": Output(reply)}
    (request,) = judge.requests(sample, outcomes, kind().answers(sample, outcomes), kind=kind())
    assert kind().form(sample) in request.text
    assert f">\n{reply}\n</reply " in request.text
    assert kind().judged(sample, "rot0", words).value == value


def test_a_failure_is_no_answer() -> None:
    assert kind().answers(CHOICE, {"rot0": Failure("transient", "HTTP 500")}) == ()
    assert not kind().settled(CHOICE, {})


def test_long_replies_cost_little_and_are_read_at_their_end() -> None:
    assert find_number("7 8 " * 500_000 + "\nThe answer is 12.") == ("12", "stated_number")
    assert nearest("x" * 5_000_000, ["a", "b"]) == "A"


def test_unknown_options_types_and_missing_precision_are_errors_that_say_where() -> None:
    with pytest.raises(ConfigError, match=r"task m, \[options\]"):
        kind(integer="released")
    with pytest.raises(DataError, match='sample 1: answer_type is "date"'):
        read(free("date"), "3")
    with pytest.raises(DataError, match="sample 1: a decimal answer without a precision"):
        read(free("float"), "3")


@pytest.mark.parametrize("policy", ["honest", "official"])
@pytest.mark.parametrize("sample", [CHOICE, free("integer")])
def test_the_error_message_of_another_program_is_no_answer(sample: Sample, policy: str) -> None:
    text = "Failed to obtain answer via API. The answer is 503 (C)"
    assert read(sample, text, policy=policy) == Answer("rot0", None, "failure_text")
