"""Captions: one request; the answer is the reply as it is, for the metrics to compare with what people wrote."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import PromptStyle, Task
from vlmeval.kinds.prompt import find_style, render
from vlmeval.kinds.short import open_answer
from vlmeval.types import Answer, Outcome, Output, Request, Sample

PLAIN = PromptStyle("{question}Provide a one-sentence caption for the provided image.")
"""The prompt of a task that names none: lmms-eval's for COCO captions."""


class CaptionOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "caption": none."""


class CaptionKind:
    """How an image is given to be described; its only variant is ""."""

    def __init__(self, task: Task) -> None:
        jsonio.convert(task.options, CaptionOptions, where=f"task {task.name}, [options]")
        self._task = task
        self._style = find_style(task, task.prompt) if task.prompt else PLAIN

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return the one request."""
        parts = render(self._style, {**sample.fields, "question": sample.parts})
        request = Request(sample.id, "", parts, sampling=self._task.sampling, system=self._task.system)
        return (request.keyed(),)

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return the reply without its reasoning, stripped; unparsed where nothing is left of it.

        An unparsed reply counts as an empty caption: it scores next to nothing, and its length is missed by BLEU.
        """
        outcome = outcomes.get("")
        return (open_answer("", outcome.text),) if isinstance(outcome, Output) else ()

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False
