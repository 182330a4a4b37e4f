"""Retrieval sets in the real formats, made small: Karpathy's JSON with the pictures beside it."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image as PIL_Image
from PIL import ImageDraw

COLOURS = ("red", "green", "blue", "yellow", "black", "white", "orange", "purple", "brown", "pink", "gray", "cyan")
SHAPES = ("square", "circle")


def karpathy(folder: Path, images: int = 12, *, captions: int = 5, name: str = "flickr30k", others: int = 2) -> Path:
    """Write dataset_NAME.json as Karpathy has it, with NAME-images/ beside it; `others` images are of other splits."""
    pictures = folder / f"{name}-images"
    pictures.mkdir(parents=True, exist_ok=True)
    entries = []
    for number in range(images + others):
        colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number // len(COLOURS) % 2]
        file = f"{1000 + number}.jpg"
        picture = PIL_Image.new("RGB", (48 + number, 40), "gray" if colour == "white" else "white")
        draw = ImageDraw.Draw(picture)
        (draw.rectangle if shape == "square" else draw.ellipse)((8, 8, 34, 32), fill=colour)
        picture.save(pictures / file, "JPEG")
        ids = [captions * number + place for place in range(captions)]
        texts = [
            f"{'A' if place % 2 else 'One'} {colour} {shape} no. {place} in picture {number}."
            for place in range(captions)
        ]
        entries.append(
            {
                "sentids": ids,
                "imgid": number,
                "sentences": [
                    {"tokens": text.lower().strip(".").split(), "raw": text, "imgid": number, "sentid": sentence}
                    for text, sentence in zip(texts, ids, strict=True)
                ],
                "split": "test" if number < images else "train",
                "filename": file,
            }
        )
    path = folder / f"dataset_{name}.json"
    path.write_text(json.dumps({"images": entries, "dataset": name}), encoding="utf8")
    return path
