"""VQA accuracy by hand: the formula, the processing and its order, and where the two official programs part."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmeval.metrics.vqa import (
    CONTRACTIONS,
    VqaM4C,
    VqaV2,
    leave_one_out,
    plain_words,
    processed,
    processed_2026,
    processed_m4c,
    vqa_lmms,
    vqa_m4c,
    vqa_v2,
    vqa_vlmevalkit,
    vqa_vlmevalkit_2026,
    without_punctuation,
)
from vlmeval.registry import METRICS
from vlmeval.types import Answer, Sample


@pytest.mark.parametrize(("matches", "accuracy"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (10, 1)])
def test_three_of_ten_agreeing_people_give_nine_tenths(matches: int, accuracy: float) -> None:
    assert leave_one_out(matches, 10) == pytest.approx(accuracy, abs=1e-12)


def test_one_person_alone_and_nobody_give_nothing() -> None:
    assert leave_one_out(1, 1) == 0
    assert leave_one_out(0, 0) == 0


@given(st.integers(0, 10))
def test_the_formula_equals_the_mean_over_subsets(matches: int) -> None:
    people = [True] * matches + [False] * (10 - matches)
    subsets = [min(1.0, (sum(people) - person) / 3) for person in people]
    assert leave_one_out(matches, 10) == pytest.approx(sum(subsets) / 10, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b", "a b"),
        ("a/ b", "a b"),
        ("a/b c/ d", "ab c d"),
        ("well-known", "well known"),
        ("1,000-foot", "1000foot"),
        ("1,000", "1000"),
        ("a,b", "a b"),
        ("3.", "3"),
        ("3.5", "3.5"),
        ("dr.", "dr"),
        ("u.s.a.", "usa"),
        ("what?", "what "),
        ("", ""),
    ],
)
def test_a_mark_goes_or_becomes_a_blank(text: str, expected: str) -> None:
    assert without_punctuation(text) == expected


def test_no_more_than_32_full_stops_are_removed() -> None:
    assert without_punctuation("a." * 40) == "a" * 32 + "a." * 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Two dogs", "2 dogs"),
        ("none", "0"),
        ("ten", "10"),
        ("eleven", "eleven"),
        ("a an the", ""),
        ("dont", "don't"),
        ("couldnt've", "couldn't've"),
        ("couldn'tve", "couldn't've"),
        ("yalld've", "yalld've"),
        ("oclock", "o'clock"),
        ("somebody'd", "somebodyd"),
        ("let's", "let's"),
    ],
)
def test_words_lose_articles_and_gain_apostrophes(text: str, expected: str) -> None:
    assert plain_words(text) == expected


def test_every_contraction_lacks_exactly_one_apostrophe_but_one() -> None:
    odd = {key for key, form in CONTRACTIONS.items() if form.count("'") != key.count("'") + 1}
    assert odd == {"somebody'd"}
    assert len(CONTRACTIONS) == 114


def test_newlines_and_tabs_are_blanks() -> None:
    assert processed("\tThe red\nbus. ") == "red bus"


def test_the_m4c_evaluator_sets_the_genitive_apart_and_drops_commas_first() -> None:
    assert processed_m4c("Hershey's") == "hershey 's"
    assert processed("Hershey's") == "hershey's"
    assert (processed_m4c("1,000-2"), processed("1,000-2")) == ("1000 2", "10002")


def test_ten_equal_answers_switch_all_processing_off_in_the_vqa_code_only() -> None:
    assert vqa_v2("Yes.", ["yes"] * 10) == 0
    assert vqa_v2(" yes\n", ["yes"] * 9 + ["yes "]) == 1
    assert vqa_m4c("Yes.", ["yes"] * 10) == 1
    assert vqa_v2("Yes.", ["yes"] * 9 + ["no"]) == 1


def test_vlmevalkit_keeps_a_full_stop_after_a_digit_since_2026() -> None:
    assert [processed(text) for text in ("3.", "3.5", "dr.")] == ["3", "3.5", "dr"]
    assert [processed_2026(text) for text in ("3.", "3.5", "dr.")] == ["3.", "3.5", "dr"]
    assert vqa_vlmevalkit("5.", ["5"] * 10) == 1
    assert vqa_vlmevalkit_2026("5.", ["5"] * 10) == 0
    assert METRICS.load("vqa_vlmevalkit_2026").info.name == "vqa_vlmevalkit_2026"


def test_no_answers_give_nothing() -> None:
    assert vqa_v2("yes", []) == vqa_m4c("yes", []) == vqa_vlmevalkit("yes", []) == 0


def test_an_unparsed_reply_scores_nothing_and_a_hidden_gold_does_not_enter() -> None:
    sample = Sample("1", (), ("yes",) * 10)
    assert VqaV2().stats(sample, [Answer("", None, "empty")]) == (0.0, 1.0)
    assert VqaV2().stats(sample, []) is None
    assert VqaV2().stats(Sample("1", ()), [Answer("", "yes", "text")]) is None
    both = [Answer("epoch0", "yes", "text"), Answer("epoch1", "no", "text")]
    assert VqaM4C().stats(sample, both) == (0.5, 1.0)


@pytest.mark.parametrize("name", ["vqa_v2", "vqa_m4c"])
def test_the_value_is_the_mean_and_undefined_for_nothing(name: str) -> None:
    metric = METRICS.load(name)()
    assert metric.info.name == name
    values = metric.value(np.array([[1.5, 3.0], [0.0, 0.0]]))
    assert values[0] == 0.5
    assert np.isnan(values[1])


@given(st.text(max_size=60))
def test_processing_never_fails_and_leaves_one_blank_between_words(text: str) -> None:
    assert processed(text) == " ".join(processed(text).split())
    assert processed_m4c(text) == " ".join(processed_m4c(text).split())


@pytest.mark.parametrize(
    ("reply", "answers", "lmms", "official"),
    [
        ("Yes", ["Yes"] * 10, 0.0, 1.0),
        ("yes", ["yes"] * 10, 1.0, 1.0),
        ("Two", ["2"] * 10, 1.0, 0.0),
        ("The dog", ["dog"] * 3 + ["cat"] * 7, 0.9, 0.9),
    ],
)
def test_lmms_evals_program_processes_the_reply_even_where_the_answers_agree(
    reply: str, answers: list[str], lmms: float, official: float
) -> None:
    assert vqa_lmms(reply, answers) == pytest.approx(lmms)
    assert vqa_v2(reply, answers) == pytest.approx(official)
