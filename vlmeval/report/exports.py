r"""Scores for papers and model cards: a table of models by tasks in LaTeX or Markdown, and `model-index` metadata.

The table holds primary metrics with their intervals; n, coverage and what is incomplete stand in the note below it.
`model-index` is the metadata of a model card on the Hugging Face hub (hub documentation, "Model Cards", and
`huggingface_hub.repocard_data.EvalResult`). Names come from outside: every text is escaped for the form it goes into.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vlmeval.score import table
from vlmeval.score.naming import labels
from vlmeval.store.results import Manifest, Scores
from vlmeval.types import Estimate, MetricInfo

TASK_TYPES = {
    "caption": "image-to-text",
    "grounding": "zero-shot-object-detection",
    "pairs": "image-text-to-text",
    "retrieval": "image-feature-extraction",
    "zeroshot": "zero-shot-image-classification",
}
"""The hub's task (huggingface.co/tasks) of a kind; the others ask questions about images."""
QUESTIONS = "visual-question-answering"
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    "–": "--",
    "—": "---",
}
INCOMPLETE = "†"
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A primary figure: value and interval as shown. `interval` is "" where none can be given."""

    value: str
    interval: str
    complete: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Models by tasks. `cells` are by (model, task); a pair that was not run has none. `notes` is a line a figure."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    notes: tuple[str, ...]


def grid_of(scores: Sequence[Scores]) -> Grid:
    """Return the primary figures; two runs of one model on one task get rows of their own, told apart by run id."""
    cells: dict[tuple[str, str], Cell] = {}
    heads, models, said = [], [], []
    for one, label in zip(scores, labels(scores), strict=True):
        info, estimate = headline(one)
        head = f"{one.asked} ({info.name})" if info else one.asked
        model = f"{label} (run {one.run_id})" if (label, head) in cells else label
        heads.append(head)
        models.append(model)
        value, bounds = table.UNKNOWN, ""
        if info and estimate:
            value = table.number(info, estimate.value)
            bounds = table.interval(info, estimate).replace(table.UNKNOWN, "")
        cells[model, head] = Cell(value, bounds, one.complete)
        count = estimate.samples if estimate else 0
        line = f"{head}, {model}: n = {count}, coverage {table.covered(one)}"
        said.append(line if one.complete else f"{line}, incomplete")
    return Grid(tuple(dict.fromkeys(models)), tuple(dict.fromkeys(heads)), cells, tuple(said))


def headline(scores: Scores) -> tuple[MetricInfo | None, Estimate | None]:
    """Return the primary metric and its overall figure, None for what a run has not."""
    info = next((one for one in scores.metrics if one.name == scores.primary), None)
    found = (one for one in scores.estimates if one.metric == scores.primary and not one.slice)
    return info, next(found, None)


def latex(scores: Sequence[Scores]) -> str:
    """Return a `tabular` (package booktabs) of models by tasks, in a `table` with the note as its last lines."""
    grid = grid_of(scores)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{l{'r' * len(grid.tasks)}}}",
        r"\toprule",
        " & ".join(("Model", *map(latex_text, grid.tasks))) + r" \\",
        r"\midrule",
    ]
    for model in grid.models:
        cells = [_latex_cell(grid.cells.get((model, task))) for task in grid.tasks]
        lines.append(" & ".join((latex_text(model), *cells)) + r" \\")
    notes = [f"{latex_text(line)}." for line in grid.notes]
    lines += [
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip\footnotesize",
        r"Value with 95\,\% interval; $^{\dagger}$: incomplete run.",
        *notes,
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_cell(cell: Cell | None) -> str:
    if cell is None:
        return "---"
    mark = "" if cell.complete else r"$^{\dagger}$"
    bounds = rf" {{\scriptsize ({latex_text(cell.interval)})}}" if cell.interval else ""
    return f"{latex_text(cell.value)}{mark}{bounds}"


def latex_text(text: str) -> str:
    """Return `text` as LaTeX that prints it: no character of it is a command, and no line break ends a paragraph."""
    return "".join(LATEX.get(character, character) for character in " ".join(text.split()))


def markdown(scores: Sequence[Scores]) -> str:
    """Return a Markdown table of models by tasks, and the notes as a list below it."""
    grid = grid_of(scores)
    lines = [("Model", *grid.tasks)]
    lines += [(model, *(_markdown_cell(grid.cells.get((model, task))) for task in grid.tasks)) for model in grid.models]
    head, *body = [f"| {' | '.join(map(table.escaped, line))} |" for line in lines]
    rule = f"| --- |{' ---: |' * len(grid.tasks)}"
    notes = [f"- {table.escaped(line)}" for line in grid.notes]
    said = f"Value with 95 % interval; {INCOMPLETE}: incomplete run."
    return "\n".join((head, rule, *body, "", said, "", *notes)) + "\n"


def _markdown_cell(cell: Cell | None) -> str:
    if cell is None:
        return table.UNKNOWN
    return f"{cell.value}{'' if cell.complete else INCOMPLETE}{f' ({cell.interval})' if cell.interval else ''}"


def model_index(runs: Sequence[tuple[Manifest, Scores]]) -> str:
    """Return the `model-index` block of a model card as YAML: an entry a model, a result a run, all overall metrics.

    Values are on the metric's scale; `args` holds interval, n, clusters, coverage (0..1) and signature of each. A run
    without a figure has no result.
    """
    names = labels([scores for _, scores in runs])
    lines = ["model-index:"]
    for model in dict.fromkeys(names):
        results = [run for run, name in zip(runs, names, strict=True) if name == model and run[1].estimates]
        lines += [f"- name: {yaml_text(model)}", "  results:" if results else "  results: []"]
        for manifest, scores in results:
            lines += _result(manifest, scores)
    return "\n".join(lines) + "\n"


def _result(manifest: Manifest, scores: Scores) -> Iterator[str]:
    task, dataset = manifest.task, manifest.origin.dataset
    kind = TASK_TYPES.get(task.kind, QUESTIONS)
    yield from ("  - task:", f"      type: {kind}", f"      name: {yaml_text(kind.replace('-', ' ').capitalize())}")
    yield "    dataset:"
    yield f"      type: {yaml_text(dataset if _HUB_ID.fullmatch(dataset) else task.benchmark)}"
    yield f"      name: {yaml_text(task.title or task.name)}"
    yield f"      split: {yaml_text(task.split)}"
    if manifest.origin.revision:
        yield f"      revision: {yaml_text(manifest.origin.revision)}"
    yield "    metrics:"
    for info, estimate in table.figures(scores, slices=False):
        if estimate is not None and not estimate.slice:
            yield from _metric(info, estimate, scores)


def _metric(info: MetricInfo, estimate: Estimate, scores: Scores) -> Iterator[str]:
    ways = f", {scores.asked.removeprefix(scores.task).strip(' ()')}" if scores.asked != scores.task else ""
    name = f"{info.title or info.name}{ways}{'' if scores.complete else ' (incomplete run)'}"
    yield f"    - type: {yaml_text(info.name)}"
    yield f"      value: {yaml_number(estimate.value * info.scale)}"
    yield f"      name: {yaml_text(name)}"
    yield "      args:"
    for key, bound in (("low", estimate.low), ("high", estimate.high)):
        if bound is not None:
            yield f"        {key}: {yaml_number(bound * info.scale)}"
    yield f"        samples: {estimate.samples}"
    yield f"        clusters: {estimate.clusters}"
    yield f"        coverage: {yaml_number(estimate.samples / max(1, scores.coverage.samples))}"
    yield f"        signature: {yaml_text(estimate.signature)}"


def yaml_text(text: str) -> str:
    """Return `text` as a double-quoted scalar of YAML 1.2 on one line: JSON, and escapes for what YAML cannot show."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def yaml_number(value: float) -> str:
    """Return a number that YAML 1.1 and 1.2 read as one: no exponent, at most six decimals."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
