"""The central types: what is asked, what came back, what it counts for.

Everything here is a frozen value. A type holds no behaviour beyond reading itself, so that every layer may share it.
JSON forms are those of msgspec: a struct is an object, `Output` and `Failure` carry a `type` field.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, runtime_checkable

import msgspec
from msgspec import Struct

from vlmeval.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

Finish = Literal["stop", "length", "filter"]
FailureKind = Literal["rate_limit", "transient", "rejected", "refused", "too_long", "crash"]
State = Literal["answered", "unparsed", "judge_error", "refused", "failed", "missing"]


class Image(Struct, frozen=True, dict=True):
    """An image by the digest of its encoded bytes; the bytes are read where they are sent.

    `format` is the encoding as a MIME subtype ("png", "jpeg", "webp", ...). The reader is not part of the value:
    two images are equal when their bytes are.
    """

    sha256: str
    width: int
    height: int
    format: str

    def with_reader(self, reader: Callable[[], bytes]) -> Self:
        """Return this image with `reader` as the way to its encoded bytes."""
        image = type(self)(self.sha256, self.width, self.height, self.format)
        image.__dict__["reader"] = reader
        return image

    def read(self) -> bytes:
        """Return the original encoded bytes. Raises DataError where no reader was attached."""
        reader: Callable[[], bytes] | None = self.__dict__.get("reader")
        if reader is None:
            raise DataError(f"image {self.sha256[:12]}: its bytes are not here, only its digest")
        return reader()

    def open(self) -> Picture:
        """Return the decoded image in RGB. Raises DataError for bytes that are no image, or half of one."""
        from PIL import Image as PIL_Image

        try:
            return PIL_Image.open(io.BytesIO(self.read())).convert("RGB")
        except (OSError, SyntaxError, PIL_Image.DecompressionBombError) as error:
            raise DataError(f"image {self.sha256[:12]} ({self.format}): cannot be decoded: {error}") from error


Part = str | Image
Choice = str | tuple[Part, ...]


class Rotation(Struct, frozen=True):
    """A pass of CircularEval as a file gives it: its row, and in `order[j]` the index of the choice at letter j."""

    row: str
    order: tuple[int, ...]


class Sample(Struct, frozen=True):
    """The smallest thing that is scored together; its requests are its variants.

    `parts` is the question, interleaved in reading order. `references` are the right answers: for a choice the letter
    in the order of `choices`; empty where the gold is hidden. `fields` are more texts a prompt may name ({hint}, ...).
    `tags` make slices; a tag of several values has one a line. `cluster` is the unit of resampling (the image, the
    question family); "" is the sample itself.
    """

    id: str
    parts: tuple[Part, ...]
    references: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    tags: dict[str, str] = {}
    cluster: str = ""
    fields: dict[str, str] = {}
    rotations: tuple[Rotation, ...] = ()


class Sampling(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Generation settings. None is left to the model, and recorded so."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Request(Struct, frozen=True):
    """One call of a model. `key` is the digest of its content: identity for resume, reuse and cache.

    `variant` names the pass: "rot0".. (CircularEval), "epoch2", "" for the only one. `options` are the continuations a
    `Chooser` weighs, in the order shown. `row` is the row of the source file, where the pass was read from one.
    """

    sample_id: str
    variant: str
    parts: tuple[Part, ...]
    sampling: Sampling = Sampling()
    system: str | None = None
    options: tuple[str, ...] = ()
    row: str = ""
    key: str = ""

    @property
    def text(self) -> str:
        """The text parts, joined; images left out."""
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def images(self) -> tuple[Image, ...]:
        """The images in reading order."""
        return tuple(part for part in self.parts if isinstance(part, Image))

    def keyed(self) -> Self:
        """Return this request with its key: sha256 over parts (images by digest), sampling, system, options.

        An epoch is part of the content: asking again is another request.
        """
        parts = [part if isinstance(part, str) else {"sha256": part.sha256} for part in self.parts]
        epoch = self.variant if self.variant.startswith("epoch") else ""
        content = [parts, self.sampling, self.system, self.options, epoch]
        return msgspec.structs.replace(self, key=hashlib.sha256(msgspec.json.encode(content)).hexdigest())


class Output(Struct, frozen=True, tag="output", omit_defaults=True):
    """What a model said. `scores` are log-likelihoods of the request's options, where they were asked for.

    `option_tokens` is over how many tokens each was summed, where that counts.
    """

    text: str
    finish: Finish = "stop"
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    first_token_seconds: float | None = None
    scores: tuple[float, ...] = ()
    option_tokens: tuple[int, ...] = ()


class Failure(Struct, frozen=True, tag="failure"):
    """Why there is no answer. Never text, never scored as an answer."""

    kind: FailureKind
    message: str
    attempts: int = 1


Outcome = Output | Failure


class Record(Struct, frozen=True):
    """One line of the journal."""

    key: str
    sample_id: str
    variant: str
    outcome: Outcome


class Answer(Struct, frozen=True):
    """What a reply means. `value` None is unparsed; `rule` names what decided (parser rule, judge, policy).

    For a choice the value is the letter in the order of the sample's `choices`, whatever letter was shown.
    """

    variant: str
    value: str | tuple[str, ...] | None
    rule: str


class Estimate(Struct, frozen=True):
    """A number with its interval. `slice` is "" overall, else "tag=value".

    `value`, `low` and `high` are as the metric gives them, shown times its `scale`. The bounds are None where no
    interval can be given (one cluster, clusters that do not differ): a point would claim certainty.
    """

    metric: str
    slice: str
    value: float
    low: float | None
    high: float | None
    samples: int
    clusters: int
    signature: str


class MetricInfo(Struct, frozen=True):
    """What a metric is: the program or paper it reproduces, and how to read its value.

    `scale` multiplies a share for display (100 for accuracies). `proportion` marks a share of right samples, for which
    an interval at 0 or 1 must not shrink to a point.
    """

    name: str
    title: str
    higher_is_better: bool = True
    scale: float = 1.0
    source: str = ""
    signature: str = ""
    proportion: bool = False


class TaskKind(Protocol):
    """How a sample is asked and what a reply means. Pure: a journal can be scored again years later."""

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return every request of the sample, keyed, in the order to ask them."""
        ...

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return one answer for each variant with an `Output`, in the order of `requests`."""
        ...

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Tell whether the variants not yet in `outcomes` need not be asked (CircularEval that stops early)."""
        ...


