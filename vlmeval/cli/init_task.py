"""`vlmeval init-task`: a data file of one's own becomes a task file, to be read, changed and run."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from vlmeval.cli.example import prompt_text
from vlmeval.data.catalog import task_names
from vlmeval.data.options import DataOptions
from vlmeval.data.own import inferred_task, own_inference
from vlmeval.data.samples import open_samples
from vlmeval.data.task import SUFFIXES, Task, is_own
from vlmeval.data.task_toml import task_toml
from vlmeval.errors import ConfigError
from vlmeval.registry import KINDS
from vlmeval.types import TaskKind


@click.command("init-task")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the task file; default beside the data.",
)
@click.option("--name", help="The task's name; default that of the file.")
def command(file: Path, folder: Path | None, name: str | None) -> int:
    """Write the task file of a data file of your own: TSV, CSV, XLSX, JSON Lines, JSON or parquet.

    The columns say what it is: question, image (base64 or a path) or image_path, options A, B, ... and answer. What
    was inferred and why is shown and written on top of the file. `vlmeval run --tasks` takes the file, and gives the
    numbers that it gives for the data file itself; change the file to ask or score otherwise.
    """
    if not is_own(file.name):
        raise ConfigError(f"{file}: data files end in {', '.join(SUFFIXES)}")
    target = (folder or file.parent) / f"{name or file.stem}.toml"
    if target.name != Path(target.name).name or "/" in (name or "") or "\\" in (name or ""):
        raise ConfigError(f'--name "{name}": a name, not a path; the folder is -o')
    found = own_inference(str(file))
    task = msgspec.structs.replace(inferred_task(str(file), found), name=target.stem)
    refuse_taken(target)
    prompt = first_prompt(task)
    written = msgspec.structs.replace(task, benchmark=os.path.relpath(file.absolute(), target.parent.absolute()))
    head = (f"Written by `vlmeval init-task` from {file.name}. What was inferred, and why:", *found.reasons)
    write_new(target, task_toml(written, (*head, "")))
    for line in (*found.reasons, "prompt of the first question, as sent:", *(f"    {line}" for line in prompt)):
        click.echo(line)
    click.echo(f"wrote    {target}")
    click.echo(f"next     vlmeval data check {shown(target)}")
    click.echo(f"         vlmeval run --model demo --tasks {shown(target)}")
    return 0


def refuse_taken(target: Path) -> None:
    """Raise ConfigError where a file or a task of the name is there already."""
    if target.exists():
        raise ConfigError(
            f"{target} is there already and is not overwritten; remove it, or choose another --name or -o"
        )
    if target.stem in task_names():
        raise ConfigError(f'a task "{target.stem}" comes with vlmeval; choose another --name, as scores would mix')


def first_prompt(task: Task) -> list[str]:
    """Return the lines of the first question's prompt. Raises DataError for a row that is wrong: nothing is written."""
    kind: TaskKind = KINDS.load(task.kind)(task)
    with open_samples(task, DataOptions(limit=1)) as samples:
        sample = next(iter(samples))
        return prompt_text(kind.requests(sample)[0].parts).splitlines()


def write_new(target: Path, text: str) -> None:
    """Write a file that was not there. Raises ConfigError where it is there by now, or cannot be written."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "x", encoding="utf8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from error


def shown(path: Path) -> str:
    """Return a path as a shell takes it, "./" in front of a bare name: that is a file, not a task of the catalog."""
    text = str(path) if path.is_absolute() or path.parts[0] == ".." else f"./{path}"
    return f"'{text}'" if " " in text else text
