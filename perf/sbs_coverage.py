"""Whether the intervals of side-by-side ratings cover what they promise, in six kinds of sessions.

    python perf/sbs_coverage.py [--runs 300]

Prints `what | ours | other | ratio | bar`. Nominal 95 %; "other" is the share that intervals with independent votes
cover, which is what FastChat, arena-rank and evalica give, on the same votes. False separations: boards of equal models
on which some pair is called different; "other" is the usual rank by intervals that do not overlap. Last line: a model
with 50 votes among two million, its rating against the optimum found another way (`exact_gap`). Exit status
1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, status
from vlmeval.sbs.simulate import Session, population_strengths, simulate
from vlmeval.sbs.strengths import ELO, Recipe, strengths
from vlmeval.stats.bradley_terry import BradleyTerry
from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import Cells, collapse
from vlmeval.stats.pairwise import fit
from vlmeval.stats.sandwich import Covariance, vote_covariance
from vlmeval.stats.separations import rank

LEVEL = 0.95
LOW, HIGH = 93.0, 97.0
FALSE = 6.0
TWENTY = tuple(np.linspace(-1.0, 1.0, 20).tolist())
SIX = tuple(np.linspace(-0.6, 0.6, 6).tolist())
TIES = 0.6
REGIMES = {
    "iid": Session(TWENTY, 10_000, annotators=200, prompts=500, nu=TIES),
    "annotator effects": Session(TWENTY, 10_000, annotators=20, prompts=500, nu=TIES, annotator_spread=0.5),
    "prompt effects": Session(TWENTY, 10_000, annotators=200, prompts=200, nu=TIES, prompt_spread=0.7),
    "both": Session(TWENTY, 10_000, annotators=20, prompts=200, nu=TIES, annotator_spread=0.5, prompt_spread=0.7),
    "6 annotators": Session(TWENTY, 10_000, annotators=6, prompts=500, nu=TIES, annotator_spread=0.5),
    "6 models, 600 votes": Session(SIX, 600, annotators=5, prompts=100, nu=TIES, annotator_spread=0.3),
}


def covered(theta: Floats, truth: Floats, spread: Covariance) -> float:
    """Return the share of models whose interval holds the truth, in per cent."""
    half = spread.quantile(LEVEL) * spread.errors()[: len(truth)]
    return 100 * float((np.abs(theta - truth) <= half).mean())


def coverage(name: str, session: Session, *, runs: int) -> Iterator[Line]:
    """Return the line of one regime: its bar holds where coverage is inside 93 to 97 %."""
    truth = population_strengths(session)
    ours, votes_only = [], []
    for run in range(runs):
        votes = simulate(session, np.random.default_rng((7, run)))
        group = strengths(votes, Recipe()).groups[0]
        theta = group.fitted.theta
        ours.append(covered(theta, truth, group.covariance))
        votes_only.append(covered(theta, truth, vote_covariance(group.fitted, group.cells)))
    other = float(np.mean(votes_only))
    yield Line(f"coverage, {name}", float(np.mean(ours)), other, floor=LOW, most=HIGH, unit="%", more=True)


def false_separations(*, runs: int) -> Iterator[Line]:
    """Return the lines for boards of twenty equal models."""
    for name in ("iid", "both"):
        session = REGIMES[name]
        equal = Session(
            (0.0,) * 20, session.votes, annotators=session.annotators, prompts=session.prompts, nu=session.nu,
            annotator_spread=session.annotator_spread, prompt_spread=session.prompt_spread,
        )  # fmt: skip
        ours = usual = 0
        for run in range(runs):
            votes = simulate(equal, np.random.default_rng((11, run)))
            group = strengths(votes, Recipe()).groups[0]
            ours += bool(rank(group.fitted.theta, group.covariance, seed=run).above.any())
            plain = vote_covariance(group.fitted, group.cells)
            usual += bool((rank(group.fitted.theta, plain, draws=2).bound > 1).any())
        yield Line(
            f"boards with a false separation, {name}", 100 * ours / runs, 100 * usual / runs, most=FALSE, unit="%"
        )


def rare_model() -> Iterator[Line]:
    """Return the line for a model with 50 votes among two million of 200 others."""
    generator = np.random.default_rng(3)
    theta = generator.normal(0, 0.6, 201)
    left = generator.integers(0, 200, 2_000_000)
    right = (left + generator.integers(1, 200, len(left))) % 200
    left[:50], right[:50] = 200, generator.integers(0, 200, 50)
    outcome = 2 * (generator.random(len(left)) > 1 / (1 + np.exp(theta[right] - theta[left]))).astype(np.int64)
    cells = collapse(left, right, outcome, 201)
    found = fit(cells, BradleyTerry()).theta
    yield Line("rating of a 50-vote model among 2M votes, off the exact optimum", exact_gap(cells, found, 200),
               most=0.01, unit="Elo")  # fmt: skip


def exact_gap(cells: Cells, theta: Floats, place: int) -> float:
    """Return how far one strength is, in Elo, from the root of its own likelihood equation, the others held.

    By bisection on sum(wins) = sum(p), in extended precision: another way than Newton's. With the others known to 1e-4
    of its own error, that root is the optimum.
    """
    others = np.where(cells.left == place, cells.right, cells.left)
    mine = (cells.left == place) | (cells.right == place)
    wins = np.where(cells.left == place, cells.counts[0], cells.counts[2])[mine].sum()
    number = cells.counts.sum(axis=0)[mine]
    against = theta.astype(np.longdouble)[others[mine]]
    low, high = np.longdouble(-20), np.longdouble(20)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if (number / (1 + np.exp(against - middle))).sum() < wins else (low, middle)
    return abs(float(high) - float(theta[place])) * ELO


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs

    def lines() -> Iterator[Line]:
        for name, session in REGIMES.items():
            yield from coverage(name, session, runs=runs)
        yield from false_separations(runs=runs)
        yield from rare_model()

    return status(lines())


if __name__ == "__main__":
    sys.exit(main())
