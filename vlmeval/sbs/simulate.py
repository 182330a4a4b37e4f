"""Votes of a planned session: for planning, and to test that intervals cover what they promise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlmeval.sbs.votes import Column, Votes
from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import Cells
from vlmeval.stats.davidson import Davidson
from vlmeval.stats.pairwise import fit

NODES = 41


@dataclass(frozen=True)
class Session:
    """A session to be simulated: who judges what, and how tastes differ.

    `theta` (M,) are strengths in logits. Each pair on a prompt is judged by `overlap` annotators. The strength of a
    model shifts by annotator and by prompt, with these standard deviations in logits. `nu` is Davidson's.
    """

    theta: tuple[float, ...]
    votes: int
    annotators: int = 20
    prompts: int = 200
    overlap: int = 1
    nu: float = 0.0
    annotator_spread: float = 0.0
    prompt_spread: float = 0.0
    side: float = 0.0


def simulate(session: Session, generator: np.random.Generator) -> Votes:
    """Return the votes of one session: pairs uniform, sides random, each item to `overlap` different annotators."""
    theta = np.array(session.theta)
    size = len(theta)
    items = -(-session.votes // session.overlap)
    left = generator.integers(0, size, items)
    right = (left + generator.integers(1, size, items)) % size
    prompt = generator.integers(0, session.prompts, items)
    first = generator.integers(0, session.annotators, items)
    rows = np.repeat(np.arange(items), session.overlap)[: session.votes]
    turn = np.tile(np.arange(session.overlap), items)[: session.votes]
    left, right, prompt = left[rows], right[rows], prompt[rows]
    annotator = (first[rows] + turn) % session.annotators
    swapped = generator.random(session.votes) < 0.5
    left, right = np.where(swapped, right, left), np.where(swapped, left, right)
    tastes = generator.normal(0, session.annotator_spread, (session.annotators, size))
    topics = generator.normal(0, session.prompt_spread, (session.prompts, size))
    eta = theta[left] - theta[right] + session.side
    eta += tastes[annotator, left] - tastes[annotator, right] + topics[prompt, left] - topics[prompt, right]
    won, tied, _ = Davidson().probabilities(eta, float(np.log(session.nu)) if session.nu else None)
    draw = generator.random(session.votes)
    outcome = (draw > won).astype(np.int8) + (draw > won + tied).astype(np.int8)
    return Votes(
        models=tuple(f"model {place + 1:02d}" for place in range(size)),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        outcome=outcome,
        annotator=numbered("annotator", annotator, session.annotators),
        prompt=numbered("prompt", prompt, session.prompts),
    )


def numbered(noun: str, codes: np.ndarray[tuple[int], np.dtype[np.int64]], number: int) -> Column:
    """Return a column of numbered names."""
    return Column(tuple(f"{noun} {place + 1}" for place in range(number)), codes.astype(np.int32))


def population_strengths(session: Session) -> Floats:
    """Return the strengths (M,) that a fit finds in endlessly many votes, mean 0: what its intervals must cover.

    Tastes that differ make the average vote less decided than the average taste: strengths shrink towards each other.
    """
    theta = np.array(session.theta)
    size = len(theta)
    left, right = np.triu_indices(size, 1)
    spread = np.sqrt(2 * (session.annotator_spread**2 + session.prompt_spread**2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    tie = float(np.log(session.nu)) if session.nu else None
    counts = np.zeros((3, len(left)))
    for node, weight in zip(nodes.tolist(), (weights / weights.sum()).tolist(), strict=True):
        counts += weight * Davidson().probabilities(theta[left] - theta[right] + spread * node, tie)
    cells = Cells(size, left, right, counts, counts, np.zeros((len(left), 0)))
    return fit(cells, Davidson()).theta
