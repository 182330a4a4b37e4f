"""Scores as tables: for the terminal, as Markdown, as CSV.

Every number stands on its metric's own scale (shares in per cent), so one column never mixes 0.6 and 60. What is not
known is "—" (empty in CSV), never 0. The signatures stand below: they say what may be compared.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vlmeval.score.gain import Gain
from vlmeval.score.naming import labels
from vlmeval.store.results import Coverage, Scores
from vlmeval.types import Estimate, MetricInfo

UNKNOWN = "—"
PIPE_COLUMNS = 140
HEADS = ("task", "model", "metric", "value", "95 % interval", "n", "coverage", "states")
NUMERIC = frozenset(("value", "95 % interval", "n", "coverage"))
STATES = ("unparsed", "judge_error", "refused", "failed", "missing", "truncated")
CSV_HEADS = (
    "task", "model", "blind", "run", "metric", "primary", "slice", "value", "low", "high", "scale", "samples",
    "clusters", "coverage", "complete", *STATES, "signature", "chance", "sighted", "unseen",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, as text; the cells stand under `HEADS`."""

    cells: tuple[str, ...]
    primary: bool
    complete: bool


def print_scores(
    scores: Sequence[Scores],
    *,
    console: Console | None = None,
    slices: bool = False,
    tags: Collection[str] = (),
    more: Sequence[Sequence[Row]] = (),
) -> None:
    """Print the table of `scores` with signatures and notes below it; a file or pipe gets lines of 140 columns.

    `slices` shows all of them, `tags` those of these tags. `more[i]` are lines to put below those of `scores[i]`.
    """
    if console is None:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=PIPE_COLUMNS)
    console.print(terminal_table(scores, slices=slices, tags=tags, more=more))
    for line in footers(scores):
        console.print(Text(line, style="dim"), soft_wrap=True)  # a signature is copied whole or not at all


def terminal_table(
    scores: Sequence[Scores],
    *,
    slices: bool = False,
    tags: Collection[str] = (),
    more: Sequence[Sequence[Row]] = (),
) -> Table:
    """Return the table of `scores` for rich. Names are text, not markup, and are folded rather than cut."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for head in HEADS:
        numeric = head in NUMERIC
        table.add_column(head, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for place, (one, label) in enumerate(zip(scores, labels(scores), strict=True)):
        for row in (*rows(one, slices=slices, tags=tags, label=label), *(more[place] if more else ())):
            style = ("bold" if row.primary else "") if row.complete else "yellow"
            table.add_row(*(Text(cell, style=style) for cell in row.cells))
    return table


def markdown(scores: Sequence[Scores], *, slices: bool = False, more: Sequence[Sequence[Row]] = ()) -> str:
    """Return the table of `scores` in Markdown, aligned as a terminal shows it: a wide character takes two columns.

    `more[i]` are lines to put below those of `scores[i]`.
    """
    lines: list[tuple[str, ...]] = [HEADS]
    for place, (one, label) in enumerate(zip(scores, labels(scores), strict=True)):
        lines += [row.cells for row in (*rows(one, slices=slices, label=label), *(more[place] if more else ()))]
    cells = [[escaped(cell) for cell in line] for line in lines]
    widths = [max(3, *(cell_len(line[column]) for line in cells)) for column in range(len(HEADS))]
    rule = ["-" * (width - 1) + (":" if head in NUMERIC else "-") for head, width in zip(HEADS, widths, strict=True)]
    text = "".join(f"| {' | '.join(map(padded, line, widths))} |\n" for line in (cells[0], rule, *cells[1:]))
    notes = "".join(f"- {note}\n" for note in map(fenced, footers(scores)))
    return f"{text}\n{notes}" if notes else text


def csv_text(scores: Sequence[Scores], *, gains: Sequence[Sequence[Gain]] = ()) -> str:
    """Return all estimates, slices too, as CSV with full digits on the metric's scale; an unknown is an empty cell.

    `gains[i]` are those from the image in `scores[i]`, each a line of the metric "gain:NAME" with the mode of the blind
    run; `sighted` and `unseen` are there the two values it is the difference of.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADS)
    for place, one in enumerate(scores):
        for info, estimate in figures(one, slices=True):
            value, low, high = scaled(info, estimate)
            chance = one.chance if info.name == one.primary and not (estimate and estimate.slice) else None
            writer.writerow((
                plain(one.task), plain(one.model), one.blind, one.run_id, info.name, int(info.name == one.primary),
                plain(estimate.slice) if estimate else "", value, low, high, f"{info.scale:g}",
                estimate.samples if estimate else 0, estimate.clusters if estimate else 0,
                share(one), int(one.complete), *(getattr(one.coverage, state) for state in STATES),
                recipe(one, info, estimate), full(info, chance), "", "",
            ))  # fmt: skip
        for gain in gains[place] if gains else ():
            info = gain.metric
            writer.writerow((
                plain(one.task), plain(one.model), gain.mode, one.run_id, f"gain:{info.name}", 0, "",
                full(info, gain.gain), full(info, gain.low), full(info, gain.high), f"{info.scale:g}", gain.samples,
                gain.clusters, share(one), int(gain.complete), *("" for _ in STATES), one.signature,
                full(info, gain.chance), full(info, gain.sighted), full(info, gain.blind),
            ))  # fmt: skip
    return text.getvalue()


def full(info: MetricInfo, value: float | None) -> str:
    """Return a value on the metric's scale in full digits, "" where unknown."""
    return "" if value is None else repr(value * info.scale)


