"""Comparisons as text: for the terminal, as Markdown, as CSV and as JSON.

The table holds a line for each task and slice; below it stands each verdict, what the flips come from, what the runs do
not have in common, and in which keys their recipes differ.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vlmeval.jsonio import encode
from vlmeval.score.compare_published import PublishedCheck
from vlmeval.score.compare_types import Comparison, Figure, TaskComparison
from vlmeval.score.compare_words import amount, digits_of, p_words
from vlmeval.score.coverage import listed
from vlmeval.score.table import PIPE_COLUMNS, UNKNOWN, escaped, padded, plain
from vlmeval.stats.components import Components

HEADS = ("task", "model", "metric", "baseline", "model's", "difference", "95 % interval", "p", "n", "flips")
NUMERIC = frozenset(HEADS[3:])
CSV_HEADS = (
    "task", "metric", "slice", "baseline", "model", "baseline_value", "model_value", "difference", "low", "high", "p",
    "p_holm", "test", "error", "detectable", "scale", "samples", "clusters", "gained", "lost", "outcome", "verdict",
    "baseline_run", "model_run",
)  # fmt: skip
PUBLISHED_HEADS = (
    "task", "metric", "slice", "model", "published", "measured", "difference", "low", "high", "samples", "standing",
    "verdict", "source", "note", "run",
)  # fmt: skip


def print_comparison(comparison: Comparison, *, console: Console | None = None) -> None:
    """Print the table and what is said below it; a file or pipe gets lines of 140 columns."""
    console = console or own_console()
    if any(one.figures for one in comparison.tasks):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for head in heads(comparison):
            numeric = head in NUMERIC or head == interval_head(comparison)
            table.add_column(head, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
        for cells, figure in lines(comparison):
            style = {"better": "bold green", "worse": "bold red"}.get(figure.outcome, "")
            table.add_row(*(Text(cell, style=style if not figure.slice else "") for cell in cells))
        console.print(table)
    for line in said(comparison):
        console.print(Text(line), soft_wrap=True)


def own_console() -> Console:
    """Return a console that shows names as they are, wide enough where it is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_COLUMNS)


def heads(comparison: Comparison) -> tuple[str, ...]:
    """Return the heads of the table at the comparison's level."""
    return tuple(interval_head(comparison) if head == "95 % interval" else head for head in HEADS)


def interval_head(comparison: Comparison) -> str:
    """Return the head of the intervals."""
    return f"{100 * comparison.options.level:g} % interval"


def lines(comparison: Comparison) -> Iterator[tuple[tuple[str, ...], Figure]]:
    """Yield the cells of each figure, with the figure; task and model stand in the first line of a pair only."""
    for one in comparison.tasks:
        for place, figure in enumerate(one.figures):
            paired, info = figure.paired, one.metric
            digits = digits_of(info, paired.second)
            bounds = UNKNOWN
            if paired.low is not None and paired.high is not None:
                low, high = (amount(end, info, digits, plus=True) for end in (paired.low, paired.high))
                bounds = f"{low} – {high}"
            yield (
                (
                    one.task if place == 0 else "",
                    one.model if place == 0 else "",
                    f"{info.name} {figure.slice}".strip(),
                    amount(paired.first, info, digits),
                    amount(paired.second, info, digits),
                    amount(paired.difference, info, digits, plus=True),
                    bounds,
                    UNKNOWN if figure.p is None else p_words(figure.p).removeprefix("p ").removeprefix("= "),
                    str(paired.samples),
                    f"+{figure.gained} -{figure.lost}",
                ),
                figure,
            )


def said(comparison: Comparison) -> Iterator[str]:
    """Yield the lines below the table."""
    for one in comparison.tasks:
        yield f"{one.task}: {one.model} against {one.baseline}: {conclusion(one)}"
        yield from (f"  {line}" for line in remarks(one))
    yield from (f"not compared: {line}" for line in comparison.unpaired)
    shown = [one for one in comparison.tasks if one.figures]
    if len(shown) > 1 or any(len(one.figures) > 1 for one in shown):
        slices = sum(len(one.figures) - 1 for one in shown)
        among = f", those of {slices} slices among themselves" if slices else ""
        many = "1 comparison" if len(shown) == 1 else f"{len(shown)} comparisons"
        yield f"p-values are adjusted after Holm over {many}{among}; intervals are not"


def conclusion(one: TaskComparison) -> str:
    """Return the verdict on a pair of runs, or why there is none."""
    return one.figures[0].verdict if one.figures else f"not compared: {one.refused}"


