"""Short answers: how a question is asked, once or several times, and what of the reply is the answer."""

import pytest

from vlmeval.data.task import PromptStyle, Task
from vlmeval.errors import ConfigError
from vlmeval.kinds.short import ShortKind
from vlmeval.types import Answer, Failure, Image, Output, Sample, Sampling

IMAGE = Image("ab" * 32, 4, 3, "png")
SAMPLE = Sample("7", (IMAGE, "What colour?"), ("red",))


def kind(epochs: int | None = None, **changes: object) -> ShortKind:
    options = {} if epochs is None else {"epochs": epochs}
    return ShortKind(Task("short", "made", "test", "short", ("anls",), "anls", options=options, **changes))  # type: ignore[arg-type]


def test_a_question_is_asked_once_by_the_plain_prompt() -> None:
    (request,) = kind(sampling=Sampling(seed=3), system="Be brief.").requests(SAMPLE)
    assert request.parts == (IMAGE, "What colour?\nAnswer the question using a single word or phrase.")
    assert (request.variant, request.system, request.sampling.seed) == ("", "Be brief.", 3)
    assert kind(1).requests(SAMPLE)[0].key == kind().requests(SAMPLE)[0].key


def test_epochs_are_requests_of_their_own_with_seeds_of_their_own() -> None:
    requests = kind(3, sampling=Sampling(temperature=0.7, seed=5)).requests(SAMPLE)
    assert [request.variant for request in requests] == ["epoch0", "epoch1", "epoch2"]
    assert [request.sampling.seed for request in requests] == [5, 6, 7]
    assert len({request.key for request in requests}) == 3
    unseeded = kind(2).requests(SAMPLE)
    assert [request.sampling.seed for request in unseeded] == [None, None]
    assert unseeded[0].key != unseeded[1].key


def test_every_epoch_is_read_and_a_failure_is_no_answer() -> None:
    outcomes = {"epoch1": Output("<think>?</think> red "), "epoch0": Output(" "), "epoch2": Failure("crash", "gone")}
    assert kind(3).answers(SAMPLE, outcomes) == (Answer("epoch0", None, "empty"), Answer("epoch1", "red", "text"))
    assert kind().answers(SAMPLE, {"": Output("red")}) == (Answer("", "red", "text"),)
    assert not kind(3).settled(SAMPLE, outcomes)


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "2"])
def test_a_number_of_epochs_that_is_none_is_refused(epochs: int) -> None:
    with pytest.raises(ConfigError, match=r"task short, \[options\].*epochs"):
        kind(epochs)


def test_a_prompt_that_lists_options_is_refused() -> None:
    with pytest.raises(ConfigError, match='prompt style "lmms" lists options'):
        kind(prompt="lmms")
    assert kind(prompt="lmms", prompts={"lmms": PromptStyle("{question}")}).requests(SAMPLE)[0].text == "What colour?"


@pytest.mark.parametrize("text", ["Failed to obtain answer via API. red", "[LMMS_EVAL_REQUEST_FAILED after 3: red]"])
def test_the_error_message_of_another_program_is_no_answer(text: str) -> None:
    assert kind().answers(SAMPLE, {"": Output(text)}) == (Answer("", None, "failure_text"),)
