"""Scored runs to a leaderboard: columns, rows, cells, tiers, suites, and published figures beside the measured.

Figures share a column only where task, version, metric, prompt, data, reading and error policy are the same; how a
model samples is its own affair. Of several runs in one cell the newest complete one counts. Results of several people
are merged by copying folders together: a run that is there twice is one run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

import vlmeval
from vlmeval.data.suites import FULL, Suite
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError
from vlmeval.jsonio import read_json
from vlmeval.metrics.pass_at import loaded_metric
from vlmeval.models.cards import Cards
from vlmeval.score.assembly import samples_of
from vlmeval.score.board_suites import known_figures, suite_columns
from vlmeval.score.board_tiers import Standing, read_statistics, standing
from vlmeval.score.board_types import Board, Cell, Column, Mark, Row, Slice
from vlmeval.score.compare_published import published_checks
from vlmeval.score.judged import registered
from vlmeval.score.measure import Measure
from vlmeval.score.naming import labels
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import Manifest, Scores
from vlmeval.types import MetricInfo

OWN_SETTINGS = frozenset({"n", "cov", "vlmeval", "t", "p", "k", "seed", "max", "stop", "interval"})
"""Fields of a signature in which figures of one column may differ: coverage, program, sampling, kind of interval."""
UNBOUNDED = ("cider", "rsum")
"""Metrics shown times 100 that have no top at 100: they enter no average."""
WAY_DIGITS = 6


@dataclass(frozen=True)
class Entry:
    """One scored run. `label` is the model as the board names it."""

    folder: RunFolder
    manifest: Manifest
    scores: Scores
    label: str = ""

    @property
    def info(self) -> MetricInfo:
        """The primary metric."""
        name = self.scores.primary
        return next((one for one in self.scores.metrics if one.name == name), MetricInfo(name, name))

    @property
    def way(self) -> str:
        """How it was asked and scored: all of the signature that figures of a column share."""
        fields = self.scores.signature.split("|")
        return "|".join(one for one in fields if one.partition(":")[0] not in OWN_SETTINGS)


@dataclass(frozen=True)
class BoardOptions:
    """What to show. `task_of` gives the task as the catalog has it today; `page_of` the link of a run, "" without.

    `suites` are averaged; without any tasks of theirs on the board they are left out, unless `asked` for by name.
    """

    title: str = "Leaderboard"
    allow_incomplete: bool = False
    suites: Sequence[Suite] = ()
    asked: Sequence[str] = ()
    cards: Cards = field(default_factory=Cards)
    task_of: Callable[[Manifest], Task | None] = lambda manifest: None
    page_of: Callable[[RunFolder], str] = lambda folder: ""


def make_board(folders: Iterable[RunFolder], options: BoardOptions) -> Board:
    """Return the board of scored runs. Raises ConfigError where no run is left, JournalError for one that is damaged.

    Runs that are not complete are left out, and named, unless they are allowed: they are shown as incomplete then.
    """
    entries, left_out = admitted(unique(folders), options)
    if not entries:
        raise ConfigError("no run can be on the board: " + "; ".join(left_out))
    made = [column_of(name, group, options) for name, group in columns_of(entries).items()]
    columns = tuple(column for column, _ in made)
    cells = tuple(cell for _, own in made for cell in own)
    rows = tuple(rows_of(entries, options.cards))
    tasks = {entry.scores.task: options.task_of(entry.manifest) or entry.manifest.task for entry in entries}
    return Board(
        title=options.title,
        columns=columns,
        rows=rows,
        cells=cells,
        suites=tuple(suite_columns(options.suites, columns, cells, asked=options.asked)),
        known=tuple(known_figures(columns, tasks, rows)),
        left_out=tuple(left_out),
        vlmeval=vlmeval.__version__,
    )


def unique(folders: Iterable[RunFolder]) -> list[Entry]:
    """Return the runs, each once: copies in several folders have one fingerprint, start and run id."""
    found: dict[tuple[str, str, str, str], Entry] = {}
    for folder in folders:
        manifest = read_manifest(folder)
        key = (manifest.fingerprint, manifest.run_id, manifest.started, manifest.task.name)
        found.setdefault(key, Entry(folder, manifest, read_json(folder.scores, Scores)))
    return list(found.values())


def admitted(entries: Sequence[Entry], options: BoardOptions) -> tuple[list[Entry], list[str]]:
    """Return the runs that may be on the board, with their labels, and a line for each other."""
    kept, left_out = [], []
    for entry in entries:
        scores, where = entry.scores, f"{entry.scores.asked}, {entry.scores.model} (run {entry.scores.run_id})"
        if scores.blind:
            left_out.append(f"{where}: asked without the images")
        elif not scores.primary:
            left_out.append(f"{where}: predictions without a score")
        elif not scores.complete and not options.allow_incomplete:
            reason = scores.notes[0] if scores.notes else f"state {entry.manifest.state}"
            left_out.append(f"{where}: not complete: {reason}")
        else:
            kept.append(entry)
    kept.sort(key=lambda entry: (entry.scores.task, entry.manifest.started, entry.scores.run_id))
    named = labels([entry.scores for entry in kept])
    return [replace(entry, label=label) for entry, label in zip(kept, named, strict=True)], left_out


def columns_of(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Return the runs by column. The way in which most models were asked has the task's own name, others a digest."""
    ways: dict[str, dict[str, list[Entry]]] = {}
    for entry in entries:
        ways.setdefault(entry.scores.task, {}).setdefault(entry.way, []).append(entry)
    found = {}
    for task in sorted(ways):
        groups = sorted(ways[task].items(), key=lambda item: (-len({one.label for one in item[1]}), item[0]))
        for place, (way, group) in enumerate(groups):
            digest = hashlib.sha256(way.encode()).hexdigest()[:WAY_DIGITS]
            found[task if place == 0 else f"{task}~{digest}"] = group
    return found


