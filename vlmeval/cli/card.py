"""The card of a task: what it is, how it is asked and scored, what it was verified against, what to beware of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from vlmeval.cli.browse import table_lines
from vlmeval.cli.example import example_sample, prompt_text
from vlmeval.data.benchmark import Split
from vlmeval.data.catalog import find_benchmark, find_task, list_suites, search_tasks
from vlmeval.data.options import DataOptions
from vlmeval.data.parity import parity_lines, parity_summary
from vlmeval.data.samples import SampleSet, open_samples
from vlmeval.data.suites import Suite
from vlmeval.data.task import Published, Task, scorers_of
from vlmeval.errors import ConfigError, DataError
from vlmeval.jsonio import encode
from vlmeval.kinds.prompt import OPEN, STYLES
from vlmeval.registry import KINDS
from vlmeval.types import Sample, TaskKind

_NEAR = 6
_INDENT = "    "


def card(name: str, where: DataOptions) -> str:
    """Return all that is known of a task. A file that `where.data` names must be readable; others are looked for."""
    found = known_task(name, where.catalog)
    if isinstance(found, Suite):
        return suite_card(found)
    task = found
    benchmark = find_benchmark(task.benchmark, where.catalog)
    split = benchmark.split(task.split)
    counted, sample, problem = local_sample(task, split, where)
    rows = [
        ("task", f"{task.name} (version {task.version}): {task.title}"),
        ("what", benchmark.about or benchmark.title),
        ("aliases", ", ".join(task.aliases)),
        ("suites", ", ".join(task.suites)),
        ("split", f"{task.split} of {benchmark.title}{', its gold is hidden' if split.hidden else ''}"),
        ("n", "; ".join([*catalogued(split), *counted]) or "not known before the data is here"),
        ("data", "; ".join(str(source) for source in split.sources)),
        ("kind", f"{task.kind} {encode(task.options).decode() if task.options else ''}".strip()),
        ("metrics", ", ".join(f"{item} (primary)" if item == task.primary else item for item in task.metrics)),
        *(("scorer", line) for line in scorer_lines(task)),
        ("slices", ", ".join(task.slices)),
        ("chance", task.chance),
        ("sampling", encode(task.sampling).decode()),
        (
            "submission",
            f"submission.json, as the official server takes it ({task.submission})" if task.submission else "",
        ),
        *(("published", published_line(item)) for item in task.published),
        *(("verified", line) for line in parity_summary(parity_lines(task.name, where.catalog))),
        *(("verified", line) for line in task.verified),
        ("source", task.source),
        ("licence", benchmark.licence),
        ("citation", benchmark.citation),
        ("homepage", benchmark.homepage),
        *(("trap", note) for note in dict.fromkeys((*task.notes, *benchmark.quirks))),
        ("styles", ", ".join(style_names(task, sample or example_sample(task.kind)))),
    ]
    return "\n".join([*table_lines(rows), "", *rendered(task, sample, problem)])


def suite_card(suite: Suite) -> str:
    """Return all that is known of a suite: its tasks and how its average is made."""
    rows = [
        ("suite", f"{suite.name}: {suite.label}"),
        ("what", suite.about),
        ("tasks", ", ".join(suite.names)),
        ("average", suite.recipe()),
        ("source", suite.source),
        *(("note", note) for note in suite.notes),
    ]
    return "\n".join(table_lines(rows))


def known_task(name: str, roots: Sequence[Path]) -> Task | Suite:
    """Return the task, or the suite of that name.

    An unknown name is answered with the nearest, or with the tasks that speak of its words.
    """
    try:
        return find_task(name, roots)
    except ConfigError as error:
        suite = next((one for one in list_suites(roots) if one.name == name.lower().replace("-", "_")), None)
        if suite is not None:
            return suite
        if "unknown task" not in str(error) or "did you mean" in str(error):
            raise
        near = [task.name for task in search_tasks(name, roots)[:_NEAR]]
        told = f"these speak of it: {', '.join(near)}" if near else "`vlmeval tasks search WORD` looks for one"
        raise ConfigError(f'unknown task "{name}"; {told}') from error


def local_sample(task: Task, split: Split, where: DataOptions) -> tuple[list[str], Sample | None, str]:
    """Return how many questions are on this machine, the first of them, and else why there is none.

    Raises ConfigError or DataError only for a file that the user names.
    """
    if where.data is None and not any(source.local(where) or cached(source) for source in split.sources):
        return [], None, f"the data of {task.benchmark} is not on this machine: --data PATH renders a real one"
    try:
        with open_samples(task, where) as samples:
            return [here(samples)], next(iter(samples)), ""
    except (ConfigError, DataError) as error:
        if where.data is not None:
            raise
        return [], None, str(error).splitlines()[0]


def cached(source: object) -> bool:
    """Tell whether a data set of the hub is in a cache here."""
    return bool(getattr(source, "cached", bool)())


def here(samples: SampleSet) -> str:
    """Return how many questions there are here, and where."""
    count = len(samples)
    more = "" if count == len(samples.base_rows) else f" ({count:,} samples)"
    return f"{len(samples.base_rows):,} questions{more} here, in {samples.table.path}"


def catalogued(split: Split) -> list[str]:
    """Return how many questions the catalog knows of."""
    return [] if split.questions is None else [f"{split.questions:,} questions by the catalog"]


def scorer_lines(task: Task) -> list[str]:
    """Return a line for each way to score the answers, where there are several."""
    found = scorers_of(task)
    if len(found) < 2:
        return []
    return [f"{name}{' (default)' if name == task.scorer else ''}: {about}" for name, about in found.items()]


def published_line(item: Published) -> str:
    """Return a published figure with all that it is a figure of."""
    facts = [
        item.metric, item.slice, f"n {item.samples:,}" if item.samples else "",
        f"prompt {item.prompt}" if item.prompt else "", item.note,
    ]  # fmt: skip
    told = "; ".join(fact for fact in facts if fact)
    return f"{item.model} {item.value:g} ({item.source}{f'; {told}' if told else ''})"


def style_names(task: Task, sample: Sample) -> list[str]:
    """Return the prompt styles that the task can be asked in (--prompt), its own default first, marked."""
    default = task.prompt
    names = [*task.prompts, *(name for name in STYLES if not name.endswith(OPEN) and name not in task.prompts)]
    fitting = [name for name in names if name == default or fits(task, name, sample)]
    ordered = sorted(fitting, key=lambda name: name != default)
    return [f"{name} (this task's)" if name == default else name for name in ordered]


def fits(task: Task, style: str, sample: Sample) -> bool:
    """Tell whether the kind takes the style: one that lists options, for a question that has some, and else none."""
    text = (task.prompts.get(style) or STYLES[style]).text
    if ("{options}" in text) != bool(sample.choices) and style not in task.prompts:
        return False
    try:
        KINDS.load(task.kind)(msgspec.structs.replace(task, prompt=style))
    except ConfigError:
        return False
    return True


def rendered(task: Task, sample: Sample | None, problem: str) -> list[str]:
    """Return the prompt of the first question, or of a made-up one that says so, as sent, indented."""
    kind: TaskKind = KINDS.load(task.kind)(task)
    request = kind.requests(sample or example_sample(task.kind))[0]
    lines = prompt_text(request.parts).splitlines() or [""]
    system = [f"{_INDENT}[system] {request.system}"] if request.system else []
    head = f'prompt of question "{sample.id}", as sent:' if sample else "prompt of a MADE-UP question, as sent:"
    foot = [] if sample else [f"(made up: {problem})"]
    return [head, *system, *(f"{_INDENT}{line}" for line in lines), *foot]
