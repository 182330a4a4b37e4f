"""Suites: several tasks under one name, and the recipe of one average over them.

`tasks/suites/NAME.toml` names the tasks with their weights. A task that says `suites = ["NAME"]` makes a suite too: of
all tasks that say so, each with weight 1. Where both are there the file counts, and must name the same tasks.

The average is the weighted mean of the tasks' figures, each brought to 0..100 by the top of its own scale. It exists
only where every task of the suite has a figure: a mean over fewer tasks is another number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from vlmeval.data.task import Task
from vlmeval.errors import ConfigError
from vlmeval.jsonio import read_toml

FOLDER = "suites"
FULL = 100.0


class Member(Struct, frozen=True, forbid_unknown_fields=True):
    """A task of a suite. `metric` "" is its primary one, `top` the most it can be on its display scale."""

    task: str
    weight: float = 1.0
    metric: str = ""
    top: float = FULL


class Suite(Struct, frozen=True, forbid_unknown_fields=True):
    """What `tasks/suites/NAME.toml` says. `source` is who defined the average, `notes` where this one differs.

    `averaged` is false for a suite that only groups tasks: nobody has said how their figures make one.
    """

    name: str
    tasks: tuple[Member, ...]
    title: str = ""
    about: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    averaged: bool = True

    @property
    def label(self) -> str:
        """Its title, else its name."""
        return self.title or self.name

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(member.task for member in self.tasks)

    def shares(self) -> dict[str, float]:
        """Return the share of each task in the average; they add up to 1."""
        whole = sum(member.weight for member in self.tasks)
        return {member.task: member.weight / whole for member in self.tasks}

    def recipe(self) -> str:
        """Return how the average is made, in a line: "0.5 x a + 0.5 x (b / 10)"; "" for a suite without one."""
        if not self.averaged:
            return ""
        shares = self.shares()
        terms = []
        for member in self.tasks:
            name = f"{member.task} {member.metric}" if member.metric else member.task
            figure = name if member.top == FULL else f"({name} / {member.top / FULL:g})"
            terms.append((shares[member.task], figure))
        if len({share for share, _ in terms}) == 1:
            return f"mean of {', '.join(figure for _, figure in terms)}"
        return " + ".join(f"{share:.4g} x {figure}" for share, figure in terms)


def read_suite(path: Path) -> Suite:
    """Return the suite in a TOML file. Raises ConfigError that names the file and what is wrong."""
    suite = read_toml(path, Suite)
    if suite.name != path.stem:
        raise ConfigError(f'{path}: name is "{suite.name}", expected "{path.stem}", as the file is called')
    if not suite.tasks:
        raise ConfigError(f"{path}: names no task; it needs [[tasks]] tables with task and weight")
    for member in suite.tasks:
        if not member.weight > 0 or not member.top > 0:
            raise ConfigError(f"{path}: task {member.task}: weight and top must be above 0")
    if len(set(suite.names)) < len(suite.tasks):
        twice = next(name for name in suite.names if suite.names.count(name) > 1)
        raise ConfigError(f"{path}: task {twice} is named twice; add up its weights")
    return suite


def suites_of(roots: Iterable[Path], tasks: Sequence[Task]) -> tuple[dict[str, Suite], list[str]]:
    """Return the suites of the catalog by name, sorted, and a line for each that cannot be read or names wrong tasks.

    `tasks` are all tasks of the catalog.
    """
    declared: dict[str, list[Member]] = {}
    for task in tasks:
        for name in task.suites:
            declared.setdefault(name, []).append(Member(task.name))
    found = {name: Suite(name, tuple(members), averaged=False) for name, members in declared.items()}
    problems = []
    known = {task.name: task for task in tasks}
    for path in (file for root in roots for file in sorted((root / "tasks" / FOLDER).glob("*.toml"))):
        try:
            suite = checked_suite(path, read_suite(path), known, found)
        except ConfigError as error:
            problems.append(str(error))
        else:
            found[suite.name] = suite
    return {name: found[name] for name in sorted(found)}, problems


def checked_suite(path: Path, suite: Suite, known: Mapping[str, Task], found: Mapping[str, Suite]) -> Suite:
    """Return the suite as it is. Raises ConfigError where its tasks are not those of the catalog."""
    for member in suite.tasks:
        task = known.get(member.task)
        if task is None:
            raise ConfigError(f'{path}: there is no task "{member.task}"; `vlmeval tasks` lists them')
        if member.metric and member.metric not in task.metrics:
            raise ConfigError(
                f'{path}: task {task.name} has no metric "{member.metric}"; it has {", ".join(task.metrics)}'
            )
    if suite.name in known:
        raise ConfigError(f'{path}: "{suite.name}" is a task already; rename the suite')
    before = found.get(suite.name)
    if before is not None and set(before.names) != set(suite.names):
        odd = ", ".join(sorted(set(before.names) ^ set(suite.names)))
        raise ConfigError(f"{path}: the file and the tasks' own `suites` do not agree on: {odd}")
    return suite