def column_of(name: str, group: Sequence[Entry], options: BoardOptions) -> tuple[Column, list[Cell]]:
    """Return a column with its cells: the newest run of each model, a complete one before an incomplete one."""
    chosen: dict[str, Entry] = {}
    for entry in group:
        before = chosen.get(entry.label)
        if before is None or entry.scores.complete >= before.scores.complete:
            chosen[entry.label] = entry
    first = group[0]
    info, task = first.info, first.manifest.task
    others = {
        label: tuple(one.scores.run_id for one in group if one.label == label and one is not entry)
        for label, entry in chosen.items()
    }
    cells = [cell_of(name, entry, others[entry.label], options) for entry in chosen.values()]
    ranked = [(place, entry) for place, entry in enumerate(chosen.values()) if entry.scores.complete]
    found = ranks_of([entry for _, entry in ranked])
    if found is not None:
        for at, (place, _) in enumerate(ranked):
            cells[place] = msgspec.structs.replace(
                cells[place], tier=int(found.tier[at]), rank_low=int(found.low[at]), rank_high=int(found.high[at])
            )
    bounded = info.scale == FULL and not info.name.startswith(UNBOUNDED)
    column = Column(
        id=name,
        task=first.scores.task,
        title=first.scores.title or first.scores.task,
        benchmark=task.benchmark,
        kind=task.kind,
        metric=info.name,
        metric_title=info.title,
        scale=info.scale,
        higher_is_better=info.higher_is_better,
        top=FULL if bounded else None,
        way=first.way,
        chance=None if first.scores.chance is None else first.scores.chance * info.scale,
        source=task.source,
        ranked=found.samples if found is not None else 0,
        slices=tuple(dict.fromkeys(part for cell in cells for part in cell.slices)),
    )
    return column, cells


def ranks_of(entries: Sequence[Entry]) -> Standing | None:
    """Return how the models of a column stand to one another, on the samples that all of them scored."""
    if len(entries) < 2:
        return None
    first = entries[0]
    samples = [one for one in samples_of(first.folder) if one.references]
    names = [registered(info.name) for info in first.scores.metrics]
    measure = Measure(first.info.name, loaded_metric(registered(first.info.name), names), samples)
    return standing(
        [read_statistics(entry.folder, entry.info.name) for entry in entries],
        first.info.name,
        measure.values,
        higher_is_better=first.info.higher_is_better,
        proportion=first.info.proportion,
    )


def cell_of(column: str, entry: Entry, others: tuple[str, ...], options: BoardOptions) -> Cell:
    """Return the cell of one run."""
    scores, info = entry.scores, entry.info
    infos = {one.name: one for one in scores.metrics}
    overall = {one.metric: Slice.of(one, infos[one.metric].scale) for one in scores.estimates if not one.slice}
    estimate = next((one for one in scores.estimates if one.metric == info.name and not one.slice), None)
    own = overall.get(info.name)
    task = options.task_of(entry.manifest)
    return Cell(
        model=entry.label,
        column=column,
        run=str(entry.folder.path),
        run_id=scores.run_id,
        value=own.value if own else None,
        low=own.low if own else None,
        high=own.high if own else None,
        samples=own.samples if own else 0,
        clusters=estimate.clusters if estimate else 0,
        coverage=(own.samples if own else 0) / (scores.coverage.samples or 1),
        complete=scores.complete,
        signature=estimate.signature if estimate else scores.signature,
        state=entry.manifest.state,
        slices={
            one.slice: Slice.of(one, info.scale) for one in scores.estimates if one.metric == info.name and one.slice
        },
        metrics={name: one for name, one in overall.items() if name != info.name},
        published=tuple(marks_of(entry, task)),
        notes=scores.notes,
        page=options.page_of(entry.folder),
        others=others,
    )


def marks_of(entry: Entry, task: Task | None) -> list[Mark]:
    """Return the published figures of the run's model on its task, with how it stands to them."""
    return [
        Mark(
            metric=one.metric,
            slice=one.slice,
            value=one.published,
            source=one.source,
            note=one.note,
            standing=one.standing,
            difference=one.difference,
            verdict=one.verdict,
        )
        for one in published_checks(entry.folder, task)
    ]


def rows_of(entries: Sequence[Entry], cards: Cards) -> list[Row]:
    """Return the models, sorted by name, with what is known of them and how fast they answered."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.label, []).append(entry)
    return [row_of(label, found[label], cards) for label in sorted(found, key=str.lower)]


def row_of(label: str, runs: Sequence[Entry], cards: Cards) -> Row:
    """Return one model. Replayed answers took no time of the model's; they count for neither speed nor memory."""
    model = runs[0].manifest.model_name
    lived = [one.manifest for one in runs if one.manifest.recipe.get("model.wrapper") != "replay"]
    seconds = sum(one.seconds for one in lived)
    answers = sum(one.counts.get("requests", 0) for one in lived)
    peaks = [peak for one in lived if isinstance(peak := one.conditions.get("peak_memory_bytes"), int)]
    hardware = sorted({gpu for one in lived for gpu in one.conditions.get("gpus", ())}) or sorted(
        {f"{one.conditions['processors']} processors" for one in lived if one.conditions.get("processors")}
    )
    return Row(
        name=label,
        model=model,
        card=cards.find(
            (model, runs[0].manifest.model, *sorted(str(one.recipe.get("model.name", "")) for one in lived))
        ),
        speed=answers / seconds if seconds > 0 and answers else None,
        memory=max(peaks) / 2**30 if peaks else None,
        hardware=", ".join(hardware),
    )
