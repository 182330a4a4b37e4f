"""Where a run is worked off, if not here.

`--shard`: processes that know nothing of each other. `--executor ray`: workers of one driver. `--executor batch`: a
provider's batch files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from vlmeval.cli.options import CommandT, Scalar
from vlmeval.data.blind import Blind, BlindSet
from vlmeval.data.samples import DataOptions, SampleSet
from vlmeval.data.task import Task
from vlmeval.errors import ConfigError
from vlmeval.models.spec import open_model
from vlmeval.run.filed import filed_model
from vlmeval.run.ray_cluster import RaySettings
from vlmeval.run.ray_model import Placed, RayModel, open_ray_model
from vlmeval.run.ray_worker import ModelSpec, Reading
from vlmeval.run.shards import ShardSet, asked_shard
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.types import Model

Samples = SampleSet | BlindSet | Placed | ShardSet
_RAY = ("ray_address", "ray_workers", "ray_gpus", "ray_cpus")
_OPTIONS = (
    click.option(
        "--shard",
        metavar="I/N|auto",
        help="Only part I of N of the samples, for `vlmeval merge`; auto: by torchrun or a Slurm array.",
    ),
    click.option(
        "--executor",
        type=click.Choice(["local", "ray", "batch"]),
        default="local",
        show_default=True,
        help="Where the model runs: here, in workers of a Ray cluster, or in a provider's batch files (half price).",
    ),
    click.option("--ray-address", metavar="ADDR", help="HOST:PORT, auto or local; default RAY_ADDRESS, else local."),
    click.option("--ray-workers", type=click.IntRange(1), help="Default: one a GPU, without GPUs one a node."),
    click.option("--ray-gpus", type=click.FloatRange(0), help="GPUs of a worker; default 1 where the cluster has any."),
    click.option(
        "--ray-cpus", type=click.FloatRange(0), default=1.0, show_default=True, help="Processors of a worker."
    ),
)


def machine_options(command: CommandT) -> CommandT:
    """Give a command the options of many machines."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_machines(given: dict[str, Any]) -> None:
    """Raise ConfigError for options that contradict each other, and put what `--shard auto` stands for in its place."""
    if given["executor"] != "ray":
        asked = [name for name in _RAY if given[name] is not None and name != "ray_cpus"]
        if asked:
            raise ConfigError(f"--{asked[0].replace('_', '-')} goes with --executor ray; add it, or leave this out")
    if given["shard"]:
        index, count = asked_shard(given["shard"], os.environ)
        given["shard"] = f"{index}/{count}"


def machine_model(name: str, options: dict[str, Scalar], given: dict[str, Any], *, offline: bool) -> Model:
    """Return the model, opened here or in the workers of a Ray cluster."""
    if given["executor"] == "batch":
        return filed_model(open_model(name, options), say=lambda text: click.echo(f"vlmeval: {text}", err=True))
    if given["executor"] != "ray":
        return open_model(name, options)
    spec = ModelSpec(name, dict(options), str(Path.cwd()), offline)
    asked = RaySettings(
        address=given["ray_address"] or os.environ.get("RAY_ADDRESS") or "local",
        workers=given["ray_workers"],
        gpus=given["ray_gpus"],
        cpus=given["ray_cpus"],
        concurrency=given["concurrency"],
    )
    return open_ray_model(spec, asked, say=lambda text: click.echo(f"vlmeval: {text}", err=True))


def shown_samples(task: Task, samples: SampleSet, where: DataOptions, model: Model, given: dict[str, Any]) -> Samples:
    """Return the samples as they are asked here: blind or not, all or a shard of them, read by Ray's workers too."""
    mode: Blind | None = given["blind"]
    shown: SampleSet | BlindSet | Placed = BlindSet(samples, mode) if mode else samples
    if isinstance(model, RayModel):
        shown = model.reads(Reading(task, where, mode), shown)
    if not given["shard"]:
        return shown
    index, count = asked_shard(given["shard"], {})
    return ShardSet(shown, index, count, seen=samples)


def say_answers(task: Task, folder: RunFolder) -> None:
    """Say how many answers there are, and of a shard how it goes on."""
    manifest = read_manifest(folder)
    answers = manifest.counts.get("answered", 0)
    if manifest.shard is None:
        click.echo(f"{task.name}: {answers} answers in {folder.path}")
        return
    click.echo(
        f"{task.name}, shard {manifest.shard.title}: {answers} answers to {manifest.counts.get('expected', 0)} of "
        f"{manifest.shard.samples} samples in {folder.path}; once all shards have run: "
        f"vlmeval merge {folder.path.parent}"
    )