def plain(text: str) -> str:
    """Return a text that a spreadsheet takes for one: a formula's first character is quoted."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def figures(
    scores: Scores, *, slices: bool, tags: Collection[str] = ()
) -> Iterator[tuple[MetricInfo, Estimate | None]]:
    """Yield each metric, the primary first, with its estimates; a metric without any comes once, with None.

    Those of slices only where `slices` asks for all of them, or `tags` names their tag.
    """
    asked = tuple(f"{tag}=" for tag in tags)
    for info in sorted(scores.metrics, key=lambda info: info.name != scores.primary):
        own = [one for one in scores.estimates if one.metric == info.name and _is_shown(one, asked, slices=slices)]
        if not own:
            yield info, None
        for estimate in own:
            yield info, estimate


def _is_shown(estimate: Estimate, asked: tuple[str, ...], *, slices: bool) -> bool:
    return slices or not estimate.slice or estimate.slice.startswith(asked)


def rows(scores: Scores, *, slices: bool, tags: Collection[str] = (), label: str = "") -> Iterator[Row]:
    """Yield the lines of one run; task, model (as `label`) and states stand in its first line only.

    Slices that the run was scored by on request are shown always.
    """
    listed = list(figures(scores, slices=slices, tags=(*tags, *scores.slices)))
    model = label or scores.model
    if not listed:
        cells = (scores.asked, model, UNKNOWN, UNKNOWN, UNKNOWN, "0", UNKNOWN, states(scores.coverage))
        yield Row(cells, primary=True, complete=scores.complete)
    for place, (info, estimate) in enumerate(listed):
        first = place == 0
        yield Row(
            cells=(
                scores.asked if first else "",
                model if first else "",
                f"{info.name} {estimate.slice}".strip() if estimate else info.name,
                number(info, estimate.value) if estimate else absent(scores, info),
                interval(info, estimate),
                str(estimate.samples) if estimate else UNKNOWN,
                covered(scores) if first else "",
                states(scores.coverage) if first else "",
            ),
            primary=info.name == scores.primary and not (estimate and estimate.slice),
            complete=scores.complete,
        )


def gain_row(gain: Gain) -> Row:
    """Return the line on what of a score is due to the image."""
    words = [number(gain.metric, gain.sighted), f"blind ({gain.mode}) {number(gain.metric, gain.blind)}"]
    if gain.chance is not None:
        words.append(f"chance {number(gain.metric, gain.chance)}")
    cells = (
        "",
        "",
        f"gain from the image: {', '.join(words)}",
        signed(gain.metric, gain.gain),
        f"{signed(gain.metric, gain.low)} – {signed(gain.metric, gain.high)}" if gain.bounded else UNKNOWN,
        str(gain.samples),
        "",
        "",
    )
    return Row(cells, primary=False, complete=gain.complete)


def signed(info: MetricInfo, value: float | None) -> str:
    """Return a difference as shown, with its sign."""
    text = UNKNOWN if value is None else number(info, value)
    return f"+{text}" if value is not None and value > 0 else text


def share(scores: Scores) -> float | None:
    """Return the share of samples that entered the primary metric, None where it has no figure."""
    headline = [one for one in scores.estimates if one.metric == scores.primary and not one.slice]
    return headline[0].samples / scores.coverage.samples if headline else None


def covered(scores: Scores) -> str:
    """Return the coverage as shown; never rounded up to 100."""
    known = share(scores)
    return UNKNOWN if known is None else f"{math.floor(1000 * known) / 10:.1f} %"


def absent(scores: Scores, info: MetricInfo) -> str:
    """Return what stands in place of a value: why the metric is not computed, or that it is not known."""
    lack = scores.not_computed.get(info.name)
    return f"not computed: {lack}" if lack else UNKNOWN


def recipe(scores: Scores, info: MetricInfo, estimate: Estimate | None) -> str:
    """Return the signature of a line, or why the metric is not computed."""
    if estimate is not None:
        return estimate.signature
    return absent(scores, info) if info.name in scores.not_computed else scores.signature


def scaled(info: MetricInfo, estimate: Estimate | None) -> tuple[str, str, str]:
    """Return value, low and high on the metric's scale in full digits, "" where unknown."""
    if estimate is None:
        return "", "", ""
    return full(info, estimate.value), full(info, estimate.low), full(info, estimate.high)


def number(info: MetricInfo, value: float) -> str:
    """Return a value as shown: one decimal of a per cent and of counts and sums from 10 on, else three decimals."""
    shown = value * info.scale
    return f"{shown:.{1 if info.scale >= 10 or abs(shown) >= 10 else 3}f}"


def interval(info: MetricInfo, estimate: Estimate | None) -> str:
    """Return "65.0 – 70.3", or a dash where no interval can be given."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return UNKNOWN
    return f"{number(info, estimate.low)} – {number(info, estimate.high)}"


def states(coverage: Coverage) -> str:
    """Return the states that occur beside "answered", with their counts."""
    counts = ((state, getattr(coverage, state)) for state in STATES)
    return ", ".join(f"{state} {count}" for state, count in counts if count)


def footers(scores: Iterable[Scores]) -> Iterator[str]:
    """Yield the lines below the table: each run's signature, then its notes."""
    for one in scores:
        yield f"{one.model}: {one.signature}  run {one.run_id}"
        yield from (f"  {one.asked}: {'note' if one.complete else 'incomplete'}: {note}" for note in one.notes)


def escaped(cell: str) -> str:
    """Return a cell that stays one cell of a Markdown table."""
    return " ".join(cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())


def fenced(line: str) -> str:
    """Return a line as code: signatures hold pipes, names hold anything."""
    fence = "``" if "`" in line else "`"
    return f"{fence}{' '.join(line.split())}{fence}"


def padded(cell: str, width: int) -> str:
    """Return `cell` filled with blanks to `width` terminal columns."""
    return cell + " " * (width - cell_len(cell))
