"""The objects that COCO's annotators drew in an image, for metrics of object hallucination.

    instances_val2014.json   {"annotations": [{"image_id", "category_id"}], "categories": [{"id", "name"}]}
                             https://cocodataset.org/#format-data, "Object Detection"

The file is looked for beside the captions' file and in `annotations/`; it is large, and read once.
"""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec
from msgspec import Struct

from vlmeval.data.table import Row
from vlmeval.errors import DataError

SEPARATOR = "\n"


class _Instance(Struct):
    image_id: int
    category_id: int


class _Category(Struct):
    id: int
    name: str


class _Instances(Struct):
    annotations: list[_Instance]
    categories: list[_Category]


def coco_objects(row: Row, image_id: str, *files: str) -> str:
    """Return the names of the objects in an image, each once, sorted, one a line; "" where none was drawn.

    `files` are the names the file of instances may have. Raises DataError where none is there, or for one of another
    form.
    """
    path = _find(Path(row.table.path), files, row.where)
    state = path.stat()
    names = _objects(path, state.st_mtime_ns, state.st_size)
    return SEPARATOR.join(names.get(image_id, ()))


def _find(table: Path, files: tuple[str, ...], where: str) -> Path:
    beside = table if table.is_dir() else table.parent
    places = [folder / name for folder in (beside, beside / "annotations", beside.parent) for name in files]
    places += [beside.parent / "annotations" / name for name in files]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise DataError(
            f"{where}: the objects of the images are in {files[0]}, which is not in {beside} nor in {beside.parent}; "
            "fetch it (https://cocodataset.org/#download, annotations_trainval2014.zip) and put it there"
        )
    return found


@functools.lru_cache(maxsize=2)
def _objects(path: Path, changed: int, size: int) -> dict[str, tuple[str, ...]]:
    """Return the names by image; `changed` and `size` tell one content of the file from another."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Instances)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: no file of COCO instances (annotations, categories): {error}") from error
    names = {category.id: category.name for category in found.categories}
    objects: dict[str, set[str]] = {}
    for place, one in enumerate(found.annotations):
        if one.category_id not in names:
            raise DataError(f"{path}, annotation {place}: category {one.category_id} is not among the categories")
        objects.setdefault(str(one.image_id), set()).add(names[one.category_id])
    return {image: tuple(sorted(found)) for image, found in objects.items()}
