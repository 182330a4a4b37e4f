"""Short answers (VQA, OCR, charts): one request; the answer is the reply as it is, for the metric to compare."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.kinds.prompt import find_style, render
from vlmeval.kinds.thinking import visible
from vlmeval.types import Answer, Outcome, Output, Request, Sample


class ShortOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "short": none."""


class ShortKind:
    """How a question with a short answer is asked; its only variant is ""."""

    def __init__(self, task: Task) -> None:
        jsonio.convert(task.options, ShortOptions, where=f"task {task.name}, [options]")
        self._task = task
        self._style = find_style(task, "short")

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return the one request."""
        parts = render(self._style, {**sample.fields, "question": sample.parts})
        request = Request(sample.id, "", parts, sampling=self._task.sampling, system=self._task.system)
        return (request.keyed(),)

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return the reply without its reasoning, stripped; unparsed where nothing is left of it."""
        outcome = outcomes.get("")
        return (open_answer("", outcome.text),) if isinstance(outcome, Output) else ()

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False


def open_answer(variant: str, reply: str) -> Answer:
    """Return what is left of a free reply once reasoning blocks are gone, or unparsed."""
    text = visible(reply)
    if text is None:
        return Answer(variant, None, "thinking_unfinished")
    return Answer(variant, text, "text") if text else Answer(variant, None, "empty")
