"""`vlmeval doctor`: one prompt, one answer, what it cost, and what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any

import click

from vlmeval import __version__
from vlmeval.cli import options
from vlmeval.cli.batches import Rows, compare_batches
from vlmeval.cli.example import example_sample, prompt_text
from vlmeval.data.task import Task
from vlmeval.errors import ModelError, VlmevalError
from vlmeval.jsonio import encode
from vlmeval.models.spec import open_model
from vlmeval.registry import KINDS
from vlmeval.run.blame import checked, place_of
from vlmeval.types import Embedder, Generator, Model, Output, Request, Sampling, TaskKind

EXTRAS = {
    "torch": "hf", "transformers": "hf", "accelerate": "hf", "datasets": "hf",
    "vllm": "vllm", "ray": "ray", "starlette": "sbs",
}  # fmt: skip


@click.command("doctor")
@click.option("--model", "name", required=True, metavar="NAME", help="Model to try: see `vlmeval models`.")
@click.option("--model-args", multiple=True, metavar="K=V,...", help="Settings of the model.")
@click.option("--base-url", help="Address of an OpenAI-compatible server.")
@options.placement_options
@click.option("--batch-check", type=click.IntRange(2), metavar="N", help="Report rows that differ alone and N at once.")
@click.option("--task", metavar="NAME", help="Rows for --batch-check; default made-up questions.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder with its data files.")
@click.option("--limit", type=click.IntRange(1), default=32, show_default=True, help="So many rows for --batch-check.")
def command(
    name: str,
    model_args: tuple[str, ...],
    batch_check: int | None,
    task: str | None,
    data_dir: Path | None,
    limit: int,
    **given: str | None,
) -> int:
    """Load a model, render one prompt, ask it once, and say what it took and what is missing.

    With --batch-check also ask rows one by one and N at once. Exit status: 0 sound, 1 no answer or rows that differ.
    """
    for line in installed():
        click.echo(line)
    settings = options.pairs(model_args, option="--model-args")
    settings.update({key: value for key, value in given.items() if value})
    started = time.perf_counter()
    model = open_model(name, settings)
    try:
        recipe = model.recipe()
        click.echo(f"\nmodel    {model.name}, ready in {time.perf_counter() - started:.1f} s")
        for key, value in recipe.items():
            text = value if isinstance(value, str) else encode(value).decode()
            click.echo(f"  {key:<18} {text if len(text) <= 200 else text[:200] + ' ...'}")
        status = try_out(model)
        if batch_check and status == 0:
            rows = Rows(task, data_dir, limit)
            status = compare_batches(model, rows, batch_check)
        return status
    finally:
        model.close()


def installed() -> list[str]:
    """Return lines on the platform and on optional packages, with the command that installs a missing one."""
    lines = [f"vlmeval {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"]
    for package, extra in EXTRAS.items():
        if importlib.util.find_spec(package) is None:
            lines.append(f"  {package:<13} not installed: pip install 'vlmeval[{extra}]'")
        else:
            lines.append(f"  {package:<13} {importlib.metadata.version(package)}")
    return lines


def try_out(model: Model) -> int:
    """Ask one question and print prompt, answer, time and memory. Returns 0 where an answer came."""
    if isinstance(model, Generator):
        request = trial_request()
        render: Any = getattr(model, "render", None)
        click.echo("\nprompt   as the model gets it:" if render else "\nprompt   as sent:")
        for line in (render(request) if render else prompt_text(request.parts)).splitlines():
            click.echo(f"    {line}")
        started = time.perf_counter()
        try:
            outcome = checked(model.generate([request]), [request])[0]
        except VlmevalError as error:
            click.echo(f"\nno answer: {error}", err=True)
            return 1
        except Exception as error:  # a model's code may raise anything; its place is what helps
            raise ModelError(f"no answer: {type(error).__name__} at {place_of(error)}: {error}") from error
        seconds = time.perf_counter() - started
        if not isinstance(outcome, Output):
            click.echo(f"\nno answer: {outcome.kind}: {outcome.message}", err=True)
            return 1
        tokens = f", {outcome.output_tokens} tokens" if outcome.output_tokens is not None else ""
        click.echo(f"\nanswer   {outcome.text!r} (finish: {outcome.finish}{tokens})")
        click.echo(f"took     {seconds:.2f} s for the first request, loading included where the model loads late")
    elif isinstance(model, Embedder):
        vectors = model.embed([example_sample("retrieval").parts[0], "a blue square"])
        click.echo(f"\nvectors  {vectors.shape[1]} dimensions; picture against caption {vectors[0] @ vectors[1]:.3f}")
    click.echo(f"memory   {peak_memory()}")
    return 0


def trial_request() -> Request:
    """Return the multiple-choice prompt that most tasks use, on an example picture."""
    task = Task("doctor", "", "", "choice", (), "", prompt="official", sampling=Sampling(0, max_tokens=32))
    kind: TaskKind = KINDS.load("choice")(task)
    return kind.requests(example_sample("choice"))[0]


def peak_memory() -> str:
    """Return the peak memory of the process, and of the GPU where torch uses one."""
    unit = 1 if sys.platform == "darwin" else 1024
    text = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20:,.0f} MiB"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        text += f"; GPU {torch.cuda.max_memory_allocated() / 2**20:,.0f} MiB"
    return text
