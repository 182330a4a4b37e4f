"""What intervals and tests cost, in CPU seconds.

    python perf/comparison.py

Prints `what | ours | other | ratio | bar`. "other" is measured in the same run: the loop one would write, and scipy's
bootstrap and permutation test where it is installed (they draw sample by sample and know neither clusters nor sums; on
a tenth of the resamples, times ten, so that the script ends). Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, Skipped, seconds, status
from tests.score.compared import PLAIN, scored
from tests.score.runs import question
from vlmeval.score.compare import compare_runs, sides_of
from vlmeval.stats.bootstrap import Statistic, intervals
from vlmeval.stats.clusters import Floats, Integers, cluster_sums, exact_total
from vlmeval.stats.paired import Pairs, paired_difference
from vlmeval.stats.permutation import exchange_test

ROWS = 10_000
DRAWS = 10_000
TENTH = DRAWS // 10
BOOTSTRAP_SECONDS = 1.0
COMPARE_SECONDS = 4.0


def mean(total: Floats) -> Floats:
    """Return the mean from sums of (score, 1)."""
    value: Floats = total[..., 0] / total[..., 1]
    return value


def rows(scores: Floats) -> Floats:
    """Return scores as statistics."""
    return np.column_stack([scores, np.ones(len(scores))])


def resampled(scores: Floats, codes: Integers) -> None:
    """Compute the BCa interval of a mean from 10,000 resamples of its clusters."""
    block = rows(scores)
    sums, sizes = cluster_sums(block, codes)
    intervals([Statistic(sums, exact_total(block), mean)], sizes, method="bca", resamples=DRAWS)


def loop(scores: Floats) -> None:
    """Compute the percentile interval by the loop one would write."""
    generator = np.random.default_rng(0)
    means = [scores[generator.integers(0, len(scores), len(scores))].mean() for _ in range(DRAWS)]
    np.quantile(means, [0.025, 0.975])


def cluster_loop(scores: Floats, codes: Integers) -> None:
    """Compute a tenth of the resamples of whole clusters by the loop one would write."""
    generator = np.random.default_rng(0)
    members = np.split(np.argsort(codes, kind="stable"), np.flatnonzero(np.diff(np.sort(codes))) + 1)
    for _ in range(TENTH):
        drawn = generator.integers(0, len(members), len(members))
        scores[np.concatenate([members[cluster] for cluster in drawn])].mean()


def flip_loop(changes: Floats) -> None:
    """Compute the sign-flip test by the loop one would write."""
    generator = np.random.default_rng(0)
    for _ in range(DRAWS):
        (changes * generator.choice((-1.0, 1.0), len(changes))).mean()


def bootstrap_lines(binary: Floats, real: Floats) -> Iterator[Line | Skipped]:
    """Yield the lines for intervals of 10,000 samples."""
    alone, images = np.arange(ROWS), np.arange(ROWS) // 5
    yield Line(
        "BCa, 10,000 x 10,000, 0/1 scores",
        seconds(lambda: resampled(binary, alone)),
        seconds(lambda: loop(binary), times=1),
        least=10,
        most=BOOTSTRAP_SECONDS,
    )
    yield Line(
        "BCa, 10,000 x 10,000, real-valued scores",
        seconds(lambda: resampled(real, alone)),
        seconds(lambda: loop(real), times=1),
        least=1,
        most=BOOTSTRAP_SECONDS,
    )
    yield Line(
        "BCa, 2,000 images of five, x 10,000, real-valued scores",
        seconds(lambda: resampled(real, images)),
        10 * seconds(lambda: cluster_loop(real, images), times=1),
        least=10,
        most=BOOTSTRAP_SECONDS,
    )
    if importlib.util.find_spec("scipy") is None:
        yield Skipped("BCa, 10,000 x 10,000, against scipy.stats.bootstrap", "scipy is not installed")
        return
    from scipy import stats  # type: ignore[import-untyped, import-not-found, unused-ignore]

    def theirs() -> None:
        stats.bootstrap((real,), np.mean, method="BCa", n_resamples=TENTH, batch=100, rng=np.random.default_rng(0))

    yield Line(
        "BCa, 10,000 x 10,000, against scipy.stats.bootstrap",
        seconds(lambda: resampled(real, alone)),
        10 * seconds(theirs, times=1),
        least=1,
    )


def exchange_lines(binary: Floats, other: Floats, real: Floats) -> Iterator[Line | Skipped]:
    """Yield the lines for comparisons on 10,000 samples."""
    moved = real + np.random.default_rng(3).normal(0.01, 0.5, ROWS)
    pairs = Pairs(rows(binary), rows(other), np.arange(ROWS), mean, proportion=True)
    yield Line(
        "paired difference, 0/1 scores: interval, error, test", seconds(lambda: paired_difference(pairs)), most=0.2
    )
    yield Line(
        "exchange test, 10,000 x 10,000, real-valued scores",
        seconds(lambda: exchange_test(rows(real), rows(moved), mean)),
        seconds(lambda: flip_loop(moved - real), times=1),
        least=1,
        most=BOOTSTRAP_SECONDS,
    )
    if importlib.util.find_spec("scipy") is None:
        yield Skipped("exchange test, against scipy.stats.permutation_test", "scipy is not installed")
        return
    from scipy import stats  # type: ignore[import-untyped, import-not-found, unused-ignore]

    def theirs() -> None:
        stats.permutation_test(
            (moved - real,), np.mean, permutation_type="samples", n_resamples=TENTH, batch=100,
            rng=np.random.default_rng(0),
        )  # fmt: skip

    yield Line(
        "exchange test, against scipy.stats.permutation_test",
        seconds(lambda: exchange_test(rows(real), rows(moved), mean)),
        10 * seconds(theirs, times=1),
        least=1,
    )


def comparing(results: Path, binary: Floats, other: Floats) -> Line:
    """Return the line for two scored runs of 10,000 samples with 20 categories."""
    samples = [question(n, category=f"c{n % 20}") for n in range(ROWS)]
    folders = [
        scored(results, name, {f"q{n}": bool(hit) for n, hit in enumerate(hits)}, samples=samples, task=PLAIN)
        for name, hits in (("a", binary), ("b", other))
    ]
    return Line(
        "compare two runs of 10,000 samples, 21 figures, flips",
        seconds(lambda: compare_runs(sides_of([folder.path for folder in folders])), times=2),
        most=COMPARE_SECONDS,
    )


def main() -> int:
    """Print the lines and return the exit status."""
    generator = np.random.default_rng(1)
    binary = (generator.random(ROWS) < 0.6).astype(np.float64)
    other = np.where(generator.random(ROWS) < 0.1, 1 - binary, binary)
    real = generator.gamma(2.0, 1.0, ROWS)

    def lines(results: Path) -> Iterator[Line | Skipped]:
        yield from bootstrap_lines(binary, real)
        yield from exchange_lines(binary, other, real)
        yield comparing(results, binary, other)

    with tempfile.TemporaryDirectory() as folder:
        return status(lines(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
