"""What rating side-by-side votes costs, in CPU seconds of one thread.

    python perf/sbs_ratings.py

Prints `what | ours | other | ratio | bar`. Two million votes on 200 models with ties. "other" is a peer's fit of the
same votes in the same run: the logistic regression of FastChat (one weighted row for each ordered pair, L-BFGS) written
out with SciPy, and arena-rank, each where installed. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a second thread's spinning is counted as CPU, and gains nothing

import importlib
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, Skipped, seconds, status
from vlmeval.sbs.live import LiveRatings
from vlmeval.sbs.strengths import Recipe, strengths
from vlmeval.sbs.votefile import read_votes
from vlmeval.stats.bradley_terry import BradleyTerry
from vlmeval.stats.clusters import Floats
from vlmeval.stats.comparisons import Cells, collapse
from vlmeval.stats.davidson import Davidson
from vlmeval.stats.pairwise import Fit, fit
from vlmeval.stats.sandwich import Ballot, Covariance, cluster_covariance, vote_covariance
from vlmeval.stats.separations import rank

VOTES, MODELS, CLUSTERS = 2_000_000, 200, 20_000
ARRAYS_SECONDS, FILE_SECONDS, REFIT_SECONDS = 0.05, 3.0, 0.005


@dataclass(frozen=True, eq=False)
class Made:
    """Votes with planted strengths, as integer arrays."""

    left: np.ndarray[tuple[int], np.dtype[np.int32]]
    right: np.ndarray[tuple[int], np.dtype[np.int32]]
    outcome: np.ndarray[tuple[int], np.dtype[np.int8]]
    annotator: np.ndarray[tuple[int], np.dtype[np.int32]]


def made() -> Made:
    """Return two million votes."""
    generator = np.random.default_rng(5)
    theta = generator.normal(0, 0.6, MODELS)
    left = generator.integers(0, MODELS, VOTES, dtype=np.int32)
    right = ((left + generator.integers(1, MODELS, VOTES)) % MODELS).astype(np.int32)
    won, tied, _ = Davidson().probabilities(theta[left] - theta[right], float(np.log(0.7)))
    draw = generator.random(VOTES)
    outcome = (draw > won).astype(np.int8) + (draw > won + tied).astype(np.int8)
    return Made(left, right, outcome, generator.integers(0, CLUSTERS, VOTES, dtype=np.int32))


def rated(votes: Made, model: Davidson | BradleyTerry) -> tuple[Cells, Fit, Covariance]:
    """Return ratings and vote-level intervals from integer arrays."""
    cells = collapse(votes.left, votes.right, votes.outcome, MODELS)
    found = fit(cells, model)
    return cells, found, vote_covariance(found, cells)


def logistic(cells: Cells) -> Any:
    """Return FastChat's fit with SciPy: a row for each ordered pair, ties half a win each, L-BFGS to 1e-6."""
    minimize = importlib.import_module("scipy.optimize").minimize

    wins = cells.wins() + cells.ties() / 2
    first, second = np.nonzero(wins)
    weights = wins[first, second]

    def loss(theta: Floats) -> tuple[float, Floats]:
        eta = theta[first] - theta[second]
        p = 1 / (1 + np.exp(-eta))
        slope = weights * (p - 1)
        gradient = np.bincount(first, slope, MODELS) - np.bincount(second, slope, MODELS)
        return float(weights @ np.logaddexp(0, -eta)), gradient.astype(np.float64)

    return minimize(loss, np.zeros(MODELS), jac=True, method="L-BFGS-B", options={"gtol": 1e-6, "maxiter": 1000})


