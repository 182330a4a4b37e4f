"""Short answers (VQA, OCR, charts): the answer is the reply as it is, for the metric to compare.

A question is asked once (variant ""), or `epochs` times: variants "epoch0", "epoch1", ... Each has the task's seed plus
its number, where the task has a seed, so that a server that honours it does not repeat itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError
from vlmeval.kinds.prompt import find_style, render
from vlmeval.kinds.refusals import is_failure_text
from vlmeval.kinds.thinking import visible
from vlmeval.types import Answer, Outcome, Output, Request, Sample, Sampling


class ShortOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "short": how often each question is asked."""

    epochs: Annotated[int, msgspec.Meta(ge=1)] = 1


class ShortKind:
    """How a question with a short answer is asked."""

    flags = frozenset({"epochs"})

    def __init__(self, task: Task) -> None:
        options = jsonio.convert(task.options, ShortOptions, where=f"task {task.name}, [options]")
        self._epochs = options.epochs
        self._task = task
        self._style = find_style(task, "short")
        if "{options}" in self._style.text:
            raise ConfigError(f'task {task.name}: prompt style "{task.prompt}" lists options, and this task has none')

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request for each epoch."""
        parts = render(self._style, {**sample.fields, "question": sample.parts})
        sampling, system = self._task.sampling, self._task.system
        if self._epochs == 1:
            return (Request(sample.id, "", parts, sampling=sampling, system=system).keyed(),)
        return tuple(
            Request(sample.id, f"epoch{number}", parts, sampling=seeded(sampling, number), system=system).keyed()
            for number in range(self._epochs)
        )

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return each reply without its reasoning, stripped; unparsed where nothing is left of it."""
        variants = [""] if self._epochs == 1 else [f"epoch{number}" for number in range(self._epochs)]
        return tuple(
            open_answer(variant, outcome.text)
            for variant in variants
            if isinstance(outcome := outcomes.get(variant), Output)
        )

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False


def seeded(sampling: Sampling, number: int) -> Sampling:
    """Return the settings of one epoch."""
    return sampling if sampling.seed is None else msgspec.structs.replace(sampling, seed=sampling.seed + number)


def open_answer(variant: str, reply: str) -> Answer:
    """Return what is left of a free reply once reasoning blocks are gone, or unparsed; an error message is no reply."""
    if is_failure_text(reply):
        return Answer(variant, None, "failure_text")
    text = visible(reply)
    if text is None:
        return Answer(variant, None, "thinking_unfinished")
    return Answer(variant, text, "text") if text else Answer(variant, None, "empty")
