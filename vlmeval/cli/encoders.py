"""The encoder of a command line, for CLIPScore: which model, and the step in which it embeds captions."""

from __future__ import annotations

from collections.abc import Sequence

import click

from vlmeval.cli import options
from vlmeval.cli.options import CommandT
from vlmeval.errors import ConfigError
from vlmeval.models.spec import open_model
from vlmeval.run.settings import RunSettings
from vlmeval.store.layout import RunFolder
from vlmeval.store.manifest import read_manifest
from vlmeval.types import Embedder, Model

_OPTIONS = (
    click.option(
        "--clipscore", metavar="NAME", help="Captions: CLIPScore and RefCLIPScore with this encoder, clip:ORG/NAME."
    ),
    click.option("--clipscore-args", multiple=True, metavar="K=V,...", help="Settings of that encoder."),
)


def encoder_options(command: CommandT) -> CommandT:
    """Give a command the options of an encoder."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked_encoder(name: str, arguments: Sequence[str], kinds: Sequence[str]) -> Model:
    """Return the encoder, before anything is asked; `kinds` are those of the tasks.

    Raises ConfigError for a model without vectors, and where there is no caption.
    """
    if "caption" not in kinds:
        raise ConfigError("--clipscore is for captions, and none of these is a task of captions; leave it out")
    encoder = open_model(name, options.pairs(arguments, option="--clipscore-args"))
    if not isinstance(encoder, Embedder):
        raise ConfigError(
            f'--clipscore "{name}": this model embeds nothing; name a dual encoder, such as clip:ORG/NAME'
        )
    return encoder


def embed(folder: RunFolder, encoder: Model, settings: RunSettings, *, aside: bool = False) -> None:
    """Have the captions of a run embedded and say so; a run of another kind is passed over.

    `aside` says it on standard error.
    """
    task = read_manifest(folder).task
    if task.kind != "caption":
        return
    from vlmeval.run.clipscore import embed_captions  # numpy: only where vectors are asked for

    click.echo(f"encoder  {task.name}: {embed_captions(folder, encoder, settings).line()}", err=aside)
