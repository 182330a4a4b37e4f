"""What a rating of votes says: numbers with intervals, and everything needed to believe or doubt them."""

from __future__ import annotations

import msgspec


class Effect(msgspec.Struct, frozen=True):
    """What being shown left, or one spread of a feature, is worth, on the scale of the ratings."""

    name: str
    value: float
    low: float
    high: float
    z: float


class Rating(msgspec.Struct, frozen=True):
    """One model. The rating, its interval and ranks are None where no finite strength exists.

    `group` numbers the sets of models that can be compared with one another, 1 is the largest: ratings of two groups
    have no common scale. `rank_low` to `rank_high` holds with the others' ranks at the level of the board. `bound` is
    the "rank (UB)" of Chatbot Arena. Votes, wins, ties and losses are weighted; `both_bad` are ties too.
    """

    model: str
    group: int
    rating: float | None
    low: float | None
    high: float | None
    error: float | None
    rank_low: int | None
    rank_high: int | None
    tier: int | None
    bound: int | None
    votes: float
    wins: float
    ties: float
    losses: float
    both_bad: float
    elo: float | None = None

    @property
    def win_share(self) -> float | None:
        """Wins and half the ties over votes."""
        return (self.wins + self.ties / 2) / self.votes if self.votes else None

    @property
    def both_bad_rate(self) -> float | None:
        """The share of votes that called both answers bad."""
        return self.both_bad / self.votes if self.votes else None


class Pair(msgspec.Struct, frozen=True):
    """The votes between two models: `share` is that of `model`, ties counted half, `expected` what the ratings give.

    `separated` tells whether one stands above the other with the whole board's level.
    """

    model: str
    other: str
    votes: float
    share: float
    expected: float | None
    separated: bool


class Category(msgspec.Struct, frozen=True):
    """The ratings of the votes of one category alone."""

    name: str
    votes: int
    ratings: tuple[Rating, ...]
    notes: tuple[str, ...] = ()


class Agreement(msgspec.Struct, frozen=True):
    """Agreement among annotators on the same item and pair; None where it is not defined.

    `units` have two votes or more; Fleiss' kappa is over the units with the commonest number of raters.
    """

    units: int
    votes: int
    alpha_nominal: float | None
    alpha_ordinal: float | None
    alpha_interval: float | None
    fleiss_kappa: float | None
    fleiss_raters: int | None


class JudgeAgreement(msgspec.Struct, frozen=True):
    """A judge against the majority of people on the same item and pair, with ties and without."""

    judge: str
    units: int
    agreement: float | None
    kappa: float | None
    decisive_units: int
    decisive_agreement: float | None
    decisive_kappa: float | None


class Annotator(msgspec.Struct, frozen=True):
    """One annotator: `follows` (z1) is low for votes at random, `side` (z2) is far from 0 for one who keeps a side."""

    name: str
    votes: int
    follows: float
    side: float
    left_share: float
    tie_share: float
    flags: tuple[str, ...]


class Board(msgspec.Struct, frozen=True):
    """All of it. `ratings` are sorted, best first, groups one after the other; `pairs` cover observed pairs once.

    `clusters` say what intervals are clustered by; `without_flagged` are the ratings without flagged annotators, None
    where nobody is flagged.
    """

    study: str
    method: str
    signature: str
    level: float
    center: float
    scale: float
    anchor: str | None
    votes: int
    models: int
    clusters: dict[str, int]
    tie_parameter: float | None
    log_likelihood: float | None
    side: Effect | None
    controls: tuple[Effect, ...]
    ratings: tuple[Rating, ...]
    pairs: tuple[Pair, ...]
    categories: tuple[Category, ...]
    agreement: Agreement | None
    judges: tuple[JudgeAgreement, ...]
    annotators: tuple[Annotator, ...]
    without_flagged: tuple[Rating, ...] | None
    notes: tuple[str, ...]

    @property
    def flagged(self) -> tuple[Annotator, ...]:
        """The annotators with a flag."""
        return tuple(one for one in self.annotators if one.flags)
