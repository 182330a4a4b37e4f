"""Everything that is written below `reports/` for scored runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vlmeval.jsonio import write_whole
from vlmeval.report.overview import write_overview
from vlmeval.report.page import page_path, write_run_page
from vlmeval.score import table
from vlmeval.score.blind import gain_rows, gains, partners
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Scores


def write_reports(scores: Sequence[Scores], folders: Sequence[RunFolder], reports: Path) -> Path:
    """Write a page per run, scores.md, scores.csv and the overview; return the page to open first.

    The page of a run beside a blind one among them is written again where it is there: its gain may be new.
    """
    pages = [write_run_page(folder, reports) for folder in folders]
    for folder in folders:
        sighted = partners(folder).get("")
        if sighted is not None and page_path(sighted, reports).exists():
            write_run_page(sighted, reports)
    write_whole(reports / "scores.md", table.markdown(scores, more=gain_rows(folders)).encode())
    write_whole(reports / "scores.csv", table.csv_text(scores, gains=gains(folders)).encode())
    overview = write_overview(list(zip(scores, pages, strict=True)), reports)
    return overview if len(pages) > 1 else pages[0]
