"""What command-line values mean: `key=value` lists, task files, model options."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, Protocol, TypeVar, runtime_checkable

import click

from vlmeval.errors import ConfigError
from vlmeval.kinds.modes import MODES

Scalar = str | int | float | bool
CommandT = TypeVar("CommandT", bound=Callable[..., object])
PLACEMENT = ("dtype", "device", "quantize", "device_map")
_PLACEMENT = (
    click.option("--dtype", help="bfloat16, float16, float32 or auto (hf, vllm); default bfloat16 on a GPU."),
    click.option("--device", help="cpu, cuda, cuda:1, ... (hf)."),
    click.option(
        "--quantize", help="4bit or 8bit by bitsandbytes (hf), or a method of vllm; GPTQ and AWQ need nothing."
    ),
    click.option("--device-map", help="auto spreads the weights over all GPUs (hf); vllm: tensor_parallel_size=N."),
)
_RECIPE = (
    click.option(
        "--prompt", metavar="STYLE", help="Prompt style: official, vlmevalkit, lmms, llava, or the task's own."
    ),
    click.option("--mode", type=click.Choice(MODES), help="Ask for text, or weigh letters or wordings."),
    click.option("--stop-early", is_flag=True, help="CircularEval: skip the rotations left once one is wrong."),
    click.option(
        "--epochs", type=click.IntRange(1), help="Ask everything so often; adds pass@k and the majority's accuracy."
    ),
    click.option(
        "--policy", type=click.Choice(["honest", "official"]), help="Unparsed replies: a state, or the official guess."
    ),
    click.option(
        "--scorer", metavar="NAME", help="Score as another program does (vlmevalkit, lmms, ...), beside the default."
    ),
    click.option("--max-tokens", type=click.IntRange(1), help="Longest reply, in tokens; part of the recipe."),
    click.option("--temperature", type=click.FloatRange(0), help="Sampling temperature; part of the recipe."),
    click.option("--seed", type=int, help="Seed of sampling, for models that take one; part of the recipe."),
)


def recipe_options(command: CommandT) -> CommandT:
    """Give a command the options that change a task's definition: what is in the signature."""
    for option in reversed(_RECIPE):
        command = option(command)
    return command


def placement_options(command: CommandT) -> CommandT:
    """Give a command the options that say how the weights of a local model are held; they are named in PLACEMENT."""
    for option in reversed(_PLACEMENT):
        command = option(command)
    return command


def batch_size(text: str | None) -> int | Literal["auto"] | None:
    """Return what `--batch-size` says. Raises ConfigError for neither a positive number nor "auto"."""
    if text is None or text == "auto":
        return "auto" if text else None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f'--batch-size "{text}": expected a positive number, or auto')
    return int(text)


@runtime_checkable
class Resizable(Protocol):
    """A model that forms its batches itself."""

    def resize(self, batch: int | Literal["auto"]) -> None:
        """Take so many prompts at once, or as many as memory allows."""
        ...


def resize(model: object, batch: int | Literal["auto"] | None) -> None:
    """Tell a model that forms its batches itself how large they are to be; to others the engine gives no more."""
    if batch is not None and isinstance(model, Resizable):
        model.resize(batch)


def names(values: Iterable[str]) -> list[str]:
    """Return the names in repeated, comma-separated option values, each once, in order."""
    return list(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))


def scalar(text: str) -> Scalar:
    """Return `text` as the bool, integer or number it spells, else as it is."""
    word = text.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return text


def pairs(values: Iterable[str], *, option: str) -> dict[str, Scalar]:
    """Return `key=value,key=value` as a mapping. Raises ConfigError that names the option."""
    found: dict[str, Scalar] = {}
    for value in values:
        for item in value.split(","):
            key, sign, text = item.partition("=")
            if not sign or not key.strip():
                raise ConfigError(f'{option} "{value}": expected key=value, separated by commas, not "{item}"')
            found[key.strip().replace("-", "_")] = scalar(text)
    return found


def task_files(values: Iterable[str]) -> dict[str, Path]:
    """Return `--data TASK=PATH` as task name to path. Raises ConfigError for a path that is not there."""
    found: dict[str, Path] = {}
    for value in values:
        task, sign, path = value.partition("=")
        if not sign:
            raise ConfigError(f'--data "{value}": expected TASK=PATH, such as --data mmbench=./MMBench_DEV_EN.tsv')
        if not Path(path).expanduser().exists():
            raise ConfigError(f"--data {task}: {path} does not exist")
        if task.strip() in found:
            raise ConfigError(f"--data {value}: {task} has {found[task.strip()]} already; give it one file")
        found[task.strip()] = Path(path).expanduser()
    return found


def offline(*, asked: bool) -> bool:
    """Tell whether `--offline` or HF_HUB_OFFLINE forbids the network; the libraries of the hub are told too."""
    if asked:
        os.environ["HF_HUB_OFFLINE"] = "1"
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
