"""Small caption files in the forms their authors publish, with pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.data.made import png

WORDS = ("red square", "blue circle", "green bird", "white dog", "black car", "small boat")


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf8")
    return path


def pictures(folder: Path, names: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(png((20 * number % 256, 80, 160)))
    return folder


def coco_images(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "file_name": f"COCO_val2014_{number:012d}.jpg"} for number in range(1, count + 1)]


def coco_annotations(count: int) -> list[dict[str, Any]]:
    """Return three captions an image, their ids counted on from 100."""
    texts = ("A {} on a table.", "there is one {}, alone", "The {} stands in the sun")
    return [
        {"id": 100 + 3 * number + place, "image_id": number, "caption": text.format(WORDS[number % len(WORDS)])}
        for number in range(1, count + 1)
        for place, text in enumerate(texts)
    ]


def coco_file(folder: Path, count: int = 4, *, name: str = "captions_val2014.json", **more: Any) -> Path:
    """Write COCO's captions of `count` images into `folder`, and the pictures into val2014/; `more` replaces parts."""
    images = coco_images(count)
    pictures(folder / "val2014", [image["file_name"] for image in images])
    return written(folder / name, {"images": images, "annotations": coco_annotations(count), **more})


def results_file(path: Path, captions: Mapping[int, str]) -> Path:
    """Write captions in COCO's results format."""
    return written(path, [{"image_id": number, "caption": text} for number, text in captions.items()])
