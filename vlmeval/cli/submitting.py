"""Files for official servers, written wherever a run is scored; and how a command says what went wrong with a task."""

from __future__ import annotations

import click

from vlmeval.data.task import Task
from vlmeval.errors import VlmevalError
from vlmeval.report.submission import write_submission
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import ErrorPolicy


def submit(folder: RunFolder, errors: ErrorPolicy, *, aside: bool = False) -> None:
    """Write the file that the official server of the run's task takes, and say where it is, or why it is not there.

    A task without a server is passed over. `aside` says it on standard error.
    """
    task = read_manifest(folder).task
    if not task.submission:
        return
    try:
        click.echo(f"submit   {write_submission(folder, errors=errors).line()}", err=aside)
    except VlmevalError as error:
        complain(task, error)


def complain(task: Task, error: VlmevalError) -> None:
    """Say what went wrong, and with which task."""
    said = str(error)
    click.echo(f"vlmeval: {said if said.startswith(task.name) else f'{task.name}: {said}'}", err=True)
