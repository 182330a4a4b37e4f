"""Grounding: an expression is asked about an image, and the reply names one box.

The answer's value and the references are boxes in pixels of the sample's own image, written "x1,y1,x2,y2"; its size is
that of the file, not of what a processor made of it. A model that counts in pixels of a resized input
(Qwen2.5-VL) must be given images that its processor leaves alone, or its boxes are off by the factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.data.variants import repeated
from vlmeval.kinds.boxes import PARSER, Coordinates, extract
from vlmeval.kinds.prompt import find_style, render
from vlmeval.kinds.short import seeded
from vlmeval.types import Answer, Image, Outcome, Output, Request, Sample


class GroundingOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "grounding": how numbers count (`boxes.extract` says what "auto" does)."""

    coordinates: Coordinates = "auto"
    epochs: Annotated[int, msgspec.Meta(ge=1)] = 1


class GroundingKind:
    """How an expression is asked and which box a reply names. `parser` is what reads the replies, for signatures.

    A prompt may name {width} and {height} beside {question}, the expression. A question is asked once (variant ""), or
    `epochs` times.
    """

    flags = frozenset({"epochs"})

    def __init__(self, task: Task) -> None:
        self.options = jsonio.convert(task.options, GroundingOptions, where=f"task {task.name}, [options]")
        convention = self.options.coordinates
        self.parser = PARSER if convention == "auto" else f"{PARSER}+{convention}"
        self._task = task
        self._style = find_style(task, "grounding")
        self._asked = repeated(("",), self.options.epochs)

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return one request for each epoch."""
        size = image_size(sample)
        sides = {} if size is None else {"width": str(size[0]), "height": str(size[1])}
        parts = render(self._style, {**sample.fields, **sides, "question": sample.parts})
        sampling, system = self._task.sampling, self._task.system
        return tuple(
            Request(sample.id, variant, parts, sampling=seeded(sampling, epoch), system=system).keyed()
            for epoch, _, variant in self._asked
        )

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return the box of each reply, in pixels of the sample's image."""
        found = []
        for _, _, variant in self._asked:
            if isinstance(outcome := outcomes.get(variant), Output):
                reading = extract(outcome.text, image_size(sample), self.options.coordinates)
                value = None if reading.box is None else ",".join(map(repr, reading.box))
                found.append(Answer(variant, value, reading.rule))
        return tuple(found)

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
