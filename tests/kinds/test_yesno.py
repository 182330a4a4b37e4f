"""The yes/no kind, and the three official rules beside an independent reading of their programs."""

import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vlmeval.data.task import PromptStyle, Task
from vlmeval.errors import ConfigError
from vlmeval.kinds.polarity import Reading
from vlmeval.kinds.yesno import YesNoKind, extract_mme, extract_pope, extract_vlmevalkit, read_by
from vlmeval.types import Failure, Output, Sample, Sampling

SAMPLE = Sample("q1", ("Is there a dog in the image?",), ("yes",), fields={"row": "17"})


def kind(**options: Any) -> YesNoKind:
    style = PromptStyle("{question} Please answer yes or no.")
    return YesNoKind(
        Task("t", "t", "test", "yesno", ("f1",), "f1", prompt="own", prompts={"own": style}, options=options,
             sampling=Sampling(temperature=0.0, seed=3))
    )  # fmt: skip


def pope(text: str) -> str:
    """Return what LLaVA's eval_pope.py makes of a reply."""
    if text.find(".") != -1:
        text = text.split(".")[0]
    words = text.replace(",", "").split(" ")
    return "no" if "No" in words or "not" in words or "no" in words else "yes"


def mme(text: str) -> str | None:
    """Return what MME's calculation.py makes of a reply."""
    text = text.lower()
    if text in ["yes", "no"]:
        return text
    if "yes" in text[:4]:
        return "yes"
    return "no" if "no" in text[:4] else None


def vlmevalkit(text: str) -> str | None:
    """Return what VLMEvalKit's YOrN_Extraction makes of a reply."""
    given_text = text = text.lower()
    for mark in [
        ";",
        "/",
        "[",
        "]",
        '"',
        "{",
        "}",
        "(",
        ")",
        "=",
        "+",
        "\\",
        "_",
        "-",
        ">",
        "<",
        "@",
        "`",
        ",",
        "?",
        "!",
    ]:
        beside = mark + " " in given_text or " " + mark in given_text
        if beside or re.search(r"(\d)(,)(\d)", given_text) is not None:
            text = text.replace(mark, "")
        else:
            text = text.replace(mark, " ")
    words = re.compile(r"(?!<=\d)(\.)(?!\d)").sub("", text, count=32).split()
    if "yes" in words and "no" not in words:
        return "yes"
    return "no" if "yes" not in words and "no" in words else None


def test_a_question_is_asked_once_in_the_style_of_the_task_and_names_its_row() -> None:
    (request,) = kind().requests(SAMPLE)
    assert (request.text, request.variant, request.row) == (
        "Is there a dog in the image? Please answer yes or no.", "", "17"
    )  # fmt: skip
    assert request.key


def test_epochs_are_asked_with_seeds_of_their_own_and_answered_one_by_one() -> None:
    asked = kind(epochs=2).requests(SAMPLE)
    assert [(request.variant, request.sampling.seed) for request in asked] == [("epoch0", 3), ("epoch1", 4)]
    assert len({request.key for request in asked}) == 2
    answers = kind(epochs=2).answers(SAMPLE, {"epoch1": Output("No."), "epoch0": Output("I see")})
    assert [(answer.variant, answer.value) for answer in answers] == [("epoch0", None), ("epoch1", "no")]


def test_a_failure_is_no_answer_and_an_unread_reply_is_unparsed_not_no() -> None:
    assert kind().answers(SAMPLE, {"": Failure("transient", "HTTP 500: no")}) == ()
    (answer,) = kind().answers(SAMPLE, {"": Output("There is a cat.")})
    assert (answer.value, answer.rule) == (None, "no_side")
    (answer,) = kind(extractor="pope").answers(SAMPLE, {"": Output("")})
    assert (answer.value, answer.rule) == ("yes", "otherwise_yes")


def test_the_question_helps_to_read_a_reply_that_restates_it() -> None:
    (answer,) = kind().answers(SAMPLE, {"": Output("There is no dog in the image.")})
    assert (answer.value, answer.rule) == ("no", "restated")


def test_the_rule_is_named_for_signatures_and_an_unknown_one_is_an_error_with_task_and_key() -> None:
    assert (kind().parser, kind(extractor="mme").parser) == ("1", "mme")
    with pytest.raises(ConfigError, match=r"task t, \[options\].*extractor"):
        kind(extractor="gpt4")
    with pytest.raises(ConfigError, match='unknown key "extracter"; did you mean "extractor"'):
        kind(extracter="mme")


@pytest.mark.parametrize(
    ("reply", "by_pope", "by_mme", "by_vlmevalkit"),
    [
        ("Yes.", "yes", "yes", "yes"),
        ("No, there is no dog.", "no", "no", "no"),
        ("know", "yes", "no", None),
        ("The answer is no", "no", None, "no"),
        ("NO", "yes", "no", "no"),
        ("A cat. It is not there", "yes", None, None),
        ("", "yes", None, None),
        ("It is not there", "no", None, None),
        ("yes and no", "no", "yes", None),
        ("yes,no", "yes", "yes", None),
        ("1,000 yes,", "yes", None, "yes"),
        ("nothing", "yes", "no", None),
    ],
)
def test_the_official_rules_decide_as_their_programs_do(
    reply: str, by_pope: str, by_mme: str | None, by_vlmevalkit: str | None
) -> None:
    found = (extract_pope(reply).side, extract_mme(reply).side, extract_vlmevalkit(reply).side)
    assert found == (by_pope, by_mme, by_vlmevalkit)


PIECES = some.lists(
    some.sampled_from(["yes", "no", "not", "No", "Yes", "NO", "1,2", "a", " ", "\n", *string.punctuation]), max_size=12
)


@given(PIECES)
def test_the_official_rules_equal_an_independent_reading_on_any_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert extract_pope(text).side == pope(text)
    assert extract_mme(text).side == mme(text)
    assert extract_vlmevalkit(text).side == vlmevalkit(text)


@pytest.mark.parametrize("extractor", ["vlmeval", "mme+", "vlmevalkit+"])
def test_the_error_message_of_another_program_takes_no_side(extractor: str) -> None:
    for text in ("Failed to obtain answer via API. no", "[LMMS_EVAL_REQUEST_FAILED] yes"):
        assert read_by(extractor, text, "") == Reading(None, "failure_text")
