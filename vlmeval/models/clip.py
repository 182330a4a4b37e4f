"""Dual encoders of transformers (CLIP, SigLIP, SigLIP 2, ALIGN, ...): images and texts to unit vectors.

Image processor and tokenizer are used by themselves: the defaults of a processor class replace what a checkpoint saved
(Siglip2Processor in transformers 5.23: patch size and number of patches).
Texts are padded as in training: SigLIP saw all its texts padded to full length without a mask (Zhai et al. 2023;
SigLIP 2, Tschannen et al. 2025, in lower case), the others padded and masked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vlmeval.errors import ConfigError, DataError, RejectedError
from vlmeval.models.batches import Batcher, free_memory
from vlmeval.models.checkpoint import Checkpoint, Placement
from vlmeval.models.options import Scalar, read_options
from vlmeval.models.packages import require_transformers, version
from vlmeval.models.processors import image_settings, processor_settings
from vlmeval.models.unit import check_template, label, unit_rows, written
from vlmeval.types import Image, Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREFIX = "processor_"
PADDED = ("siglip", "siglip2")
GEMMA_VOCABULARY = 256_000


class ClipOptions(Placement, frozen=True, kw_only=True):
    """Options of `clip:`. `lowercase` None means: as the model was trained. `template` has {text} where a text goes."""

    revision: str | None = None
    trust_remote_code: bool = False
    batch: int = 64
    lowercase: bool | None = None
    template: str = "{text}"


class DualEncoder:
    """Embedder over one checkpoint."""

    def __init__(self, checkpoint: Checkpoint, options: ClipOptions, settings: Mapping[str, Scalar]) -> None:
        import transformers

        where = f"model clip:{checkpoint.source}"
        if options.batch < 1:
            raise ConfigError(f"{where}: batch must be at least 1")
        check_template(options.template, where=where)
        options.resolved_device()
        self.name = checkpoint.name
        self.checkpoint = checkpoint
        self.options = options
        self.class_name = _model_class(checkpoint)
        location: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
        if options.revision:
            location["revision"] = options.revision
        try:
            self.images = transformers.AutoImageProcessor.from_pretrained(checkpoint.source, **location)
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint.source, **location)
        except (OSError, ValueError, ImportError) as error:
            raise checkpoint.explained(error) from error
        self.image_settings = image_settings(self.images, settings, where=where)
        self.truncated_texts = 0
        self._batcher = Batcher(options.batch)
        self._model: Any = None
        self._lock = threading.Lock()

    @property
    def batch(self) -> int:
        """How many items go through the model at once; less than asked for after memory ran out."""
        return self._batcher.size

    @property
    def model(self) -> Any:
        """The model, its weights loaded on first use."""
        if self._model is None:
            import transformers

            self._model = self.checkpoint.load(transformers.AutoModel, self.options)
        return self._model

    @property
    def _padded(self) -> bool:
        return self.checkpoint.config.model_type in PADDED

    @property
    def text_length(self) -> int:
        """The number of tokens of a text that the model sees; what is longer is cut, and counted."""
        text = self.checkpoint.config.text_config
        return int(min(self.tokenizer.model_max_length, text.max_position_embeddings))

    @property
    def lowercase(self) -> bool:
        """Whether texts are put in lower case, as SigLIP 2 was trained; its fixed-size checkpoints say "siglip"."""
        if self.options.lowercase is not None:
            return self.options.lowercase
        config = self.checkpoint.config
        gemma = bool(config.text_config.vocab_size == GEMMA_VOCABULARY)
        return config.model_type == "siglip2" or (config.model_type == "siglip" and gemma)

    def recipe(self) -> dict[str, Any]:
        """Return what defines the vectors; no weights are loaded, no path is in it."""
        return {
            "wrapper": "clip",
            "checkpoint": self.checkpoint.identity,
            "class": self.class_name,
            "dtype": self.options.resolved_dtype(self.checkpoint.config),
            "attention": self.options.attention,
            "quantize": self.options.quantize,
            "processor": processor_settings(self.images) | {"overridden": self.image_settings},
            "text": {
                "padding": "max_length" if self._padded else "longest",
                "max_length": self.text_length,
                "lowercase": self.lowercase,
                "template": self.options.template,
            },
            "transformers": version("transformers"),
            "torch": version("torch"),
        }

    def conditions(self) -> dict[str, Any]:
        """Return how the model was reached, and how many texts were cut."""
        return {
            "device": self.options.device_map or self.options.resolved_device(),
            "truncated_texts": self.truncated_texts,
            **self._batcher.conditions(),
        }

    def close(self) -> None:
        """Free the weights; the next call loads them again."""
        with self._lock:
            self._model = None
            free_memory()

    def embed(self, items: Sequence[Part]) -> NDArray[np.float32]:
        """Return unit vectors, shape (n, d), in the order of `items`; (0, 0) for none.

        Raises RejectedError for an image that cannot be read, ModelError for a vector that is not finite or zero.
        """
        rows: list[Any] = [None] * len(items)
        with self._lock:
            for kind, encode in ((str, self._encode_texts), (Image, self._encode_images)):
                indices = [index for index, item in enumerate(items) if isinstance(item, kind)]
                work = _batch_work(encode)
                vectors = self._batcher.run([items[index] for index in indices], work, _never_fits)
                for index, vector in zip(indices, vectors, strict=True):
                    rows[index] = vector
        return unit_rows(rows, items, name=self.name)

    def _encode_texts(self, texts: Sequence[Any]) -> Any:
        texts = [written(text, template=self.options.template, lowercase=self.lowercase) for text in texts]
        lengths = [len(ids) for ids in self.tokenizer(list(texts), verbose=False)["input_ids"]]
        self.truncated_texts += sum(length > self.text_length for length in lengths)
        inputs = self.tokenizer(
            list(texts),
            padding="max_length" if self._padded else True,
            truncation=True,
            max_length=self.text_length,
            return_tensors="pt",
        )
        if self._padded:
            inputs.pop("attention_mask", None)
        return self.model.get_text_features(**inputs.to(self.model.device))

    def _encode_images(self, images: Sequence[Any]) -> Any:
        try:
            pictures = [image.open() for image in images]
            inputs = self.images(pictures, return_tensors="pt", **self.image_settings)
        except (DataError, ValueError) as error:
            raise RejectedError(f"{self.name}: {error}") from error
        return self.model.get_image_features(**inputs.to(self.model.device, self.model.dtype))


def _batch_work(encode: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], list[Any]]:
    """Return `encode` as a function from items to float32 rows; an output object's vectors are its `pooler_output`."""

    def work(batch: Sequence[Any]) -> list[Any]:
        import torch

        with torch.inference_mode():
            features = encode(batch)
            vectors = features if isinstance(features, torch.Tensor) else features.pooler_output
            return list(vectors.float().cpu().numpy())

    return work


