from collections.abc import Sequence

import pytest

from vlmeval.run.bench import measure, questions
from vlmeval.types import Failure, Outcome, Output, Request


class Clock:
    """A clock that the model moves: a call takes 1 s and 0.5 s a prompt."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Model:
    """A model of known speed that remembers what it was asked, and has no memory for more than `room` prompts."""

    def __init__(self, clock: Clock, *, room: int = 99) -> None:
        self.clock, self.room = clock, room
        self.asked: list[Request] = []
        self.sizes: list[int] = []

    def __call__(self, requests: Sequence[Request]) -> Sequence[Outcome]:
        self.asked += requests
        if len(requests) > self.room:
            return [Failure("crash", "out of memory")] * len(requests)
        self.clock.time += 1 + 0.5 * len(requests)
        return [Output("x", prompt_tokens=7, output_tokens=3, first_token_seconds=0.25) for _ in requests]


def test_a_cell_tells_latency_and_throughput_of_its_batch() -> None:
    clock = Clock()
    model = Model(clock)
    cells = list(measure(model, [4, 1], [0, 32], resize=model.sizes.append, calls=3, clock=clock))
    assert [(cell.side, cell.batch) for cell in cells] == [(0, 1), (0, 4), (32, 1), (32, 4)]
    assert model.sizes == [1, 4, 1, 4]
    one, four = cells[2:]
    assert (one.seconds, four.seconds) == (1.5, 3.0)
    assert four.samples_per_second == pytest.approx(4 / 3.0)
    assert four.output_tokens_per_second == pytest.approx(12 / 3.0)
    assert (four.prompt_tokens, four.first_token_seconds, four.calls) == (7, 0.25, 3)
    assert four.host_peak_bytes


def test_no_picture_and_no_question_comes_twice_in_a_cell() -> None:
    model = Model(Clock())
    list(measure(model, [3], [32], calls=2, clock=model.clock))
    assert len(model.asked) == 9
    assert len({request.images[0].sha256 for request in model.asked}) == 9
    assert len({request.text for request in model.asked}) == 9
    assert model.asked[0].images[0].open().size == (32, 32)


def test_a_batch_that_does_not_fit_is_a_cell_with_its_reason_and_the_others_are_measured() -> None:
    model = Model(Clock(), room=2)
    cells = list(measure(model, [1, 4], [0], calls=1, clock=model.clock))
    assert [cell.error for cell in cells] == ["", "crash: out of memory"]
    assert cells[1].samples_per_second is None
    assert len(model.asked) == 1 + 1 + 4


def test_questions_are_the_same_every_time() -> None:
    assert [one.key for one in questions(3, 16, 8, turn=1)] == [one.key for one in questions(3, 16, 8, turn=1)]
