"""`vlmeval tasks`: what can be asked, and the card of a task with its prompt rendered."""

from __future__ import annotations

from pathlib import Path

import click

from vlmeval.cli.browse import browser, table_lines
from vlmeval.cli.example import example_sample, prompt_text
from vlmeval.data.catalog import find_benchmark, find_task, list_catalog
from vlmeval.data.task import Task
from vlmeval.jsonio import encode
from vlmeval.registry import KINDS
from vlmeval.types import TaskKind


def entries(roots: tuple[Path, ...]) -> list[tuple[str, str]]:
    """Return the name, kind and title of every task, then the suites."""
    listing = list_catalog(roots)
    for problem in listing.problems:
        click.echo(f"left out: {problem}", err=True)
    suites: dict[str, list[str]] = {}
    for task in listing.tasks:
        for suite in task.suites:
            suites.setdefault(suite, []).append(task.name)
    lines = [(task.name, f"{task.kind:<9}  {task.title}") for task in listing.tasks]
    return lines + [(suite, f"suite      {', '.join(names)}") for suite, names in sorted(suites.items())]


def card(name: str, roots: tuple[Path, ...]) -> str:
    """Return all that is known of a task: data, metrics, licence, citation, verification, traps, rendered prompt."""
    task = find_task(name, roots)
    benchmark = find_benchmark(task.benchmark, roots)
    published = "; ".join(f"{item.model} {item.value:g} ({item.source})" for item in task.published)
    rows = [
        ("task", f"{task.name} (version {task.version}): {task.title}"),
        ("aliases", ", ".join(task.aliases)),
        ("benchmark", f"{benchmark.title}, split {task.split}"),
        ("data", "; ".join(str(source) for source in benchmark.split(task.split).sources)),
        ("kind", f"{task.kind} {encode(task.options).decode() if task.options else ''}".strip()),
        ("metrics", ", ".join(f"{item} (primary)" if item == task.primary else item for item in task.metrics)),
        ("slices", ", ".join(task.slices)),
        ("sampling", encode(task.sampling).decode()),
        ("chance", task.chance),
        ("published", published),
        ("verified", "; ".join(task.verified)),
        ("source", task.source),
        ("licence", benchmark.licence),
        ("citation", benchmark.citation),
        ("homepage", benchmark.homepage),
        *(("note", note) for note in (*task.notes, *benchmark.quirks)),
    ]
    return "\n".join([*table_lines(rows), "", *rendered(task)])


def rendered(task: Task) -> list[str]:
    """Return the prompt of an example question, as sent, indented."""
    kind: TaskKind = KINDS.load(task.kind)(task)
    request = kind.requests(example_sample(task.kind))[0]
    lines = prompt_text(request.parts).splitlines() or [""]
    system = [f"    [system] {request.system}"] if request.system else []
    return ["prompt of an example question, as sent:", *system, *(f"    {line}" for line in lines)]


command = browser("task", summary="List, search and show tasks.", entries=entries, card=card)
