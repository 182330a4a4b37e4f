"""From what a person types to a model: an alias, a scheme (`hf:ORG/NAME`), or their own class (`my.py:MyModel`)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from vlmeval.errors import ConfigError
from vlmeval.models.aliases import Alias, find_alias, spellings
from vlmeval.models.custom import open_custom
from vlmeval.models.names import slug
from vlmeval.models.options import Scalar
from vlmeval.registry import MODELS, did_you_mean
from vlmeval.types import Model

_Factory = Callable[[str, Mapping[str, Scalar]], Model]
_EXTRAS = {"hf": ("torch", "transformers", "accelerate"), "vllm": ("vllm",), "ray": ("ray",)}
_ANSWERS = (".jsonl", ".json", ".csv", ".tsv", ".xlsx")


def open_model(name: str, options: Mapping[str, Scalar]) -> Model:
    """Return the model that `name` means, ready to be asked.

    An alias' own options hold where `options` has none of the same name. Raises ConfigError for an unknown name (with
    the nearest), an unknown option, or code on the hub that nobody has agreed to run.
    """
    alias = find_alias(name)
    if alias is not None:
        _check_remote_code(alias, options)
        model = _open(alias.target, {**alias.options, **options})
        model.name = slug(alias.name)
        return model
    return _open(name, options)


def _open(name: str, options: Mapping[str, Scalar]) -> Model:
    file, colon, class_name = name.rpartition(":")
    if file.endswith(".py") and colon:
        return open_custom(file, class_name, options)
    scheme, _, target = name.partition(":")
    if scheme not in MODELS:
        raise ConfigError(f'unknown model "{name}"{_way_out(name)}')
    model: Model = _factory(scheme)(target, options)
    model.name = slug(model.name)
    return model


def _factory(scheme: str) -> _Factory:
    """Return what opens models of `scheme`. A missing package is named with the command that installs it."""
    try:
        factory: _Factory = MODELS.load(scheme)
    except ConfigError as error:
        missing = getattr(error.__cause__, "name", None)
        for extra, packages in _EXTRAS.items():
            if missing in packages:
                raise ConfigError(f"{scheme}: needs {missing}: pip install 'vlmeval[{extra}]'") from error
        raise
    return factory


def _check_remote_code(alias: Alias, options: Mapping[str, Scalar]) -> None:
    if not alias.remote_code or options.get("trust_remote_code") is True:
        return
    hub = alias.target.partition(":")[2]
    raise ConfigError(
        f'"{alias.name}" runs Python code from its repository ({hub}), which vlmeval does not do unasked.\n'
        f"  Read that code, then add --model-args trust_remote_code=true; or let a server run it:\n"
        f"  vllm serve {hub} --trust-remote-code, and --model openai:{hub} --base-url http://127.0.0.1:8000/v1"
    )


def _way_out(name: str) -> str:
    """Return what the person may have meant."""
    path = Path(name).expanduser()
    if name.endswith(".py"):
        return f": name its class too, {name}:MyModel"
    if path.suffix.lower() in _ANSWERS or (path / "outputs.jsonl").is_file():
        return f"; did you mean replay:{name}?"
    if (path / "config.json").is_file():
        return f"; did you mean hf:{name}?"
    near = did_you_mean(name, [*spellings(), *MODELS.names()])
    if near:
        return near
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not os.path.exists(name):
        return f"; did you mean hf:{name}?"
    return "; expected an alias (`vlmeval models` lists them), hf:ORG/NAME, openai:NAME, replay:FILE or my.py:MyModel"
