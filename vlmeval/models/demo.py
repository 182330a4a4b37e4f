"""The models that come with vlmeval: a LLaVA and a CLIP of some hundred thousand weights, trained on rendered scenes.

They answer, weigh options and embed like any other model of transformers, on one CPU thread, so that a first run needs
no download, no GPU and no key. On tiny matrices further threads only wait for one another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from vlmeval.errors import ConfigError
from vlmeval.models.clip import DualEncoder, open_clip
from vlmeval.models.options import Scalar, read_options
from vlmeval.models.transformers import TransformersModel, open_transformers
from vlmeval.types import Failure, Output, Part, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGE = Path(__file__).resolve().parent.parent
PLACES = (PACKAGE / "_catalog" / "demo" / "models", PACKAGE.parent / "demo" / "models")


class DemoOptions(Struct, frozen=True, kw_only=True):
    """Options of `demo`. `max_tokens` is for requests that set none."""

    batch: int = 16
    max_tokens: int = 64


class DemoModel:
    """Generator, Chooser and Embedder over the two checkpoints of one folder."""

    concurrency = 1

    def __init__(self, name: str, folder: Path, options: DemoOptions) -> None:
        place: dict[str, Scalar] = {"device": "cpu", "dtype": "float32", "batch": options.batch}
        self.name = name
        self.batch = options.batch
        self.speaker: TransformersModel = open_transformers(
            str(folder / "vlm"), {**place, "max_tokens": options.max_tokens}
        )
        self.encoder: DualEncoder = open_clip(str(folder / "clip"), place)

    def recipe(self) -> dict[str, Any]:
        """Return the recipes of both checkpoints."""
        return {"wrapper": "demo", "vlm": self.speaker.recipe(), "clip": self.encoder.recipe()}

    def conditions(self) -> dict[str, Any]:
        """Return how the models were reached."""
        return {"device": "cpu", "threads": 1, "batch": self.batch}

    def close(self) -> None:
        """Free both models."""
        self.speaker.close()
        self.encoder.close()

    def render(self, request: Request) -> str:
        """Return the prompt as it goes to the tokenizer."""
        return self.speaker.render(request)

    def generate(self, requests: Sequence[Request]) -> list[Output | Failure]:
        """Return one outcome per request, in order."""
        with one_thread():
            return self.speaker.generate(requests)

    def choose(self, requests: Sequence[Request]) -> list[list[float]]:
        """Return the log-likelihood of each option, per request."""
        with one_thread():
            return self.speaker.choose(requests)

    def option_tokens(self, requests: Sequence[Request]) -> list[list[int]]:
        """Return over how many tokens the log-likelihood of each option is summed, per request."""
        return self.speaker.option_tokens(requests)

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        """Return unit vectors, shape (n, d)."""
        with one_thread():
            return self.encoder.embed(items)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, and as many as before afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def demo_folder(name: str, places: Sequence[Path] = PLACES) -> Path:
    """Return a demo model's folder, in an installed package or a checkout. Raises ConfigError for neither."""
    for place in places:
        if (place / name / "vlm" / "config.json").is_file():
            return place / name
    raise ConfigError(f"the model {name} is not here; looked in {' and '.join(str(place / name) for place in places)}")


def _open(name: str, target: str, options: Mapping[str, Scalar]) -> DemoModel:
    if target:
        raise ConfigError(f'"{name}:{target}": {name} is one model and takes nothing after a colon')
    return DemoModel(name, demo_folder(name), read_options(options, DemoOptions, where=f"model {name}"))


def open_demo(target: str, options: Mapping[str, Scalar]) -> DemoModel:
    """Return the model `demo`."""
    return _open("demo", target, options)


def open_demo_small(target: str, options: Mapping[str, Scalar]) -> DemoModel:
    """Return the model `demo-small`, trained less: something to compare with."""
    return _open("demo-small", target, options)
