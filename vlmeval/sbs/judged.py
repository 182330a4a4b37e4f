"""A model as judge of a study's pairs: the pairs as samples, and what its verdicts in both orders are worth.

A pair counts as judged where both orders have a verdict: the same one ("consistent"), or two that differ
("inconsistent", kept and counted; a tie for ratings). "unparsed", "failed" and "missing" are states, never ties.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct, json

from vlmeval.errors import DataError
from vlmeval.jsonio import encode_lines, write_whole
from vlmeval.kinds.preference import LEFT, ORDERS, RIGHT, PreferenceKind
from vlmeval.sbs.export import WINNER
from vlmeval.sbs.records import Shown
from vlmeval.sbs.store import StudyStore
from vlmeval.sbs.study import IMAGES, guidelines
from vlmeval.sbs.style import style
from vlmeval.store.journal import read_records
from vlmeval.store.layout import safe_name
from vlmeval.types import Failure, Image, Outcome, Output, Part, Sample

FORMATS = {"png": "png", "jpg": "jpeg"}
JUDGED = ("consistent", "inconsistent")


class Pairs:
    """The pairs of a study, gold items left out, as samples for the kind "preference".

    `models` are by sample id those of the left and the right answer: the samples name none. `origin` is what a run
    records of its data.
    """

    def __init__(self, store: StudyStore, folder: Path, *, limit: int | None = None) -> None:
        texts, prompts, shown = store.texts(), store.prompts(), _Images(folder / IMAGES)
        items = [item for item in store.items() if not item.gold]
        self.total = len(items)
        self.models: dict[str, tuple[str, str]] = {}
        self._samples: list[Sample] = []
        for item in items[:limit]:
            name = f"pair{item.id}"
            answers = texts[item.id].answers
            self.models[name] = (item.model_a, item.model_b)
            self._samples.append(
                Sample(
                    name,
                    shown.parts(prompts[item.prompt]),
                    cluster=item.prompt,
                    fields={LEFT: answers[item.model_a], RIGHT: answers[item.model_b]},
                )
            )
        if not self._samples:
            raise DataError(f"{folder}: the study has no pairs of models to judge")
        digest = hashlib.sha256(json.encode(self._samples)).hexdigest()
        self.origin = PairsOrigin(dataset=f"sbs/{folder.name}", digest=digest, rows=len(self._samples))
        self.guidelines = guidelines(folder)

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)


class PairsOrigin(Struct, frozen=True):
    """Which pairs were judged: the digest is that of prompts and answers."""

    dataset: str
    digest: str
    rows: int
    revision: str = ""
    path: str = ""
    licence: str = ""
    warnings: tuple[str, ...] = ()
    blind: str = ""


class _Images:
    """The images of a study, digests worked out once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Image] = {}

    def parts(self, shown: Iterable[Shown]) -> tuple[Part, ...]:
        return tuple(self._image(one) if one.image else one.text for one in shown)

    def _image(self, shown: Shown) -> Image:
        name = shown.image
        if name not in self._known:
            form = FORMATS.get(name.rpartition(".")[2])
            if form is None or Path(name).name != name:
                raise DataError(f'{self._folder}: "{name}" is no image of a study')
            reader = partial(_read, self._folder / name)
            digest = hashlib.sha256(reader()).hexdigest()
            self._known[name] = Image(digest, shown.width, shown.height, form).with_reader(reader)
        return self._known[name]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: an image of the study cannot be read: {error.strerror}") from error


class Verdict(Struct, frozen=True):
    """What became of one pair. `orders` holds "left", "right", "tie", "both_bad", "unparsed", "failed" or "missing" by
    order; `length_left`, `length_right` are in characters, `prompt` is the cluster.
    """

    pair: str
    prompt: str
    model_left: str
    model_right: str
    state: str
    orders: dict[str, str]
    length_left: int
    length_right: int

    @property
    def value(self) -> str | None:
        """The verdict of a consistent pair, None of any other."""
        return self.orders["ab"] if self.state == "consistent" else None


def verdicts_of(pairs: Pairs, kind: PreferenceKind, journal: Path) -> tuple[Verdict, ...]:
    """Return the verdict of every pair from the journal of a run. Raises JournalError for a damaged line."""
    found: dict[str, dict[str, Outcome]] = {}
    for record in read_records(journal):
        found.setdefault(record.sample_id, {})[record.variant] = record.outcome
    return tuple(_verdict(pairs, kind, sample, found.get(sample.id, {})) for sample in pairs)


def _verdict(pairs: Pairs, kind: PreferenceKind, sample: Sample, outcomes: Mapping[str, Outcome]) -> Verdict:
    read = {answer.variant: answer.value for answer in kind.answers(sample, outcomes)}
    orders = {variant: _told(outcomes.get(variant), read.get(variant)) for variant in ORDERS}
    left, right = pairs.models[sample.id]
    return Verdict(
        pair=sample.id, prompt=sample.cluster, model_left=left, model_right=right, state=state_of(orders),
        orders=orders, length_left=style(sample.fields[LEFT])[0], length_right=style(sample.fields[RIGHT])[0],
    )  # fmt: skip


def _told(outcome: Outcome | None, value: str | tuple[str, ...] | None) -> str:
    if isinstance(outcome, Failure):
        return "failed"
    if isinstance(outcome, Output):
        return value if isinstance(value, str) else "unparsed"
    return "missing"


def state_of(orders: Mapping[str, str]) -> str:
    """Return the state of a pair from what became of its orders."""
    told = set(orders.values())
    worse = next((state for state in ("missing", "failed", "unparsed") if state in told), None)
    return worse or ("consistent" if len(told) == 1 else "inconsistent")


class JudgeLine(Struct, frozen=True):
    """One verdict as `vlmeval sbs rate` reads it: model_a is the left answer."""

    item_id: str
    question_id: str
    model_a: str
    model_b: str
    winner: str
    judge: str
    judge_kind: str
    length_a: int
    length_b: int


def votes_path(folder: Path, judge: str) -> Path:
    """Return the file of a judge's verdicts beside a study; it need not exist."""
    return folder / f"judge-{safe_name(judge)}.votes.jsonl"


def write_verdicts(folder: Path, judge: str, verdicts: Iterable[Verdict]) -> Path:
    """Write the pairs that were judged in both orders as votes; an inconsistent one says so."""
    lines = [
        JudgeLine(
            one.pair, one.prompt, one.model_left, one.model_right,
            WINNER[one.value] if one.value else "tie (inconsistent)", judge, judge, one.length_left, one.length_right,
        )
        for one in verdicts
        if one.state in JUDGED
    ]  # fmt: skip
    path = votes_path(folder, judge)
    write_whole(path, encode_lines(lines))
    return path


def states(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Return the number of pairs by state."""
    return dict(Counter(one.state for one in verdicts).most_common())
