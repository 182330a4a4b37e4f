"""What runs in a worker of a Ray cluster: the model, opened there by its name, and the data, read there by each worker.

Requests come with their texts and with the digests of their images; the bytes are read from the worker's own view of
the data, by the row that the driver names, so that no image passes through the driver or Ray's object store. This
module does not need Ray: an actor is an ordinary object in a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from vlmeval.data.blind import Blind, BlindSet, images_of
from vlmeval.data.samples import DataOptions, SampleSet, open_samples
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError, DataError, ModelError, RejectedError, RetryableError, VlmevalError
from vlmeval.models.options import Scalar
from vlmeval.models.spec import open_model
from vlmeval.run.keeper import Described
from vlmeval.types import Image, Model, Part, Request, Sample

Ability = Literal["generate", "choose", "option_tokens", "embed"]
ABILITIES: tuple[Ability, ...] = ("generate", "choose", "option_tokens", "embed")
_ERRORS = {kind.__name__: kind for kind in (ConfigError, DataError, ModelError)}


@dataclass(frozen=True)
class ModelSpec:
    """How to open the model: as on the command line, from the driver's folder where the worker has it too."""

    name: str
    options: dict[str, Scalar]
    folder: str
    offline: bool = False


@dataclass(frozen=True)
class Reading:
    """How to open the samples: as on the driver."""

    task: Task
    where: DataOptions
    blind: Blind | None = None


@dataclass(frozen=True)
class Description:
    """The model that a worker has opened. `concurrency` and `batch` are 1 where the model says nothing."""

    name: str
    recipe: dict[str, Any]
    conditions: dict[str, Any]
    abilities: tuple[Ability, ...]
    concurrency: int
    batch: int
    rerank: bool
    host: str


@dataclass(frozen=True)
class Raised:
    """An error of ours on its way back: keyword arguments of an exception do not survive pickling."""

    kind: str
    message: str
    failure: Any = ""
    retry_after: float | None = None

    def error(self) -> VlmevalError:
        """Return the error as it was raised."""
        if self.kind == RetryableError.__name__:
            return RetryableError(self.message, kind=self.failure, retry_after=self.retry_after)
        if self.kind == RejectedError.__name__:
            return RejectedError(self.message, kind=self.failure)
        return _ERRORS.get(self.kind, ModelError)(self.message)

    @classmethod
    def of(cls, error: VlmevalError) -> Raised:
        """Return what is sent of an error."""
        kind = next((name for name, known in _ERRORS.items() if type(error) is known), ModelError.__name__)
        if isinstance(error, RetryableError):
            return cls(RetryableError.__name__, str(error), error.kind, error.retry_after)
        if isinstance(error, RejectedError):
            return cls(RejectedError.__name__, str(error), error.kind)
        return cls(kind, str(error))


class Rows(Protocol):
    """Samples by base row."""

    def at(self, number: int) -> Iterable[Sample]:
        """Return the samples of a base row."""
        ...


class Worker:
    """A model and its data in one process. Methods return errors of vlmeval as `Raised`; others are bugs and Ray's."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._reading: Reading | None = None
        self._files: SampleSet | None = None
        self._rows: Rows | None = None

    def open(self, spec: ModelSpec) -> Description | Raised:
        """Open the model and say what it is."""
        with contextlib.suppress(OSError):
            os.chdir(spec.folder)
        if spec.offline:
            os.environ["HF_HUB_OFFLINE"] = "1"
        try:
            model = self._model = open_model(spec.name, spec.options)
            return Description(
                name=model.name,
                recipe=model.recipe(),
                conditions=self.conditions(),
                abilities=tuple(name for name in ABILITIES if callable(getattr(model, name, None))),
                concurrency=max(1, getattr(model, "concurrency", 1)),
                batch=max(1, getattr(model, "batch", 1)),
                rerank=callable(getattr(model, "match", None)),
                host=socket.gethostname(),
            )
        except VlmevalError as error:
            return Raised.of(error)

    def conditions(self) -> dict[str, Any]:
        """Return how the model is reached; {} before it is open."""
        return self._model.conditions() if isinstance(self._model, Described) else {}

    def call(
        self, ability: Ability, reading: Reading | None, requests: Sequence[Request], rows: Mapping[str, int]
    ) -> Any:
        """Return what the model's `ability` gives for the requests; `rows` has the base row of each image's digest."""
        try:
            data = self._data(reading) if rows else None
            asked = [self._with_images(request, data, rows) for request in requests] if data else requests
            if ability == "embed":
                return getattr(self._model, ability)([request.parts[0] for request in asked])
            return getattr(self._model, ability)(asked)
        except VlmevalError as error:
            return Raised.of(error)

    def pid(self) -> int:
        """Return the id of the worker's process."""
        return os.getpid()

    def _data(self, reading: Reading | None) -> Rows:
        """Return the samples that `reading` means; those of the last one stay open."""
        if self._rows is None or reading != self._reading:
            if reading is None:
                raise DataError("a worker was given images and no data to read them from")
            if self._files is not None:
                self._files.close()
            self._files = open_samples(reading.task, reading.where)
            self._rows = BlindSet(self._files, reading.blind) if reading.blind else self._files
            self._reading = reading
        return self._rows

    @staticmethod
    def _with_images(request: Request, data: Rows, rows: Mapping[str, int]) -> Request:
        """Return the request with images that can be read. Raises DataError where the worker's data are others."""
        found: dict[str, Image] = {}

        def readable(part: Part) -> Part:
            if isinstance(part, str):
                return part
            if part.sha256 not in found:
                row = data.at(rows[part.sha256])
                found.update((image.sha256, image) for sample in row for image in images_of(sample))
            if part.sha256 not in found:
                raise DataError(
                    f"sample {request.sample_id}: image {part.sha256[:12]} is not in row {rows[part.sha256]} of the "
                    f"data of {socket.gethostname()}: they are not those of the driver"
                )
            return found[part.sha256]

        return msgspec.structs.replace(request, parts=tuple(readable(part) for part in request.parts))
