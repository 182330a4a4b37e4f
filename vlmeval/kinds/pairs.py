"""Pairs: which of two captions belongs to which of two images (Winoground), or to the one image (SugarCrepe).

Thrush et al. 2022, Winoground, arXiv:2204.03162; Hsieh et al. 2023, SugarCrepe, arXiv:2306.14610. A sample's parts are
its images and its captions, each in order; caption i belongs to image i, or caption 0 to the only image. The answer is
the similarities of every caption with every image.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.types import Answer, Image, Outcome, Request, Sample


class PairsOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "pairs": none."""


class PairsKind:
    """What is embedded of a sample: each image and each caption."""

    embeds = True

    def __init__(self, task: Task) -> None:
        jsonio.convert(task.options, PairsOptions, where=f"task {task.name}, [options]")
        for key, value in (("prompt", task.prompt), ("system", task.system)):
            if value:
                raise ConfigError(f"task {task.name}: {key} has no meaning in pairs: items are embedded as they are")

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return what is embedded, together, as a page shows it."""
        self.members(sample)
        return (Request(sample.id, "", sample.parts).keyed(),)

    def members(self, sample: Sample) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
        """Return (images, captions) of a sample, each as a sample. Raises DataError for other than 1-2 and 2."""
        images = [part for part in sample.parts if isinstance(part, Image)]
        captions = [part for part in sample.parts if isinstance(part, str)]
        if len(captions) != 2 or len(images) not in (1, 2):
            raise DataError(
                f"sample {sample.id}: {len(images)} images and {len(captions)} captions; expected one or two "
                "images and two captions"
            )
        return (
            tuple(Sample(f"{sample.id}#i{number}", (image,)) for number, image in enumerate(images)),
            tuple(Sample(f"{sample.id}#c{number}", (caption,)) for number, caption in enumerate(captions)),
        )

    def items(self, sample: Sample) -> tuple[Sample, ...]:
        """Return what is embedded of a sample, as samples of one part."""
        images, captions = self.members(sample)
        return images + captions

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return nothing: similarities come from the vectors of the run."""
        return ()

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False
