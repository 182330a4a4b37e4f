"""`vlmeval report`: pages and tables of runs, rebuilt from their folders."""

from __future__ import annotations

from pathlib import Path

import click

from vlmeval.errors import ConfigError
from vlmeval.jsonio import read_json, write_whole
from vlmeval.report.overview import write_overview
from vlmeval.report.page import write_run_page
from vlmeval.score import table
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import find_runs
from vlmeval.store.results import Scores


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("-o", "--output", "reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def command(runs: tuple[Path, ...], reports: Path) -> int:
    """Write the page of each of RUNS, and one table of all as scores.md and scores.csv."""
    folders = find_runs(runs)
    if not folders:
        raise ConfigError(f"no run found under {', '.join(map(str, runs))}; `vlmeval run` writes them")
    scores, pages = [], []
    for folder in folders:
        known = folder.scores.exists() and folder.samples.exists()
        scores.append(read_json(folder.scores, Scores) if known else score_run(folder))
        pages.append(write_run_page(folder, reports))
        click.echo(f"report   {pages[-1]}")
    click.echo(f"overview {write_overview(list(zip(scores, pages, strict=True)), reports)}")
    write_whole(reports / "scores.md", table.markdown(scores).encode())
    write_whole(reports / "scores.csv", table.csv_text(scores).encode())
    click.echo(f"tables   {reports / 'scores.md'}  {reports / 'scores.csv'}")
    return 0
