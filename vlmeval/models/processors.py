"""Processors of transformers, with and without torchvision.

AutoProcessor refuses, where torchvision is missing, every class that can also read videos (Qwen-VL, SmolVLM, InternVL,
GLM-4V, LLaVA-OneVision, ...), and PixtralProcessor for one helper that has no use here. Images need no torchvision:
the same classes are built here without their video half, with transformers' own PIL image processors.
Seen in transformers 5.23.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from vlmeval.errors import ConfigError
from vlmeval.models.options import Scalar
from vlmeval.models.packages import installed
from vlmeval.registry import did_you_mean


class NoVideo(dict[str, Any]):
    """Stands where a video processor would: empty in a processor's JSON, with the numbers SmolVLM asks it for."""

    num_frames: int | None = None
    fps: int | None = None


def load_processor(source: str, config: Any, *, revision: str | None, trust_remote_code: bool) -> Any:
    """Return the processor of a checkpoint, its tokenizer able to pad. Raises what transformers raises."""
    import transformers

    location: dict[str, Any] = {"revision": revision} if revision else {}
    cls = None if installed("torchvision") else _class_without_torchvision(source, config, location)
    if cls is None:
        processor = transformers.AutoProcessor.from_pretrained(
            source, config=config, trust_remote_code=trust_remote_code, **location
        )
    else:
        processor = _assemble(cls, source, location)
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None or getattr(processor, "image_processor", None) is None:
        raise ConfigError(f"{source}: its processor ({type(processor).__name__}) does not take images and text")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    _complete(processor, config)
    return processor


def _complete(processor: Any, config: Any) -> None:
    """Fill in what processors saved before transformers 4.46 lack: how many tokens an image takes."""
    if getattr(processor, "patch_size", 0) is None:
        processor.patch_size = config.vision_config.patch_size
        processor.vision_feature_select_strategy = config.vision_feature_select_strategy
        processor.num_additional_image_tokens = int("clip" in config.vision_config.model_type)
    if getattr(processor, "num_query_tokens", 0) is None:
        processor.num_query_tokens = config.num_query_tokens


def _class_without_torchvision(source: str, config: Any, location: Mapping[str, Any]) -> Any:
    """Return the class to assemble where AutoProcessor would ask for torchvision, None where it would not."""
    import transformers

    name = _class_name(source, config, location)
    if name == "PixtralProcessor":
        return _pixtral_class()
    cls = getattr(transformers, name, None) if name else None
    if cls is None or getattr(cls, "is_dummy", False) or "video_processor" not in cls.get_attributes():
        return None

    class ImagesOnly(cls):  # type: ignore[misc, valid-type]
        """The class with a stand-in for its video processor."""

        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument_name == "video_processor":
                return type(argument)
            return super().check_argument_for_proper_class(argument_name, argument)

    ImagesOnly.__name__ = name
    return ImagesOnly


def _class_name(source: str, config: Any, location: Mapping[str, Any]) -> str:
    """Return the processor class a checkpoint names, else the one of its model type, else ""."""
    from transformers.image_processing_utils import ImageProcessingMixin
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
    from transformers.processing_utils import ProcessorMixin

    saved, _ = ProcessorMixin.get_processor_dict(source, **location)
    name = saved.get("processor_class")
    if not name:
        with contextlib.suppress(OSError):
            saved, _ = ImageProcessingMixin.get_image_processor_dict(source, **location)
            name = saved.get("processor_class")
    if not name and type(config) in PROCESSOR_MAPPING:
        name = PROCESSOR_MAPPING[type(config)].__name__
    return str(name or "")


def _assemble(cls: Any, source: str, location: Mapping[str, Any]) -> Any:
    """Return a processor of `cls` made of the checkpoint's own parts, a stand-in where the video processor goes."""
    import transformers

    tokenizers = transformers.PreTrainedTokenizerFast if "Pixtral" in cls.__name__ else transformers.AutoTokenizer
    makers: dict[str, Any] = {
        "image_processor": transformers.AutoImageProcessor,
        "tokenizer": tokenizers,
        "feature_extractor": transformers.AutoFeatureExtractor,
    }
    parts = []
    for name in cls.get_attributes():
        if name == "video_processor":
            parts.append(NoVideo())
        elif name in makers:
            parts.append(makers[name].from_pretrained(source, **location))
        else:
            raise ConfigError(f"{source}: {cls.__name__} also needs a {name}, which needs pip install torchvision")
    settings, _ = cls.get_processor_dict(source, **location)
    with _without_num2words(cls):
        return cls.from_args_and_dict(parts, settings)


