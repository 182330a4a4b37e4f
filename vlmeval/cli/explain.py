"""`vlmeval explain`: a heat map of what in its image a local model's reply rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vlmeval.cli import options
from vlmeval.errors import ConfigError
from vlmeval.models.aliases import find_alias
from vlmeval.models.names import slug
from vlmeval.models.spec import open_model
from vlmeval.registry import KINDS, MODELS, did_you_mean
from vlmeval.report.heatmap import write_map
from vlmeval.report.page import page_path, write_run_page
from vlmeval.score.assembly import samples_of
from vlmeval.store.explained import HeatMap
from vlmeval.store.images import ImageStore
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RunFolder, find_runs
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import Manifest
from vlmeval.types import Image, Model, Output, Request, Sample, TaskKind

if TYPE_CHECKING:
    from vlmeval.models.explain import Explanation

METHODS = ("gradient", "rollout", "attention")


@click.command("explain")
@click.argument("run", type=click.Path(path_type=Path, exists=True))
@click.argument("sample")
@click.option("--variant", help="Which request of the sample: rot1, epoch2, ...; default the first.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="gradient",
    show_default=True,
    help="Attention weighed by its gradient, attention rolled out, or plain attention (least memory).",
)
@click.option("--model", "name", metavar="NAME", help="The model to look into; default that of the run's command.")
@click.option("--model-args", multiple=True, metavar="K=V,...", help="Settings of the model.")
@click.option("--dtype", help="bfloat16, float16, float32 or auto.")
@click.option("--device", help="cpu, cuda, cuda:1, ...")
@click.option(
    "-o", "--output", "reports", type=click.Path(path_type=Path), default=Path("reports"), show_default=True,
    help="Folder of reports: the run's page in it, where there is one, gets the map.",
)  # fmt: skip
def command(run: Path, sample: str, **given: Any) -> int:
    """Draw what in its image the reply to SAMPLE of RUN rests on, for a model that runs here (hf:, demo).

    Map, picture and page are written into explain/ of the run's folder.
    """
    folders = find_runs([run])
    if len(folders) != 1:
        raise ConfigError(f"{run}: {len(folders)} runs are below it; name one of them: {folders[0].path}, ...")
    folder = folders[0]
    manifest = read_manifest(folder)
    asked = find_sample(folder, sample)
    request, reply = find_request(folder, manifest, asked, given["variant"])
    settings = options.pairs(given["model_args"], option="--model-args")
    settings.update({key: given[key] for key in ("dtype", "device") if given[key]})
    name, from_command = model_of(manifest, given["name"])
    with closing(open_model(name, {**from_command, **settings})) as model:
        for line in unlike(model, manifest):
            click.echo(line, err=True)
        pages = explained(folder, model, asked, request, reply, given["method"])
    for page in pages:
        click.echo(f"map      {page}")
    if page_path(folder, given["reports"]).exists() and folder.samples.exists():
        click.echo(f"report   {write_run_page(folder, given['reports'])}")
    return 0


def find_sample(folder: RunFolder, name: str) -> Sample:
    """Return a sample of the run. Raises ConfigError with the nearest id for an unknown one."""
    samples = {sample.id: sample for sample in samples_of(folder)}
    if name not in samples:
        raise ConfigError(f'{folder.path}: no sample "{name}"{did_you_mean(name, samples)}; it has {len(samples)}')
    return samples[name]


def find_request(folder: RunFolder, manifest: Manifest, sample: Sample, variant: str | None) -> tuple[Request, str]:
    """Return a request of the sample as it is asked, its images readable, and what was replied to it.

    Raises ConfigError for an unknown variant, or one without a reply.
    """
    kind: TaskKind = KINDS.load(manifest.task.kind)(manifest.task)
    requests = {request.variant: request for request in kind.requests(sample)}
    if not requests:
        raise ConfigError(f"{manifest.task.name}: a task of kind {manifest.task.kind} asks no model for a reply")
    wanted = next(iter(requests)) if variant is None else variant
    if wanted not in requests:
        raise ConfigError(f'sample "{sample.id}": no request "{wanted}"; it has {", ".join(requests)}')
    request = requests[wanted]
    replies = [
        record.outcome.text
        for record in read_records(folder.outputs)
        if record.key == request.key and isinstance(record.outcome, Output)
    ]
    if not replies or not replies[-1].strip():
        raise ConfigError(f'sample "{sample.id}", request "{wanted}": no reply to explain is in {folder.outputs}')
    return request, replies[-1]


def model_of(manifest: Manifest, name: str | None) -> tuple[str, dict[str, options.Scalar]]:
    """Return the model to open and its settings.

    That is `name`, else the model of the run's command with the settings there, else the name of the run's model where
    that is one to open. Raises ConfigError where none of them tells.
    """
    if name is not None:
        return name, {}
    own = manifest.model_name
    models = options.names(flags(manifest.command, "--model"))
    known = [one for one in models if own in (one, slug(one), slug(one.partition(":")[2]))]
    chosen = models if len(models) == 1 else known
    if len(chosen) == 1:
        arguments = flags(manifest.command, "--model-args", "--model_args")
        return chosen[0], options.pairs(arguments, option="--model-args")
    if own in MODELS or find_alias(own) is not None:
        return own, {}
    raise ConfigError(
        f"{own}: the run does not tell how to open its model; name it with --model: "
        f"{', '.join(models) or 'hf:ORG/NAME, demo'}"
    )


def flags(command: Sequence[str], *names: str) -> list[str]:
    """Return the values of an option in a command line, "--option value" or "--option=value"."""
    found = [command[place + 1] for place, word in enumerate(command[:-1]) if word in names]
    return found + [word.partition("=")[2] for word in command if word.partition("=")[0] in names and "=" in word]


def unlike(model: Model, manifest: Manifest) -> list[str]:
    """Return a warning where the model is not as it was when it answered."""
    now = dict(flat("model", model.recipe()))
    keys = sorted(key for key, value in manifest.recipe.items() if key in now and now[key] != value)
    if not keys:
        return []
    return [
        f"vlmeval: warning: the model is not the run's: {', '.join(keys[:4])} differ{'s' if len(keys) == 1 else ''}"
    ]


def flat(prefix: str, value: Any) -> list[tuple[str, Any]]:
    """Return a nested recipe as flat keys, as run.json has them."""
    if isinstance(value, Mapping):
        return [pair for key, inner in value.items() for pair in flat(f"{prefix}.{key}", inner)]
    return [(prefix, value)]


def explained(folder: RunFolder, model: Model, sample: Sample, request: Request, reply: str, method: Any) -> list[Path]:
    """Write the maps of one request, an image each, and return their pages."""
    from vlmeval.models.explain import explain

    store = ImageStore(folder.results)
    parts = tuple(store.attach(part) if isinstance(part, Image) else part for part in request.parts)
    shown = Request(request.sample_id, request.variant, parts, request.sampling, request.system)
    found: Explanation = explain(model, shown, reply, method=method)
    pages = []
    for place, (one, image) in enumerate(zip(found.maps, shown.images, strict=True)):
        weights = tuple(tuple(round(float(weight), 7) for weight in row) for row in one.weights)
        entry = HeatMap(
            sample_id=sample.id,
            variant=request.variant,
            image=image.sha256,
            place=place,
            method=found.method,
            of="the relevance of the prompt" if method == "gradient" else "the attention to the prompt",
            share=round(one.share, 6),
            weights=weights,
            region=one.region,
            model=model.name,
            reply=reply,
            word=found.words,
        )
        pages.append(write_map(folder, entry, sample, image))
    return pages
