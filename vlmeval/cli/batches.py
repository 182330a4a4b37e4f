"""`vlmeval doctor --batch-check N`: the rows whose answer is another in a batch of N than alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import click

from vlmeval.cli import options
from vlmeval.data.catalog import find_task
from vlmeval.data.samples import DataOptions, open_samples
from vlmeval.registry import KINDS
from vlmeval.run.batch_check import check_batches
from vlmeval.run.bench import random_picture
from vlmeval.run.calling import Caller
from vlmeval.types import Chooser, Generator, Model, Request, Sampling, TaskKind

SIDES = (64, 128, 96, 224)
QUESTION = "What do you see in picture {number}?"


@dataclass(frozen=True)
class Rows:
    """Where the rows come from: the first `limit` questions of a task, made-up ones where there is none."""

    task: str | None
    data_dir: Path | None
    limit: int

    def requests(self, model: Model) -> list[Request]:
        """Return the requests, all variants of each question."""
        if self.task is None:
            return made_up(model, self.limit)
        task = find_task(self.task, ())
        kind: TaskKind = KINDS.load(task.kind)(task)
        with open_samples(task, DataOptions(data_dir=self.data_dir, limit=self.limit)) as samples:
            return [request.keyed() for sample in samples for request in kind.requests(sample)]


def made_up(model: Model, count: int) -> list[Request]:
    """Return questions of many lengths, two a picture, of four sizes; a chooser weighs options in a quarter of them."""
    found: list[Request] = []
    for number in range(count):
        picture = random_picture(SIDES[number // 2 % len(SIDES)], seed=number // 2)
        text = QUESTION.format(number=number) + " Look closely." * (number % 5)
        chosen = isinstance(model, Chooser) and (4 * number >= 3 * count or not isinstance(model, Generator))
        found.append(
            Request(
                f"row{number}",
                "",
                (picture, text),
                Sampling(temperature=0.0, max_tokens=16),
                options=("A", "B", "a cat", "nothing") if chosen else (),
            ).keyed()
        )
    return found


def compare_batches(model: Model, rows: Rows, batch: int) -> int:
    """Ask the rows both ways and print those that differ. Returns 0 where none does, else 1."""
    options.resize(model, batch)
    requests = rows.requests(model)
    caller = Caller(model, rows.task or "--batch-check")
    for request in itertools.islice(requests, 1):
        caller.check(request)
    found = check_batches(caller, requests, batch)
    moved = "" if found.largest is None else f"; log-likelihoods differ by at most {found.largest:.2g}"
    click.echo(f"\nbatches  {len(found.differences)} of {found.rows} rows differ alone and {batch} at once{moved}")
    for difference in found.differences:
        click.echo(f"    {difference.line()}")
    if found.differences:
        click.echo("    In bfloat16 or float16 a few are rounding (dtype=float32 tells); in float32 they are a fault.")
    return 1 if found.differences else 0