def from_arrays(votes: Made) -> Iterator[Line | Skipped]:
    """Return the lines for integer arrays."""
    ours = seconds(lambda: rated(votes, Davidson()), times=5)
    yield Line("ratings and intervals, 2M votes x 200 models, integer arrays", ours, most=ARRAYS_SECONDS)
    plain = seconds(lambda: rated(votes, BradleyTerry()), times=5)
    if importlib.util.find_spec("scipy"):
        # The peer fits strings through pandas before this; only its optimiser is counted, without any interval.
        peer = seconds(lambda: logistic(collapse(votes.left, votes.right, votes.outcome, MODELS)), times=1)
        yield Line("the same, Bradley-Terry; other: logistic regression by L-BFGS", plain, peer, least=1)
    else:
        yield Skipped("the same; other: logistic regression by L-BFGS", "scipy is not installed")
    yield from arena_rank(votes, plain)
    cells, found, spread = rated(votes, Davidson())
    ballot = Ballot(votes.left, votes.right, votes.outcome)
    yield Line("more for intervals by 20,000 annotators",
               seconds(lambda: cluster_covariance(found, ballot, {"annotators": votes.annotator})))  # fmt: skip
    yield Line(
        "more for simultaneous ranks, 19,900 pairs x 2,000 draws", seconds(lambda: rank(found.theta, spread), times=1)
    )
    live = LiveRatings(tuple(f"model {place}" for place in range(MODELS)), Recipe())
    for left, right, counts in zip(cells.left.tolist(), cells.right.tolist(), cells.counts.T.tolist(), strict=True):
        for outcome, count in enumerate(counts):
            live.add(left, right, outcome, votes=int(count))
    live.ratings()

    def one_more() -> None:
        live.add(3, 7, 0)
        live.ratings()

    yield Line("one vote more, ratings and intervals again", seconds(one_more, times=15), most=REFIT_SECONDS)


def arena_rank(votes: Made, ours: float) -> Iterator[Line | Skipped]:
    """Return the line against arena-rank's Bradley-Terry, compiled beforehand."""
    what = "ratings and intervals, Bradley-Terry; other: arena-rank, warm"
    if not importlib.util.find_spec("arena_rank"):
        yield Skipped(what, "arena-rank is not installed")
        return
    pandas = importlib.import_module("pandas")

    # By name: type checkers do not have what need not be installed.
    models = importlib.import_module("arena_rank.models.bradley_terry")
    data = importlib.import_module("arena_rank.utils.data_utils")

    names = [f"m{place}" for place in range(MODELS)]
    frame = pandas.DataFrame(
        {
            "model_a": np.array(names)[votes.left],
            "model_b": np.array(names)[votes.right],
            "winner": np.array(["model_a", "tie", "model_b"])[votes.outcome],
        }
    )

    def peer() -> None:
        models.BradleyTerry(n_competitors=MODELS).compute_ratings_and_cis(data.PairDataset.from_pandas(frame))

    yield Line(what, ours, seconds(peer, times=2), least=1)


def rated_file(path: Path) -> None:
    """Rate a file of votes: reading, ratings, vote-level intervals."""
    strengths(read_votes(path), Recipe(cluster="none"))


def from_file(votes: Made) -> Iterator[Line]:
    """Return the line for a CSV of strings, two million rows."""
    import pyarrow
    import pyarrow.csv

    names = pyarrow.array([f"org/model-{place:03d}" for place in range(MODELS)])
    labels = pyarrow.array(["model_a", "tie", "model_b"])
    judges = pyarrow.array([f"judge_{place}" for place in range(CLUSTERS)])
    table = pyarrow.table(
        {
            "model_a": names.take(pyarrow.array(votes.left)),
            "model_b": names.take(pyarrow.array(votes.right)),
            "winner": labels.take(pyarrow.array(votes.outcome)),
            "judge": judges.take(pyarrow.array(votes.annotator)),
            "language": pyarrow.array(["English", "Chinese", "German", "French"]).take(pyarrow.array(votes.left % 4)),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.csv"
        pyarrow.csv.write_csv(table, path)
        yield Line("the same from a CSV of 2M rows", seconds(lambda: rated_file(path), times=2), most=FILE_SECONDS)
        code = "import sys; sys.path.insert(0, sys.argv[1]); import vlmeval.sbs.rate, resource; "
        code += "use = resource.getrusage(resource.RUSAGE_SELF); print(use.ru_utime + use.ru_stime)"
        root = str(Path(__file__).resolve().parent.parent)
        told = subprocess.run([sys.executable, "-c", code, root], check=True, capture_output=True, text=True)
        yield Line("import of the rating room", float(told.stdout), most=0.4)


def main() -> int:
    """Print the lines and return the exit status."""

    def lines() -> Iterator[Line | Skipped]:
        votes = made()
        yield from from_arrays(votes)
        yield from from_file(votes)

    return status(lines())


if __name__ == "__main__":
    sys.exit(main())
