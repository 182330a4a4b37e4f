"""What command-line values mean: `key=value` lists, task files, model options."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vlmeval.errors import ConfigError

Scalar = str | int | float | bool


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
