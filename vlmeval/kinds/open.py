"""Open questions, scored by a judge: the answer is text, and without a judge it has no score.

A question is asked once (variant ""), or `epochs` times, and each reply goes to the judge once, or `judge_epochs`
times, whatever it says: an empty one is scored by the judge, too, so that saying nothing does not take a sample out of
the mean. What the judge did not score (a failed call, words without a number) has no score either: rule "judge_error"
or "judge_unparsed", never 0 and never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.data.variants import repeated
from vlmeval.errors import ConfigError
from vlmeval.kinds.judge import SAMPLING, again
from vlmeval.kinds.prompt import find_style, render
from vlmeval.kinds.rating import PROTOCOLS
from vlmeval.kinds.short import open_answer, seeded
from vlmeval.types import Answer, Outcome, Output, Request, Sample

VARIANT = ""


class OpenOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "open": how the judge scores.

    `epochs` is how often a question is asked, `judge_epochs` how often the judge grades each reply; the score of a
    reply is the mean (MM-Vet's paper has five).
    """

    protocol: Literal["mmvet", "llavabench"] = "mmvet"
    judge_epochs: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    epochs: Annotated[int, msgspec.Meta(ge=1)] = 1


class OpenKind:
    """How an open question is asked, and how a judge scores the reply.

    A scored answer's value is the number in 0..1 as the judge wrote it, or the pair (score of the reference, score of
    the reply); before that it is the reply itself.
    """

    flags = frozenset({"epochs", "judge", "judge_epochs"})

    def __init__(self, task: Task) -> None:
        options = jsonio.convert(task.options, OpenOptions, where=f"task {task.name}, [options]")
        self._protocol = PROTOCOLS[options.protocol]
        self.parser = self._protocol.version
        self._epochs = options.judge_epochs
        self._asked = repeated((VARIANT,), options.epochs)
        self._task = task
        self._style = find_style(task, "plain")
        if "{options}" in self._style.text:
            raise ConfigError(f'task {task.name}: prompt style "{task.prompt}" lists options, and this task has none')

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request for each epoch."""
        parts = render(self._style, {**sample.fields, "question": sample.parts})
        sampling, system = self._task.sampling, self._task.system
        return tuple(
            Request(sample.id, variant, parts, sampling=seeded(sampling, epoch), system=system).keyed()
            for epoch, _, variant in self._asked
        )

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return each reply without its reasoning, not yet scored."""
        return tuple(open_answer(variant, outcome.text) for variant, outcome in self._replies(outcomes))

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False

    def judge_requests(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Request, ...]:
        """Return the judge's request for each reply, once for each epoch of judging.

        There is none without a reply, or without a reference to judge it by.
        """
        if not sample.references:
            return ()
        return tuple(
            Request(sample.id, again(variant, number), (text,), sampling=SAMPLING).keyed()
            for variant, outcome in self._replies(outcomes)
            for text in (self._protocol.prompt(sample, outcome.text),)
            for number in range(self._epochs)
        )

    def _replies(self, outcomes: Mapping[str, Outcome]) -> list[tuple[str, Output]]:
        found = ((variant, outcomes.get(variant)) for _, _, variant in self._asked)
        return [(variant, outcome) for variant, outcome in found if isinstance(outcome, Output)]

    def scored(self, variant: str, words: str) -> Answer:
        """Return the score in a judge's words; "judge_unparsed" where there is none."""
        value = self._protocol.read(words)
        return Answer(variant, value, "judge" if value is not None else "judge_unparsed")
