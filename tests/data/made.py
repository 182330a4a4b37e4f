"""Small data files in the real formats, made by the tests that read them."""

from __future__ import annotations

import base64
import csv
import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MMBENCH = (
    "index", "question", "hint", "A", "B", "C", "D", "answer", "category", "image", "source", "l2-category", "comment",
    "split",
)  # fmt: skip


def png(color: tuple[int, int, int] = (200, 40, 40), size: tuple[int, int] = (12, 8), *, padding: int = 0) -> bytes:
    """Return a PNG of one colour; `padding` adds bytes in a private chunk."""
    width, height = size
    rows = (b"\0" + bytes(color) * width) * height
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows))]
    if padding:
        chunks.append((b"prVt", bytes(padding)))
    chunks.append((b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def jpeg(size: tuple[int, int] = (32, 24)) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "JPEG")
    return buffer.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def write_tsv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> Path:
    with open(path, "w", encoding="utf8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([["" if row.get(name) is None else row[name] for name in columns] for row in rows])
    return path


def question(number: int, options: Sequence[str], answer: str = "A", **more: object) -> dict[str, object]:
    """Return a base question in MMBench's columns."""
    row: dict[str, object] = {
        "index": number, "question": f"Question {number}?", "answer": answer, "category": "colour",
        "l2-category": "fine", "image": b64(png((number % 256, 10, 20))), "source": "made", "split": "dev", **more,
    }  # fmt: skip
    return row | dict(zip("ABCDEFGHI", options, strict=False))


def group(index: int, options: Sequence[str], gold: int = 0, **more: object) -> list[dict[str, object]]:
    """Return all passes of a question: options turned right by k, image by reference after the first."""
    rows = []
    for turn in range(len(options)):
        turned = [options[(place - turn) % len(options)] for place in range(len(options))]
        row = question(index, turned, "ABCDEFGHI"[(gold + turn) % len(options)], **more)
        row["index"] = index + turn * 1_000_000
        if turn:
            row["image"] = str(index)
        rows.append(row)
    return rows


def mmbench_tsv(path: Path, groups: Sequence[Sequence[Mapping[str, Any]]]) -> Path:
    """Write groups as MMBench does: all first passes, then all second ones, and so on."""
    longest = max(len(rows) for rows in groups)
    ordered = [rows[turn] for turn in range(longest) for rows in groups if turn < len(rows)]
    return write_tsv(path, MMBENCH, ordered)
