"""Which pair of models comes next: balanced, fast, or a new model first. The chance of each choice is stored.

- balanced: the item with the most votes missing, then in the order of a seeded shuffle that goes round all pairs and
  prompts; over that shuffle every pair is as likely as any other.
- fast: one half uniform over the pairs, one half over models that stand next to each other in the current ratings
  (3,000 votes to a Kendall tau of .90 instead of 4,750, with intervals that still cover; adjacent only would not).
- new-model: pairs with the new model first, then balanced.

Draws are hashes of (seed, annotator, number of the draw): no generator whose state a crash could lose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from vlmeval.sbs.database import Database
from vlmeval.sbs.records import Policy, policy_of
from vlmeval.sbs.tally import LiveTally

UNIFORM_SHARE = 0.5


class Draw(NamedTuple):
    """Where to look for an item: in one pair of models, or (None) in the order of the shuffle.

    `probability` is the chance of the pair among those not yet found exhausted in the same choice.
    """

    pair: int | None
    probability: float
    policy: str


@dataclass(frozen=True)
class Plan:
    """The settings of a study that assignments follow. `pairs` maps its id to the two models' ids.

    One of `gold_every` assignments is a gold item; 0 is none. `new_model` is a model's id.
    """

    policy: Policy
    seed: int
    gold_every: int
    new_model: int | None
    pairs: dict[int, tuple[int, int]]


def uniform(seed: int, *place: int) -> float:
    """Return a number in [0, 1) that depends on the arguments alone."""
    text = ":".join(map(str, (seed, *place)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


def read_plan(database: Database) -> Plan:
    """Return the plan that is stored; without one the balanced policy."""
    settings: dict[str, str] = dict(database.rows("select name, value from setting"))
    new = settings.get("new_model", "")
    row = database.row("select id from model where name = ?", (new,)) if new else None
    pairs = database.rows("select id, model_a, model_b from pair where model_a is not null order by id")
    policy = policy_of(settings.get("policy", "balanced"))
    return Plan(
        policy,
        int(settings.get("seed", "0")),
        int(settings.get("gold_every", "0")),
        int(row[0]) if row else None,
        {int(pair): (int(one), int(other)) for pair, one, other in pairs},
    )


def gold_due(plan: Plan, annotator: int, taken: int) -> bool:
    """Tell whether the annotator's next assignment is a gold item: one place, drawn, in each run of `gold_every`."""
    if plan.gold_every <= 0:
        return False
    block, place = divmod(taken, plan.gold_every)
    return place == int(uniform(plan.seed, annotator, block, -1) * plan.gold_every)


class Chooser:
    """The draws of a study. It keeps the current ratings between calls, for `fast` alone."""

    def __init__(self) -> None:
        self._tally: LiveTally | None = None

    def draws(self, database: Database, plan: Plan, annotator: int, taken: int) -> Iterator[Draw]:
        """Yield where to look, one after the other, until an item is found."""
        if plan.policy == "fast":
            yield from without_replacement(self._fast_weights(database, plan), plan.seed, annotator, taken, "fast")
            return
        if plan.policy == "new-model" and plan.new_model is not None:
            first = {pair: 1.0 for pair, models in plan.pairs.items() if plan.new_model in models}
            yield from without_replacement(first, plan.seed, annotator, taken, "new-model")
        yield Draw(None, 1.0 / max(1, len(plan.pairs)), "balanced")

    def _fast_weights(self, database: Database, plan: Plan) -> dict[int, float]:
        """Return the chance of each pair."""
        if self._tally is None:
            self._tally = LiveTally()
        self._tally.follow(database)
        adjacent = self._tally.adjacent()
        near = {pair for pair, models in plan.pairs.items() if frozenset(models) in adjacent}
        even = 1.0 / max(1, len(plan.pairs))
        if not near:
            return dict.fromkeys(plan.pairs, even)
        return {
            pair: UNIFORM_SHARE * even + ((1.0 - UNIFORM_SHARE) / len(near) if pair in near else 0.0)
            for pair in plan.pairs
        }


def without_replacement(
    weights: dict[int, float], seed: int, annotator: int, taken: int, policy: str
) -> Iterator[Draw]:
    """Yield pairs, each drawn by its weight among those left."""
    left = dict(weights)
    for number in range(len(weights)):
        total = sum(left.values())
        goal = uniform(seed, annotator, taken, number) * total
        chosen = next(iter(left))
        for chosen, weight in left.items():  # noqa: B007 - the last pair catches what rounding leaves over
            goal -= weight
            if goal < 0:
                break
        yield Draw(chosen, min(1.0, left[chosen] / total), policy)
        del left[chosen]
