"""Images with their classes: rows with a label, or a folder of folders of images, each named for its class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vlmeval.data.build import IMAGE_COLUMNS, row_id
from vlmeval.data.jsonl import FileNames
from vlmeval.data.table import Row
from vlmeval.types import Sample

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def class_folders(path: Path) -> list[dict[str, Any]]:
    """Return rows with id, image and label, sorted by name; [] where no folder in `path` holds an image."""
    rows = []
    for folder in sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith(".")):
        for file in sorted(item for item in folder.iterdir() if item.suffix.lower() in SUFFIXES):
            name = f"{folder.name}/{file.name}"
            rows.append({"id": name, "image": FileNames([name]), "label": folder.name})
    return rows


def class_sample(row: Row) -> Sample:
    """Return an image with its class: the label as the data write it, a name or a number."""
    names = ("fine_label", "label", "labels", "class", "answer")
    label = row.text(*names)
    if label is None:
        raise row.missing(*names)
    images = row.images(*IMAGE_COLUMNS, "img")
    if not images:
        raise row.missing("image", "img")
    return Sample(id=row_id(row, ("id", "index", "image_id")), parts=images, references=(label,), tags={"class": label})
