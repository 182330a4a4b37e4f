"""`vlmeval report`: pages and tables of runs, rebuilt from their folders."""

from __future__ import annotations

from pathlib import Path

import click

from vlmeval.cli.pages import FORMS, Form, write_pages, write_tables
from vlmeval.cli.score import each_run
from vlmeval.jsonio import read_json
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.results import Scores


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("-o", "--output", "reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
@click.option(
    "--format",
    "forms",
    type=click.Choice(FORMS),
    multiple=True,
    help="Write only this form: pages, or one of the tables; repeatable. Default all.",
)
def command(runs: tuple[Path, ...], reports: Path, forms: tuple[Form, ...]) -> int:
    """Write the page of each of RUNS, an overview, and one table of all as scores.md, scores.csv and scores.json."""
    folders = find_runs(runs)
    found = each_run(folders, scores_of)
    if found:
        wanted = forms or FORMS
        scores, scored = list(found.values()), list(found)
        if "html" in wanted:
            click.echo(f"report   {write_pages(scores, scored, reports)}")
        tables = write_tables(scores, scored, reports, wanted)
        if tables:
            click.echo(f"tables   {'  '.join(map(str, tables))}")
    return 0 if len(found) == len(folders) else 2


def scores_of(folder: RunFolder) -> Scores:
    """Return the scores of a run: computed where there are none, and again, in the same way, where the run is newer."""
    if not (folder.scores.exists() and folder.samples.exists()):
        return score_run(folder)
    known = read_json(folder.scores, Scores)
    sources = (folder.manifest_path, folder.questions, folder.outputs, folder.judge)
    newest = max(path.stat().st_mtime_ns for path in sources if path.exists())
    if newest <= folder.scores.stat().st_mtime_ns:
        return known
    return score_run(
        folder,
        errors=known.errors,
        policy=known.policy,
        slices=known.slices,
        scorer=known.scorer,
        interval=known.interval,
    )
