"""How many votes a session needs for intervals of a wanted width, or to tell two models apart: by simulation.

Sessions are drawn with a seed, rated exactly as real ones (Davidson, two-way clustered intervals), and the number of
votes is searched for by doubling and halving.
"""

from __future__ import annotations

from statistics import NormalDist

import msgspec
import numpy as np

from vlmeval.errors import ConfigError
from vlmeval.sbs.simulate import Session, simulate
from vlmeval.sbs.strengths import ELO, Recipe, strengths
from vlmeval.stats.clusters import Floats

FEWEST, MOST = 50, 400_000
PRECISION = 1.05
NORMAL = NormalDist()


class Wish(msgspec.Struct, frozen=True):
    """What a session is to give, and what it is made of.

    `width` is the full width of the mean rating's interval in Elo; `power` the chance to separate two neighbours that
    are `gap` Elo apart, each pair on its own. One of the two is given. `spread` is the standard deviation of the
    models' ratings, `taste` and `topic` those of a rating between annotators and between prompts, all in Elo.
    """

    models: int
    width: float | None = None
    power: float | None = None
    gap: float = 50.0
    overlap: int = 3
    ties: float = 0.2
    annotators: int = 20
    prompts: int = 200
    spread: float = 100.0
    taste: float = 40.0
    topic: float = 60.0
    level: float = 0.95

    def checked(self) -> Wish:
        """Return the wish. Raises ConfigError for one that makes no sense."""
        if (self.width is None) == (self.power is None):
            raise ConfigError("say what is wanted: --width ELO or --power SHARE, one of the two")
        if self.width is not None and self.width <= 0:
            raise ConfigError(f"--width {self.width:g}: must be above 0")
        if self.power is not None and not 0 < self.power < 1:
            raise ConfigError(f"--power {self.power:g}: must be between 0 and 1")
        if self.models < 2 or self.annotators < 2 or self.prompts < 2:
            raise ConfigError("models, annotators and prompts: two or more of each")
        if not 1 <= self.overlap <= self.annotators:
            raise ConfigError(f"--overlap {self.overlap}: between 1 and the {self.annotators} annotators")
        if not 0 <= self.ties < 1 or not 0 < self.level < 1:
            raise ConfigError("--ties must be in 0..1, --level between 0 and 1")
        return self


class Point(msgspec.Struct, frozen=True):
    """What `votes` votes give on average: width of an interval in Elo, power at the gap."""

    votes: int
    width: float
    power: float


class Plan(msgspec.Struct, frozen=True):
    """The least votes found, what they give, and the points tried on the way, by votes."""

    votes: int
    items: int
    each: float
    point: Point
    tried: tuple[Point, ...]


def plan(wish: Wish, *, runs: int = 8, seed: int = 0) -> Plan:
    """Return the least number of votes, to 5 %, that gives what is wished for, from `runs` sessions a point.

    Raises ConfigError where even `MOST` votes do not: then annotators or prompts are too few, not votes.
    """
    wish.checked()
    tried: dict[int, Point] = {}

    def enough(votes: int) -> bool:
        tried[votes] = measure(wish, votes, runs=runs, seed=seed)
        point = tried[votes]
        return point.width <= wish.width if wish.width is not None else point.power >= (wish.power or 0.0)

    high = FEWEST
    while not enough(high):
        high *= 2
        if high > MOST:
            best = tried[high // 2]
            raise ConfigError(
                f"{high // 2:,} votes of {wish.annotators} annotators on {wish.prompts} prompts give intervals of "
                f"{best.width:.0f} Elo and a power of {best.power:.2f}: more votes change little; "
                "more --annotators or --prompts do, or wish for less"
            )
    low = high // 2 if high > FEWEST else FEWEST
    while high > low * PRECISION:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    points = tuple(tried[votes] for votes in sorted(tried))
    return Plan(high, -(-high // wish.overlap), high / wish.annotators, tried[high], points)


def measure(wish: Wish, votes: int, *, runs: int, seed: int) -> Point:
    """Return the mean width and power of `runs` simulated sessions of this many votes."""
    theta = strengths_of(wish)
    session = Session(
        theta=tuple(theta.tolist()),
        votes=votes,
        annotators=wish.annotators,
        prompts=wish.prompts,
        overlap=wish.overlap,
        nu=nu_for(wish.ties, theta),
        annotator_spread=wish.taste / ELO,
        prompt_spread=wish.topic / ELO,
    )
    widths, powers = [], []
    for run in range(runs):
        drawn = simulate(session, np.random.default_rng((seed, votes, run)))
        group = strengths(drawn, Recipe(level=wish.level)).groups[0]
        size = len(group.members)
        quantile = group.covariance.quantile(wish.level)
        widths.append(2 * quantile * ELO * float(group.covariance.errors()[:size].mean()))
        order = np.argsort(group.fitted.theta)
        errors = group.covariance.differences(size)[order[:-1], order[1:]] * ELO
        powers.append(float(np.mean([power_at(wish.gap, error, quantile) for error in errors.tolist()])))
    return Point(votes, float(np.mean(widths)), float(np.mean(powers)))


def power_at(gap: float, error: float, quantile: float) -> float:
    """Return the chance that a difference of `gap`, known with this standard error, is found."""
    return 1.0 if error == 0 else NORMAL.cdf(gap / error - quantile)


def strengths_of(wish: Wish) -> Floats:
    """Return strengths in logits at the quantiles of a normal law: no draw of them decides the plan."""
    places = [(place + 0.5) / wish.models for place in range(wish.models)]
    return np.array([NORMAL.inv_cdf(place) for place in places]) * wish.spread / ELO


def nu_for(ties: float, theta: Floats) -> float:
    """Return Davidson's nu with which pairs drawn at random tie with this share."""
    if ties == 0:
        return 0.0
    left, right = np.triu_indices(len(theta), 1)
    half = np.abs(theta[left] - theta[right]) / 2
    decided = np.exp(half) + np.exp(-half)
    low, high = 0.0, 1e6
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if float((middle / (decided + middle)).mean()) < ties else (low, middle)
    return high