@contextlib.contextmanager
def _without_num2words(cls: Any) -> Iterator[None]:
    """Let SmolVLM's processor be built without the package num2words, which spells the frame counts of videos only."""
    module = importlib.import_module(next(base for base in cls.__mro__ if base.__module__ != __name__).__module__)
    if getattr(module, "num2words", cls) is not None:
        yield
        return
    module.num2words = str  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.num2words = None  # type: ignore[attr-defined]


def _pixtral_class() -> Any:
    """Return a processor for Pixtral's images without torchvision.

    The prompt of an image is its rows of patches: [IMG] for each patch, [IMG_BREAK] after a row, [IMG_END] after the
    last; `spatial_merge_size` patches a side become one token (Mistral 3). As transformers' PixtralProcessor.
    """
    from transformers.processing_utils import ProcessorMixin

    class PixtralProcessor(ProcessorMixin):  # type: ignore[misc]
        """Images and text of Pixtral and Mistral 3."""

        def __init__(
            self,
            image_processor: Any = None,
            tokenizer: Any = None,
            patch_size: int = 16,
            spatial_merge_size: int = 1,
            chat_template: str | None = None,
            image_token: str = "[IMG]",  # noqa: S107
            image_break_token: str = "[IMG_BREAK]",  # noqa: S107
            image_end_token: str = "[IMG_END]",  # noqa: S107
        ) -> None:
            super().__init__(image_processor, tokenizer, chat_template=chat_template)
            self.patch = patch_size * spatial_merge_size
            self.image_token, self.row_end, self.image_end = image_token, image_break_token, image_end_token
            self.image_token_id = tokenizer.convert_tokens_to_ids(image_token)

        def _process_images(self, images: Any, **settings: Any) -> Any:
            settings["patch_size"] = self.patch
            return super()._process_images(images, **settings)

        def replace_image_token(self, image_inputs: Any, image_idx: int, **settings: Any) -> str:
            height, width = image_inputs["image_sizes"][image_idx]
            row = self.image_token * (int(width) // self.patch)
            return self.row_end.join([row] * (int(height) // self.patch)) + self.image_end

    return PixtralProcessor


def image_settings(images: Any, options: Mapping[str, Scalar], *, where: str) -> dict[str, Any]:
    """Return `options` as arguments of the image processor `images`. Raises ConfigError for one that it does not know.

    `min_pixels` and `max_pixels` are the two ends of `size` in Qwen-VL's processors; `longest_edge` is that of `size`
    elsewhere (Idefics 3, SmolVLM, Pixtral).
    """
    declared = set(getattr(getattr(images, "valid_kwargs", None), "__annotations__", {})) | set(images.to_dict())
    edges = {"longest_edge": "longest_edge"}
    if "min_pixels" in declared:
        edges = {"min_pixels": "shortest_edge", "max_pixels": "longest_edge"}
    size = {end: length for end, length in dict(images.size or {}).items() if length is not None}
    settings: dict[str, Any] = {}
    for name, value in options.items():
        if edges.get(name) in size:
            settings["size"] = {**settings.get("size", size), edges[name]: value}
        elif name in declared and name not in ("min_pixels", "max_pixels"):
            settings[name] = value
        else:
            known = sorted(declared | {edge for edge, end in edges.items() if end in size})
            hint = did_you_mean(name, known) or f"; it takes {', '.join(known)}"
            raise ConfigError(f"{where}: {type(images).__name__} takes no {name}{hint}")
    return settings


def processor_settings(images: Any) -> dict[str, Any]:
    """Return the settings of an image processor as JSON values: class, sizes, pixels, tiles, mean, ..."""
    settings: dict[str, Any] = json.loads(images.to_json_string())
    settings.pop("image_processor_type", None)
    return {"class": type(images).__name__, **settings}
