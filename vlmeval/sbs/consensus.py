"""How far people agree with one another, and a judge with people, on the same item and pair of models."""

from __future__ import annotations

import numpy as np

from vlmeval.sbs.board import Agreement, JudgeAgreement
from vlmeval.sbs.votes import Votes
from vlmeval.stats.agreement import fleiss_kappa, krippendorff_alpha, majority, unit_counts
from vlmeval.stats.clusters import Floats, Integers
from vlmeval.stats.comparisons import TIE, Codes
from vlmeval.stats.kappa import cohen_kappa

HUMAN = ("human", "people", "crowd", "expert")
CHOICES = 3


def units_of(votes: Votes) -> tuple[Codes, Codes]:
    """Return, by vote, the unit (item and unordered pair) and the choice: 0 the lower model, 1 a tie, 2 the higher.

    Which side a model was shown on does not matter here.
    """
    what = votes.item or votes.prompt
    size = len(votes.models)
    low, high = np.minimum(votes.left, votes.right), np.maximum(votes.left, votes.right)
    units = low.astype(np.int64) * size + high
    if what is not None:
        units += what.codes.astype(np.int64) * (size * size)
    choice = np.where(votes.left == low, votes.scored, 2 - votes.scored)
    return units, choice


def agreement_of(votes: Votes) -> Agreement | None:
    """Return the agreement among people; among all voters where the votes do not tell people apart.

    None where the votes do not say what was judged, or no item and pair was judged twice.
    """
    if votes.prompt is None and votes.item is None:
        return None
    people = votes if votes.kind is None else votes.only(human_rows(votes))
    if not len(people):
        return None
    counts = unit_counts(*units_of(people), CHOICES)
    several = counts[counts.sum(axis=1) >= 2]
    if not len(several):
        return None
    raters = np.bincount(several.sum(axis=1).astype(np.int64))
    common = int(np.argmax(raters))
    return Agreement(
        units=len(several),
        votes=int(several.sum()),
        alpha_nominal=krippendorff_alpha(several),
        alpha_ordinal=krippendorff_alpha(several, scale="ordinal"),
        alpha_interval=krippendorff_alpha(several, scale="interval"),
        fleiss_kappa=fleiss_kappa(several[several.sum(axis=1) == common]),
        fleiss_raters=common,
    )


def human_rows(votes: Votes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which votes are people's, by the kind of judge; all where there is no kind."""
    if votes.kind is None:
        return np.ones(len(votes), dtype=bool)
    return np.array([name.lower() in HUMAN for name in votes.kind.names])[votes.kind.codes]


def judges_of(votes: Votes) -> tuple[JudgeAgreement, ...]:
    """Return how each judge that is no person agrees with the majority of people; () where there is none."""
    if votes.kind is None:
        return ()
    people = votes.only(human_rows(votes))
    names = [name for name in votes.kind.names if name.lower() not in HUMAN]
    return tuple(judge_agreement(name, people, votes.of_kind(name)) for name in names) if len(people) else ()


def judge_agreement(name: str, people: Votes, judge: Votes) -> JudgeAgreement:
    """Return the agreement of a judge's verdicts with the majority of people's, unit by unit.

    A shared first place among people is a tie, and so is one among verdicts of the judge. `decisive` leaves out the
    units that either calls a tie. Both must have the same names of models and items.
    """
    theirs, its = verdicts(people), verdicts(judge)
    shared = sorted(theirs.keys() & its.keys())
    pairs = np.array([(theirs[unit], its[unit]) for unit in shared], dtype=np.int64).reshape(-1, 2)
    table = np.bincount(pairs[:, 0] * CHOICES + pairs[:, 1], minlength=CHOICES**2).astype(np.float64)
    decisive = table.reshape(CHOICES, CHOICES)[np.ix_([0, 2], [0, 2])].ravel()
    return JudgeAgreement(
        judge=name,
        units=int(table.sum()),
        agreement=share(table, CHOICES),
        kappa=known(cohen_kappa(table)),
        decisive_units=int(decisive.sum()),
        decisive_agreement=share(decisive, 2),
        decisive_kappa=known(cohen_kappa(decisive)),
    )


def verdicts(votes: Votes) -> dict[tuple[str, str, str], int]:
    """Return the majority's choice by (item, lower model, higher model)."""
    what = votes.item or votes.prompt
    units, choices = units_of(votes)
    counts = unit_counts(units, choices, CHOICES)
    decided: Integers = majority(counts)
    _, first = np.unique(units, return_index=True)
    found = {}
    for row, choice in zip(first.tolist(), decided.tolist(), strict=True):
        low, high = sorted((int(votes.left[row]), int(votes.right[row])))
        item = "" if what is None else what.names[int(what.codes[row])]
        found[item, votes.models[low], votes.models[high]] = TIE if choice < 0 else choice
    return found


def share(table: Floats, size: int) -> float | None:
    """Return the share on the diagonal of a flat table, None for an empty one."""
    total = float(table.sum())
    return float(np.trace(table.reshape(size, size))) / total if total else None


def known(value: Floats) -> float | None:
    """Return a number, None for NaN."""
    return None if np.isnan(value) else float(value)
