"""The rules of ScienceQA's and MMMU-Pro's programs on the strings where they part from others."""

from collections.abc import Callable, Sequence

import pytest

from tests.kinds.replies import ANIMALS, GAP
from vlmeval.kinds.mmmu_pro import extract_mmmu_pro
from vlmeval.kinds.parse import Extraction
from vlmeval.kinds.scienceqa import extract_gpt3, extract_llava

Extract = Callable[[str, Sequence[str]], Extraction]


@pytest.mark.parametrize(
    ("reply", "letter", "rule"),
    [
        ("B", "B", "letter"),
        (" B\n", "B", "letter"),
        ("B. because it barks", "B", "label"),
        ("B.", None, "no_option"),
        ("(B)", None, "no_option"),
        ("b", None, "no_option"),
        ("The answer is C.", "C", "answer"),
        ("The answer is C", None, "no_option"),
        ("The answer is B. The answer is B.", None, "several_answers"),
        ("E", None, "not_offered"),
        ("E. a horse", None, "not_offered"),
        ("The answer is E.", None, "not_offered"),
        ("F", None, "no_option"),
        ("", None, "no_option"),
    ],
)
def test_llava_reads_a_letter_a_label_or_the_only_statement(reply: str, letter: str | None, rule: str) -> None:
    found = extract_llava(reply, ANIMALS[:4])
    assert (found.letter, found.rule) == (letter, rule)


def test_an_option_that_was_lost_is_not_offered() -> None:
    assert extract_llava("C", GAP).letter is None
    assert extract_llava("D", GAP).letter == "D"


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("The answer is B. BECAUSE: it barks", "B"),
        ("The answer is B. BECAUSE: The answer is C.", None),
        ("B", None),
        ("The answer is Z.", None),
    ],
)
def test_the_rule_of_gpt3s_authors_reads_the_only_statement(reply: str, letter: str | None) -> None:
    assert extract_gpt3(reply, ANIMALS[:4]).letter == letter


@pytest.mark.parametrize(
    ("reply", "letter", "rule"),
    [
        ("Long talk of (A).\nAnswer: B", "B", "answer_line"),
        ("Answer: $C", "C", "answer_line"),
        ("Answer: A\nAnswer: D", "D", "answer_line"),
        ("Answer: A or B", "B", "token"),
        ("(A) is wrong, (C) is right", "C", "bracketed"),
        ("It is B for me", "B", "token"),
        ("B. dog", "B", "label"),
        ("C. BIRDS fly", "C", "label"),
        ("I see that a dog runs and a bird too", "C", "content"),
        ("dog", None, "no_option"),
        ("", None, "no_option"),
    ],
)
def test_mmmu_pro_reads_the_answer_line_first(reply: str, letter: str | None, rule: str) -> None:
    found = extract_mmmu_pro(reply, ANIMALS[:4])
    assert (found.letter, found.rule) == (letter, rule)


def test_mmmu_pro_keeps_the_slips_of_its_program() -> None:
    """Letters before full stops tie, so the first counts; a capital inside a word counts before a blank."""
    assert extract_mmmu_pro("D. is not C. here", ANIMALS[:4]).letter == "C"
    assert extract_mmmu_pro("B. the USA is far", ANIMALS[:4]).letter == "A"


@pytest.mark.parametrize("extract", [extract_gpt3, extract_llava, extract_mmmu_pro])
@pytest.mark.parametrize("piece", ["A ", "(A", "Answer: ", "The answer is ", "\n", ",", "🐟"])
def test_ten_megabytes_of_anything_are_read_without_a_fault(extract: Extract, piece: str) -> None:
    reply = piece * (10_000_000 // len(piece))
    assert extract(reply, ANIMALS[:4]).letter in (None, "A")


@pytest.mark.parametrize("extract", [extract_gpt3, extract_llava, extract_mmmu_pro])
def test_options_worded_alike_or_over_several_lines_are_told_apart_by_letter(extract: Extract) -> None:
    options = ("same", "same", "two\nlines\nA. trap", "__import__('os')")
    assert extract("The answer is C. ", options).letter == "C"
