"""From samples to work: what is still to be asked, in the order of the data, read as it is needed.

A sample is noted in questions.jsonl, and its images given to be stored, before its first request can be sent. Only ids
and keys of earlier answers are held, never samples or images, so that memory does not grow with the data.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vlmeval.errors import VlmevalError
from vlmeval.run.limits import Tally, failure_kind
from vlmeval.run.settings import Prices
from vlmeval.store.images import ImageWriter
from vlmeval.store.journal import read_records
from vlmeval.store.questions import QuestionLog
from vlmeval.types import Image, Outcome, Output, Part, Request, Sample, TaskKind

_KEPT_OUT = Output("")
MOST_AT_ONCE = 64


@dataclass(slots=True, eq=False)
class Unit:
    """The outstanding requests of one sample, and the outcomes that it has.

    In a `chain` the requests are asked one after the other, until the kind calls the sample settled.
    """

    sample: Sample
    requests: Sequence[Request]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    chain: bool = False
    left: int = 0


class Earlier:
    """What the journal of a run holds already: the key and the outcome of each (sample, variant), the latest counting.

    Texts are kept only where `keep_texts` says so (a chain must be read to know whether it is settled).
    """

    def __init__(self, path: Path, *, keep_texts: bool = False, prices: Prices | None = None) -> None:
        self.spent = Tally()
        self._records: dict[tuple[str, str], tuple[bytes, Outcome]] = {}
        for record in read_records(path):
            self.spent.spend(record.outcome, prices)
            outcome = record.outcome if keep_texts or failure_kind(record.outcome) else _KEPT_OUT
            self._records[record.sample_id, sys.intern(record.variant)] = (_short(record.key), outcome)

    def take(self, request: Request) -> Outcome | None:
        """Return the outcome of this very request, None where it was never asked or was another then."""
        key, outcome = self._records.pop((request.sample_id, request.variant), (b"", None))
        return outcome if key == _short(request.key) else None


def _short(key: str) -> bytes:
    """Return 128 bits of a hexadecimal key, in half of its memory."""
    return key[:32].encode()


def images_of(sample: Sample) -> Iterator[Image]:
    """Yield the images of the question and of its choices."""
    groups: list[Sequence[Part]] = [sample.parts]
    groups.extend(choice for choice in sample.choices if not isinstance(choice, str))
    for parts in groups:
        yield from (part for part in parts if isinstance(part, Image))


def noted(samples: Iterable[Sample], questions: QuestionLog, images: ImageWriter) -> Iterator[Sample]:
    """Yield each sample once it is in questions.jsonl and its images are on their way to the disk.

    Samples are read in blocks of one, two, four, ...; what comes before a faulty one is yielded. Raises DataError for a
    repeated id, JournalError for a sample that is not what was asked earlier.
    """
    source, size, failed = iter(samples), 1, None
    more = True
    while more:
        block: list[Sample] = []
        try:
            for sample in itertools.islice(source, size):
                questions.add(sample)
                block.append(sample)
        except VlmevalError as error:
            failed = error
        # One write a block: each gives up the interpreter, which hundreds of threads want back first.
        questions.flush()
        for sample in block:
            for image in images_of(sample):
                images.add(image)
            yield sample
        more = failed is None and len(block) == size
        size = min(2 * size, MOST_AT_ONCE)
    if failed is not None:
        raise failed
    questions.finish()


def plan(samples: Iterable[Sample], kind: TaskKind, earlier: Earlier, *, retry_errors: bool = False) -> Iterator[Unit]:
    """Yield one unit a sample, with the requests that have no outcome yet; `retry_errors` asks for failures again."""
    chain = bool(getattr(kind, "sequential", False))
    for sample in samples:
        outstanding: list[Request] = []
        outcomes: dict[str, Outcome] = {}
        for asked in kind.requests(sample):
            request = asked if asked.key else asked.keyed()
            outcome = earlier.take(request)
            if outcome is None or (retry_errors and failure_kind(outcome)):
                outstanding.append(request)
            else:
                outcomes[request.variant] = outcome
        if chain and outcomes and kind.settled(sample, outcomes):
            outstanding = []
        yield Unit(sample, outstanding, outcomes, chain, len(outstanding))


def gathered(units: Iterable[Unit], window: int) -> Iterator[Unit]:
    """Yield the units with those about the same images together, long ones first, in windows of `window` units.

    A local model runs an image once for all prompts about it, and pads least where prompts of a batch are alike in
    length; the longest come first, so that memory that does not suffice is found out at the start.
    """
    units = iter(units)
    while block := list(itertools.islice(units, window)):
        groups: dict[tuple[str, ...], list[Unit]] = {}
        for unit in block:
            images = tuple(image.sha256 for image in images_of(unit.sample))
            groups.setdefault(images or ("no image", unit.sample.id), []).append(unit)
        for group in sorted(groups.values(), key=_text_length, reverse=True):
            yield from group


def _text_length(group: Sequence[Unit]) -> int:
    """Return the length of the longest text of a group, in characters."""
    return max(sum(len(part) for part in unit.sample.parts if isinstance(part, str)) for unit in group)