class Metric(Protocol):
    """Additive sufficient statistics: a sample gives k numbers, a sum of such rows gives the value (k fixed)."""

    info: MetricInfo

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric with what it needs of all references (CIDEr's document frequencies)."""
        ...

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return the sample's k statistics, or None where the sample does not enter this metric."""
        ...

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values, shape (...), of summed statistics, shape (..., k), unscaled; NaN where undefined."""
        ...


class Batch:
    """Samples with their answers, for a metric that takes many at once: all of a run that have references.

    `answers[i]` are those of sample i, none where it does not count. `shared` holds what one metric has worked out
    about this batch and the next can use (the tokens of all captions), under a name of its own; it goes with the batch.
    """

    def __init__(self, samples: Sequence[Sample], answers: Sequence[Sequence[Answer]]) -> None:
        self.samples = samples
        self.answers = answers
        self.shared: dict[str, Any] = {}


@runtime_checkable
class BatchMetric(Metric, Protocol):
    """A metric that is much quicker for many samples at once: CIDEr over arrays, a program in Java that starts slowly.

    The statistics stay additive by sample; each row is the one that `stats` gives.
    """

    def stats_many(self, batch: Batch) -> Sequence[tuple[float, ...] | None]:
        """Return the statistics of each sample of the batch; None where it has no answers or does not enter."""
        ...


@runtime_checkable
class OptionalMetric(Metric, Protocol):
    """A metric that needs a program, package or data that may not be here. It is listed then, and not computed."""

    def lacks(self) -> str:
        """Return in a few words what is missing here ("no Java"), "" where nothing is."""
        ...


@runtime_checkable
class RemarkingMetric(Metric, Protocol):
    """A metric whose figure needs a word beside it that depends on what was scored."""

    def remarks(self, batch: Batch) -> Sequence[str]:
        """Return what a reader of the figure must know about these samples, a sentence each."""
        ...


@runtime_checkable
class GroupMetric(Metric, Protocol):
    """A metric whose verdict falls on groups of samples: both questions about an image, all about a figure.

    Its statistics stay additive by sample: each member of a group carries its part of the group's verdict and count.
    """

    def spread(
        self, samples: Sequence[Sample], rows: Sequence[tuple[float, ...] | None]
    ) -> Sequence[tuple[float, ...] | None]:
        """Return the rows to add up, of the same length k, from each sample's own; None where one does not enter.

        `samples` are all of a run, `rows[i]` is what `stats` gave for sample i, None where it does not enter.
        """
        ...


@runtime_checkable
class Model(Protocol):
    """What every wrapper has. `name` becomes the folder of its runs."""

    name: str

    def recipe(self) -> dict[str, Any]:
        """Return what defines the answers (checkpoint, dtype, processor, ...): JSON, part of the fingerprint."""
        ...

    def close(self) -> None:
        """Free what the model holds."""
        ...


@runtime_checkable
class Generator(Protocol):
    """A model that answers in text: synchronous and batch-first; the engine owns threads, retries and order."""

    concurrency: int
    batch: int

    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        """Return one outcome per request. Raises RetryableError or RejectedError; anything else is a bug."""
        ...


@runtime_checkable
class Chooser(Protocol):
    """A model that can weigh given continuations."""

    concurrency: int
    batch: int

    def choose(self, requests: Sequence[Request]) -> list[list[float]]:
        """Return the log-likelihood of each of `request.options`, per request."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """A dual encoder."""

    batch: int

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        """Return unit vectors, shape (n, d)."""
        ...
