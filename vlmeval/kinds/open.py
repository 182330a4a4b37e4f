"""Open questions, scored by a judge: the answer is text, and without a judge it has no score.

A question is asked once (variant ""), and its reply goes to the judge once, whatever it says: an empty one is scored by
the judge, too, so that saying nothing does not take a sample out of the mean. What the judge did not score (a failed
call, words without a number) has no score either: rule "judge_error" or "judge_unparsed", never 0 and never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError
from vlmeval.kinds.judge import SAMPLING
from vlmeval.kinds.prompt import find_style, render
from vlmeval.kinds.rating import PROTOCOLS
from vlmeval.kinds.short import open_answer
from vlmeval.types import Answer, Outcome, Output, Request, Sample

VARIANT = ""


class OpenOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "open": how the judge scores."""

    protocol: Literal["mmvet", "llavabench"] = "mmvet"


class OpenKind:
    """How an open question is asked, and how a judge scores the reply.

    A scored answer's value is the number in 0..1 as the judge wrote it, or the pair (score of the reference, score of
    the reply); before that it is the reply itself.
    """

    flags = frozenset({"judge"})

    def __init__(self, task: Task) -> None:
        options = jsonio.convert(task.options, OpenOptions, where=f"task {task.name}, [options]")
        self._protocol = PROTOCOLS[options.protocol]
        self.parser = self._protocol.version
        self._task = task
        self._style = find_style(task, "plain")
        if "{options}" in self._style.text:
            raise ConfigError(f'task {task.name}: prompt style "{task.prompt}" lists options, and this task has none')

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return the one request."""
        parts = render(self._style, {**sample.fields, "question": sample.parts})
        return (Request(sample.id, VARIANT, parts, sampling=self._task.sampling, system=self._task.system).keyed(),)

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return the reply without its reasoning, not yet scored."""
        outcome = outcomes.get(VARIANT)
        return (open_answer(VARIANT, outcome.text),) if isinstance(outcome, Output) else ()

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False

    def judge_requests(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Request, ...]:
        """Return the judge's request for the reply; none without a reply, or without a reference to judge it by."""
        outcome = outcomes.get(VARIANT)
        if not isinstance(outcome, Output) or not sample.references:
            return ()
        text = self._protocol.prompt(sample, outcome.text)
        return (Request(sample.id, VARIANT, (text,), sampling=SAMPLING).keyed(),)

    def scored(self, variant: str, words: str) -> Answer:
        """Return the score in a judge's words; "judge_unparsed" where there is none."""
        value = self._protocol.read(words)
        return Answer(variant, value, "judge" if value is not None else "judge_unparsed")
