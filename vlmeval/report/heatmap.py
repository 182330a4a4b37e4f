"""A heat map as pictures: the image under the map, and a page with both, the question and the reply."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PIL_Image

from vlmeval.jsonio import write_json, write_whole
from vlmeval.report.page import render
from vlmeval.store.explained import FOLDER, HeatMap, map_name
from vlmeval.store.layout import RunFolder
from vlmeval.types import Image, Sample

SMALLEST, LARGEST = 384, 768
RAMP = ((0.0, (24, 30, 80)), (0.35, (128, 40, 140)), (0.65, (235, 90, 60)), (1.0, (255, 230, 80)))
"""Colours of the weights from none to the greatest: readable in grey and for the colour-blind."""
FAINTEST, STRONGEST = 0.25, 0.8


def write_map(folder: RunFolder, found: HeatMap, sample: Sample, image: Image) -> Path:
    """Write a map's JSON, PNG and page below the run, and return the page's path. `image` has a reader of its bytes.

    Raises DataError for an image that cannot be read, JournalError where the disk refuses.
    """
    place = folder.path / FOLDER
    name = map_name(found.sample_id, found.variant, found.place)
    picture = fitted(image.open())
    weights = np.array(found.weights, dtype=np.float64)
    factor = picture.width / image.width, picture.height / image.height
    region = tuple(side * factor[at % 2] for at, side in enumerate(found.region))
    png = encoded(overlaid(picture, weights, (region[0], region[1], region[2], region[3])))
    write_whole(place / f"{name}.png", png)
    context = {
        "found": found,
        "asked": " ".join(part for part in sample.parts if isinstance(part, str)),
        "gold": sample.references,
        "choices": [choice if isinstance(choice, str) else "(image)" for choice in sample.choices],
        "plain": data_url(encoded(picture)),
        "mapped": data_url(png),
    }
    write_whole(place / f"{name}.html", render("explain.html", context, script="overview.js", data=[]))
    write_json(place / f"{name}.json", found)
    return place / f"{name}.html"


def fitted(picture: PIL_Image.Image) -> PIL_Image.Image:
    """Return the picture at a size to look at: small ones enlarged by a whole number, large ones made smaller."""
    longest = max(picture.size)
    if longest > LARGEST:
        picture = picture.copy()
        picture.thumbnail((LARGEST, LARGEST))
        return picture
    times = max(1, -(-SMALLEST // longest)) if longest < SMALLEST else 1
    return picture.resize((picture.width * times, picture.height * times), PIL_Image.Resampling.NEAREST)


def overlaid(
    picture: PIL_Image.Image, weights: NDArray[np.float64], region: tuple[float, float, float, float]
) -> PIL_Image.Image:
    """Return the picture with the weights (rows, columns) laid over `region` of it; outside it is dimmed."""
    left, top, right, bottom = (round(side) for side in region)
    size = (max(1, right - left), max(1, bottom - top))
    levels = weights / weights.max()
    smooth = PIL_Image.fromarray(levels.astype(np.float32), mode="F").resize(size, PIL_Image.Resampling.BICUBIC)
    shares = np.clip(np.asarray(smooth, dtype=np.float64), 0, 1)
    stops = [stop for stop, _ in RAMP]
    colours = np.stack([np.interp(shares, stops, [colour[band] for _, colour in RAMP]) for band in range(3)], axis=-1)
    cover = (FAINTEST + (STRONGEST - FAINTEST) * shares)[..., None]
    canvas = np.asarray(picture.convert("RGB"), dtype=np.float64) * 0.35
    whole = np.asarray(picture.convert("RGB"), dtype=np.float64)
    part = whole[top : top + size[1], left : left + size[0]]
    height, width = part.shape[:2]
    mixed = part * (1 - cover[:height, :width]) + colours[:height, :width] * cover[:height, :width]
    canvas[top : top + height, left : left + width] = mixed
    return PIL_Image.fromarray(canvas.round().astype(np.uint8))


def encoded(picture: PIL_Image.Image) -> bytes:
    """Return the picture as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def data_url(png: bytes) -> str:
    """Return a PNG as an address of its own."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
