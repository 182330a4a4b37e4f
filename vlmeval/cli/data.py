"""`vlmeval data check`: what is in a data file, before a model sees it."""

from __future__ import annotations

from pathlib import Path

import click

from vlmeval.cli import options
from vlmeval.data.catalog import find_task
from vlmeval.data.check import check_data
from vlmeval.data.samples import DataOptions


@click.group("data")
def command() -> None:
    """Check data files before a run."""


@command.command("check")
@click.argument("task")
@click.option(
    "--data", multiple=True, metavar="TASK=PATH", help="The file or folder to check; default where a run looks."
)
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder with data files; default LMUData."
)
@click.option(
    "--image-root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the pictures that data files name.",
)
@click.option("--offline", is_flag=True, help="Use only what is on this machine.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N questions.")
@click.option("--catalog", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
def check(
    task: str,
    data: tuple[str, ...],
    data_dir: Path | None,
    image_root: Path | None,
    offline: bool,
    limit: int | None,
    catalog: tuple[Path, ...],
) -> int:
    """Read all samples of TASK and say what is there, what is missing and what is odd.

    Exit status: 0 sound, 1 with groups that are not whole (a run would leave them out), 2 with rows that stop a run.
    """
    found = find_task(task, catalog)
    files = {find_task(name, catalog).name: path for name, path in options.task_files(data).items()}
    where = DataOptions(
        files.get(found.name), data_dir, limit, options.offline(asked=offline), catalog, image_root=image_root
    )
    report = check_data(found, where)
    for line in report.lines():
        click.echo(line)
    return 0 if report.sound else 2 if report.problems else 1
