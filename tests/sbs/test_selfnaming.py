"""Answers that say which model wrote them are marked, and others are not."""

import pytest

from vlmeval.sbs.selfnaming import named, own_names

FINDER = own_names(["Qwen/Qwen2-VL-7B-Instruct", "quokkanet-13b", "m1"])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("As ChatGPT, I cannot see images.", "ChatGPT"),
        ("I am Claude, made by Anthropic.", "Anthropic"),
        ("I'm Gemini.", "I'm Gemini"),
        ("I am a large language model, trained by Google.", "trained by Google"),
        ("Quokkanet 13B thinks it is a dog.", "Quokkanet 13B"),
        ("qwen2_vl_7b_instruct says: a dog", "qwen2_vl_7b_instruct"),
        ("我是通义千问，由阿里云开发。", "通义千问"),
        ("This was written by GPT-4o.", "GPT-4o"),
        ("LLaVA-1.5 sees a cat", "LLaVA-1.5"),
    ],
)
def test_an_answer_that_names_a_model_is_marked_with_the_words(answer: str, words: str) -> None:
    assert words in named(answer, FINDER)


@pytest.mark.parametrize(
    "answer",
    [
        "The painting is by Claude Monet.",
        "The Google logo is on the building, made by Google.",
        "Gemini is a constellation; I am sure of it.",
        "A llama stands beside an apple on Amazon's Nova.",
        "The value of phi is 1.618, and yi means one.",
        "m1 is the mass of the first body.",
        "A quokka and a net.",
        "",
    ],
)
def test_an_answer_about_something_of_the_same_name_is_not(answer: str) -> None:
    assert named(answer, FINDER) == ""


def test_names_too_short_to_tell_are_not_searched() -> None:
    assert own_names(["A", "m1"]) is None
    assert named("A dog", None) == ""
