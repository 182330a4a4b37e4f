"""Epochs: every kind that writes is asked again under the next seed, and every reply is read by itself."""

from typing import Any

import pytest

from vlmeval.data.task import Task
from vlmeval.data.variants import by_epoch, epoch_of, pass_of, repeated
from vlmeval.errors import ConfigError
from vlmeval.kinds import judge
from vlmeval.kinds.open import OpenKind
from vlmeval.kinds.settings import takes
from vlmeval.registry import KINDS
from vlmeval.types import Answer, Output, Sample, Sampling

CHOICES = ("cat", "dog", "bird")
ASKED: dict[str, tuple[Sample, dict[str, Any], tuple[str, str], tuple[str, str]]] = {
    "choice": (Sample("q", ("?",), ("B",), CHOICES), {"circular": False}, ("B", "(A)"), ("B", "A")),
    "short": (Sample("q", ("?",), ("red",)), {}, (" red", "blue"), ("red", "blue")),
    "yesno": (Sample("q", ("Is it?",), ("yes",)), {}, ("Yes.", "No"), ("yes", "no")),
    "open": (Sample("q", ("?",), ("red",)), {}, ("red", "blue"), ("red", "blue")),
    "mathvista": (Sample("q", ("?",), ("3",), fields={"answer_type": "integer"}), {}, ("It is 3.", "4"), ("3", "4")),
    "grounding": (
        Sample("q", ("cat",), ("1,2,3,4",), fields={"width": "100", "height": "100"}),
        {"coordinates": "pixel"},
        ("[1, 2, 30, 40]", "[5, 6, 30, 40]"),
        ("1.0,2.0,30.0,40.0", "5.0,6.0,30.0,40.0"),
    ),
}


def task_of(kind: str, seed: int | None = 7, **options: Any) -> Task:
    sampling = Sampling(seed=seed)
    return Task("t", "t", "test", kind, ("accuracy",), "accuracy", prompt="plain", options=options, sampling=sampling)


@pytest.mark.parametrize("kind", ASKED)
def test_each_epoch_is_a_request_of_its_own_with_the_next_seed(kind: str) -> None:
    sample, options, replies, values = ASKED[kind]
    task = task_of(kind, epochs=2, **options)
    made = KINDS.load(kind)(task)
    requests = made.requests(sample)
    assert [one.variant for one in requests] == ["epoch0", "epoch1"]
    assert [one.sampling.seed for one in requests] == [7, 8]
    assert len({one.key for one in requests}) == 2
    answers = made.answers(sample, {one.variant: Output(text) for one, text in zip(requests, replies, strict=True)})
    assert [(one.variant, one.value) for one in answers] == [("epoch0", values[0]), ("epoch1", values[1])]
    (late,) = made.answers(sample, {"epoch1": Output(replies[1])})
    assert (late.variant, late.value) == ("epoch1", values[1])
    assert takes(task, "epochs")


@pytest.mark.parametrize("kind", ASKED)
def test_one_epoch_is_the_request_without_epochs_and_no_seed_stays_none(kind: str) -> None:
    sample, options, _, _ = ASKED[kind]
    assert KINDS.load(kind)(task_of(kind, epochs=1, **options)).requests(sample) == KINDS.load(kind)(
        task_of(kind, **options)
    ).requests(sample)
    unseeded = KINDS.load(kind)(task_of(kind, None, epochs=3, **options)).requests(sample)
    assert [one.sampling.seed for one in unseeded] == [None, None, None]
    assert len({one.key for one in unseeded}) == 3


@pytest.mark.parametrize("kind", ASKED)
def test_no_epochs_at_all_are_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match="epochs"):
        KINDS.load(kind)(task_of(kind, epochs=0, **ASKED[kind][1]))


def test_circular_eval_has_all_its_passes_in_every_epoch() -> None:
    sample = ASKED["choice"][0]
    kind = KINDS.load("choice")(task_of("choice", epochs=2))
    requests = kind.requests(sample)
    assert [one.variant for one in requests] == [f"epoch{epoch}.rot{turn}" for epoch in (0, 1) for turn in (0, 1, 2)]
    assert [one.sampling.seed for one in requests] == [7, 7, 7, 8, 8, 8]
    assert kind.expected_passes(sample) == 6
    assert kind.shown(sample, "epoch1.rot1") == ("B", "C", "A")
    (answer,) = kind.answers(sample, {"epoch1.rot1": Output("A")})
    assert (answer.variant, answer.value) == ("epoch1.rot1", "B")


def test_each_reply_to_an_open_question_goes_to_the_judge_in_each_of_its_epochs() -> None:
    kind = OpenKind(task_of("open", epochs=2, judge_epochs=2))
    replies = {"epoch0": Output("red"), "epoch1": Output("blue")}
    asked = kind.judge_requests(ASKED["open"][0], replies)
    assert [judge.reply_of(one.variant) for one in asked] == ["epoch0", "epoch0", "epoch1", "epoch1"]
    assert len({one.variant for one in asked}) == len({one.key for one in asked}) == 4


def test_the_names_of_requests_tell_epoch_and_pass() -> None:
    assert repeated(("rot0",), 1) == [(0, "rot0", "rot0")]
    assert [name for *_, name in repeated(("",), 2)] == ["epoch0", "epoch1"]
    assert [epoch_of(name) for name in ("", "rot1", "epoch0", "epoch12.rot3")] == [0, 0, 0, 12]
    assert [pass_of(name, "rot0") for name in ("rot1", "epoch0", "epoch12.rot3")] == ["rot1", "rot0", "rot3"]
    names = ("epoch0.rot0", "epoch1.rot0", "epoch0.rot1")
    grouped = by_epoch([Answer(name, None, "") for name in names])
    assert [[one.variant for one in group] for group in grouped] == [["epoch0.rot0", "epoch0.rot1"], ["epoch1.rot0"]]
