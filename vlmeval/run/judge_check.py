"""How far a judge can be trusted: its verdicts beside recorded ones, of people or of another judge.

A row with options is read by the judge as an unparsed reply is in a run: its verdict is a letter, or "none". A row
without options is graded against its reference answer by the protocol of MM-Vet: its verdict is a number in 0..1, and
verdicts agree where the numbers are equal. Verdicts are journalled: the same command again asks what failed only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from vlmeval.data.build import LETTERS, row_choices
from vlmeval.data.images import ImageFolders
from vlmeval.data.sources import open_table
from vlmeval.data.table import Row
from vlmeval.errors import DataError, TooManyFailuresError
from vlmeval.jsonio import digest
from vlmeval.kinds import judge
from vlmeval.kinds.rating import PROTOCOLS, grade
from vlmeval.run.calling import Caller
from vlmeval.run.engine import Engine
from vlmeval.run.planner import Earlier, plan
from vlmeval.run.retry import Clock
from vlmeval.run.session import limits_of
from vlmeval.run.settings import RunSettings
from vlmeval.stats.bootstrap import UNKNOWN, Interval, Statistic, intervals
from vlmeval.stats.clusters import Floats, cluster_codes, cluster_sums, exact_total
from vlmeval.stats.kappa import cohen_kappa
from vlmeval.store.journal import Journal, read_records
from vlmeval.store.lock import RunLock
from vlmeval.types import Answer, Model, Outcome, Output, Record, Request, Sample

VARIANT = "rot0"
NONE = "none"
VERDICT_COLUMNS = ("verdict", "reference_verdict", "human", "label")
REPLY_COLUMNS = ("reply", "prediction", "response")


class Figure(Struct, frozen=True):
    """A number with its interval; None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


class ClassCount(Struct, frozen=True):
    """How often one verdict was recorded, given by the judge, and both at once."""

    verdict: str
    recorded: int
    judged: int
    both: int


class JudgeCheck(Struct, frozen=True):
    """What a check found. `states` count all rows; agreement, kappa and classes are over those the judge read."""

    judge: str
    rows: int
    states: dict[str, int]
    agreement: Figure
    kappa: Figure
    classes: tuple[ClassCount, ...]
    stopped: str = ""

    @property
    def judged(self) -> int:
        """The rows with a verdict of the judge."""
        return self.states.get("judged", 0)


class Item(Struct, frozen=True):
    """A row: what is asked, and the verdict on record."""

    sample: Sample
    request: Request
    recorded: str


