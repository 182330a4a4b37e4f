"""Human ratings beside the metrics: what `vlmeval sbs rate` wrote, matched to the models of a board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from vlmeval.jsonio import read_json
from vlmeval.sbs.board import Board as Ratings
from vlmeval.score.board_types import Board, Correlation, HumanRating, Row, Study
from vlmeval.score.compare_published import spellings_of
from vlmeval.stats.kendall import kendall

FILE = "ratings.json"
FEWEST = 3
"""With fewer models a rank correlation says nothing."""


def ratings_files(folders: Sequence[Path], more: Sequence[Path] = ()) -> list[Path]:
    """Return the files of ratings of studies below folders of results, and those in `more` (files, or folders)."""
    found = [path for folder in folders for path in sorted((folder / "sbs").glob(f"*/{FILE}"))]
    for path in more:
        found += [path] if path.is_file() else sorted({*path.glob(FILE), *path.glob(f"*/{FILE}")})
    return list(dict.fromkeys(found))


def with_ratings(board: Board, files: Sequence[Path]) -> Board:
    """Return the board with the studies in `files`. Raises JournalError for a file that holds no ratings."""
    return msgspec.structs.replace(board, studies=tuple(study_of(board, path) for path in files))


def study_of(board: Board, path: Path) -> Study:
    """Return one study with how its ratings go together with each column and suite of the board."""
    ratings = read_json(path, Ratings)
    matched: list[HumanRating] = []
    unmatched = []
    for one in ratings.ratings:
        row = next((row for row in board.rows if spellings_of(one.model) & names_of(row)), None)
        if row is None or one.rating is None or one.low is None or one.high is None or one.group != 1:
            unmatched.append(one.model)
        else:
            matched.append(HumanRating(row.name, one.rating, one.low, one.high, one.tier, one.votes))
    return Study(
        name=ratings.study,
        method=ratings.method,
        votes=ratings.votes,
        ratings=tuple(matched),
        correlations=tuple(correlations(board, {one.model: one.rating for one in matched})),
        unmatched=tuple(unmatched),
        notes=ratings.notes,
    )


def names_of(row: Row) -> set[str]:
    """Return the spellings by which a study may name a model of the board."""
    return spellings_of(row.model) | spellings_of(row.name) | (spellings_of(row.card.name) if row.card else set())


def correlations(board: Board, rated: dict[str, float]) -> Iterator[Correlation]:
    """Yield tau-b of ratings and figures for each column and suite that has three rated models at least."""
    higher = {column.id: column.higher_is_better for column in board.columns}
    figures: dict[str, dict[str, float]] = {}
    for cell in board.cells:
        if cell.value is not None and cell.complete:
            figures.setdefault(cell.column, {})[cell.model] = cell.value if higher[cell.column] else -cell.value
    for suite in board.suites:
        own = {cell.model: cell.value for cell in suite.cells if cell.value is not None}
        figures[suite.name] = own
    for column, values in figures.items():
        both = [model for model in rated if model in values]
        if len(both) >= FEWEST:
            tau = kendall([rated[model] for model in both], [values[model] for model in both])
            if tau is not None:
                yield Correlation(column, tau, len(both))
