"""Scenes: one to four coloured shapes and at most one digit on a 3x3 grid, drawn without anti-aliasing.

A scene's split (train, validation or test) is a function of its layout alone, so no layout can be in two splits,
whatever the seed. Jitter and background are not part of the layout: a training scene never differs from a test scene by
a few pixels only.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from demo.dice import Dice

Split = Literal["train", "validation", "test"]
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

GRID: Final = 3
CELL: Final = 32
SIDE: Final = GRID * CELL

SHAPES: Final = ("circle", "square", "triangle", "star")
COLORS: Final[dict[str, tuple[int, int, int]]] = {
    "red": (214, 39, 40),
    "green": (44, 160, 44),
    "blue": (31, 97, 200),
    "yellow": (240, 205, 30),
    "purple": (140, 60, 170),
    "orange": (255, 127, 14),
}
BACKGROUNDS: Final = ((255, 255, 255), (240, 240, 240), (228, 234, 242), (246, 240, 226))
INK: Final = (20, 20, 20)
POSITIONS: Final = (
    "top left",
    "top center",
    "top right",
    "middle left",
    "center",
    "middle right",
    "bottom left",
    "bottom center",
    "bottom right",
)

_GLYPHS: Final = (
    "01110 10001 10011 10101 11001 10001 01110",
    "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00110 01000 10000 11111",
    "01110 10001 00001 00110 00001 10001 01110",
    "00010 00110 01010 10010 11111 00010 00010",
    "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110",
    "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110",
    "01110 10001 10001 01111 00001 00010 01100",
)
_GLYPH_SCALE: Final = 3
_JITTER: Final = 2
_RADII: Final = (9, 12)
_DIGIT_SHARE: Final = 0.4
_SPLIT_BUCKETS: Final = 16


@dataclass(frozen=True, slots=True)
class Item:
    """One shape: `cell` counts 0..8 in reading order; `dx`, `dy` shift it and `radius` sizes it, in pixels."""

    shape: str
    color: str
    cell: int
    dx: int
    dy: int
    radius: int

    @property
    def name(self) -> str:
        """The words a speaker would use: colour and shape."""
        return f"{self.color} {self.shape}"

    @property
    def position(self) -> str:
        """The name of its cell."""
        return POSITIONS[self.cell]


@dataclass(frozen=True, slots=True)
class Digit:
    """A black digit, alone in its cell."""

    value: int
    cell: int
    dx: int
    dy: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture's content; `items` are in reading order."""

    items: tuple[Item, ...]
    digit: Digit | None
    background: int

    @property
    def layout(self) -> str:
        """What is where, without jitter, sizes and background: the identity that splits are made from."""
        cells = [f"{item.cell}{item.color}-{item.shape}" for item in self.items]
        if self.digit is not None:
            cells.append(f"{self.digit.cell}digit{self.digit.value}")
        return "|".join(cells)


def scene_hash(scene: Scene) -> str:
    """Return the 16 hexadecimal digits that name the scene's layout."""
    return hashlib.blake2b(scene.layout.encode(), digest_size=8).hexdigest()


def split_of(scene: Scene) -> Split:
    """Return the split the scene's layout belongs to: 1/16 test, 1/16 validation, the rest training."""
    bucket = int(scene_hash(scene), 16) % _SPLIT_BUCKETS
    if bucket == 0:
        return "test"
    return "validation" if bucket == 1 else "train"


def draw_scene(dice: Dice, split: Split, *, shape_counts: Sequence[int] = (1, 2, 3, 4)) -> Scene:
    """Draw scenes until one belongs to `split`; the number of shapes is uniform over `shape_counts`."""
    while True:
        scene = _draw_any(dice, dice.pick(shape_counts))
        if split_of(scene) == split:
            return scene


def render(scene: Scene) -> Pixels:
    """Return the scene as an array of shape (96, 96, 3)."""
    canvas = np.empty((SIDE, SIDE, 3), dtype=np.uint8)
    canvas[:] = BACKGROUNDS[scene.background]
    for item in scene.items:
        _paint(canvas, item.cell, _shape_mask(item.shape, item.radius, item.dx, item.dy), COLORS[item.color])
    if scene.digit is not None:
        digit = scene.digit
        _paint(canvas, digit.cell, _digit_mask(digit.value, digit.dx, digit.dy), INK)
    return canvas


def _draw_any(dice: Dice, shape_count: int) -> Scene:
    cells = dice.sample(range(GRID * GRID), shape_count + 1)
    items = [
        Item(
            shape=dice.pick(SHAPES),
            color=dice.pick(tuple(COLORS)),
            cell=cell,
            dx=dice.between(-_JITTER, _JITTER),
            dy=dice.between(-_JITTER, _JITTER),
            radius=dice.between(*_RADII),
        )
        for cell in cells[:-1]
    ]
    digit = None
    if dice.chance(_DIGIT_SHARE):
        digit = Digit(
            value=dice.below(10),
            cell=cells[-1],
            dx=dice.between(-_JITTER, _JITTER),
            dy=dice.between(-_JITTER, _JITTER),
        )
    items.sort(key=lambda item: item.cell)
    return Scene(items=tuple(items), digit=digit, background=dice.below(len(BACKGROUNDS)))


def _paint(canvas: Pixels, cell: int, mask: Mask, color: tuple[int, int, int]) -> None:
    top, left = CELL * (cell // GRID), CELL * (cell % GRID)
    canvas[top : top + CELL, left : left + CELL][mask] = color


@cache
def _shape_mask(shape: str, radius: int, dx: int, dy: int) -> Mask:
    axis = np.arange(CELL) - (CELL - 1) / 2
    x, y = axis[None, :] - dx, axis[:, None] - dy
    mask: Mask
    if shape == "circle":
        mask = x * x + y * y <= radius * radius
    elif shape == "square":
        mask = np.maximum(np.abs(x), np.abs(y)) <= 0.85 * radius
    elif shape == "triangle":
        mask = (y <= 0.8 * radius) & (np.abs(x) <= 0.6 * (y + radius))
    elif shape == "star":
        mask = _star_mask(x, y, radius)
    else:
        raise ValueError(f"unknown shape {shape!r}, expected one of {', '.join(SHAPES)}")
    return mask


def _star_mask(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating], radius: int) -> Mask:
    """A five-pointed star: the points on the outer side of at most one of the five lines that join its tips."""
    reach = 1.15 * radius * math.cos(math.radians(72))
    outside = np.zeros((CELL, CELL), dtype=np.int64)
    for tip in range(5):
        angle = math.radians(72 * tip + 90)
        outside += x * math.cos(angle) + y * math.sin(angle) > reach
    mask: Mask = outside <= 1
    return mask


@cache
def _digit_mask(value: int, dx: int, dy: int) -> Mask:
    rows = [[bit == "1" for bit in row] for row in _GLYPHS[value].split()]
    glyph = np.kron(np.array(rows), np.ones((_GLYPH_SCALE, _GLYPH_SCALE), dtype=bool)).astype(bool)
    mask = np.zeros((CELL, CELL), dtype=bool)
    height, width = glyph.shape
    top, left = (CELL - height) // 2 + dy, (CELL - width) // 2 + dx
    mask[top : top + height, left : left + width] = glyph
    return mask
