"""What of a score is due to the image: a sighted run against a blind one of the same task, model and data.

Samples are paired, clusters are drawn together, and each resample gives the difference of two values of the metric: the
statistics of both runs stand side by side in one row, so any metric works. Only samples that entered both scores count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from vlmeval.errors import JournalError
from vlmeval.jsonio import read_json
from vlmeval.registry import METRICS
from vlmeval.score.assembly import samples_of
from vlmeval.score.gain import Gain
from vlmeval.score.judged import registered
from vlmeval.score.measure import Measure
from vlmeval.score.table import Row, gain_row
from vlmeval.stats.bootstrap import EDGE, Interval, Statistic, intervals
from vlmeval.stats.clusters import Floats, Integers, cluster_codes, cluster_sums, effective_clusters, exact_total
from vlmeval.stats.proportion import share_difference
from vlmeval.store.layout import RunFolder
from vlmeval.store.lines import Lines
from vlmeval.store.manifest import read_manifest
from vlmeval.store.results import Manifest, Scores

__all__ = ["Gain", "gain_of", "gain_rows", "gains", "gains_about", "partners"]
KEY = "data.blind"
OWN_FIELDS = ("blind:", "n:", "cov:", "data:", "interval:")
"""Fields of a signature in which the two runs may differ."""


class _Line(msgspec.Struct, frozen=True):
    """What is needed of a line of samples.jsonl."""

    id: str
    cluster: str = ""
    stats: dict[str, tuple[float, ...]] = {}


def gain_rows(folders: Sequence[RunFolder]) -> list[list[Row]]:
    """Return for each scored run the lines on its gains."""
    return [[gain_row(gain) for gain in found] for found in gains(folders)]


def gains(folders: Sequence[RunFolder]) -> list[list[Gain]]:
    """Return for each scored run its gains; a pair of which both are in `folders` is said at the sighted.

    A damaged run beside one of them makes no pair: it must not hide the scores that were asked for.
    """
    here = {folder.path.resolve() for folder in folders}
    found = []
    for folder in folders:
        sighted = partners(folder).get("")
        said_there = sighted is not None and sighted.path.resolve() in here
        found.append([] if said_there else gains_about(folder))
    return found


def gains_about(folder: RunFolder) -> list[Gain]:
    """Return the gains between a scored run and those beside it that are blind where it is not, or sighted."""
    beside = partners(folder)
    if not read_manifest(folder).origin.blind:
        pairs = [(folder, other) for other in beside.values()]
    else:
        pairs = [(beside[""], folder)] if "" in beside else []
    return [gain for pair in pairs if (gain := gain_of(*pair)) is not None]


def partners(folder: RunFolder) -> dict[str, RunFolder]:
    """Return the scored runs beside `folder` with its recipe but another mode, by mode, "" being the sighted one.

    Of several runs of one mode it is the newest; the modes are sorted.
    """
    own = read_manifest(folder)
    recipe = sightless(own)
    found: dict[str, tuple[str, Path]] = {}
    for path in folder.path.resolve().parent.glob("*/run.json"):
        try:
            other = read_json(path, Manifest)
        except JournalError:
            continue
        mode = other.origin.blind
        ready = (path.parent / "scores.json").exists() and (path.parent / "samples.jsonl").exists()
        if ready and other.shard is None and mode != own.origin.blind and sightless(other) == recipe:
            found[mode] = max(found.get(mode, ("", path.parent)), (other.started, path.parent))
    return {mode: RunFolder(path) for mode, (_, path) in sorted(found.items())}


def sightless(manifest: Manifest) -> dict[str, object]:
    """Return the recipe of a run without what it shows for images."""
    return {key: value for key, value in manifest.recipe.items() if key != KEY}


def gain_of(sighted: RunFolder, blind: RunFolder) -> Gain | None:
    """Return the gain between two scored runs; None where their scores cannot be compared.

    That is so where they were scored otherwise (another judge, policy, version), share no scored sample, where the
    metric is undefined on those they share, or a file is damaged.
    """
    try:
        return _gain(sighted, blind)
    except JournalError:
        return None


def _gain(sighted: RunFolder, blind: RunFolder) -> Gain | None:
    one, two = read_json(sighted.scores, Scores), read_json(blind.scores, Scores)
    if comparable(one.signature) != comparable(two.signature) or registered(one.primary) not in METRICS:
        return None
    name = one.primary
    pairs = list(paired(sighted, blind, name))
    if not pairs:
        return None
    golden = [sample for sample in samples_of(sighted) if sample.references]
    measure = Measure(name, METRICS.load(registered(name))(), golden)
    first, second = np.array([pair[1] for pair in pairs]), np.array([pair[2] for pair in pairs])
    values = measure.value(exact_total(first)), measure.value(exact_total(second))
    if values[0] is None or values[1] is None:
        return None
    sign = 1.0 if measure.info.higher_is_better else -1.0
    codes = cluster_codes([pair[0] for pair in pairs])
    interval, clusters = difference_interval(measure, first, second, codes, sign=sign)
    return Gain(
        metric=measure.info,
        mode=two.blind,
        sighted=values[0],
        blind=values[1],
        chance=one.chance,
        gain=sign * (values[0] - values[1]),
        low=interval.low,
        high=interval.high,
        samples=len(pairs),
        clusters=clusters,
        complete=one.complete and two.complete,
    )


def paired(
    sighted: RunFolder, blind: RunFolder, name: str
) -> Iterator[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    """Yield (cluster, sighted statistics, blind statistics) of each sample that entered metric `name` in both runs."""
    remedy = "score the run again: vlmeval score"
    dark = {line.id: line.stats[name] for line in Lines(blind.samples, _Line, remedy=remedy) if name in line.stats}
    for line in Lines(sighted.samples, _Line, remedy=remedy):
        row, other = line.stats.get(name), dark.get(line.id)
        if row is not None and other is not None and len(row) == len(other):
            yield f"cluster {line.cluster}" if line.cluster else f"sample {line.id}", row, other


def comparable(signature: str) -> list[str]:
    """Return the fields of a signature that must be equal in two runs that differ in their images only."""
    return [field for field in signature.split("|") if not field.startswith(OWN_FIELDS)]


def difference_interval(
    measure: Measure, first: Floats, second: Floats, codes: Integers, *, sign: float
) -> tuple[Interval, int]:
    """Return the interval of `sign` x (value of `first` - value of `second`), rows (n, k), and the number of clusters.

    For a share, and a difference near -1, 0 or 1 (runs that hardly differ, or differ nearly everywhere), resampling is
    too short, at its end a point: there the bounds are those of `share_difference`.
    """
    width = first.shape[1]

    def difference(totals: Floats) -> Floats:
        return sign * (measure.values(totals[..., :width]) - measure.values(totals[..., width:]))

    rows = np.hstack([first, second])
    sums, sizes = cluster_sums(rows, codes)
    if measure.info.proportion:
        changes = sign * (measure.values(first) - measure.values(second))
        gained, lost = float(np.maximum(changes, 0).mean()), float(np.maximum(-changes, 0).mean())
        effective = effective_clusters(sizes)
        if min(gained + lost, 1 - gained, 1 - lost) * effective < EDGE:
            return Interval(*share_difference(gained, lost, effective)), len(sizes)
    return intervals([Statistic(sums, exact_total(rows), difference)], sizes)[0], len(sizes)
