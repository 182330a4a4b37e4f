"""Which tokens of a prompt stand for which patches of an image, and what part of the image the patches cover.

Known are the families whose tokens are the rows of one grid: LLaVA, LLaVA-NeXT (its base tile, the whole image made
small), Qwen2-VL, Qwen2.5-VL and Qwen3-VL (tokens of merged patches), PaliGemma. Seen in transformers 5.23.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vlmeval.errors import ConfigError, RejectedError
from vlmeval.types import Image

Region = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Grid:
    """The tokens `start` to `start + rows * columns` of a prompt, row by row, over `region` of an image.

    `region` is (left, top, right, bottom) in pixels of the original.
    """

    start: int
    rows: int
    columns: int
    region: Region


def grids_of(config: Any, encoder: Any, inputs: Any, images: Sequence[Image]) -> list[Grid]:
    """Return the grid of each image of one encoded prompt, in reading order.

    Raises ConfigError for a family whose grid is not known, RejectedError for tokens that do not fit the grid.
    """
    family = FAMILIES.get(config.model_type)
    if family is None or getattr(config.vision_config, "model_type", "") == "pixtral":
        raise ConfigError(
            f"{config.model_type}: which of its tokens stands for which patch is not known here; "
            f"heat maps are for {', '.join(sorted(FAMILIES))}"
        )
    shapes = family(config, inputs, len(images))
    runs = token_runs(inputs["input_ids"][0].tolist(), image_token(config), shapes)
    regions = [region_of(encoder, image, config.model_type) for image in images]
    return [
        Grid(start, rows, columns, region)
        for start, (rows, columns, _), region in zip(runs, shapes, regions, strict=True)
    ]


def image_token(config: Any) -> int:
    """Return the id of the token that stands for a patch."""
    for name in ("image_token_id", "image_token_index"):
        if getattr(config, name, None) is not None:
            return int(getattr(config, name))
    raise ConfigError(f"{config.model_type}: its configuration names no image token")


def token_runs(ids: Sequence[int], token: int, shapes: Sequence[tuple[int, int, int]]) -> list[int]:
    """Return where each image's tokens begin; `shapes` are (rows, columns, tokens of the image, 0 for unknown).

    Images whose tokens touch are told apart by their numbers. Raises RejectedError where the numbers do not fit.
    """
    places = [place for place, one in enumerate(ids) if one == token]
    runs = [place for place in places if place == 0 or ids[place - 1] != token]
    if len(runs) != len(shapes):
        runs, taken = [], 0
        for _, _, count in shapes:
            if not count or taken >= len(places):
                break
            runs.append(places[taken])
            taken += count
        if taken != len(places) or len(runs) != len(shapes):
            raise RejectedError(
                f"{len(places)} image tokens of the prompt do not fit the grids of {len(shapes)} images"
            )
    ends = [*runs[1:], len(ids)]
    for start, end, (rows, columns, count) in zip(runs, ends, shapes, strict=True):
        held = sum(start <= place < end for place in places)
        if held < rows * columns or (count and held != count):
            raise RejectedError(f"an image has {held} tokens in the prompt, its grid {rows} x {columns}")
    return runs


def _square(config: Any, inputs: Any, count: int) -> list[tuple[int, int, int]]:
    """LLaVA, PaliGemma: every image has the one size the vision encoder takes."""
    height, width = inputs["pixel_values"].shape[-2:]
    patch = config.vision_config.patch_size
    rows, columns = height // patch, width // patch
    whole = (
        getattr(config, "vision_feature_select_strategy", "") == "full" and "clip" in config.vision_config.model_type
    )
    if whole:
        raise ConfigError(
            f"{config.model_type}: with the class token among the image's, the grid is not one of patches"
        )
    return [(rows, columns, rows * columns)] * count


def _base_tile(config: Any, inputs: Any, count: int) -> list[tuple[int, int, int]]:
    """LLaVA-NeXT: the base tile comes first; how many tokens follow is the image's own affair."""
    return [(rows, columns, 0) for rows, columns, _ in _square(config, inputs, count)]


def _merged(config: Any, inputs: Any, count: int) -> list[tuple[int, int, int]]:
    """Qwen: `image_grid_thw` counts patches, `spatial_merge_size` a side become one token."""
    merge = config.vision_config.spatial_merge_size
    return [
        (int(height) // merge, int(width) // merge, int(height) // merge * (int(width) // merge))
        for _, height, width in inputs["image_grid_thw"].tolist()
    ]


FAMILIES: dict[str, Callable[[Any, Any, int], list[tuple[int, int, int]]]] = {
    "llava": _square,
    "vipllava": _square,
    "paligemma": _square,
    "llava_next": _base_tile,
    "qwen2_vl": _merged,
    "qwen2_5_vl": _merged,
    "qwen3_vl": _merged,
}


def region_of(encoder: Any, image: Image, family: str) -> Region:
    """Return the part of an image that the model sees: CLIP's processor cuts the middle square out of an oblong one."""
    images = encoder.processor.image_processor
    whole = (0.0, 0.0, float(image.width), float(image.height))
    if family not in ("llava", "vipllava") or not getattr(images, "do_center_crop", False):
        return whole
    edge = _side(getattr(images, "size", None), "shortest_edge") if getattr(images, "do_resize", True) else 0
    crop = getattr(images, "crop_size", None)
    scale = edge / min(image.width, image.height) if edge else 1.0
    width, height = (min(_side(crop, name) / scale, whole[at]) for name, at in (("width", 2), ("height", 3)))
    if not math.isfinite(width) or width <= 0 or height <= 0:
        return whole
    left, top = (image.width - width) / 2, (image.height - height) / 2
    return (left, top, left + width, top + height)


def _side(size: Any, name: str) -> float:
    """Return a side of a processor's size, 0 where it does not say."""
    value = size.get(name) if hasattr(size, "get") else getattr(size, name, None)
    return float(value or 0)
