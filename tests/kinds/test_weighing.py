"""Multiple choice by likelihood: letters or wordings are weighed, and length counts as the mode says."""

from __future__ import annotations

import msgspec
import pytest

from vlmeval.data.task import Task
from vlmeval.errors import DataError
from vlmeval.kinds.choice import ChoiceKind
from vlmeval.kinds.modes import Mode
from vlmeval.kinds.weighing import most_likely
from vlmeval.types import Image, Output, Sample

PICTURE = Image("1" * 64, 10, 10, "png")
SAMPLE = Sample("7", (PICTURE, "Which?"), ("B",), ("cat", "a très big dog", "", "fish"))
TASK = Task("made", "made", "dev", "choice", ("vanilla",), "vanilla", options={"circular": False})
TEXTS = ["cat", "a très big dog", "fish"]


def kind(mode: Mode, **options: object) -> ChoiceKind:
    return ChoiceKind(msgspec.structs.replace(TASK, options={**TASK.options, "mode": mode, **options}))


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("generate", ()),
        ("likelihood", ("A", "B", "D")),
        ("likelihood-text", ("cat", "a très big dog", "fish")),
        ("likelihood-text-bytes", ("cat", "a très big dog", "fish")),
        ("likelihood-text-tokens", ("cat", "a très big dog", "fish")),
    ],
)
def test_the_mode_says_what_is_weighed(mode: Mode, options: tuple[str, ...]) -> None:
    (request,) = kind(mode).requests(SAMPLE)
    assert request.options == options


def test_a_rotated_pass_weighs_the_wordings_in_the_order_shown() -> None:
    rotated = kind("likelihood-text", circular=True)
    requests = rotated.requests(SAMPLE)
    assert [request.options[0] for request in requests] == ["cat", "a très big dog", "fish"]
    scored = {request.variant: Output("", scores=(-9.0, -9.0, -9.0)) for request in requests}
    likely = requests[1].options.index("fish")
    scores = tuple(-1.0 if place == likely else -9.0 for place in range(3))
    scored[requests[1].variant] = Output("", scores=scores)
    assert rotated.answers(SAMPLE, scored)[1].value == "D"


@pytest.mark.parametrize(
    ("mode", "letter"),
    [
        ("likelihood-text", "A"),  # -3 beats -8 and -6
        ("likelihood-text-bytes", "B"),  # -3/3, -8/15, -6/4
        ("likelihood-text-tokens", "C"),  # -3/1, -8/5, -6/4
    ],
)
def test_length_counts_as_the_mode_says(mode: Mode, letter: str) -> None:
    output = Output("", scores=(-3.0, -8.0, -6.0), option_tokens=(1, 5, 4))
    found = most_likely(output, ["A", "B", "C"], TEXTS, mode=mode)
    assert (found.letter, found.rule) == (letter, mode.replace("-", "_"))


@pytest.mark.parametrize(
    ("scores", "tokens"),
    [
        ((-1.0, -2.0), (1, 1, 1)),
        ((-1.0, float("nan"), -2.0), (1, 1, 1)),
        ((-1.0, -2.0, -3.0), ()),
        ((-1.0,) * 3, (1, 0, 1)),
    ],
)
def test_without_a_score_and_a_length_for_each_option_nothing_is_chosen(
    scores: tuple[float, ...], tokens: tuple[int, ...]
) -> None:
    output = Output("", scores=scores, option_tokens=tokens)
    found = most_likely(output, ["A", "B", "C"], TEXTS, mode="likelihood-text-tokens")
    assert (found.letter, found.rule) == (None, "no_scores")


def test_equal_options_go_to_the_first() -> None:
    assert most_likely(Output("", scores=(-2.0, -2.0)), ["A", "B"], ["x", "x"], mode="likelihood-text").letter == "A"


def test_an_image_has_no_wording_to_weigh() -> None:
    sample = Sample("7", ("Which?",), ("A",), ("cat", (PICTURE,)))
    assert kind("likelihood").requests(sample)[0].options == ("A", "B")
    with pytest.raises(DataError, match=r"sample 7: option B is an image.*use mode likelihood"):
        kind("likelihood-text").requests(sample)
