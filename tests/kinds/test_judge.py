"""The judge reads what the rules cannot; its verdict is a letter or nothing."""

import pytest

from vlmeval.data.task import Task
from vlmeval.kinds import judge
from vlmeval.kinds.choice import ChoiceKind
from vlmeval.kinds.parse import Extraction
from vlmeval.types import Answer, Image, Output, Sample

PICTURE = Image("1" * 64, 10, 10, "png")
SAMPLE = Sample("7", (PICTURE, "What is {it}?"), ("B",), ("cat", "dog", (PICTURE,), "fish"))
KIND = ChoiceKind(Task("made", "made", "dev", "choice", ("circular",), "circular"))


def asked(**texts: str) -> tuple[str, ...]:
    outcomes = {variant: Output(text) for variant, text in texts.items()}
    requests = judge.requests(SAMPLE, outcomes, KIND.answers(SAMPLE, outcomes))
    assert all(request.key and request.sample_id == "7" for request in requests)
    return tuple(request.variant for request in requests)


def test_only_unparsed_replies_with_something_to_read_are_judged() -> None:
    replies = {"rot0": "B", "rot1": "an animal", "rot2": "<think>hm", "rot3": ""}
    assert asked(**replies) == ("rot1",)
    assert asked(rot0="cat or dog, hard to say") == ("rot0",)


def test_the_judge_sees_the_options_as_they_were_shown() -> None:
    outcomes = {"rot1": Output("<think>secret</think>the {reply} that barks")}
    request = judge.requests(SAMPLE, outcomes, [Answer("rot1", None, "no_option")])[0]
    assert "A. dog\nB. (an image)\nC. fish\nD. cat\n" in request.text
    assert "(an image)What is {it}?" in request.text
    assert "the {reply} that barks" in request.text
    assert "secret" not in request.text
    assert "one letter out of A, B, C, D, Z." in request.text
    assert request.images == ()
    assert request.sampling.temperature == 0.0


def test_a_reply_of_megabytes_is_cut_before_the_judge_reads_it() -> None:
    outcomes = {"rot0": Output("what " * 1_000_000)}
    assert len(judge.requests(SAMPLE, outcomes, [Answer("rot0", None, "no_option")])[0].text) < 20_000


def test_an_open_question_is_not_judged_for_a_letter() -> None:
    sample = Sample("7", ("How many?",), ("2",))
    assert judge.requests(sample, {"rot0": Output("")}, [Answer("rot0", None, "no_option")]) == ()


@pytest.mark.parametrize(
    ("reply", "letter", "rule"),
    [
        ("B", "B", "judge"),
        (" b.\n", "B", "judge"),
        ("Verdict: B", "B", "judge"),
        ("The answer is B.", "B", "judge"),
        ("<think>A or B</think>B", "B", "judge"),
        ("It barks.\nB", "B", "judge"),
        ("Z", None, "judge_none"),
        ("verdict: Z", None, "judge_none"),
        ("It declines.\nZ", None, "judge_none"),
        ("E", None, "judge_unparsed"),
        ("", None, "judge_unparsed"),
        ("<think>B", None, "judge_unparsed"),
        ("I cannot say", None, "judge_unparsed"),
        ("A or B", None, "judge_unparsed"),
        ("cat", None, "judge_unparsed"),
        ("dog", None, "judge_unparsed"),
    ],
)
def test_a_verdict_is_a_letter_or_nothing(reply: str, letter: str | None, rule: str) -> None:
    assert judge.verdict(reply, ("cat", "dog", "bird", "fish")) == Extraction(letter, rule)


def test_a_verdict_does_not_name_an_option_that_was_not_offered() -> None:
    assert judge.verdict("C", ("A", "B", "", "D")) == Extraction(None, "judge_unparsed")
