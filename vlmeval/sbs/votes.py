"""Votes in memory: integer arrays with the names they stand for. Every reader gives it, every rating takes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from vlmeval.errors import ConfigError, DataError
from vlmeval.registry import did_you_mean
from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import LEFT, RIGHT, TIE, Codes

BOTH_BAD = 3
"""The fourth outcome of a vote: a tie for the ratings, with a rate of its own by model."""
LABELS = {LEFT: "left", TIE: "tie", RIGHT: "right", BOTH_BAD: "both bad"}


@dataclass(frozen=True, eq=False)
class Column:
    """A name for each vote: `names[codes[v]]`."""

    names: tuple[str, ...]
    codes: Codes

    @classmethod
    def of(cls, values: Sequence[str]) -> Column:
        """Return the column of `values`, names sorted."""
        names = sorted(set(values))
        places = {name: place for place, name in enumerate(names)}
        return cls(tuple(names), np.fromiter((places[value] for value in values), np.int32, len(values)))

    def only(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Column:
        """Return the column of some votes, without the names that they leave unused."""
        codes = self.codes[rows]
        seen = np.bincount(codes, minlength=len(self.names)) > 0
        places = np.cumsum(seen) - 1
        kept = tuple(name for name, used in zip(self.names, seen.tolist(), strict=True) if used)
        return Column(kept, places[codes].astype(np.int32))


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes (n,) on pairs of models.

    `left`, `right`: places in `models`; `outcome`: LEFT, TIE, RIGHT or BOTH_BAD. The columns are None where the source
    has none: `annotator` who voted, `prompt` what both models were asked (clusters), `item` what of it was judged where
    that is finer (a turn), `category`, `kind` of judge (human, or a model's name). `features_left`, `features_right`
    (n, k) describe the two answers (length, lists, ...). `weights` (n,) are the copies a vote counts for, None for one.
    `notes` say what a reader left out or took for something.
    """

    models: tuple[str, ...]
    left: Codes
    right: Codes
    outcome: Codes
    annotator: Column | None = None
    prompt: Column | None = None
    item: Column | None = None
    category: Column | None = None
    kind: Column | None = None
    feature_names: tuple[str, ...] = ()
    features_left: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    features_right: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    weights: Floats | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.left) == len(self.right) == len(self.outcome):
            raise DataError(
                f"{len(self.left)} left models, {len(self.right)} right models, {len(self.outcome)} outcomes"
            )
        for side in (self.left, self.right):
            if len(side) and not 0 <= int(side.min()) <= int(side.max()) < len(self.models):
                raise DataError(f"a vote names a model outside 0..{len(self.models) - 1}")
        if len(self.outcome) and not 0 <= int(self.outcome.min()) <= int(self.outcome.max()) <= BOTH_BAD:
            raise DataError(f"an outcome is outside 0..{BOTH_BAD}")

    def __len__(self) -> int:
        return len(self.left)

    @property
    def scored(self) -> Codes:
        """The outcomes as ratings read them: both bad is a tie."""
        return np.where(self.outcome == BOTH_BAD, TIE, self.outcome).astype(np.int8)

    def only(self, rows: NDArray[np.bool_]) -> Votes:
        """Return some of the votes, all models kept."""
        changes: dict[str, object] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Column):
                changes[one.name] = value.only(rows)
            elif isinstance(value, np.ndarray) and len(value) == len(self):
                changes[one.name] = value[rows]
        return replace(self, **changes)  # type: ignore[arg-type]

    def of_category(self, name: str) -> Votes:
        """Return the votes of one category. Raises ConfigError with the nearest name."""
        if self.category is None:
            raise ConfigError(f'--category "{name}": these votes have no categories')
        return self._of(self.category, name, what="category")

    def of_kind(self, name: str) -> Votes:
        """Return the votes of one kind of judge. Raises ConfigError with the nearest name."""
        if self.kind is None:
            raise ConfigError(f'--judge "{name}": these votes do not say what kind of judge gave them')
        return self._of(self.kind, name, what="kind of judge")

    def _of(self, column: Column, name: str, *, what: str) -> Votes:
        if name not in column.names:
            hint = did_you_mean(name, column.names) or f"; there are: {', '.join(column.names[:20])}"
            raise ConfigError(f'there is no {what} "{name}"{hint}')
        return self.only(column.codes == column.names.index(name))

    def place(self, model: str) -> int:
        """Return the place of a model. Raises ConfigError with the nearest name."""
        if model not in self.models:
            hint = did_you_mean(model, self.models) or f"; there are: {', '.join(self.models[:20])}"
            raise ConfigError(f'there is no model "{model}" in these votes{hint}')
        return self.models.index(model)

    def contrasts(self, names: Iterable[str] | None = None) -> Floats:
        """Return the feature differences (n, k): (f_left - f_right) / (f_left + f_right + 1), over their spread.

        The form of Chatbot Arena's style control. All features where `names` is None. Raises ConfigError for an unknown
        one, DataError for a feature that never differs.
        """
        chosen = self.feature_names if names is None else tuple(names)
        found = np.zeros((len(self), len(chosen)))
        for column, name in enumerate(chosen):
            if name not in self.feature_names:
                hint = (
                    did_you_mean(name, self.feature_names) or f"; there are: {', '.join(self.feature_names) or 'none'}"
                )
                raise ConfigError(f'there is no feature "{name}" in these votes{hint}')
            place = self.feature_names.index(name)
            one, other = self.features_left[:, place], self.features_right[:, place]
            difference = (one - other) / (one + other + 1.0)
            spread = float(difference.std())
            if spread == 0:
                raise DataError(f'the feature "{name}" is the same for both answers of every vote; leave it out')
            found[:, column] = difference / spread
        return found
