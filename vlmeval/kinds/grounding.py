"""Grounding: an expression is asked about an image, and the reply names one box.

The answer's value and the references are boxes in pixels of the sample's own image, written "x1,y1,x2,y2"; its size is
that of the file, not of what a processor made of it. A model that counts in pixels of a resized input
(Qwen2.5-VL) must be given images that its processor leaves alone, or its boxes are off by the factor.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.kinds.boxes import PARSER, Coordinates, extract
from vlmeval.kinds.prompt import find_style, render
from vlmeval.types import Answer, Image, Outcome, Output, Request, Sample


class GroundingOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "grounding": how numbers count (`boxes.extract` says what "auto" does)."""

    coordinates: Coordinates = "auto"


class GroundingKind:
    """How an expression is asked and which box a reply names. `parser` is what reads the replies, for signatures.

    A prompt may name {width} and {height} beside {question}, the expression.
    """

    def __init__(self, task: Task) -> None:
        self.options = jsonio.convert(task.options, GroundingOptions, where=f"task {task.name}, [options]")
        convention = self.options.coordinates
        self.parser = PARSER if convention == "auto" else f"{PARSER}+{convention}"
        self._task = task
        self._style = find_style(task, "grounding")

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return the only request."""
        size = image_size(sample)
        sides = {} if size is None else {"width": str(size[0]), "height": str(size[1])}
        parts = render(self._style, {**sample.fields, **sides, "question": sample.parts})
        return (Request(sample.id, "", parts, sampling=self._task.sampling, system=self._task.system).keyed(),)

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return the box of the reply, in pixels of the sample's image."""
        outcome = outcomes.get("")
        if not isinstance(outcome, Output):
            return ()
        reading = extract(outcome.text, image_size(sample), self.options.coordinates)
        value = None if reading.box is None else ",".join(map(repr, reading.box))
        return (Answer("", value, reading.rule),)

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False


def image_size(sample: Sample) -> tuple[int, int] | None:
    """Return width and height of the image that the gold is in; None without one.

    The sample's fields go before the image shown: a blind run shows another one, or none.
    """
    width, height = sample.fields.get("width", ""), sample.fields.get("height", "")
    if width.isdecimal() and height.isdecimal():
        return int(width), int(height)
    return next(((part.width, part.height) for part in sample.parts if isinstance(part, Image)), None)
