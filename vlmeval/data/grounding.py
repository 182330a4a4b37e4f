"""Rows with an expression and a box to samples of kind "grounding": one for each expression."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from vlmeval.data.build import row_id, row_images
from vlmeval.data.cells import as_text
from vlmeval.data.table import Row
from vlmeval.errors import DataError
from vlmeval.types import Image, Sample

_SENTENCES = ("sent", "expression", "sentence")


def referring_samples(row: Row) -> Iterator[Sample]:
    """Yield a sample for each expression about the row's object.

    A row with `sent` (or `expression`) has one, and its `bbox` is x1, y1, x2, y2; a row with `answer` has a list of
    them, and its `bbox` is COCO's x, y, width, height. References are boxes in pixels. The row's number is part of the
    id, as copies of the data repeat an object. The fields "width" and "height" are those of the row's image, also where
    a blind run shows another or none. Raises DataError for a box that is none, and for an image of another size than
    the row says.
    """
    images = row_images(row)
    box = _gold(row, corners=row.has(*_SENTENCES))
    size = _size(row, images)
    cluster = images[0].sha256 if images else ""
    key = row_id(row, ("question_id", "ann_id", "id", "index"))
    name = key if key == str(row.number) else f"{key}-{row.number}"
    for place, expression in enumerate(_expressions(row)):
        yield Sample(
            id=f"{name}-{place}",
            parts=(*images, expression),
            references=() if box is None else (",".join(map(repr, box)),),
            cluster=cluster,
            fields=size,
        )


def referring_count(row: Row) -> int:
    """Return how many samples `referring_samples` yields, without reading the image."""
    return len(_expressions(row))


def _expressions(row: Row) -> list[str]:
    if row.has(*_SENTENCES):
        return [row.required(*_SENTENCES).strip()]
    where = row.at("answer")
    found = [text.strip() for item in row.items("answer") if (text := as_text(item, where)) is not None]
    if not found:
        raise row.missing(*_SENTENCES, "answer")
    return found


def _size(row: Row, images: Sequence[Image]) -> dict[str, str]:
    """Return width and height: of the image, else as the row says; {} where neither is there."""
    said = {name: text for name in ("width", "height") if (text := row.text(name)) is not None}
    if not images:
        return said if len(said) == 2 else {}
    size = {"width": str(images[0].width), "height": str(images[0].height)}
    if any(size[name] != text for name, text in said.items()):
        found, expected = (" x ".join(sides.values()) for sides in (size, said))
        raise DataError(
            f"{row.where}: the image is {found}, but the row says {expected}: its box would be of another image; use "
            "the original image"
        )
    return size


def _gold(row: Row, *, corners: bool) -> tuple[float, ...] | None:
    numbers = row.items("bbox")
    if not numbers and row.hidden:
        return None
    where = row.at("bbox")
    if not numbers:
        raise row.missing("bbox")
    if len(numbers) != 4 or not all(isinstance(one, (int, float)) and math.isfinite(one) for one in numbers):
        raise DataError(f"{where}: expected four numbers, found {str(numbers)[:80]}")
    x1, y1, third, fourth = map(float, numbers)
    x2, y2 = (third, fourth) if corners else (x1 + third, y1 + fourth)
    if x2 <= x1 or y2 <= y1:
        form = "x1, y1, x2, y2" if corners else "x, y, width, height"
        raise DataError(f"{where}: {numbers} is no box in the form {form}; mend the cell")
    return x1, y1, x2, y2
