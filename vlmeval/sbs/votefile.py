"""Vote files of the arenas as `Votes`: model_a, model_b, winner and whatever else is known of each vote.

Three layouts are told by their columns:

- votes: two models and an outcome (Chatbot Arena, arena-rank, MT-Bench, LLMFAO's left, right, winner);
- verdicts against a baseline: model, score "A>>B" ... "B>>A", A the baseline (WildVision-Bench, Arena-Hard); "much
  better" counts as three votes, as there;
- counts: winner, loser[, count], or two models with the wins of each[, ties].

An outcome that is not known is an error with row and value: an arena that reads it as a tie rates noise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vlmeval.errors import ConfigError, DataError
from vlmeval.registry import did_you_mean
from vlmeval.sbs.sheet import Sheet, read_sheet
from vlmeval.sbs.votes import BOTH_BAD, Column, Votes
from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import LEFT, RIGHT, TIE, Codes

PAIRS = (
    ("model_a", "model_b"), ("model_left", "model_right"), ("left", "right"), ("model_1", "model_2"),
    ("home_team", "away_team"), ("home.team", "away.team"), ("home", "away"), ("visitor", "opponent"),
    ("team1", "team2"), ("player1", "player2"), ("item1", "item2"), ("a", "b"), ("i", "j"),
)  # fmt: skip
WINNER = ("winner", "outcome", "vote", "preference")
SCORE = ("score", "result")
ANNOTATOR = ("annotator", "annotator_id", "judge", "worker", "judge_id", "user_id", "user")
PROMPT = ("prompt_id", "question_id", "sample_id", "prompt", "item_id")
CATEGORY = ("category", "language")
KIND = ("judge_kind", "judge_type", "kind")
WEIGHT = ("weight", "copies", "count")
OUTCOMES = {
    "model_a": LEFT, "left": LEFT, "a": LEFT, "x": LEFT, "model_left": LEFT, "a>b": LEFT, "a>>b": LEFT,
    "model_b": RIGHT, "right": RIGHT, "b": RIGHT, "y": RIGHT, "model_right": RIGHT, "b>a": RIGHT, "b>>a": RIGHT,
    "tie": TIE, "draw": TIE, "a=b": TIE, "tie (inconsistent)": TIE, "inconsistent": TIE,
    "both bad": BOTH_BAD, "both_bad": BOTH_BAD, "bothbad": BOTH_BAD, "tie (bothbad)": BOTH_BAD,
    "tie (both bad)": BOTH_BAD,
}  # fmt: skip
POINTS = {1.0: LEFT, 0.5: TIE, 0.0: RIGHT}
MUCH_BETTER = 3.0
INCONSISTENT = ("tie (inconsistent)", "inconsistent")


def read_votes(path: Path, *, baseline: str | None = None, category: str | None = None) -> Votes:
    """Return the votes of a file. `baseline` is A of verdicts against one; `category` names the column of categories.

    Raises DataError that names file, row and value, and ConfigError for a column that is not there.
    """
    sheet = read_sheet(path)
    if not len(sheet):
        raise DataError(f"{path}: no votes in it")
    if category is not None and category not in sheet.columns:
        raise ConfigError(f'{path}: no column "{category}"{did_you_mean(category, sheet.columns)}')
    pair = next((pair for pair in PAIRS if set(pair) <= set(sheet.columns)), None)
    winner = first_of(sheet, WINNER) or first_of(sheet, SCORE)
    tallies = wins_of(sheet, pair)
    if pair and tallies:
        return from_tallies(sheet, pair, tallies)
    if pair and winner:
        return from_rows(sheet, pair, winner, category=category)
    if {"winner", "loser"} <= set(sheet.columns):
        return from_winners(sheet)
    if "model" in sheet.columns and winner:
        return from_verdicts(sheet, winner, baseline, category=category)
    raise DataError(
        f"{path}: columns {', '.join(sheet.columns[:12])}: expected model_a, model_b and winner, "
        "or winner and loser, or model and score against --baseline"
    )


def first_of(sheet: Sheet, names: tuple[str, ...]) -> str | None:
    """Return the first of `names` that is a column."""
    return next((name for name in names if name in sheet.columns), None)


def from_rows(sheet: Sheet, pair: tuple[str, str], winner: str, *, category: str | None) -> Votes:
    """Return the votes of a file with two models and an outcome a row."""
    left, right = sheet.texts(pair[0]), sheet.texts(pair[1])
    outcome, strong, notes = outcomes(sheet, winner, pair=(left, right))
    return assembled(sheet, left, right, outcome, weights_of(sheet, strong), notes, category=category, pair=pair)


def from_verdicts(sheet: Sheet, winner: str, baseline: str | None, *, category: str | None) -> Votes:
    """Return the votes of verdicts about `model` against the baseline, who stands left. Null verdicts are left out."""
    if not baseline:
        raise ConfigError(f"{sheet.where}: verdicts about one model each; say with --baseline what A is")
    outcome, strong, notes = outcomes(sheet, winner, optional=True)
    left = Column((baseline,), np.zeros(len(sheet), dtype=np.int32))
    return assembled(
        sheet, left, sheet.texts("model"), outcome, weights_of(sheet, strong), notes,
        category=category, pair=("baseline", "model"), kept=outcome >= 0,
    )  # fmt: skip


def from_winners(sheet: Sheet) -> Votes:
    """Return the votes of a table of winners and losers, with their count."""
    copies = repeats(sheet, "count") if "count" in sheet.columns else np.ones(len(sheet), dtype=np.int64)
    winner, loser = repeated(sheet.texts("winner"), copies), repeated(sheet.texts("loser"), copies)
    names, left, right = joined(sheet, winner, loser)
    return Votes(names, left, right, np.full(len(left), LEFT, dtype=np.int8))


def wins_of(sheet: Sheet, pair: tuple[str, str] | None) -> dict[int, str]:
    """Return the columns of counts by outcome, {} where the file has none."""
    if pair is None:
        return {}
    names = {
        LEFT: (
            f"{pair[0]}_wins",
            f"{pair[0].removesuffix('_team')}_wins",
            "wins_a",
            "w_ij",
            "a_wins",
            "home.wins",
            "win1",
        ),
        RIGHT: (
            f"{pair[1]}_wins",
            f"{pair[1].removesuffix('_team')}_wins",
            "wins_b",
            "w_ji",
            "b_wins",
            "away.wins",
            "win2",
        ),
        TIE: ("ties", "t_ij", "draws", "tie"),
    }
    found = {code: first_of(sheet, options) for code, options in names.items()}
    kept = {code: name for code, name in found.items() if name is not None}
    return kept if {LEFT, RIGHT} <= set(kept) else {}


def from_tallies(sheet: Sheet, pair: tuple[str, str], tallies: dict[int, str]) -> Votes:
    """Return the votes of a table of pairs with the wins of each."""
    one, other = sheet.texts(pair[0]), sheet.texts(pair[1])
    names, left, right = joined(sheet, one, other)
    counts = {code: repeats(sheet, name) for code, name in tallies.items()}
    return Votes(
        names,
        np.concatenate([np.repeat(left, copies) for copies in counts.values()]),
        np.concatenate([np.repeat(right, copies) for copies in counts.values()]),
        np.concatenate([np.full(int(copies.sum()), code, dtype=np.int8) for code, copies in counts.items()]),
    )


def outcomes(
    sheet: Sheet, name: str, *, optional: bool = False, pair: tuple[Column, Column] | None = None
) -> tuple[Codes, Floats, tuple[str, ...]]:  # fmt: skip
    """Return outcome codes (n,), -1 for a missing one where that is `optional`; the copies of each; notes.

    A winner may also be named: by one of the two models of its row, which are the `pair`.
    """
    column = sheet.texts(name)
    labels = [label.strip().lower() for label in column.names]
    codes = np.full(len(labels), -2, dtype=np.int8)
    for place, label in enumerate(labels):
        points = POINTS.get(_points(label)) if name in SCORE else None
        known = OUTCOMES.get(label, points)
        codes[place] = known if known is not None else (-1 if optional and label in ("", "null") else -2)
    used: Codes = codes[column.codes]
    if pair is not None:
        used = with_names(sheet, name, column, used, pair)
    if (used == -2).any():
        row = int(np.argmax(used == -2))
        found = column.names[int(column.codes[row])]
        raise DataError(
            f'{sheet.where}, row {row + 1}: {name} is "{found}"; expected model_a, model_b, tie or both bad'
            f"{did_you_mean(found, OUTCOMES) if found else ' (it is empty)'}"
        )
    copies = np.array([MUCH_BETTER if ">>" in label else 1.0 for label in labels])
    notes = []
    unsure = np.isin(column.codes, [place for place, label in enumerate(labels) if label in INCONSISTENT])
    if unsure.any():
        notes.append(f"{int(unsure.sum())} verdicts differ between the two orders of the answers: counted as ties")
    if (used == -1).any():
        notes.append(f"{int((used == -1).sum())} verdicts could not be read and are left out")
    return used, copies[column.codes], tuple(notes)


def with_names(sheet: Sheet, name: str, column: Column, used: Codes, pair: tuple[Column, Column]) -> Codes:
    """Return the outcomes with winners named by model. Raises DataError for a name that is the other's label."""
    named = np.full(len(used), -2, dtype=np.int8)
    for code, models in zip((LEFT, RIGHT), pair, strict=True):
        places = {model: place for place, model in enumerate(models.names)}
        same = np.array([places.get(label, -1) for label in column.names])[column.codes]
        named[same == models.codes] = code
    unclear = (named >= 0) & (used >= 0) & (named != used)
    if unclear.any():
        row = int(np.argmax(unclear))
        label = column.names[int(column.codes[row])]
        raise DataError(
            f'{sheet.where}, row {row + 1}: {name} is "{label}", the name of one model and the label of the other; '
            "write model_a, model_b or tie"
        )
    return np.where(used == -2, named, used)


