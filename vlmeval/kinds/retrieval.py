"""Retrieval: images that look for their captions, captions that look for their image.

A sample is a query with one part, an image or a text; its id is "i2t:" or "t2i:" and the item's own id. The candidates
of a query are the items of all samples of the other direction; its references are the ids of the right ones.
A dual encoder embeds every item once; the ranks are the answers, and they need all vectors: `vlmeval.score.vectors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.types import Answer, Outcome, Request, Sample


class RetrievalOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "retrieval": `folds` equal parts of the images, each ranked among its own."""

    folds: Annotated[int, Meta(ge=1)] = 1


class RetrievalKind:
    """How items are given to a dual encoder: as they are. Its only variant is ""."""

    embeds = True

    def __init__(self, task: Task) -> None:
        options = jsonio.convert(task.options, RetrievalOptions, where=f"task {task.name}, [options]")
        self.folds = options.folds
        for key, value in (("prompt", task.prompt), ("system", task.system)):
            if value:
                raise ConfigError(
                    f"task {task.name}: {key} has no meaning in retrieval: items are embedded as they are"
                )

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return what is embedded, as a request. Raises DataError for a query that is not one image or one text."""
        if len(sample.parts) != 1:
            raise DataError(f"sample {sample.id}: {len(sample.parts)} parts; a query is one image or one text")
        return (Request(sample.id, "", sample.parts).keyed(),)

    def items(self, sample: Sample) -> tuple[Sample, ...]:
        """Return what is embedded of a sample: itself."""
        self.requests(sample)
        return (sample,)

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return nothing: a rank depends on all vectors of the run, not on the outcomes of one sample."""
        return ()

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False
