"""What a reply chooses, and why: the table of replies, then what holds for every reply, then hostile ones."""

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.kinds.replies import ANIMALS, CHINESE, COLOURS, DIAGRAM, NUMBERS, PLAIN, ROWS, SENTENCES, SIX, TWINS, YES_NO
from vlmeval.kinds.parse import Extraction, extract


@pytest.mark.parametrize(("reply", "choices", "letter", "rule"), ROWS, ids=[repr(row[0])[:48] for row in ROWS])
def test_every_reply_of_the_table_is_decided_as_it_says(
    reply: str, choices: tuple[str, ...], letter: str | None, rule: str
) -> None:
    assert extract(reply, choices) == Extraction(letter, rule)


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(ROWS) >= 120
    assert len({row[3] for row in ROWS}) >= 20


CHOICES = st.sampled_from([COLOURS, ANIMALS, CHINESE, SIX, NUMBERS, DIAGRAM, PLAIN, YES_NO, SENTENCES, TWINS])
MARKS = tuple("ABCDEIabc()[].,:?!*$}-\n 😀１Ｂ\u200b")
WORDS = (
    "the answer is",
    "not",
    "no",
    "so",
    "or",
    "and",
    "wait",
    "is correct",
    "is wrong",
    "dog",
    "blue",
    "light blue",
    "'s",
)
PIECES = (
    "\\boxed{",
    "<answer>",
    "</answer>",
    "<think>",
    "</think>",
    "答案是",
    "选",
    "不是",
    "第二个选项",
    "the second option",
    "12",
)
FRAGMENTS = st.sampled_from(MARKS + WORDS + PIECES)
REPLIES = st.one_of(
    st.text(max_size=60), st.lists(FRAGMENTS, max_size=14).map(" ".join), st.lists(FRAGMENTS).map("".join)
)


@given(REPLIES, CHOICES)
@settings(deadline=None)
def test_the_letter_is_one_that_was_offered_or_none(reply: str, choices: tuple[str, ...]) -> None:
    found = extract(reply, choices)
    assert found.letter is None or found.letter in "ABCDEF"[: len(choices)]
    assert re.fullmatch("[a-z_]+", found.rule)


@given(REPLIES, CHOICES, st.text(alphabet=" \n\t\u3000", max_size=4), st.text(alphabet=" \n\t\u3000", max_size=4))
@example("B", ANIMALS, " ", "\n")
@settings(deadline=None)
def test_blanks_around_a_reply_change_nothing(reply: str, choices: tuple[str, ...], before: str, after: str) -> None:
    assert extract(before + reply + after, choices) == extract(reply, choices)


@given(REPLIES, CHOICES, st.sampled_from(["A", "none", "The answer is C. But is it?", "a dog"]))
@settings(deadline=None)
def test_reasoning_before_the_reply_changes_nothing(reply: str, choices: tuple[str, ...], reasoning: str) -> None:
    if "think" not in reply:
        assert extract(f"<think>{reasoning}</think>{reply}", choices) == extract(reply or " ", choices)


@given(st.sampled_from("ABCD"), st.permutations(ANIMALS))
@settings(deadline=None)
def test_a_plain_letter_does_not_depend_on_the_options(letter: str, choices: list[str]) -> None:
    for form in ("{}", "({})", "{}.", "**{}**", "Answer: {}", "The answer is {}.", "答案是{}", "\\boxed{{{}}}"):
        assert extract(form.format(letter), choices).letter == letter


@given(st.integers(0, 3), st.permutations(ANIMALS))
@settings(deadline=None)
def test_a_wording_is_found_wherever_its_option_stands(index: int, choices: list[str]) -> None:
    for form in ("{}", "{}!", "It is a {}.", "The answer is the {}.", "{}. I am sure."):
        assert extract(form.format(choices[index].upper()), choices).letter == "ABCD"[index]


HOSTILE = {
    "letters": "A " * 500_000,
    "opening brackets": "(" * 1_000_000,
    "openers before a letter": '("[{<' * 200_000 + "B",
    "statements": "the answer is " * 70_000,
    "statements without end": "the answer to " * 70_000,
    "unclosed boxes": "\\boxed{" * 140_000,
    "unclosed tags": "<answer>" * 120_000,
    "closed reasoning": "<think></think>" * 66_000,
    "stars": "*" * 1_000_000,
    "blank lines": " \n" * 500_000 + "B",
    "negations": "not " * 250_000,
    "an option again and again": "light blue " * 90_000,
    "digits": "1,000." * 160_000,
    "minus signs": "-" * 1_000_000,
    "underscores": "_" * 1_000_000,
    "one word": "x" * 1_000_000,
    "labels": "A. " * 330_000,
    "ligatures that expand": "\ufdfa" * 300_000,
    "combining marks": "a" + "\u0301" * 500_000,
    "Chinese": "选项不是" * 250_000,
    "invisible": "\u200b" * 1_000_000,
    "choosing": "I would choose " * 66_000,
    "macros": "\\text{" * 150_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_costs_less_than_50_ms_of_cpu(name: str) -> None:
    costs = []
    for _ in range(3):
        start = time.process_time()
        extract(HOSTILE[name], COLOURS)
        costs.append(time.process_time() - start)
    assert min(costs) < 0.05


@pytest.mark.parametrize("name", HOSTILE)
def test_cost_does_not_grow_past_the_region_examined(name: str) -> None:
    text = HOSTILE[name] * 10
    start = time.process_time()
    extract(text, tuple(f"option {number}" for number in range(26)))
    assert time.process_time() - start < 0.5


def test_an_answer_at_either_end_of_ten_megabytes_is_found() -> None:
    filler = "it is a long story about nothing in particular.\n" * 200_000
    assert extract("Answer: B\n" + filler, ANIMALS).letter == "B"
    assert extract(filler + "Answer: B", ANIMALS).letter == "B"
    assert extract("<think>" + filler + "</think>B", ANIMALS).letter == "B"