def remarks(one: TaskComparison) -> Iterator[str]:
    """Yield what else is to be said of a pair of runs: flips by cause, samples left out, recipes, epochs."""
    if one.causes:
        parts = (f"{cause} {up + down} (+{up} -{down})" for cause, (up, down) in one.causes.items())
        yield f"flips: {', '.join(parts)}"
    common = one.common
    yield f"samples: {common.entered} of {common.samples} common ones scored in both{left_out(one)}"
    for weight, label in (("refused", "differs, allowed"), ("warning", "warning")):
        if one.figures and (found := [key.words() for key in one.keys if key.weight == weight]):
            yield f"{label}: {'; '.join(found)}"
    if expected := [key.key for key in one.keys if key.weight == "expected"]:
        yield f"differs as expected: {listed(expected)}"
    for label, epochs in zip((one.baseline, one.model), one.epochs, strict=True):
        if epochs is not None:
            yield f"{label}: {epochs_words(epochs)}"
    yield from one.notes


def left_out(one: TaskComparison) -> str:
    """Return what a comparison leaves out, from the first comma on; "" for nothing."""
    common = one.common
    parts = [f"only {label} has {count} more" for label, count in
             ((one.baseline, common.only_baseline), (one.model, common.only_model)) if count]  # fmt: skip
    for label, states in ((one.baseline, common.baseline_states), (one.model, common.model_states)):
        if states:
            parts.append(f"left out for {label}: {', '.join(f'{state} {count}' for state, count in states.items())}")
    return "".join(f"; {part}" for part in parts)


def epochs_words(parts: Components) -> str:
    """Return what varies between samples and what between tries, as standard deviations and errors in points."""
    return (
        f"of the standard error {100 * parts.error:.2f} points, tries make {100 * parts.epochs_error:.2f}: standard "
        f"deviation {100 * parts.samples**0.5:.1f} between samples, {100 * parts.epochs**0.5:.1f} between epochs"
    )


def markdown(comparison: Comparison) -> str:
    """Return the table and the lines below it in Markdown."""
    rows = [heads(comparison), *(cells for cells, _ in lines(comparison))]
    cells = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(3, *(cell_len(row[column]) for row in cells)) for column in range(len(HEADS))]
    rule = ["-" * (width - 1) + (":" if place > 2 else "-") for place, width in enumerate(widths)]
    table = "".join(f"| {' | '.join(map(padded, row, widths))} |\n" for row in (cells[0], rule, *cells[1:]))
    notes = "".join(f"{'  ' if line.startswith('  ') else ''}- {escaped(line)}\n" for line in said(comparison))
    return f"{table}\n{notes}"


def csv_text(comparison: Comparison) -> str:
    """Return all figures as CSV, full digits on the metric's scale; an unknown is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADS)
    for one in comparison.tasks:
        for figure in one.figures:
            paired, scale = figure.paired, one.metric.scale
            values = (paired.first, paired.second, paired.difference, paired.low, paired.high)
            writer.writerow((
                plain(one.task), one.metric.name, plain(figure.slice), plain(one.baseline), plain(one.model),
                *(scaled(value, scale) for value in values), scaled(paired.p, 1), scaled(figure.p, 1), paired.test,
                scaled(paired.error, scale), scaled(figure.detectable, scale), f"{scale:g}", paired.samples,
                paired.clusters, figure.gained, figure.lost, figure.outcome, figure.verdict, plain(one.baseline_run),
                plain(one.model_run),
            ))  # fmt: skip
    return text.getvalue()


def scaled(value: float | None, scale: float) -> str:
    """Return a value on its scale in full digits, "" where unknown."""
    return "" if value is None else repr(value * scale)


def json_text(comparison: Comparison | None, checks: Sequence[PublishedCheck] = ()) -> str:
    """Return everything, the list of flips too, as one line of JSON; values unscaled beside their metric's scale."""
    return encode({"comparison": comparison, "published": checks}).decode() + "\n"


def published_lines(checks: Sequence[PublishedCheck]) -> Iterator[str]:
    """Yield a line for each published figure."""
    for one in checks:
        name = f"{one.task} {one.metric} {one.slice}".rstrip()
        note = f"; {one.note}" if one.note else ""
        yield f"{name}: {one.model}: {one.verdict} [{one.source}{note}]"


def published_csv(checks: Sequence[PublishedCheck]) -> str:
    """Return the checks as CSV, on the metric's scale."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PUBLISHED_HEADS)
    for one in checks:
        ours = one.published + one.difference if one.difference is not None else None
        writer.writerow((
            plain(one.task), one.metric, plain(one.slice), plain(one.model), repr(one.published), scaled(ours, 1),
            scaled(one.difference, 1), scaled(one.low, 1), scaled(one.high, 1),
            one.measured.samples if one.measured else 0, one.standing, one.verdict, plain(one.source),
            plain(one.note), plain(one.run),
        ))  # fmt: skip
    return text.getvalue()
