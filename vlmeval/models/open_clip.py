"""Dual encoders of the open_clip package: `open_clip:ARCHITECTURE/PRETRAINED`, such as `open_clip:ViT-B-32/openai`.

PRETRAINED is a tag of `open_clip.list_pretrained()` or the path of a checkpoint; `open_clip:hf-hub:ORG/NAME` and
`open_clip:local-dir:PATH` are taken as open_clip takes them. mlfoundations/open_clip, README "Usage".
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from vlmeval.errors import ConfigError, DataError, ModelError, RejectedError
from vlmeval.models.batches import Batcher, free_memory
from vlmeval.models.names import slug
from vlmeval.models.options import Scalar, read_options
from vlmeval.models.packages import version
from vlmeval.models.unit import check_template, label, unit_rows, written
from vlmeval.types import Image, Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PATHS = ("hf-hub:", "local-dir:")


class OpenClipOptions(Struct, frozen=True):
    """Options of `open_clip:`. `precision` is open_clip's own; `template` has {text} where a text goes."""

    device: str = "auto"
    precision: Literal["fp32", "bf16", "fp16", "pure_bf16", "pure_fp16"] = "fp32"
    quickgelu: bool = False
    batch: int = 64
    lowercase: bool = False
    template: str = "{text}"
    cache_dir: str = ""


class OpenClipEncoder:
    """Embedder over one model of open_clip; its weights are loaded on first use."""

    def __init__(self, target: str, options: OpenClipOptions) -> None:
        where = f"model open_clip:{target}"
        check_template(options.template, where=where)
        if options.batch < 1:
            raise ConfigError(f"{where}: batch must be at least 1")
        self.architecture, self.pretrained = split_target(target)
        self.name = slug(target)
        self.options = options
        self.truncated_texts = 0
        self._batcher = Batcher(options.batch)
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any, Any] | None = None

    @property
    def batch(self) -> int:
        """How many items go through the model at once; less than asked for after memory ran out."""
        return self._batcher.size

    @property
    def device(self) -> str:
        """Where the model runs."""
        import torch

        if self.options.device != "auto":
            return self.options.device
        return "cuda:0" if torch.cuda.is_available() else "cpu"

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """(model, image transform, tokenizer). Raises ConfigError for a name or a file that open_clip does not take."""
        if self._loaded is None:
            open_clip = importlib.import_module("open_clip")

            try:
                model, _, transform = open_clip.create_model_and_transforms(
                    self.architecture,
                    pretrained=self.pretrained or None,
                    precision=self.options.precision,
                    device=self.device,
                    force_quick_gelu=self.options.quickgelu,
                    cache_dir=self.options.cache_dir or None,
                )
                tokenizer = open_clip.get_tokenizer(self.architecture)
            except (OSError, RuntimeError, ValueError, KeyError, AttributeError) as error:
                raise ConfigError(f"open_clip:{self.architecture}/{self.pretrained}: {error}") from error
            self._loaded = model.eval(), transform, tokenizer
        return self._loaded

    def recipe(self) -> dict[str, Any]:
        """Return what defines the vectors."""
        _, transform, tokenizer = self.parts
        return {
            "wrapper": "open_clip",
            "architecture": self.architecture,
            "pretrained": self.pretrained.rpartition("/")[2],
            "pretrained_sha256": file_sha256(self.pretrained),
            "precision": self.options.precision,
            "quickgelu": self.options.quickgelu,
            "preprocessing": " ".join(str(transform).split()),
            "text": {
                "tokenizer": type(tokenizer).__name__,
                "max_length": int(tokenizer.context_length),
                "lowercase": self.options.lowercase,
                "template": self.options.template,
            },
            "open_clip": version("open_clip_torch"),
            "torch": version("torch"),
        }

    def conditions(self) -> dict[str, Any]:
        """Return how the model was reached, and how many texts were cut."""
        return {"device": self.device, "truncated_texts": self.truncated_texts, **self._batcher.conditions()}

    def close(self) -> None:
        """Free the weights; the next call loads them again."""
        with self._lock:
            self._loaded = None
            free_memory()

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        """Return unit vectors, shape (n, d), in the order of `items`.

        Raises RejectedError for an image that cannot be read, ModelError for a vector that is not finite or zero.
        """
        rows: list[Any] = [None] * len(items)
        with self._lock:
            for kind, encode in ((str, self._encode_texts), (Image, self._encode_images)):
                places = [place for place, item in enumerate(items) if isinstance(item, kind)]
                vectors = self._batcher.run([items[place] for place in places], encode, _never_fits)
                for place, vector in zip(places, vectors, strict=True):
                    rows[place] = vector
        return unit_rows(rows, items, name=self.name)

    def _encode_texts(self, texts: Sequence[Any]) -> list[Any]:
        import torch

        model, _, tokenizer = self.parts
        options = self.options
        whole = [written(text, template=options.template, lowercase=options.lowercase) for text in texts]
        length = int(tokenizer.context_length)
        pad = getattr(getattr(tokenizer, "tokenizer", None), "pad_token_id", 0) or 0
        longer = tokenizer(whole, context_length=length + 1)
        self.truncated_texts += int((longer[:, length] != pad).sum())
        with torch.inference_mode():
            return list(model.encode_text(tokenizer(whole).to(self.device)).float().cpu().numpy())

    def _encode_images(self, images: Sequence[Any]) -> list[Any]:
        import torch

        model, transform, _ = self.parts
        try:
            pixels = torch.stack([transform(image.open()) for image in images])
        except (DataError, ValueError) as error:
            raise RejectedError(f"{self.name}: {error}") from error
        dtype = next(model.parameters()).dtype if self.options.precision.startswith("pure") else None
        if self.options.precision in ("fp16", "bf16"):
            dtype = torch.float16 if self.options.precision == "fp16" else torch.bfloat16
        with torch.inference_mode():
            return list(model.encode_image(pixels.to(self.device, dtype)).float().cpu().numpy())


def _never_fits(item: Part, reason: str) -> Any:
    raise ModelError(f"{label(item)}: out of memory even alone: {reason}")


def file_sha256(pretrained: str) -> str:
    """Return the digest of a checkpoint file; "" for a tag, whose weights open_clip checks itself."""
    path = Path(pretrained).expanduser()
    if not pretrained or not path.is_file():
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def split_target(target: str) -> tuple[str, str]:
    """Return (architecture, pretrained) of "ViT-B-32/openai". Raises ConfigError where weights would be random."""
    if target.startswith(PATHS):
        return target, ""
    architecture, _, pretrained = target.partition("/")
    if not architecture or not pretrained:
        raise ConfigError(
            f"open_clip:{target}: expected ARCHITECTURE/PRETRAINED, such as open_clip:ViT-B-32/openai, or "
            "open_clip:hf-hub:ORG/NAME; without weights the vectors would be random"
        )
    return architecture, pretrained


def open_open_clip(target: str, options: Mapping[str, Scalar]) -> OpenClipEncoder:
    """Return the model `open_clip:TARGET`. Raises ConfigError for what cannot be used."""
    if "open_clip" not in sys.modules and importlib.util.find_spec("open_clip") is None:
        raise ConfigError("open_clip: needs the package open_clip: pip install 'vlmeval[open_clip]'")
    return OpenClipEncoder(target, read_options(options, OpenClipOptions, where=f"model open_clip:{target}"))
