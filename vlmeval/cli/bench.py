"""`vlmeval bench`: how fast a model is here, by batch size and image size."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from vlmeval.cli import options
from vlmeval.errors import ConfigError, ModelError, VlmevalError
from vlmeval.jsonio import write_json
from vlmeval.models.spec import open_model
from vlmeval.run.bench import Call, Cell, measure
from vlmeval.run.blame import checked, place_of
from vlmeval.store.surroundings import surroundings
from vlmeval.types import Failure, Generator, Model, Outcome, Request


@click.command("bench")
@click.option("--model", "name", required=True, metavar="NAME", help="Model to measure: see `vlmeval models`.")
@click.option("--model-args", multiple=True, metavar="K=V,...", help="Settings of the model.")
@click.option("--base-url", help="Address of an OpenAI-compatible server.")
@options.placement_options
@click.option("--batch-sizes", default="1,4,16", show_default=True, metavar="N,...", help="Prompts in one call.")
@click.option(
    "--image-sizes", default="336,672", show_default=True, metavar="PIXELS,...", help="Sides of the pictures; 0: none."
)
@click.option("--max-tokens", type=click.IntRange(1), default=32, show_default=True, help="Longest reply, in tokens.")
@click.option("--calls", type=click.IntRange(1), default=3, show_default=True, help="Calls that count, per cell.")
@click.option("--json", "out", type=click.Path(path_type=Path, dir_okay=False), help="Also write the figures here.")
def command(
    name: str,
    model_args: tuple[str, ...],
    batch_sizes: str,
    image_sizes: str,
    max_tokens: int,
    calls: int,
    out: Path | None,
    **given: str | None,
) -> int:
    """Measure latency and throughput of a model by batch size and image size, on made-up pictures.

    Times hold for this machine and what else runs on it; memory is the peak of the process and of its GPUs.
    Exit status: 0 every cell was measured, 1 some failed, 3 none was.
    """
    batches, sides = numbers(batch_sizes, "--batch-sizes", least=1), numbers(image_sizes, "--image-sizes", least=0)
    settings = options.pairs(model_args, option="--model-args")
    settings.update({key: value for key, value in given.items() if value})
    with closing(open_model(name, settings)) as model:
        cells = list(
            measure(
                caller(model), batches, sides, resize=partial(options.resize, model), tokens=max_tokens, calls=calls
            )
        )
        recipe = model.recipe()
        console = Console()
        console.print(table(model.name, cells), soft_wrap=True)
        for cell in cells:
            if cell.error:
                click.echo(f"batch {cell.batch}, {cell.side} px: {cell.error}", err=True)
        if out is not None:
            write_json(out, {"model": model.name, "recipe": recipe, "machine": surroundings(), "cells": rows(cells)})
            click.echo(f"figures  {out}")
    measured = sum(not cell.error for cell in cells)
    return 0 if measured == len(cells) else 1 if measured else 3


def numbers(text: str, option: str, *, least: int) -> list[int]:
    """Return the numbers of a comma-separated list, each once. Raises ConfigError for anything else."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found or not all(part.isdecimal() and int(part) >= least for part in found):
        raise ConfigError(f'{option} "{text}": expected whole numbers from {least}, separated by commas')
    return sorted({int(part) for part in found})


def caller(model: Model) -> Call:
    """Return the model's `generate`, its own errors as failures of all rows. Raises ConfigError where it has none."""
    if not isinstance(model, Generator):
        raise ConfigError(f"model {model.name} does not answer in text; bench measures models that do")

    def call(requests: Sequence[Request]) -> Sequence[Outcome]:
        try:
            return checked(model.generate(requests), requests)
        except VlmevalError as error:
            return [Failure("crash", str(error))] * len(requests)
        except Exception as error:  # a model's code may raise anything; its place is what helps
            raise ModelError(f"{type(error).__name__} at {place_of(error)}: {error}") from error

    return call


def table(name: str, cells: Sequence[Cell]) -> Table:
    """Return the figures, a row a cell."""
    heads = ("batch", "px", "s a call", "to first", "samples/s", "tokens/s", "prompt", "host", "device")
    found = Table(title=f"{name}: medians of {max(cell.calls for cell in cells)} calls", box=None, title_justify="left")
    for head in heads:
        found.add_column(head, justify="right", no_wrap=True)
    for cell in cells:
        figures = (
            shown(cell.seconds, 3),
            shown(cell.first_token_seconds, 3),
            shown(cell.samples_per_second, 2),
            shown(cell.output_tokens_per_second, 1),
            shown(cell.prompt_tokens, 0),
            mebibytes(cell.host_peak_bytes),
            mebibytes(cell.device_peak_bytes),
        )
        found.add_row(str(cell.batch), str(cell.side), *figures)
    return found


def rows(cells: Sequence[Cell]) -> list[dict[str, object]]:
    """Return the figures as JSON objects; what was not measured is null."""
    found: list[dict[str, object]] = msgspec.to_builtins(list(cells))
    return found


def shown(value: float | None, digits: int) -> str:
    """Return a number, "-" for one that is absent."""
    return "-" if value is None else f"{value:,.{digits}f}"


def mebibytes(count: int | None) -> str:
    """Return bytes as MiB."""
    return "-" if count is None else f"{count / 2**20:,.0f} MiB"
