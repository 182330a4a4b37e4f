"""Samples to vectors on disk: every item once, in batches, each batch saved before the next one is asked for.

The same call again embeds what is left: an item is known by the digest of its content, so that a caption that stands at
two images is embedded once, and one that was changed since is embedded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from vlmeval.errors import ConfigError, DataError, ModelError
from vlmeval.run.blame import stop_error
from vlmeval.run.limits import Tally
from vlmeval.run.settings import RunSettings
from vlmeval.store.embeddings import EmbeddingWriter, item_key
from vlmeval.store.layout import RunFolder
from vlmeval.types import Embedder, Model, Request, Sample, TaskKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A vector is a unit vector where its length is within this of 1; float16 models come back at about 1e-3.
LENGTH_TOLERANCE = 1e-2


@runtime_checkable
class Itemised(Protocol):
    """A kind that says what is embedded of a sample, where that is not its only part."""

    def items(self, sample: Sample) -> Iterable[Sample]:
        """Return what is embedded, each as a sample of one part. Raises DataError for a sample that is none."""
        ...


@runtime_checkable
class Shared(Protocol):
    """A kind that has more embedded than its samples: the prompts of all classes."""

    def shared_items(self, labels: Iterable[str]) -> Iterable[Sample]:
        """Return those items; `labels` are the references of all samples."""
        ...


class Items:
    """What a run embeds: the items of each sample, then those all samples share. Read once."""

    def __init__(self, samples: Iterable[Sample], kind: TaskKind) -> None:
        self._samples, self._kind = samples, kind

    def __iter__(self) -> Iterator[Sample]:
        labels: set[str] = set()
        shared = self._kind if isinstance(self._kind, Shared) else None
        for sample in self._samples:
            if shared is not None:
                labels.update(sample.references)
            yield from self._kind.items(sample) if isinstance(self._kind, Itemised) else (sample,)
        if shared is not None:
            yield from shared.shared_items(labels)


def embed_run(
    folder: RunFolder,
    samples: Iterable[Sample],
    model: Model,
    *,
    settings: RunSettings,
    watch: Callable[[Tally], None],
) -> Tally:
    """Have the one part of every item embedded and saved in `folder`; return the tally, which `watch` sees grow.

    Raises ConfigError for a model without vectors; ModelError that names the sample for one that fails, and for vectors
    that are not finite, zero, not of unit length, or of another dimension than those before.
    """
    if not isinstance(model, Embedder):
        raise ConfigError(f"model {model.name} embeds nothing; use a dual encoder")
    tally = Tally()
    with EmbeddingWriter(folder.path) as writer:
        size = max(1, settings.batch or model.batch)
        waiting: list[Sample] = []
        new: dict[str, Sample] = {}
        for sample in samples:
            if writer.has(sample):
                tally.samples += 1
                tally.earlier_samples += 1
                tally.answered += 1
                watch(tally)
                continue
            waiting.append(sample)
            key = item_key(sample)
            if not writer.has_vector(key):
                new.setdefault(key, sample)
            if len(new) >= size or len(waiting) >= 8 * size:
                _save(writer, waiting, new, model, tally)
                waiting, new = [], {}
                watch(tally)
        if waiting:
            _save(writer, waiting, new, model, tally)
        watch(tally)
    return tally


def _save(
    writer: EmbeddingWriter, waiting: Sequence[Sample], new: dict[str, Sample], model: Embedder, tally: Tally
) -> None:
    import numpy as np

    vectors = np.zeros((0, 0), dtype=np.float32)
    if new:
        items = list(new.values())
        vectors = _vectors(model, items, tally)
        _check(vectors, items, writer.dimension)
    writer.add(waiting, list(new), vectors)
    tally.samples += len(waiting)
    tally.answered += len(waiting)


def _vectors(model: Embedder, samples: Sequence[Sample], tally: Tally) -> NDArray[np.float32]:
    """Return what the model gives for the samples. A batch that fails is asked again one by one, for the name."""
    import numpy as np

    if len(samples) > 1:
        with suppress(ModelError, DataError), _Blame(samples, tally):
            return np.asarray(model.embed([sample.parts[0] for sample in samples]), dtype=np.float32)
        return np.concatenate([_vectors(model, [sample], tally) for sample in samples])
    with _Blame(samples, tally):
        return np.asarray(model.embed([samples[0].parts[0]]), dtype=np.float32)


class _Blame:
    """Turns whatever a model's code raises into an error that names the sample, the line and what is saved."""

    def __init__(self, samples: Sequence[Sample], tally: Tally) -> None:
        self._samples, self._tally = samples, tally

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            requests = [Request(sample.id, "", sample.parts) for sample in self._samples]
            raise stop_error(error, requests, self._tally.answered)


def _check(vectors: NDArray[np.float32], samples: Sequence[Sample], dimension: int | None) -> None:
    import numpy as np

    first = samples[0].id
    if vectors.ndim != 2 or len(vectors) != len(samples) or not vectors.shape[1]:
        raise ModelError(
            f"sample {first}: embed() returned shape {vectors.shape} for {len(samples)} items; expected "
            f"({len(samples)}, dimensions)"
        )
    if dimension not in (None, vectors.shape[1]):
        raise ModelError(
            f"sample {first}: a vector of {vectors.shape[1]} numbers, those before have {dimension}; "
            "the model must give one dimension for images and texts"
        )
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))
    if len(wrong):
        length = float(lengths[wrong[0]])
        said = "is not finite" if not np.isfinite(length) else "is zero" if not length else f"has length {length:.4g}"
        raise ModelError(f"sample {samples[int(wrong[0])].id}: its vector {said}; expected a unit vector")
