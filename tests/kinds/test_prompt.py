"""The prompts of published figures, to the blank; and what rendering does with images and odd data."""

import pytest

from vlmeval.data.task import PromptStyle, Task
from vlmeval.errors import ConfigError
from vlmeval.kinds.choice import ChoiceKind
from vlmeval.kinds.prompt import render, render_options
from vlmeval.kinds.short import ShortKind
from vlmeval.types import Image, Part, Sample

ONE = Image("1" * 64, 10, 10, "png")
TWO = Image("2" * 64, 20, 20, "png")

GOLDEN = [
    (
        "vlmevalkit",
        "en",
        "Hint: look closely\nQuestion: What is it?\nOptions:\nA. cat\nB. dog\n"
        "Please select the correct answer from the options above. \n",
    ),
    (
        "official",
        "zh",
        "Hint: look closely\nQuestion: What is it?\nOptions:\nA. cat\nB. dog\n"
        "Please select the correct answer from the options above. \n",
    ),
    (
        "lmms",
        "en",
        "look closely What is it? There are several options:\nA. cat\nB. dog\n\n"
        "Answer with the option's letter from the given choices directly.",
    ),
    (
        "lmms",
        "zh",
        "look closely What is it? There are several options:\nA. cat\nB. dog\n\n"
        "请直接使用所提供的选项字母作为答案回答。",
    ),
    (
        "llava",
        "en",
        "look closely\nWhat is it?\nA. cat\nB. dog\nAnswer with the option's letter from the given choices directly.",
    ),
    ("llava", "zh", "look closely\nWhat is it?\nA. cat\nB. dog\n请直接回答选项字母。"),
    (
        "mmmu",
        "en",
        "What is it?\n\nA. cat\nB. dog\n\nAnswer with the option's letter from the given choices directly.",
    ),
]
WITHOUT_HINT = {
    "vlmevalkit": "Question: What is it?\nOptions:\nA. cat\nB. dog\n"
    "Please select the correct answer from the options above. \n",
    "lmms": "What is it? There are several options:\nA. cat\nB. dog\n\n"
    "Answer with the option's letter from the given choices directly.",
    "llava": "What is it?\nA. cat\nB. dog\nAnswer with the option's letter from the given choices directly.",
}
OPEN = {
    "vlmevalkit": "Question: How many?\n",
    "lmms": "How many?\n\nAnswer the question using a single word or phrase.",
    "llava": "How many?\nAnswer the question using a single word or phrase.",
    "mmmu": "How many?\n\nAnswer the question using a single word or phrase.",
}


def made_task(prompt: str, language: str = "en", **prompts: PromptStyle) -> Task:
    return Task(
        name="made",
        benchmark="made",
        split="dev",
        kind="choice",
        metrics=("circular",),
        primary="circular",
        prompt=prompt,
        prompts=prompts,
        options={"language": language},
    )


def asked(task: Task, sample: Sample) -> tuple[Part, ...]:
    return ChoiceKind(task).requests(sample)[0].parts


@pytest.mark.parametrize(("style", "language", "text"), GOLDEN)
def test_a_built_in_style_gives_the_exact_prompt(style: str, language: str, text: str) -> None:
    sample = Sample("s", (ONE, "What is it?"), ("A",), ("cat", "dog"), fields={"hint": "look closely"})
    assert asked(made_task(style, language), sample) == (ONE, text)


@pytest.mark.parametrize("style", WITHOUT_HINT)
def test_an_absent_or_empty_hint_leaves_nothing_behind(style: str) -> None:
    for fields in ({}, {"hint": ""}):
        sample = Sample("s", (ONE, "What is it?"), ("A",), ("cat", "dog"), fields=fields)
        assert asked(made_task(style), sample) == (ONE, WITHOUT_HINT[style])


@pytest.mark.parametrize("style", OPEN)
def test_a_question_without_options_is_asked_openly(style: str) -> None:
    assert asked(made_task(style), Sample("s", ("How many?",), ("2",))) == (OPEN[style],)


def test_images_inside_question_and_options_stay_where_they_are() -> None:
    sample = Sample("s", (ONE, "Compare ", ONE, " with ", TWO, "."), ("A",), ((TWO,), ("like ", ONE)))
    assert asked(made_task("mmmu"), sample) == (
        ONE,
        "Compare ",
        ONE,
        " with ",
        TWO,
        ".\n\nA. ",
        TWO,
        "\nB. like ",
        ONE,
        "\n\nAnswer with the option's letter from the given choices directly.",
    )


def test_images_that_open_the_question_stand_before_the_whole_prompt() -> None:
    sample = Sample("s", (ONE, TWO, "What?"), ("A",), ("cat", "dog"))
    parts = asked(made_task("vlmevalkit"), sample)
    assert parts[:2] == (ONE, TWO)
    assert str(parts[2]).startswith("Question: What?")


def test_braces_in_data_are_data() -> None:
    style = PromptStyle("{question} {nothing}{hint}", wrap={"hint": "[{hint}]"})
    assert render(style, {"question": "{hint} {options} {0}", "hint": "{question}"}) == (
        "{hint} {options} {0} [{question}]",
    )


def test_an_option_is_written_as_the_style_says() -> None:
    style = PromptStyle("", option="({letter}) {choice}\n")
    assert render_options(style, [("A", "cat"), ("C", "")]) == ("(A) cat\n(C) \n",)


def test_a_task_may_bring_its_own_style_even_under_a_built_in_name() -> None:
    task = made_task("llava", llava=PromptStyle("{options}{question}", option="{letter}={choice};"))
    assert asked(task, Sample("s", ("Q",), ("A",), ("x", "y"))) == ("A=x;B=y;Q",)


def test_an_unknown_style_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match='task made: unknown prompt style "lava"; did you mean "llava"'):
        ChoiceKind(made_task("lava"))


def test_a_short_answer_is_asked_for_in_a_word() -> None:
    task = Task("vqa", "vqa", "val", "short", ("vqa_v2",), "vqa_v2")
    assert ShortKind(task).requests(Sample("s", (ONE, "What colour?")))[0].parts == (
        ONE,
        "What colour?\nAnswer the question using a single word or phrase.",
    )
