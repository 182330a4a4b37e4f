"""The official programs' rules by name: what "+" adds to them, lmms-eval's, and what holds before any of them."""

import pytest

from vlmeval.kinds.extractors import OFFICIAL, rule_of, version_of
from vlmeval.kinds.lmms import extract_lmms, extract_lmms_mmbench, extract_lmms_mmmu
from vlmeval.kinds.yesno import read_by

ANIMALS = ("cat", "dog", "bird", "fish")
UNSEEN = (
    "b",
    "(b)",
    "['B']",
    "答案是B",
    "$B$",
    '"B"',
    "<answer>B</answer>",
    "B、dog is what barks",
    "the second option",
)
"""Replies in which VLMEvalKit's rule sees neither letter nor wording, or only one that ours reads the same."""


@pytest.mark.parametrize("name", ["vlmevalkit-2024+", "mmmu+", "mmmu-pro+"])
@pytest.mark.parametrize("reply", UNSEEN)
def test_with_plus_a_reply_that_says_nothing_to_the_program_is_read_by_our_own_rule(name: str, reply: str) -> None:
    assert rule_of(name)(reply, ANIMALS).letter == "B"  # type: ignore[arg-type]


def test_with_plus_whatever_the_program_reads_stands_even_the_article() -> None:
    for reply in ("A dog is in the picture, and nothing else", "B. C. a bird", "cat or dog", "It is not a dog"):
        official = OFFICIAL["vlmevalkit-2024"](reply, ANIMALS)
        assert official.rule != "no_option"
        assert rule_of("vlmevalkit-2024+")(reply, ANIMALS) == official
    assert rule_of("vlmevalkit-2024+")("A dog is in the picture, and nothing else", ANIMALS).letter == "A"
    assert rule_of("vlmeval")("A dog is in the picture, and nothing else", ANIMALS).letter == "B"


@pytest.mark.parametrize("reply", ["", "an animal", "I cannot tell", "A. cat\nB. dog\nC. bird\nD. fish"])
def test_with_plus_a_reply_that_chooses_nothing_stays_unparsed(reply: str) -> None:
    assert rule_of("vlmevalkit-2024+")(reply, ANIMALS).letter is None


@pytest.mark.parametrize("text", ["Failed to obtain answer via API. cat", "[LMMS_EVAL_REQUEST_FAILED after 3] D"])
@pytest.mark.parametrize("name", ["vlmevalkit-2024+", "mmmu+", "mmmu-pro+"])
def test_with_plus_an_error_message_is_no_answer(name: str, text: str) -> None:
    found = rule_of(name)(text, ANIMALS)  # type: ignore[arg-type]
    assert (found.letter, found.rule) == (None, "failure_text")


@pytest.mark.parametrize("name", OFFICIAL)
def test_no_rule_reads_reasoning(name: str) -> None:
    rule = rule_of(name)  # type: ignore[arg-type]
    said = "The answer is B. " if name == "scienceqa-gpt3" else "B"
    assert rule(f"<think>A? The answer is C.</think>{said}", ANIMALS).letter == "B"
    assert rule("<think>The answer is C. It must be", ANIMALS).rule == "thinking_unfinished"


def test_a_reply_without_reasoning_reaches_the_program_as_it_is() -> None:
    assert rule_of("lmms")("B\n", ANIMALS).letter is None
    assert rule_of("lmms")("B", ANIMALS).letter == "B"


def test_the_signature_names_the_rule_and_the_version_of_ours_where_it_has_a_part() -> None:
    assert [version_of(name) for name in ("vlmeval", "mmmu", "mmmu+")] == ["1", "mmmu", "mmmu+1"]


@pytest.mark.parametrize(
    ("reply", "letter"),
    [("B", "B"), ("B. dog", "B"), ("B.", "B"), ("b", None), ("Answer: B", None), ("(B)", None), (" B", None),
     ("E", None), ("E. x", None), ("", None)],
)  # fmt: skip
def test_lmms_reads_the_bare_letter_and_the_label_only(reply: str, letter: str | None) -> None:
    assert extract_lmms(reply, ANIMALS).letter == letter


@pytest.mark.parametrize(
    ("reply", "letter"),
    [("B", "B"), ("B.", "B"), ("(B) dog", "B"), ("answer :B", "B"), ("A dog", "A"), ("A dog sits here", "B"),
     ("A dog or a cat", None), ("it is a bird", "C"), ("B or C", None), ("B. or C)", "B"), ("E", None), ("", None)],
)  # fmt: skip
def test_lmms_mmbench_takes_words_then_labels_then_wordings(reply: str, letter: str | None) -> None:
    assert extract_lmms_mmbench(reply, ANIMALS).letter == letter


@pytest.mark.parametrize(
    ("reply", "letter"),
    [("It is in the USA", "A"), ("Answer: (C) not A", "C"), ("answer: b", None), ("Answer: B, or Answer: C", "C"),
     ("Answer: Z", None), ("(B) or (D)", "D"), ("B) green", None), ("**B**", None), ("I think that it is a dog", "B")],
)  # fmt: skip
def test_lmms_mmmu_reads_a_letter_that_ends_a_word_and_draws_nothing(reply: str, letter: str | None) -> None:
    assert extract_lmms_mmmu(reply, ANIMALS).letter == letter


@pytest.mark.parametrize(
    ("name", "reply", "side"),
    [
        ("mme", "**Yes**", None), ("mme+", "**Yes**", "yes"), ("mme", "The answer is no", None),
        ("mme+", "The answer is no", "no"), ("mme", "know", "no"), ("mme+", "know", "no"), ("mme+", "perhaps", None),
        ("vlmevalkit", "Yes, there is no dog", None), ("vlmevalkit+", "Yes, there is no dog", None),
        ("vlmeval", "Yes, there is no dog", "yes"), ("lmms", "Yes", "yes"), ("lmms", "Yes.", None),
        ("pope", "<think>no</think>Yes", "yes"), ("mme", "<think>yes", None),
    ],
)  # fmt: skip
def test_yes_or_no_is_read_by_name(name: str, reply: str, side: str | None) -> None:
    assert read_by(name, reply, "Is there a dog?").side == side


def test_with_plus_a_reply_that_the_program_judged_is_not_read_again() -> None:
    reply = "Sorry, I can't help with images of people yet. The answer is B"
    assert rule_of("vlmeval")(reply, ANIMALS).letter == "B"
    assert rule_of("vlmevalkit-2024+")(reply, ANIMALS).rule == "refusal"