def weights_of(sheet: Sheet, strong: Floats) -> Floats | None:
    """Return the copies each vote counts for, None where all count once. Raises DataError for a weight below 0."""
    name = first_of(sheet, WEIGHT)
    weights = strong
    if name is not None:
        own = sheet.numbers(name)
        if own is None or (own < 0).any():
            raise DataError(f"{sheet.where}: {name} must be a number, 0 or more, in every row")
        weights = strong * own
    return None if (weights == 1).all() else weights


def assembled(
    sheet: Sheet,
    left: Column,
    right: Column,
    outcome: Codes,
    weights: Floats | None,
    notes: tuple[str, ...],
    *,
    category: str | None,
    pair: tuple[str, str],
    kept: NDArray[np.bool_] | None = None,
) -> Votes:
    """Return the votes with all columns of the sheet that have a meaning; votes of a model against itself are out."""
    names, one, other = joined(sheet, left, right)
    wanted = one != other if kept is None else (one != other) & kept
    selves = int(((one == other) if kept is None else (one == other) & kept).sum())
    if selves:
        notes = (*notes, f"{selves} votes of a model against itself are left out")
    prompt = named(sheet, PROMPT)
    turn = sheet.texts("turn") if "turn" in sheet.columns else None
    features = features_of(sheet, pair)
    rows = np.flatnonzero(wanted)
    whole = len(rows) == len(sheet)
    votes = Votes(
        models=names,
        left=one,
        right=other,
        outcome=np.maximum(outcome, 0),
        annotator=named(sheet, ANNOTATOR),
        prompt=prompt,
        item=crossed(prompt, turn) if prompt is not None and turn is not None else None,
        category=sheet.texts(category) if category else named(sheet, CATEGORY),
        kind=named(sheet, KIND),
        feature_names=tuple(features),
        features_left=np.column_stack([pair[0] for pair in features.values()]) if features else np.zeros((0, 0)),
        features_right=np.column_stack([pair[1] for pair in features.values()]) if features else np.zeros((0, 0)),
        weights=weights,
        notes=notes,
    )
    return votes if whole else votes.only(wanted)


