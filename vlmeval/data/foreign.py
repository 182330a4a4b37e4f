"""Which files are results of VLMEvalKit or lmms-eval, and of which task and model: their names say it.

VLMEvalKit   {model}_{DATASET}.xlsx (or .tsv, .json); checkpoints {model}_{DATASET}_PREV.pkl, {model}_{DATASET}_supp.pkl
             and 01_{DATASET}.pkl ({rank}{world size}) in the model's folder (vlmeval/inference.py)
lmms-eval    {model}/{date}_samples_{task}.jsonl (lmms_eval/loggers/evaluation_tracker.py)

Tasks are found by their names and aliases, without case, "-" as "_".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vlmeval.data.task import Task
from vlmeval.errors import DataError

Program = Literal["VLMEvalKit", "lmms-eval"]

_TABLES = (".xlsx", ".tsv", ".json")
_CHECKPOINT = re.compile(r"_(PREV|supp)$")
_RANK = re.compile(r"[0-9]{2,5}")
_SAMPLES = re.compile(r"(?:(?P<prefix>.*)_)?samples_(?P<task>.+)\.jsonl")
_RUN_FOLDER = re.compile(r"T[0-9]{8}_G.*")
"""VLMEvalKit's folder for one commit and day, below the model's."""


@dataclass(frozen=True)
class ForeignResult:
    """A file of recorded answers: who wrote it, for which task, by which model."""

    path: Path
    program: Program
    task: Task
    model: str


def foreign_files(path: Path) -> list[Path]:
    """Return the file, or all files below the folder, sorted, each once: VLMEvalKit links to its newest results.

    Raises DataError for a path that is not there or holds no file.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    kept: dict[Path, Path] = {}
    for file in sorted(item for item in path.rglob("*") if item.is_file()):
        kept.setdefault(file.resolve(), file)
    if not kept:
        raise DataError(f"{path}: the folder holds no files")
    return list(kept.values())


def recognise(path: Path, tasks: Sequence[Task], *, task: Task | None = None, model: str = "") -> ForeignResult:
    """Return what the file is. `task` and `model` go before its name. Raises DataError that says what it is not."""
    samples = _SAMPLES.fullmatch(path.name)
    if samples is not None:
        found = task or _find(samples["task"], tasks)
        if found is None:
            raise DataError(f'{path}: no task is called "{samples["task"]}"; --task NAME says which it is')
        return ForeignResult(path, "lmms-eval", found, model or _folder(path))
    suffix = path.suffix.lower()
    if suffix not in (*_TABLES, ".pkl"):
        raise DataError(f"{path}: neither a result of VLMEvalKit ({', '.join(_TABLES)}, .pkl) nor *_samples_*.jsonl")
    stem = _CHECKPOINT.sub("", path.stem) if suffix == ".pkl" else path.stem
    match = _ending(stem, tasks)
    if match is None:
        if task is None:
            raise DataError(f"{path}: the name ends in no task's name or alias; --task NAME says which it is")
        match = stem, task
    before, named = match
    if suffix == ".pkl" and _RANK.fullmatch(before):
        if before != "01":
            raise DataError(f"{path}: the part of one of several processes; import the .xlsx that joins them")
        before = ""
    return ForeignResult(path, "VLMEvalKit", task or named, model or before or _folder(path))


def _names(tasks: Sequence[Task]) -> Iterator[tuple[str, Task]]:
    for task in tasks:
        for name in (task.name, *task.aliases):
            yield _plain(name), task


def _find(name: str, tasks: Sequence[Task]) -> Task | None:
    return dict(_names(tasks)).get(_plain(name))


def _ending(stem: str, tasks: Sequence[Task]) -> tuple[str, Task] | None:
    """Return what stands before the longest task name that ends `stem`, and the task.

    The name follows "_" or is all: "Video-MME" is not MME.
    """
    found: tuple[str, Task] | None = None
    for name, task in _names(tasks):
        before = stem[: len(stem) - len(name)]
        if _plain(stem) == name or (_plain(stem).endswith(f"_{name}") and before.endswith("_")):
            rest = before.removesuffix("_")
            if found is None or len(rest) < len(found[0]):
                found = rest, task
    return found


def _folder(path: Path) -> str:
    """Return the name of the folder that stands for the model."""
    parents = [parent.name for parent in path.resolve().parents]
    return next((name for name in parents if name and not _RUN_FOLDER.fullmatch(name)), "model")


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
