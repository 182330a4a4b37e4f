"""`vlmeval validate`: are runs what they say they are. Nothing is written."""

from __future__ import annotations

from pathlib import Path

import click

from vlmeval.cli.compare import todays_task
from vlmeval.errors import JournalError
from vlmeval.jsonio import encode
from vlmeval.score.validate import Fault, Validation, as_table, summary_lines, validate_run
from vlmeval.store.layout import RunFolder, find_runs


@click.command("validate")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--catalog",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="More tasks/ to hold the prompts of runs against.",
)
def command(runs: tuple[Path, ...], form: str, catalog: tuple[Path, ...]) -> int:
    """Check RUNS: folders of runs, or any folder above them.

    Every score is computed again from the journal and compared to the last digit; fingerprint, digests, samples and
    prompts are checked. Each fault is named by file, line and sample. Exit status: 0 all valid, 1 a fault was found.
    """
    found = [validated(folder, catalog) for folder in find_runs(runs)]
    if form == "json":
        click.echo(encode(as_table(found)).decode())
    else:
        for line in summary_lines(found):
            click.echo(line)
    return 0 if all(one.valid for one in found) else 1


def validated(folder: RunFolder, catalog: tuple[Path, ...]) -> Validation:
    """Return what is wrong with a run; one whose run.json cannot be read has that fault."""
    try:
        return validate_run(folder, todays_task(folder, catalog))
    except JournalError as error:
        return Validation(str(folder.path), "", "", 0, (Fault("run.json", str(error)),), ())
