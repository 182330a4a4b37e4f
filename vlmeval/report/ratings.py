"""The page of side-by-side ratings: one HTML file with its own plots as inline SVG, no network, readable at 360 px.

Names of models, annotators and categories are whatever a vote file says: they go through Jinja's autoescape alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vlmeval.jsonio import write_whole
from vlmeval.report.page import render
from vlmeval.sbs.board import Annotator, Board, Category, Effect, Rating

LABELLED = 24  # models up to which the heat map has numbers in its cells
MOST_IN_MAP = 80
SHOWN_ANNOTATORS = 40
CATEGORIES = 24


@dataclass(frozen=True)
class Axis:
    """A scale from `low` to `high`; positions on it are in per cent."""

    low: float
    high: float

    @classmethod
    def over(cls, values: list[float]) -> Axis:
        """Return the axis that holds all values, with some room."""
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        room = 0.04 * (high - low) or 1.0
        return cls(low - room, high + room)

    def at(self, value: float) -> float:
        """Return the position of a value."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Return three to eight round values, (position, text)."""
        rough = (self.high - self.low) / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first = math.ceil(self.low / step)
        last = math.floor(self.high / step)
        return [(self.at(place * step), f"{place * step:g}") for place in range(first, last + 1)]


class Row(NamedTuple):
    """A model as the page shows it; positions are None where it has no rating."""

    one: Rating
    ranks: str
    left: float | None
    dot: float | None
    right: float | None
    without: float | None
    opens: bool


class Square(NamedTuple):
    """A cell of the heat map: column and row from 0, the share in per cent, votes, and what the ratings expect."""

    column: int
    row: int
    share: float
    strength: float
    ahead: bool
    votes: float
    title: str


class Mark(NamedTuple):
    """An annotator in the plot, in per cent of its width and height."""

    x: float
    y: float
    flagged: bool
    title: str


class Part(NamedTuple):
    """The plot of one category."""

    category: Category
    rows: list[Row]
    axis: Axis


def write_ratings_page(board: Board, folder: Path) -> Path:
    """Write `folder`/index.html and return its path."""
    path = folder / "index.html"
    write_whole(path, render("ratings.html", context(board), script="ratings.js", data=[]))
    return path


def context(board: Board) -> dict[str, object]:
    """Return what the template shows."""
    axis = axis_of(board.ratings)
    rows = rows_of(board.ratings, axis, without=board.without_flagged)
    names, squares = heat_map(board)
    limit = max((abs(z) for one in board.annotators for z in (one.follows, one.side)), default=1.0)
    return {
        "board": board,
        "axis": axis,
        "rows": rows,
        "several": max((one.group for one in board.ratings), default=1) > 1,
        "bad": any(one.both_bad for one in board.ratings),
        "elo": any(one.elo is not None for one in board.ratings),
        "names": names,
        "squares": squares,
        "numbered": len(names) <= LABELLED,
        "left_out": max(0, len({one.model for one in board.ratings if one.group == 1}) - MOST_IN_MAP),
        "marks": marks(board.annotators, limit),
        "limit": limit,
        "annotators": board.annotators[:SHOWN_ANNOTATORS],
        "effects": effects(board),
        "parts": [part(one) for one in board.categories[:CATEGORIES]],
    }


def axis_of(ratings: tuple[Rating, ...]) -> Axis:
    """Return the axis that holds all intervals."""
    return Axis.over([value for one in ratings for value in (one.low, one.high) if value is not None])


def rows_of(ratings: tuple[Rating, ...], axis: Axis, *, without: tuple[Rating, ...] | None = None) -> list[Row]:
    """Return the rows; `opens` marks the first of a tier."""
    others = {one.model: one.rating for one in without or ()}
    rows: list[Row] = []
    last: tuple[int, int | None] | None = None
    for one in ratings:
        here = (one.group, one.tier)
        if one.rating is None or one.low is None or one.high is None:
            rows.append(Row(one, "—", None, None, None, None, here != last))
        else:
            ranks = str(one.rank_low) if one.rank_low == one.rank_high else f"{one.rank_low}–{one.rank_high}"
            left, dot, right = axis.at(one.low), axis.at(one.rating), axis.at(one.high)
            rows.append(Row(one, ranks, left, dot, right, others.get(one.model), here != last))
        last = here
    return rows


def heat_map(board: Board) -> tuple[list[str], list[Square]]:
    """Return the models of the largest group, best first, and a square for each ordered pair with votes."""
    names = [one.model for one in board.ratings if one.group == 1][:MOST_IN_MAP]
    places = {name: place for place, name in enumerate(names)}
    squares = []
    for pair in board.pairs:
        if pair.model not in places or pair.other not in places:
            continue
        one, other = places[pair.model], places[pair.other]
        for row, column, share, expected in (
            (one, other, pair.share, pair.expected),
            (other, one, 1 - pair.share, None if pair.expected is None else 1 - pair.expected),
        ):
            said = "" if expected is None else f", the ratings expect {100 * expected:.0f} %"
            title = f"{names[row]} against {names[column]}: {100 * share:.0f} % of {pair.votes:g} votes{said}"
            squares.append(
                Square(column, row, 100 * share, round(2 * abs(share - 0.5), 3), share >= 0.5, pair.votes, title)
            )
    return names, squares


def marks(annotators: tuple[Annotator, ...], limit: float) -> list[Mark]:
    """Return the annotators in a plane of z1 (across) and z2 (up), both from -limit to limit."""
    reach = 1.08 * limit or 1.0
    return [
        Mark(
            round(50 + 50 * one.follows / reach, 2),
            round(50 - 50 * one.side / reach, 2),
            bool(one.flags),
            f"{one.name}: {one.votes} votes, z1 {one.follows:.1f}, z2 {one.side:.1f}"
            + (f", flagged {' and '.join(one.flags)}" if one.flags else ""),
        )
        for one in annotators
    ]


def effects(board: Board) -> list[tuple[Effect, Axis]]:
    """Return the side effect and the effects of controls, each with an axis around 0."""
    found = [*([board.side] if board.side else []), *(one for one in board.controls)]
    return [(one, Axis.over([one.low, one.high, 0.0, -max(abs(one.low), abs(one.high))])) for one in found]


def part(category: Category) -> Part:
    """Return the plot of one category."""
    axis = axis_of(category.ratings)
    return Part(category, rows_of(category.ratings, axis), axis)
