"""A task: how a benchmark is asked and scored. One TOML file each: no code, no includes, no templates but {field}."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from vlmeval.errors import ConfigError
from vlmeval.types import Sampling

READING_OPTIONS = frozenset({"policy", "extractor", "official", "seed", "integers"})
"""The settings of kinds that say how a reply is read: with others the same answers are scored otherwise."""
DEFAULT_SCORER = "official"
DEFAULT_ABOUT = "the protocol of the published figures"

SUFFIXES = (".tsv", ".parquet", ".arrow", ".jsonl", ".json", ".csv", ".xlsx")
"""The ends of data files, each a format that can be read."""


def is_own(name: str) -> bool:
    """Tell whether a task's or benchmark's name is the path of a data file."""
    return Path(name).suffix.lower() in SUFFIXES


class PromptStyle(Struct, frozen=True, forbid_unknown_fields=True):
    r"""A prompt template.

    `text` names {question}, {options} and the fields of a sample ({hint}, ...). An absent field becomes nothing; a
    present one is written as `wrap` says for its name ("Hint: {hint}\n"), else as it is. `option` writes one option.
    Images that open the question stay in front of the whole prompt; others stay where the question has them.
    """

    text: str
    wrap: dict[str, str] = {}
    option: str = "{letter}. {choice}\n"


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """A published figure for this very task, on the metric's display scale.

    `metric` "" is the task's primary one. `slice` ("tag=value") is what part of the data it is of, `samples` how many
    questions it was made on, `prompt` the style it was asked with, where that is not the task's own.
    """

    model: str
    value: float
    source: str
    metric: str = ""
    note: str = ""
    slice: str = ""
    samples: int | None = None
    prompt: str = ""


class Scorer(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Another way to score the same answers, under a name: `[scorers.vlmevalkit]` in a task's file.

    `about` says in one line what it is. `metrics` and `primary` stand in place of the task's, () and "" for the same.
    `options` stand in place of all of the task's `READING_OPTIONS`, so that nothing of one reading enters another.
    """

    about: str
    metrics: tuple[str, ...] = ()
    primary: str = ""
    options: dict[str, Any] = {}


class Task(Struct, frozen=True, forbid_unknown_fields=True):
    """What `tasks/NAME.toml` says. `options` are the kind's own settings, checked by the kind.

    `submission` names the file that the official server of a hidden split takes ("vqav2", "docvqa", ...).
    `scorers` are the other ways to score the answers; `scorer` names the one that the task's own metrics and options
    are, `with_scorer` changes it.
    """

    name: str
    benchmark: str
    split: str
    kind: str
    metrics: tuple[str, ...]
    primary: str
    title: str = ""
    version: int = 1
    prompt: str = ""
    prompts: dict[str, PromptStyle] = {}
    system: str | None = None
    sampling: Sampling = Sampling()
    options: dict[str, Any] = {}
    slices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    chance: float | None = None
    submission: str = ""
    published: tuple[Published, ...] = ()
    verified: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
    scorer: str = DEFAULT_SCORER
    scorers: dict[str, Scorer] = {}


def scorers_of(task: Task) -> dict[str, str]:
    """Return what each scorer of the task is, in a line, by name: the default first, then in alphabetical order."""
    names = sorted({task.scorer, *task.scorers}, key=lambda name: (name != DEFAULT_SCORER, name))
    return {name: task.scorers[name].about if name in task.scorers else DEFAULT_ABOUT for name in names}


def with_scorer(task: Task, name: str) -> Task:
    """Return the task with the metrics, primary metric and reading of the scorer `name`.

    The scorer that it had stays among its `scorers`, so that the way back is the same. Raises ConfigError for a scorer
    that the task has not, and for one that sets what reaches the model: its answers would be others.
    """
    if name == task.scorer:
        return task
    scorer = task.scorers.get(name)
    if scorer is None:
        known = ", ".join(scorers_of(task))
        raise ConfigError(f'task {task.name} has no scorer "{name}"; it has: {known}')
    if foreign := sorted(scorer.options.keys() - READING_OPTIONS):
        raise ConfigError(
            f"task {task.name}, [scorers.{name}]: {', '.join(foreign)} changes more than the reading of replies; "
            f"options of a scorer: {', '.join(sorted(READING_OPTIONS))}"
        )
    reading = {key: value for key, value in task.options.items() if key in READING_OPTIONS}
    asking = {key: value for key, value in task.options.items() if key not in READING_OPTIONS}
    left = Scorer(scorers_of(task)[task.scorer], task.metrics, task.primary, reading)
    return msgspec.structs.replace(
        task,
        scorer=name,
        scorers={**task.scorers, task.scorer: left},
        metrics=scorer.metrics or task.metrics,
        primary=scorer.primary or (scorer.metrics[0] if scorer.metrics else task.primary),
        options={**asking, **scorer.options},
    )