def named(sheet: Sheet, names: tuple[str, ...]) -> Column | None:
    """Return the first of the columns that is there and says something."""
    name = first_of(sheet, names)
    column = None if name is None else sheet.texts(name)
    return None if column is None or column.names in ((), ("",)) else column


def crossed(one: Column, other: Column) -> Column:
    """Return the column of pairs of names."""
    keys, codes = np.unique(one.codes.astype(np.int64) * len(other.names) + other.codes, return_inverse=True)
    names = (f"{one.names[key // len(other.names)]}/{other.names[key % len(other.names)]}" for key in keys.tolist())
    return Column(tuple(names), codes.astype(np.int32))


def features_of(sheet: Sheet, pair: tuple[str, str]) -> dict[str, tuple[Floats, Floats]]:
    """Return the numeric columns NAME_a, NAME_b of the two answers, by NAME."""
    found = {}
    for column in sheet.columns:
        name = column.removesuffix("_a")
        if name == column or f"{name}_b" not in sheet.columns or column == pair[0]:
            continue
        one, other = sheet.numbers(column), sheet.numbers(f"{name}_b")
        if one is not None and other is not None:
            found[name] = (one, other)
    return found


def joined(sheet: Sheet, left: Column, right: Column) -> tuple[tuple[str, ...], Codes, Codes]:
    """Return the sorted names of both columns and their places (n,). Raises DataError for a missing name."""
    for column in (left, right):
        if "" in column.names and (empty := column.codes == column.names.index("")).any():
            raise DataError(f"{sheet.where}, row {int(np.argmax(empty)) + 1}: the name of a model is missing")
    names = sorted({*left.names, *right.names})
    places = {name: place for place, name in enumerate(names)}
    one, other = (
        np.array([places[name] for name in column.names], dtype=np.int32)[column.codes] for column in (left, right)
    )
    return tuple(names), one, other


def repeats(sheet: Sheet, name: str) -> Codes:
    """Return a column of whole counts. Raises DataError for anything else."""
    counts = sheet.numbers(name)
    if counts is None or (counts < 0).any() or (counts % 1).any():
        raise DataError(f"{sheet.where}: {name} must be a whole number, 0 or more, in every row")
    return counts.astype(np.int64)


def repeated(column: Column, copies: Codes) -> Column:
    """Return the column with each cell as often as `copies` says."""
    return Column(column.names, np.repeat(column.codes, copies))


def _points(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return -1.0
