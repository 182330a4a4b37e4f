"""What scoring costs, in CPU seconds.

    python perf/scoring.py

Prints `what | ours | other | ratio | bar`. "other" is measured in the same run: for resampling the loop one would write
(draw the indices, take, average); for scoring a pass over the same files with the json module and nothing else, which
is the least a scorer can do. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, seconds, status
from tests.score.runs import made, question, right, say
from vlmeval.score.scorer import score_run
from vlmeval.stats.bootstrap import Floats, Statistic, intervals
from vlmeval.stats.clusters import exact_total
from vlmeval.types import Request, Sample

ROWS = 10_000
SCORING_SECONDS = 2.0


def reply(sample: Sample, request: Request) -> str:
    """Answer as models do: letters and sentences, two in three right."""
    number = int(sample.id.removeprefix("q"))
    letter = right(sample, request) if number % 3 else say(sample, request, "A")
    return (letter, f"({letter})", f"The answer is {letter}.")[number // 3 % 3]


def scoring(results: Path) -> Line:
    """Return the line for a journal of MMBench's size: 1,164 questions, 4,329 rows, 20 categories, 3 metrics."""
    samples = [question(n, gold="ABC"[n % 3], choices=3 + (n < 837), category=f"c{n % 20}") for n in range(1164)]
    folder = made(results, samples, reply)

    def plain() -> int:
        return sum(len(json.loads(line)) for path in (folder.questions, folder.outputs) for line in path.open("rb"))

    return Line(
        "score 4,329 rows, 63 estimates with intervals",
        seconds(lambda: score_run(folder)),
        seconds(plain),
        most=SCORING_SECONDS,
    )


def loop(scores: Floats, resamples: int) -> Floats:
    """Return the interval by the loop one would write."""
    generator = np.random.default_rng(0)
    means = [scores[generator.integers(0, len(scores), len(scores))].mean() for _ in range(resamples)]
    bounds: Floats = np.quantile(means, [0.025, 0.975])
    return bounds


def mean(total: Floats) -> Floats:
    """Return the mean from sums of (score, 1)."""
    value: Floats = total[..., 0] / total[..., 1]
    return value


def statistic(scores: Floats) -> Statistic:
    """Return `scores` as statistics of clusters of one."""
    rows = np.column_stack([scores, np.ones(len(scores))])
    return Statistic(rows, exact_total(rows), mean)


def resampling() -> list[Line]:
    """Return the lines for 10,000 samples: 0/1 scores with 10,000 resamples, six real-valued metrics."""
    generator = np.random.default_rng(1)
    sizes = np.ones(ROWS, dtype=np.int64)
    binary = (generator.random(ROWS) < 0.6).astype(np.float64)
    real = [generator.gamma(2.0, 1.0, ROWS) for _ in range(6)]
    coarse, fine = statistic(binary), [statistic(scores) for scores in real]
    return [
        Line(
            "bootstrap, 10,000 x 10,000, 0/1 scores",
            seconds(lambda: intervals([coarse], sizes)),
            seconds(lambda: loop(binary, 10_000), times=1),
            least=50,
        ),
        Line(
            "bootstrap, 10,000 x 10,000, six real-valued metrics",
            seconds(lambda: intervals(fine, sizes)),
            seconds(lambda: [loop(scores, 10_000) for scores in real], times=1),
            least=1.2,
        ),
    ]


def main() -> int:
    """Print the lines and return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        return status([scoring(Path(folder)), *resampling()])


if __name__ == "__main__":
    sys.exit(main())
