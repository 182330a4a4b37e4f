"""Captions, their images and references to vectors, a step after the answers like a judge's: for CLIPScore.

The vectors of each encoder lie in a folder of their own below the run's (`RunFolder.encoded`), so that scoring again
needs no model; what was embedded is not embedded again, and a caption that changed is. run.json names an encoder once
it has seen all captions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from vlmeval.errors import ConfigError
from vlmeval.jsonio import digest
from vlmeval.metrics.clipscore import caption_of, image_item, text_items
from vlmeval.registry import KINDS
from vlmeval.run.embed import embed_run
from vlmeval.run.judging import latest_records, readable
from vlmeval.run.keeper import CUT, Described
from vlmeval.run.progress import open_progress
from vlmeval.run.settings import RunSettings
from vlmeval.store.images import ImageStore
from vlmeval.store.layout import RUN_ID_DIGITS, RunFolder
from vlmeval.store.lock import RunLock
from vlmeval.store.manifest import read_manifest, write_manifest
from vlmeval.store.questions import read_questions
from vlmeval.types import Image, Model, Sample, TaskKind


@dataclass
class Embedded:
    """What an encoder has seen of a run. `cut` texts were longer than it takes."""

    encoder: str
    items: int = 0
    earlier: int = 0
    cut: int = 0

    def line(self) -> str:
        """Return it in words: "clip-vit-b32: 35 images and texts (28 embedded before)"."""
        before = f" ({self.earlier} embedded before)" if self.earlier else ""
        cut = f", {self.cut} texts longer than it takes: it saw only their beginning" if self.cut else ""
        return f"{self.encoder}: {self.items} images and texts{before}{cut}"


def embed_captions(folder: RunFolder, model: Model, settings: RunSettings, *, stream: TextIO | None = None) -> Embedded:
    """Have `model` embed the captions of a run, their images and their references, and return what it saw.

    Raises ConfigError for a run of another kind, DataError for a sample without its one image, and what `embed_run`
    raises; vectors made before are saved in every case.
    """
    with RunLock(folder.path):
        manifest = read_manifest(folder)
        if manifest.task.kind != "caption":
            raise ConfigError(f"{folder.path}: CLIPScore is for captions, and this run is of kind {manifest.task.kind}")
        if manifest.origin.blind:
            raise ConfigError(f"{folder.path}: the images were not shown to the model (--blind): no CLIPScore of them")
        mark = digest({"name": model.name, **model.recipe()})[:RUN_ID_DIGITS]
        place = folder.encoded(mark)
        place.path.mkdir(parents=True, exist_ok=True)
        found = Embedded(model.name)
        cut = cut_texts(model)
        label = f"{manifest.task.name} encoder {model.name}"
        progress = open_progress(label, None, quiet=settings.quiet, stream=stream)
        kind: TaskKind = KINDS.load(manifest.task.kind)(manifest.task)
        tally = embed_run(place, caption_items(folder, kind), model, settings=settings, watch=progress.show)
        progress.close(tally)
        found.items, found.earlier = tally.samples, tally.earlier_samples
        found.cut = cut_texts(model) - cut
        manifest.encoders[model.name] = mark
        write_manifest(folder, manifest)
    return found


def cut_texts(model: Model) -> int:
    """Return how many texts the model has cut since it was opened."""
    return int(model.conditions().get(CUT, 0)) if isinstance(model, Described) else 0


def caption_items(folder: RunFolder, kind: TaskKind) -> Iterator[Sample]:
    """Yield what is embedded of a run: image, captions and references of each sample that has an answer and references.

    Raises DataError for a sample without its one image.
    """
    store = ImageStore(folder.results)
    records = latest_records(folder)
    for sample in read_questions(folder.questions):
        answers = kind.answers(sample, readable(kind, sample, records.get(sample.id, {})))
        captions = dict.fromkeys(filter(None, map(caption_of, answers)))
        if not captions or not sample.references:
            continue
        image = image_item(sample).parts[0]
        yield Sample(sample.id, (store.attach(image) if isinstance(image, Image) else image,))
        yield from text_items(sample, (*captions, *sample.references))
