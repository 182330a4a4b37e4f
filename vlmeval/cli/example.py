"""A sample of our own for cards and trials: what a task's prompt looks like when its data is not at hand."""

from __future__ import annotations

import hashlib
import io

from vlmeval.types import Image, Part, Sample

SIZE = 64


def example_image() -> Image:
    """Return a blue square on white, as PNG."""
    from PIL import Image as PIL_Image

    picture = PIL_Image.new("RGB", (SIZE, SIZE), "white")
    picture.paste((40, 80, 220), (16, 16, 48, 48))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    data = buffer.getvalue()
    return Image(hashlib.sha256(data).hexdigest(), SIZE, SIZE, "png").with_reader(lambda: data)


def example_sample(kind: str) -> Sample:
    """Return a sample of the kind: one image, a question, four options where the kind has options."""
    image = example_image()
    if kind in ("choice", "mathvista"):
        question = "What colour is the square?"
        hint = "" if kind == "choice" else "Please answer the question and provide the correct option letter."
        return Sample("example", (image, question), ("C",), ("red", "green", "blue", "yellow"), fields={"hint": hint})
    if kind == "yesno":
        return Sample("example", (image, "Is the square blue?"), ("yes",))
    if kind == "zeroshot":
        return Sample("example", (image,), ("square",))
    if kind == "pairs":
        return Sample("example", (image, "a blue square", "a red circle"), ("a blue square",))
    parts: tuple[Part, ...] = (image,) if kind in ("caption", "retrieval") else (image, "What colour is the square?")
    return Sample("i2t:example" if kind == "retrieval" else "example", parts, ("blue",))


def prompt_text(parts: tuple[Part, ...]) -> str:
    """Return a prompt as text, each image as <image N: width x height>."""
    count, pieces = 0, []
    for part in parts:
        if isinstance(part, Image):
            count += 1
            pieces.append(f"<image {count}: {part.width}x{part.height}>\n")
        else:
            pieces.append(part)
    return "".join(pieces)
