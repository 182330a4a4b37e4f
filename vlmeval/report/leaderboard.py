"""The leaderboard: a static site of one page, with its data beside it as JSON and CSV for programs.

The page carries its data inside: a page opened from file:// may fetch nothing, and one file is mailed and archived as
it is. leaderboard.json and leaderboard.csv hold the same in full digits. Names, replies and categories are data: they
travel as JSON in a data block and reach the page as text nodes and attribute values, never as markup; links are
relative paths made here.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from vlmeval.jsonio import write_json, write_whole
from vlmeval.models.cards import Card
from vlmeval.report.page import FOLDER, page_path, render
from vlmeval.score.board_types import Board, Cell, Column, Mark, Row, SuiteColumn
from vlmeval.score.table import plain
from vlmeval.store.layout import RunFolder

DIGITS = 4
SCRIPTS = ("leaderboard.js", "leaderboard_plots.js", "leaderboard_start.js")
CSV_HEADS = (
    "model", "task", "column", "metric", "slice", "value", "low", "high", "samples", "clusters", "coverage", "complete",
    "tier", "rank_low", "rank_high", "published", "standing", "run", "signature", "parameters", "licence", "access",
    "family", "released",
)  # fmt: skip


def write_leaderboard(board: Board, out: Path) -> Path:
    """Write `out`/index.html, leaderboard.json and leaderboard.csv; return the page."""
    page = out / "index.html"
    write_whole(page, render("leaderboard.html", context(board), script=SCRIPTS, data=page_data(board)))
    write_json(out / "leaderboard.json", board)
    write_whole(out / "leaderboard.csv", csv_text(board).encode())
    return page


def page_link(folder: RunFolder, reports: Path, out: Path) -> str:
    """Return the relative link from the board in `out` to the page of a run below `reports`; "" where there is none."""
    path = page_path(folder, reports)
    return quote(Path(os.path.relpath(path, out)).as_posix()) if path.exists() else ""


def context(board: Board) -> dict[str, Any]:
    """Return what the static part of the page shows."""
    return {
        "board": board,
        "complete": sum(cell.complete for cell in board.cells),
        "own_style": (FOLDER / "assets" / "leaderboard.css").read_text(encoding="utf8"),
    }


def page_data(board: Board) -> dict[str, Any]:
    """Return the board for the page's script: short keys, shortened digits, nothing that is not shown."""
    return {
        "columns": [column_data(one) for one in board.columns],
        "rows": [row_data(one) for one in board.rows],
        "cells": [cell_data(one) for one in board.cells],
        "suites": [suite_data(one) for one in board.suites],
        "known": [
            {"m": one.model, "c": one.column, "v": one.value, "s": one.source, "note": one.note, "n": one.samples}
            for one in board.known
        ],
        "studies": msgspec.to_builtins(board.studies),
    }


def column_data(one: Column) -> dict[str, Any]:
    """Return a column for the page."""
    return {
        "id": one.id,
        "task": one.task,
        "title": one.title,
        "bench": one.benchmark,
        "kind": one.kind,
        "metric": one.metric,
        "name": one.metric_title,
        "up": one.higher_is_better,
        "top": one.top,
        "way": one.way,
        "chance": rounded(one.chance),
        "source": one.source,
        "ranked": one.ranked,
        "slices": one.slices,
    }


def row_data(one: Row) -> dict[str, Any]:
    """Return a model for the page."""
    card = one.card or Card()
    return {
        "name": one.name,
        "card": card.name,
        "family": card.family,
        "params": card.parameters,
        "active": card.active,
        "licence": card.licence,
        "access": card.access if one.card else "",
        "vision": card.vision,
        "language": card.language,
        "released": card.released,
        "unverified": card.unverified,
        "speed": rounded(one.speed),
        "memory": rounded(one.memory),
        "hardware": one.hardware,
    }


def cell_data(one: Cell) -> dict[str, Any]:
    """Return a cell for the page; what is empty is left out."""
    found: dict[str, Any] = {
        "m": one.model,
        "c": one.column,
        "v": rounded(one.value),
        "l": rounded(one.low),
        "h": rounded(one.high),
        "n": one.samples,
        "cov": round(one.coverage, 6),
        "ok": one.complete,
        "sig": one.signature,
        "run": one.run_id,
        "t": one.tier,
        "r": [one.rank_low, one.rank_high] if one.tier is not None else None,
        "s": {name: [rounded(part.value), rounded(part.low), rounded(part.high), part.samples]
              for name, part in one.slices.items()},
        "x": {name: [rounded(part.value), rounded(part.low), rounded(part.high), part.samples]
              for name, part in one.metrics.items()},
        "p": [mark_data(mark) for mark in one.published],
        "notes": one.notes,
        "page": one.page,
        "more": one.others,
    }  # fmt: skip
    return {key: value for key, value in found.items() if value not in (None, "", (), {}, [])}


def mark_data(one: Mark) -> dict[str, Any]:
    """Return a published figure for the page."""
    return {
        "metric": one.metric,
        "slice": one.slice,
        "v": one.value,
        "source": one.source,
        "note": one.note,
        "is": one.standing,
        "d": rounded(one.difference),
        "words": one.verdict,
    }


def suite_data(one: SuiteColumn) -> dict[str, Any]:
    """Return a suite for the page."""
    return {
        "name": one.name,
        "title": one.title,
        "recipe": one.recipe,
        "source": one.source,
        "notes": one.notes,
        "tasks": one.tasks,
        "cells": {
            cell.model: [rounded(cell.value), rounded(cell.low), rounded(cell.high), cell.missing] for cell in one.cells
        },
    }


def rounded(value: float | None) -> float | None:
    """Return a value with as many digits as the page can show."""
    return None if value is None else round(value, DIGITS)


def csv_text(board: Board) -> str:
    """Return the board as CSV: a line for each figure, slices too, in full digits; an unknown is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_HEADS)
    for row in figures(board):
        writer.writerow(["" if cell is None else plain(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def figures(board: Board) -> Iterator[tuple[object, ...]]:
    """Yield the lines of the CSV file: cells with their slices, then suites."""
    columns = {one.id: one for one in board.columns}
    facts = {row.name: facts_of(row) for row in board.rows}
    for cell in board.cells:
        column, mark = columns[cell.column], next(iter(cell.published), None)
        head = (cell.model, column.task, cell.column, column.metric)
        tail = (cell.run_id, cell.signature, *facts[cell.model])
        yield (
            *head, "", cell.value, cell.low, cell.high, cell.samples, cell.clusters, cell.coverage, int(cell.complete),
            cell.tier, cell.rank_low, cell.rank_high, mark.value if mark else None, mark.verdict if mark else None,
            *tail,
        )  # fmt: skip
        for name, part in cell.slices.items():
            yield (
                *head, name, part.value, part.low, part.high, part.samples, None, None, int(cell.complete), None, None,
                None, None, None, *tail,
            )  # fmt: skip
    for suite in board.suites:
        for own in suite.cells:
            yield (
                own.model, suite.name, suite.name, "suite", "", own.value, own.low, own.high, None, None, None,
                int(not own.missing), None, None, None, None, None, None, suite.recipe, *facts[own.model],
            )  # fmt: skip


def facts_of(row: Row) -> tuple[object, ...]:
    """Return what the CSV file says of a model besides its figures."""
    card = row.card or Card()
    access = card.access if row.card else ""
    return card.parameters, card.licence, access, card.family, card.released
