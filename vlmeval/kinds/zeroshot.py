"""Zero-shot classification: each class is a text, or several by templates, and an image belongs to the nearest.

Radford et al. 2021, Learning Transferable Visual Models From Natural Language Supervision, arXiv:2103.00020, section
3.1.4: prompts are ensembled over their embeddings. A sample is an image whose references are the names of its classes
(several where several are right); the classes are those of the task's options, else all that the data have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from vlmeval import jsonio
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError
from vlmeval.types import Answer, Image, Outcome, Request, Sample


class ZeroShotOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a task of kind "zeroshot". A template has {c} where the class's name goes.

    `classes` names all classes; empty, they are those that the data have, sorted. With `labels` "index" a reference is
    the place of its class in `classes`, from 0, as image data sets number them; else it is its name.
    """

    templates: tuple[str, ...] = ("a photo of a {c}.",)
    classes: tuple[str, ...] = ()
    labels: Literal["name", "index"] = "name"


class ZeroShotKind:
    """What is embedded: the image of each sample, and each class by each template."""

    embeds = True

    def __init__(self, task: Task) -> None:
        where = f"task {task.name}, [options]"
        self.options = jsonio.convert(task.options, ZeroShotOptions, where=where)
        if not self.options.templates or any("{c}" not in template for template in self.options.templates):
            raise ConfigError(f"{where}: every template needs {{c}}, the place of the class's name")
        if self.options.labels == "name" and len(set(self.options.classes)) != len(self.options.classes):
            raise ConfigError(f"{where}: a class is named twice")
        if self.options.labels == "index" and not self.options.classes:
            raise ConfigError(f'{where}: labels = "index" needs classes, in the order of the numbers')
        for key, value in (("prompt", task.prompt), ("system", task.system)):
            if value:
                raise ConfigError(f"task {task.name}: {key} has no meaning in zero-shot classification: use templates")

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return what is embedded of a sample. Raises DataError for one that is not one image."""
        if len(sample.parts) != 1 or not isinstance(sample.parts[0], Image):
            raise DataError(f"sample {sample.id}: expected one image")
        return (Request(sample.id, "", sample.parts).keyed(),)

    def items(self, sample: Sample) -> tuple[Sample, ...]:
        """Return what is embedded of a sample, as samples of one part."""
        self.requests(sample)
        if self.options.classes:
            keys = set(self.keys(()))
            for label in sample.references:
                if label not in keys:
                    raise DataError(f'sample {sample.id}: "{label}" is none of the {len(keys)} classes of the task')
        return (sample,)

    def shared_items(self, labels: Iterable[str]) -> Iterable[Sample]:
        """Yield the prompts of all classes; `labels` are the references that the data have."""
        for name in dict.fromkeys(self.options.classes or sorted(set(labels))):
            yield from self.prompts(name)

    def classes_of(self, samples: Sequence[Sample]) -> list[str]:
        """Return the names of the classes, in order."""
        return list(self.options.classes) or sorted({name for sample in samples for name in sample.references})

    def keys(self, names: Sequence[str]) -> list[str]:
        """Return what references call the classes, in the order of `names`."""
        if self.options.labels == "index":
            return [str(number) for number in range(len(self.options.classes))]
        return list(self.options.classes) or list(names)

    def prompts(self, name: str) -> tuple[Sample, ...]:
        """Return the texts of a class, as samples."""
        return tuple(
            Sample(f"class:{name}:{number}", (template.replace("{c}", name),))
            for number, template in enumerate(self.options.templates)
        )

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return nothing: a class depends on all vectors of the run, not on the outcomes of one sample."""
        return ()

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: there is nothing to leave out."""
        return False
