"""Everything that is written below `reports/` for scored runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from vlmeval.jsonio import write_whole
from vlmeval.report.overview import write_overview
from vlmeval.report.page import page_path, write_run_page
from vlmeval.report.tables import json_text
from vlmeval.score import table
from vlmeval.score.blind import gain_rows, gains, partners
from vlmeval.score.scorers import beside_row
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Scores

Form = Literal["html", "markdown", "csv", "json"]
FORMS: tuple[Form, ...] = ("html", "markdown", "csv", "json")
TABLES: dict[Form, str] = {"markdown": "scores.md", "csv": "scores.csv", "json": "scores.json"}


def write_reports(scores: Sequence[Scores], folders: Sequence[RunFolder], reports: Path) -> Path:
    """Write a page per run, the overview, and the tables of all; return the page to open first."""
    write_tables(scores, folders, reports, TABLES)
    return write_pages(scores, folders, reports)


def write_pages(scores: Sequence[Scores], folders: Sequence[RunFolder], reports: Path) -> Path:
    """Write a page per run and the overview; return the page to open first.

    The page of a run beside a blind one among them is written again where it is there: its gain may be new.
    """
    pages = [write_run_page(folder, reports) for folder in folders]
    for folder in folders:
        sighted = partners(folder).get("")
        if sighted is not None and page_path(sighted, reports).exists():
            write_run_page(sighted, reports)
    overview = write_overview(list(zip(scores, pages, strict=True)), reports)
    return overview if len(pages) > 1 else pages[0]


def write_tables(
    scores: Sequence[Scores], folders: Sequence[RunFolder], reports: Path, forms: Collection[Form]
) -> list[Path]:
    """Write one table of all runs in each of the forms, and return the files."""
    found = gains(folders)
    more = [[*beside_row(one), *gained] for one, gained in zip(scores, gain_rows(folders), strict=True)]
    written = []
    for form, name in TABLES.items():
        if form not in forms:
            continue
        if form == "markdown":
            text = table.markdown(scores, more=more)
        else:
            text = table.csv_text(scores, gains=found) if form == "csv" else json_text(scores, found)
        write_whole(reports / name, text.encode())
        written.append(reports / name)
    return written
