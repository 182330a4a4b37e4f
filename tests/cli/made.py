"""A small MMBench-format file and small models, as a newcomer would have them."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path

from PIL import Image as PIL_Image

COLOURS = ("red", "green", "blue", "yellow")
COLUMNS = ("index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "l2-category", "split")

# Answers with the colour of the picture's middle, wrong on every fifth question whatever the order of the options.
SEEING = """
NAMES = {(255, 0, 0): "red", (0, 128, 0): "green", (0, 0, 255): "blue", (255, 255, 0): "yellow"}

class Seeing:
    concurrency = 4

    def __init__(self, log=""):
        self.log = log

    def generate(self, requests):
        replies = []
        for request in requests:
            if self.log:
                with open(self.log, "a") as file:
                    file.write(f"{request.sample_id} {request.variant}\\n")
            picture = request.images[0].open()
            colour = NAMES[picture.getpixel((picture.width // 2, picture.height // 2))]
            wrong = "red" if colour == "blue" else "blue"
            replies.append(wrong if int(request.sample_id) % 5 == 0 else colour)
        return replies
"""


def base64_picture(colour: str, number: int) -> str:
    """Return a PNG of one colour, its size telling the number apart."""
    buffer = io.BytesIO()
    PIL_Image.new("RGB", (8 + number % 7, 8 + number // 7), colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def mmbench_rows(questions: int, *, rotations: bool = True) -> list[dict[str, str]]:
    """Return rows as MMBench has them: pass k of question i is row i + k * 10^6, its image cell names row i."""
    rows = []
    for number in range(1, questions + 1):
        gold = COLOURS[number % 4]
        for turn in range(4 if rotations else 1):
            options = [COLOURS[(place + turn) % 4] for place in range(4)]
            rows.append(
                {
                    "index": str(number + turn * 1_000_000),
                    "question": f"What colour is picture {number}?",
                    "hint": "nan",
                    **dict(zip("ABCD", options, strict=True)),
                    "answer": "ABCD"[options.index(gold)],
                    "category": "colour" if number % 2 else "tone",
                    "image": str(number) if turn else base64_picture(gold, number),
                    "l2-category": "perception",
                    "split": "dev",
                }
            )
    return rows


def write_tsv(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows as a tab-separated file."""
    with open(path, "w", newline="", encoding="utf8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def mmbench_tsv(path: Path, questions: int = 10, *, rotations: bool = True) -> Path:
    """Write an MMBench-format file of `questions` questions."""
    return write_tsv(path, mmbench_rows(questions, rotations=rotations))
