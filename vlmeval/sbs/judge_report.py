"""How far a judge of a study can be believed: consistency, agreement with people, bias for side and for length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from vlmeval.sbs.consensus import CHOICES, verdicts
from vlmeval.sbs.judged import JUDGED, Verdict, states
from vlmeval.sbs.votes import Votes
from vlmeval.stats.bootstrap import Statistic, intervals
from vlmeval.stats.clusters import Floats, cluster_codes, cluster_sums, exact_total
from vlmeval.stats.kappa import cohen_kappa

DECISIVE = ("left", "right")


class Figure(Struct, frozen=True):
    """A number with its interval (95 %, clustered by prompt) and the `n` it is of; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int


class JudgeReport(Struct, frozen=True):
    """What `vlmeval sbs judge` found out, as judge.json has it.

    `consistency` is the share of pairs with a verdict in both orders on which the two are the same. `first` is the
    share of verdicts for the answer shown first among those for either, of pairs judged in both orders: 0.5 without a
    bias. `longer` is the share for the longer answer among consistent verdicts for either; `longer_shared` and
    `longer_people` are those of judge and people where both prefer one: they differ by the judge's bias.
    `agreement` and `kappa` are against the majority of people, inconsistent pairs as ties; the decisive ones leave out
    what either calls a tie.
    """

    study: str
    judge: str
    parser: str
    pairs: int
    asked: int
    states: dict[str, int]
    outcomes: dict[str, int]
    consistency: Figure
    first: Figure
    longer: Figure
    longer_shared: Figure
    longer_people: Figure
    agreement: Figure
    kappa: Figure
    decisive_agreement: Figure
    decisive_kappa: Figure


def judge_report(
    found: Sequence[Verdict],
    *,
    study: str,
    judge: str,
    parser: str,
    pairs: int,
    people: Votes | None,
    own: Votes | None,
) -> JudgeReport:
    """Return the report on the verdicts `found`, of a study with so many `pairs`.

    `people` are the votes of people on the study, `own` those of the judge; None where there are none.
    """
    judged = [one for one in found if one.state in JUDGED]
    shared = _shared(people, own)
    decisive = [one for one in shared if one[1] != 1 and one[2] != 1]
    lengths = {_unit(one): _longer(one) for one in judged}
    sided = [
        (unit[0], longer, theirs, its) for unit, theirs, its in decisive if (longer := lengths.get(unit)) is not None
    ]
    outcomes = {name: sum(one.value == name for one in judged) for name in ("left", "right", "tie", "both_bad")}
    return JudgeReport(
        study=study, judge=judge, parser=parser, pairs=pairs, asked=len(found), states=states(found),
        outcomes=outcomes,
        consistency=_share([(one.prompt, one.state == "consistent") for one in judged]),
        first=_share([
            (one.prompt, (one.orders[order] == "left") == (order == "ab"))
            for one in judged for order in one.orders if one.orders[order] in DECISIVE
        ]),
        longer=_share([
            (one.prompt, one.value == ("left" if one.length_left > one.length_right else "right"))
            for one in judged if one.value in DECISIVE and one.length_left != one.length_right
        ]),
        longer_shared=_share([(prompt, its == side) for prompt, side, _, its in sided]),
        longer_people=_share([(prompt, theirs == side) for prompt, side, theirs, _ in sided]),
        agreement=_share([(unit[0], theirs == its) for unit, theirs, its in shared]),
        kappa=_kappa(shared),
        decisive_agreement=_share([(unit[0], theirs == its) for unit, theirs, its in decisive]),
        decisive_kappa=_kappa(decisive),
    )  # fmt: skip


Unit = tuple[str, str, str]
Shared = tuple[Unit, int, int]


def _shared(people: Votes | None, own: Votes | None) -> list[Shared]:
    """Return the units that people and judge both judged, with the choice of each: 0 the lower model, 1 tie, 2."""
    if people is None or own is None:
        return []
    theirs, its = verdicts(people), verdicts(own)
    return [(unit, theirs[unit], its[unit]) for unit in sorted(theirs.keys() & its.keys())]


def _unit(one: Verdict) -> Unit:
    return one.prompt, min(one.model_left, one.model_right), max(one.model_left, one.model_right)


def _longer(one: Verdict) -> int | None:
    """Return as a choice whose answer is longer: 0 the lower model's, 2 the higher's; None for equal lengths."""
    if one.length_left == one.length_right:
        return None
    winner = one.model_left if one.length_left > one.length_right else one.model_right
    return 0 if winner == min(one.model_left, one.model_right) else 2


def _share(rows: Sequence[tuple[str, bool]]) -> Figure:
    table = np.array([(float(hit), 1.0) for _, hit in rows]).reshape(-1, 2)
    return _figure([prompt for prompt, _ in rows], table, _ratio, proportion=True)


def _kappa(shared: Sequence[Shared]) -> Figure:
    table = np.zeros((len(shared), CHOICES**2))
    for row, (_, theirs, its) in enumerate(shared):
        table[row, theirs * CHOICES + its] = 1.0
    return _figure([unit[0] for unit, _, _ in shared], table, cohen_kappa, proportion=False)


def _figure(clusters: Sequence[str], rows: Floats, value: Callable[[Floats], Floats], *, proportion: bool) -> Figure:
    if not len(rows):
        return Figure(None, None, None, 0, 0)
    total = exact_total(rows)
    sums, sizes = cluster_sums(rows, cluster_codes(clusters))
    number = float(value(total))
    if not np.isfinite(number):
        return Figure(None, None, None, len(rows), len(sizes))
    (interval,) = intervals([Statistic(sums, total, value, proportion=proportion)], sizes)
    return Figure(number, interval.low, interval.high, len(rows), len(sizes))


def _ratio(total: Floats) -> Floats:
    share: Floats = total[..., 0] / total[..., 1]
    return share
