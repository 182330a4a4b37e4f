"""VLMEvalKit's rule, 2024 and now, on the strings where they part; and MMMU's."""

import pytest

from tests.kinds.replies import ANIMALS, COLOURS, GAP
from vlmeval.kinds.mmmu import extract_mmmu
from vlmeval.kinds.vlmevalkit import extract_2024, extract_current

BOTH = [
    ("B", ANIMALS, "B"),
    ("(B).", ANIMALS, "B"),
    ("b", ANIMALS, None),
    ("['A']", ANIMALS, None),
    ("$B$", ANIMALS, None),
    ("A and B", ANIMALS, None),
    ("it is a dog", ANIMALS, "B"),
    ("not blue", COLOURS[:3], "B"),
    ("light blue", COLOURS, None),
    ("Sorry, I can't help with images of people yet. B", ANIMALS, None),
    ("Z", ANIMALS, None),
    ("D. One", GAP, "D"),
]


@pytest.mark.parametrize(("reply", "choices", "letter"), BOTH)
def test_both_rules_agree_on_short_replies(reply: str, choices: tuple[str, ...], letter: str | None) -> None:
    assert extract_2024(reply, choices).letter == letter
    assert extract_current(reply, choices).letter == letter


def test_a_failure_text_is_searched_for_option_texts_only() -> None:
    reply = "Failed to obtain answer via API C dog"
    assert extract_2024(reply, ANIMALS).letter == "B"
    assert extract_current(reply, (*ANIMALS, "a wording that is longer")).letter == "B"


def test_only_the_2024_rule_takes_a_letter_far_from_the_end() -> None:
    reply = "B is what I see since it barks at me"
    assert (extract_2024(reply, ANIMALS).letter, extract_current(reply, ANIMALS).letter) == ("B", None)


def test_the_letter_may_be_the_fourth_token_from_the_end_but_not_the_fifth() -> None:
    assert extract_current("x B one two three", ANIMALS).letter == "B"
    assert extract_current("x B one two three four", ANIMALS).letter is None


def test_the_current_rule_reads_answer_is_x_whatever_else_is_said() -> None:
    reply = "A horse and a long story of C and D follow here for you. The answer is **B**, surely and truly so"
    assert (extract_2024(reply, ANIMALS).letter, extract_current(reply, ANIMALS).letter) == (None, "B")


def test_the_current_rule_reads_option_texts_in_short_replies_only() -> None:
    short, long = "I see one dog on it", "I see one dog on it, and it runs over the lawn"
    assert (extract_current(short, ANIMALS).letter, extract_2024(long, ANIMALS).letter) == ("B", "B")
    assert extract_current(long, ANIMALS).letter is None
    total = sum(map(len, ANIMALS))
    assert extract_current("dog".rjust(2 * total, "-"), ANIMALS).letter == "B"
    assert extract_current("dog".rjust(2 * total + 1, "-"), ANIMALS).letter is None


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("B.", "B"),
        ("(A) or (C)", "C"),
        ("A is worse than B", "B"),
        ("dog", None),
        ("I see that it is a dog", "B"),
        ("first a dog, then a bird and a cat", "A"),
        ("", None),
    ],
)
def test_mmmu_takes_the_last_candidate_of_the_first_form_that_occurs(reply: str, letter: str | None) -> None:
    assert extract_mmmu(reply, ANIMALS).letter == letter