def _never_fits(item: Part, reason: str) -> Any:
    raise RejectedError(f"{label(item)}: out of memory even alone: {reason}")


def _model_class(checkpoint: Checkpoint) -> str:
    """Return the name of the class that embeds both images and texts. Raises ConfigError for any other model."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    config = checkpoint.config
    found = MODEL_MAPPING.get(type(config), None)
    cls = found[0] if isinstance(found, tuple) else found
    if cls is not None and hasattr(cls, "get_text_features") and hasattr(cls, "get_image_features"):
        return str(cls.__name__)
    if cls is None and "AutoModel" in (getattr(config, "auto_map", None) or {}):
        return str(config.auto_map["AutoModel"]).split(".")[-1]
    raise ConfigError(
        f"{checkpoint.source} is a {config.model_type} model, not a dual encoder of images and texts; "
        f"a model that answers in text is hf:{checkpoint.source}"
    )


def open_clip(target: str, options: Mapping[str, Scalar]) -> DualEncoder:
    """Return the model `clip:TARGET`: an id on the hub or a folder. Raises ConfigError for what cannot be used."""
    require_transformers()
    settings = {key.removeprefix(PREFIX): value for key, value in options.items() if key.startswith(PREFIX)}
    named = {key: value for key, value in options.items() if not key.startswith(PREFIX)}
    parsed = read_options(named, ClipOptions, where=f"model clip:{target}")
    checkpoint = Checkpoint(target, revision=parsed.revision, trust_remote_code=parsed.trust_remote_code)
    return DualEncoder(checkpoint, parsed, settings)
