"""The table of published figures: what the catalog's tasks say was published, with sources, and files beside results.

`results/published/*.csv` is where a leaderboard finds it: `scores.csv` is written from the catalog (`vlmeval
leaderboard --write-published FOLDER`), other files of the same columns add figures of one's own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from vlmeval.data.task import Published, Task
from vlmeval.errors import ConfigError

FOLDER = "published"
FILE = "scores.csv"
COLUMNS = ("task", "metric", "slice", "model", "value", "samples", "prompt", "source", "note")
NEEDED = ("task", "model", "value", "source")


def published_text(tasks: Iterable[Task]) -> str:
    """Return the published figures of `tasks` as CSV, sorted by task, metric, slice and model."""
    rows = [
        (task.name, row.metric or task.primary, row.slice, row.model, row) for task in tasks for row in task.published
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for task, metric, part, model, row in sorted(rows, key=lambda one: (*one[:4], one[4].value)):
        figures = (f"{row.value:.10g}", row.samples or "")
        writer.writerow((task, metric, part, model, *figures, row.prompt, row.source, row.note))
    return text.getvalue()


def read_published(path: Path) -> dict[str, list[Published]]:
    """Return the published figures in a CSV file by task. Raises ConfigError that names the file and line."""
    found: dict[str, list[Published]] = {}
    try:
        with open(path, newline="", encoding="utf8") as file:
            rows = csv.DictReader(file)
            unknown = sorted(set(rows.fieldnames or ()) - set(COLUMNS))
            absent = [name for name in NEEDED if name not in (rows.fieldnames or ())]
            if unknown or absent:
                odd = f"unknown columns {', '.join(unknown)}" if unknown else f"no column {', '.join(absent)}"
                raise ConfigError(f"{path}: {odd}; expected {', '.join(COLUMNS)}")
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                found.setdefault(row["task"], []).append(_published(row, where))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return found


def _published(row: dict[str, str], where: str) -> Published:
    for name in NEEDED:
        if not row[name]:
            raise ConfigError(f'{where}: "{name}" is empty; every figure has a {name}')
    given = {name: value for name, value in row.items() if name != "task" and value}
    try:
        return msgspec.convert(given, Published, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error


def published_files(folders: Sequence[Path]) -> list[Path]:
    """Return the files of published figures in folders of results."""
    return sorted(path for folder in folders for path in (folder / FOLDER).glob("*.csv"))


def with_published(task: Task, more: Iterable[Published]) -> Task:
    """Return the task with further published figures; one that it has already counts once."""
    have = {(row.model, row.metric or task.primary, row.slice, row.value) for row in task.published}
    added = [row for row in more if (row.model, row.metric or task.primary, row.slice, row.value) not in have]
    return msgspec.structs.replace(task, published=(*task.published, *dict.fromkeys(added))) if added else task
