"""Which tasks a command means, changed as it says: everything about them that can be wrong is found here, not later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from vlmeval.cli import options
from vlmeval.data.catalog import expand, find_task
from vlmeval.data.own import own_inference
from vlmeval.data.task import Task, is_own, with_scorer
from vlmeval.errors import ConfigError
from vlmeval.kinds.settings import takes, with_options
from vlmeval.metrics.pass_at import metrics_of_tries
from vlmeval.registry import KINDS, METRICS

WORDS = {
    "choice": "multiple choice",
    "open": "open answers scored by a judge",
    "mathvista": "MathVista",
    "yesno": "yes or no",
}


def asked_tasks(given: dict[str, Any]) -> list[Task]:
    """Return the tasks of `--tasks` with what the command line changes of them. Raises ConfigError."""
    names = options.names(given["tasks"])
    tasks = expand(names, given["catalog"])
    say_inferred(names)
    refuse_idle(tasks, given)
    if given["blind"]:
        tasks = sightless(tasks)
    return [checked(adapted(task, given)) for task in tasks]


def say_inferred(names: list[str]) -> None:
    """Say what data files without a task file were taken for, and why."""
    for name in filter(is_own, names):
        for line in own_inference(name).reasons:
            click.echo(f"{name}: {line}", err=True)


def sightless(tasks: list[Task]) -> list[Task]:
    """Return the tasks that can be asked blind, saying which cannot. Raises ConfigError where none can."""
    kept = [task for task in tasks if not getattr(KINDS.load(task.kind), "embeds", False)]
    left = ", ".join(task.name for task in tasks if task not in kept)
    if not kept:
        raise ConfigError(f"--blind: {left} finds images by text and has nothing to ask without them; leave it out")
    if left:
        click.echo(f"vlmeval: --blind: {left} finds images by text and has no blind baseline, left out", err=True)
    return kept


def asked_files(tasks: list[Task], given: dict[str, Any]) -> dict[str, Path]:
    """Return the files by the tasks' own names: `--data` may use an alias. Raises ConfigError for a task not asked."""
    found: dict[str, Path] = {}
    asked = {task.name: task for task in tasks}
    for name, path in options.task_files(given["data"]).items():
        task = asked.get(name) or find_task(name, given["catalog"])
        if task.name not in asked:
            raise ConfigError(f"--data {name}={path}: {task.name} is not among --tasks")
        if task.name in found:
            raise ConfigError(f"--data {name}={path}: {task.name} has {found[task.name]} already; give it one file")
        found[task.name] = path
    return found


def refuse_idle(tasks: list[Task], given: dict[str, Any]) -> None:
    """Raise ConfigError for an option that would change none of the tasks."""
    for flag in ("mode", "policy", "stop_early", "epochs", "judge", "judge_epochs"):
        if given[flag] and not any(takes(task, flag) for task in tasks):
            names = ", ".join(task.name for task in tasks)
            raise ConfigError(
                f"--{flag.replace('_', '-')} is for {meant_for(flag)} and changes nothing for {names}; "
                "leave it out, or name another task"
            )
    for flag in ("judge_args", "judge_epochs", "judge_prices", "judge_max_cost"):
        if given[flag] not in (None, ()) and not given["judge"]:
            raise ConfigError(f"--{flag.replace('_', '-')} says how a judge works, and there is none; add --judge NAME")


def meant_for(flag: str) -> str:
    """Return the tasks that an option is for: those of the kinds that have the setting."""
    kinds = [WORDS.get(name, name) for name in KINDS.names() if flag in getattr(KINDS.load(name), "flags", ())]
    return f"tasks of {' or '.join(kinds)}"


def adapted(task: Task, given: dict[str, Any]) -> Task:
    """Return the task with what the command line changes of its definition; the change is in its signature."""
    changes: dict[str, Any] = {}
    if given["prompt"]:
        changes["prompt"] = given["prompt"]
    if given["slices"]:
        changes["slices"] = tuple(dict.fromkeys((*task.slices, *given["slices"])))
    sampling = {key: given[key] for key in ("max_tokens", "temperature", "seed") if given[key] is not None}
    if sampling:
        changes["sampling"] = msgspec.structs.replace(task.sampling, **sampling)
    if given["scorer"]:
        task = with_scorer(task, given["scorer"])
    flags = {key: given[key] for key in ("mode", "policy", "stop_early", "epochs", "judge_epochs") if given[key]}
    return with_tries(with_options(msgspec.structs.replace(task, **changes), flags))


def with_tries(task: Task) -> Task:
    """Return the task with the metrics that its epochs allow: pass@k and the accuracy of the most frequent answer."""
    more = metrics_of_tries(task.options.get("epochs", 1))
    return msgspec.structs.replace(task, metrics=tuple(dict.fromkeys((*task.metrics, *more))))


def checked(task: Task) -> Task:
    """Return the task. Raises ConfigError for a kind, setting, prompt or metric that is not there."""
    try:
        KINDS.load(task.kind)(task)
        for name in task.metrics:
            METRICS.load(name)
    except ConfigError as error:
        said = str(error)
        raise ConfigError(said if task.name in said else f"task {task.name}: {said}") from error
    return task