class CheckKind:
    """Asks the judge about the rows of a file as if those were the task."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._requests = {item.sample.id: item.request for item in items}

    def requests(self, sample: Sample) -> tuple[Request, ...]:
        """Return the judge's request about a row."""
        return (self._requests[sample.id],)

    def answers(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> tuple[Answer, ...]:
        """Return nothing: verdicts are read at the end."""
        return ()

    def settled(self, sample: Sample, outcomes: Mapping[str, Outcome]) -> bool:
        """Return False: no verdict makes another needless."""
        return False


def read_verdicts(path: Path) -> list[Item]:
    """Return the rows of a file with recorded verdicts. Raises DataError that names file and row."""
    with open_table(path, ImageFolders.beside(path)) as table:
        items = [_item(table.row(number)) for number in range(len(table))]
    if not items:
        raise DataError(f"{path}: no rows; expected question, reply and verdict in each")
    return items


def check_judge(
    items: Sequence[Item], model: Model, folder: Path, settings: RunSettings, *, clock: Clock | None = None
) -> JudgeCheck:
    """Ask `model` about every row not yet judged in `folder`, and return how its verdicts compare.

    Raises KeyboardInterrupt after Ctrl-C; verdicts received are saved in every case.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "judge.jsonl"
    stopped = ""
    with RunLock(folder):
        kind = CheckKind(items)
        units = plan([item.sample for item in items], kind, Earlier(path), retry_errors=True)
        caller = Caller(model, "judge-check")
        with Journal(path) as journal:
            engine = Engine(caller, journal, kind, limits_of(settings, caller, expected=len(items)), clock=clock)
            try:
                engine.run(units)
            except TooManyFailuresError as error:
                stopped = str(error)
        if engine.stopped_by == "interrupt":
            raise KeyboardInterrupt(f"interrupted; the verdicts so far are saved in {path}")
        records = {record.sample_id: record for record in read_records(path)}
    return compared(model.name, items, [_verdict(item, records.get(item.sample.id)) for item in items], stopped)


def check_folder(root: Path, model: Model) -> Path:
    """Return the folder for the verdicts of this very judge."""
    return root / f"{model.name}-{digest({'name': model.name, **model.recipe()})[:12]}"


def compared(judge_name: str, items: Sequence[Item], verdicts: Sequence[Answer], stopped: str = "") -> JudgeCheck:
    """Return how `verdicts` (value None: there is none, for the reason in `rule`) agree with the recorded ones."""
    read = [(item, str(one.value)) for item, one in zip(items, verdicts, strict=True) if one.value is not None]
    states = Counter("judged" if one.value is not None else one.rule for one in verdicts)
    labels = sorted({item.recorded for item, _ in read} | {given for _, given in read})
    agreement, kappa = _figures(read, labels)
    return JudgeCheck(
        judge=judge_name,
        rows=len(items),
        states=dict(sorted(states.items())),
        agreement=agreement,
        kappa=kappa,
        classes=tuple(
            ClassCount(
                label,
                recorded=sum(item.recorded == label for item, _ in read),
                judged=sum(given == label for _, given in read),
                both=sum(item.recorded == given == label for item, given in read),
            )
            for label in labels
        ),
        stopped=stopped,
    )


def _figures(read: Sequence[tuple[Item, str]], labels: Sequence[str]) -> tuple[Figure, Figure]:
    """Return agreement and kappa; rows about one question are resampled together."""
    if not read:
        return Figure(None), Figure(None)
    places = {label: place for place, label in enumerate(labels)}
    tables = np.zeros((len(read), len(labels) ** 2))
    for row, (item, given) in enumerate(read):
        tables[row, places[item.recorded] * len(labels) + places[given]] = 1.0
    agreed = np.array([[float(item.recorded == given), 1.0] for item, given in read])
    codes = cluster_codes([item.sample.cluster for item, _ in read])
    statistics, found = [], []
    for rows, value, share in ((agreed, _share, True), (tables, cohen_kappa, False)):
        total = exact_total(rows)
        sums, sizes = cluster_sums(rows, codes)
        number = float(value(total))
        if np.isfinite(number):
            statistics.append(Statistic(sums, total, value, proportion=share))
        found.append(number)
    bounds: list[Interval] = [*intervals(statistics, sizes), UNKNOWN]
    kappa = Figure(found[1], *bounds[1]) if np.isfinite(found[1]) else Figure(None)
    return Figure(found[0], *bounds[0]), kappa


def _share(total: Floats) -> Floats:
    share: Floats = total[..., 0] / total[..., 1]
    return share


def _item(row: Row) -> Item:
    question, reply = row.required("question"), row.text(*REPLY_COLUMNS) or ""
    if not row.has(*REPLY_COLUMNS):
        raise row.missing(*REPLY_COLUMNS)
    choices = row_choices(row) if row.has("A", "options", "choices") else ()
    if len(choices) == 1:
        raise DataError(f"{row.where}: one option; a choice needs two at least, a free reply has no such column")
    golds = () if choices else (row.required("answer", "reference"),)
    sample = Sample(str(row.number), (question,), references=golds, choices=choices, cluster=question)
    recorded = row.required(*VERDICT_COLUMNS).strip()
    where = row.at(*VERDICT_COLUMNS)
    if not choices:
        text = PROTOCOLS["mmvet"].prompt(sample, reply)
        request = Request(sample.id, VARIANT, (text,), sampling=judge.SAMPLING).keyed()
        return Item(sample, request, _number(recorded, where))
    unread = Answer(VARIANT, None, "unread")
    (request,) = judge.requests(sample, {VARIANT: Output(reply)}, (unread,))
    letter = recorded.upper()
    if letter in (judge.NONE_OF_THEM, NONE.upper()):
        return Item(sample, request, NONE)
    if len(letter) != 1 or letter not in LETTERS[: len(choices)]:
        last = LETTERS[len(choices) - 1]
        raise DataError(f'{where}: "{recorded[:40]}" is no verdict; expected a letter A-{last}, or Z for none of them')
    return Item(sample, request, letter)


def _number(text: str, where: str) -> str:
    value = grade(text)
    if value is None:
        raise DataError(f'{where}: "{text[:40]}" is no verdict; expected a number from 0 to 1')
    return f"{float(value):g}"


def _verdict(item: Item, record: Record | None) -> Answer:
    """Return the judge's verdict on a row in the form of the recorded ones."""
    if record is None or record.key != item.request.key:
        return Answer(VARIANT, None, "judge_missing")
    if not isinstance(record.outcome, Output) or record.outcome.finish == "filter":
        return Answer(VARIANT, None, "judge_error")
    if not item.sample.choices:
        value = grade(record.outcome.text)
        return Answer(VARIANT, None if value is None else f"{float(value):g}", "judge" if value else "judge_unparsed")
    found = judge.verdict(record.outcome.text, [*map(str, item.sample.choices)])
    return Answer(VARIANT, NONE if found.rule == "judge_none" else found.letter, found.rule)
