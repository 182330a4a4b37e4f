"""Two scorers on the same answers: where they read a reply otherwise, and what that does to the score.

The task's default scorer stands beside another one that was asked for (`vlmeval score RUN --scorer NAME`). A sample
differs where a pass is read otherwise or the sample scores otherwise; all that differ are in scorers.jsonl, with the
value, the rule that decided and the score each way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec
import numpy as np

from vlmeval.score.estimates import Column
from vlmeval.score.sheet import Sheet
from vlmeval.score.table import UNKNOWN, Row, interval, number, states
from vlmeval.store.layout import RunFolder
from vlmeval.store.lines import Lines
from vlmeval.store.results import Beside, Reading, Rescored, ScorerVerdict, Scores
from vlmeval.types import Output

NAMED = 5
REPLY_CHARACTERS = 60


def rescored(default: tuple[Sheet, Scores], other: tuple[Sheet, Scores]) -> Iterator[Rescored]:
    """Yield the samples on which two scorers of one run differ, in the order of the questions.

    A sample is scored by the scorer's primary metric, or by the first that scores single samples where that one does
    not (F1).
    """
    sides = (default, other)
    scores = [sample_scores(sheet, one.primary) for sheet, one in sides]
    names = [one.scorer for _, one in sides]
    for place, (case, again) in enumerate(zip(default[0].cases, other[0].cases, strict=True)):
        readings = [
            {answer.variant: Reading(answer.value, answer.rule) for answer in one.answers} for one in (case, again)
        ]
        verdicts = [ScorerVerdict(scores[side].get(place), readings[side]) for side in (0, 1)]
        if verdicts[0].score == verdicts[1].score and _values(readings[0]) == _values(readings[1]):
            continue
        replies = {name: one.text for name, one in case.outcomes.items() if isinstance(one, Output)}
        yield Rescored(case.sample.id, case.sample.references, replies, dict(zip(names, verdicts, strict=True)))


def sample_scores(sheet: Sheet, primary: str) -> dict[int, float]:
    """Return the score of each sample alone by its place; {} where no metric scores single samples."""
    columns = [sheet.columns[primary]] if primary in sheet.columns else []
    columns += [column for name, column in sheet.columns.items() if name != primary]
    for column in columns:
        values = _alone(column)
        if values is not None:
            return dict(zip(column.places, values, strict=True))
    return {}


def _alone(column: Column) -> list[float] | None:
    """Return the metric's value for each sample alone; None without samples, or where one has none."""
    if not column.rows:
        return None
    values = column.measure.values(np.array(column.rows))
    return values.tolist() if np.isfinite(values).all() else None


def _values(readings: dict[str, Reading]) -> dict[str, object]:
    return {variant: one.value for variant, one in readings.items()}


def summary(default: Scores, other: str, rows: Sequence[Rescored]) -> Beside:
    """Return the figure of the default scorer, and on how many samples the scorer `other` differs from it."""
    metric = next(info for info in default.metrics if info.name == default.primary)
    headline = (one for one in default.estimates if one.metric == default.primary and not one.slice)
    pairs = [(row.scorers[default.scorer].score, row.scorers[other].score) for row in rows]
    scored = [(before or 0.0, after or 0.0) for before, after in pairs if before != after]
    return Beside(
        scorer=default.scorer,
        metric=metric,
        estimate=next(headline, None),
        unparsed=default.coverage.unparsed,
        samples=default.coverage.samples,
        rescored=len(scored),
        only_default=sum(before > after for before, after in scored),
        only_other=sum(before < after for before, after in scored),
        reread=len(rows) - len(scored),
    )


def beside_row(scores: Scores) -> tuple[Row, ...]:
    """Return the line of the default scorer for a table of scores; () where the scores are the default's."""
    beside = scores.beside
    if beside is None:
        return ()
    estimate = beside.estimate
    counts = msgspec.structs.replace(scores.coverage, unparsed=beside.unparsed)
    cells = (
        "",
        "",
        f"{beside.scorer}: {beside.metric.name}",
        number(beside.metric, estimate.value) if estimate else UNKNOWN,
        interval(beside.metric, estimate),
        str(estimate.samples) if estimate else UNKNOWN,
        "",
        states(counts),
    )
    return (Row(cells, primary=False, complete=scores.complete),)


def difference_lines(folder: RunFolder, scores: Scores) -> Iterator[str]:
    """Yield what another scorer changes in a run: how many samples, the first of them, and where all stand."""
    beside = scores.beside
    if beside is None:
        return
    changed = f"{beside.rescored} of {beside.samples} samples scored otherwise"
    if beside.rescored:
        changed += f" ({beside.only_default} higher by {beside.scorer}, {beside.only_other} by {scores.scorer})"
    against = f"{scores.scorer} against {beside.scorer}"
    yield f"{scores.task}, {scores.model}: {against}: {changed}, {beside.reread} more only read otherwise"
    rows = Lines(folder.scorers, Rescored, remedy="score the run again")
    differing = (row for row in rows if len({one.score for one in row.scorers.values()}) > 1)
    for row in islice(differing, NAMED):
        yield f"  {row.id}: {_example(row)}"
    if beside.rescored + beside.reread:
        yield f"  all of them: {folder.scorers}"


def _example(row: Rescored) -> str:
    """Return a row in a line: the reply that is read otherwise, and what each scorer made of it."""
    first, second = row.scorers.values()
    variants = list(first.readings) or list(second.readings) or [""]
    unlike = [name for name in variants if first.readings.get(name) != second.readings.get(name)]
    variant = (unlike or variants)[0]
    said = "; ".join(f"{name} {_made(one, variant)}" for name, one in row.scorers.items())
    where = f"{variant} " if variant else ""
    return f'{where}"{_shortened(row.replies.get(variant, ""))}", gold {", ".join(row.references[:3])}: {said}'


def _made(verdict: ScorerVerdict, variant: str) -> str:
    reading = verdict.readings.get(variant)
    score = UNKNOWN if verdict.score is None else f"{verdict.score:g}"
    if reading is None:
        return f"scores {score}"
    value = "unparsed" if reading.value is None else _shortened(str(reading.value))
    return f"reads {value} ({reading.rule}), scores {score}"


def _shortened(text: str) -> str:
    """Return the beginning of a text on one line; control characters are blanks, a terminal does not obey them."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text[: 4 * REPLY_CHARACTERS]).split())
    return f"{line[:REPLY_CHARACTERS]}..." if len(line) > REPLY_CHARACTERS else line
