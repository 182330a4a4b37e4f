"""Verdicts on groups of samples: both questions about an image, all questions about a figure.

Why a group is not one sample with a request for each member, as a CircularEval group is: HallusionBench groups the same
answers twice, by figure and by question across figures, so the smallest sample that held both would be a whole set of
figures; one failed request would cost all of its answers, and no answer could be seen, sliced or counted by itself. So
a sample stays the smallest thing that is asked and judged, and a metric whose verdict falls on groups says so by having
`spread`: once all samples have their rows, every member of a group gets 1/m of the group's verdict and of its count.
Sums over whole groups are then sums of verdicts, statistics stay additive by sample, and everything that adds up
(slices, intervals, paired tests, shards) works as for any metric, provided a cluster never cuts a group: the samples of
a group have one cluster.

A group is left out of the count, never taken for wrong or right, where one of its members has no row (its request
failed, and the errors policy leaves it out). A slice that cuts groups weighs them by the members inside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

Row = tuple[float, ...]


def verdicts(
    keys: Sequence[Hashable], right: Sequence[float | None], *, size: int | None = None
) -> list[tuple[float, float]]:
    """Return for each sample its part (all right, counted) in the verdict on its group, (0, 0) where there is none.

    `keys[i]` names the group of sample i, `right[i]` is 1 where it is right, None where it does not enter. `size` is
    how many members a whole group has, where that is known: other groups have no verdict.
    """
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        groups[key].append(place)
    parts = [(0.0, 0.0)] * len(keys)
    for places in groups.values():
        known = all(right[place] is not None for place in places)
        if known and (size is None or len(places) == size):
            part = 1.0 / len(places)
            hit = all(right[place] == 1.0 for place in places)
            for place in places:
                parts[place] = (part if hit else 0.0, part)
    return parts


def verdict_each(right: Sequence[float | None]) -> list[tuple[float, float]]:
    """Return (right, 1) for each sample, (0, 0) where it does not enter: every sample is its own group."""
    return [(0.0, 0.0) if share is None else (share, 1.0) for share in right]


def counted(rows: Iterable[Row]) -> list[Row | None]:
    """Return `rows`, None for those that hold nothing but zeros: their samples do not enter."""
    return [row if any(row) else None for row in rows]
