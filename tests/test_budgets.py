"""Budgets in CPU seconds of this process, never in wall time: what the harness itself may cost."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.score.runs import made, question, right, say
from vlmeval.data.task import Task
from vlmeval.score.scorer import score_run
from vlmeval.types import Request, Sample

ROOT = Path(__file__).resolve().parent.parent
SCORING_SECONDS = 2.0
CATEGORIES = [f"category {number:02d}" for number in range(20)]


def replies(sample: Sample, request: Request) -> str:
    """Answer in the manner of models: bare letters, sentences, some wrong, some not to be read."""
    number = int(sample.id.removeprefix("q"))
    letter = right(sample, request) if number % 3 else say(sample, request, "A")
    ways = (letter, f"({letter})", f"The answer is {letter}.", "It cannot be told from here.")
    return ways[number % 3 if number % 37 else 3]


def test_4329_rows_are_scored_with_intervals_in_2_seconds(tmp_path: Path) -> None:
    samples = [question(n, gold="ABC"[n % 3], choices=3 + (n < 837), category=CATEGORIES[n % 20]) for n in range(1164)]
    folder = made(tmp_path, samples, replies)
    assert len(folder.outputs.read_bytes().splitlines()) == 4329
    start = time.process_time()
    scores = score_run(folder)
    assert time.process_time() - start <= SCORING_SECONDS
    assert len(scores.estimates) == 3 * 21
    assert scores.complete


def test_10000_samples_are_scored_with_intervals_in_2_seconds(tmp_path: Path) -> None:
    task = Task(
        name="read", benchmark="read", split="val", kind="short", metrics=("exact_match", "vqa_v2"), primary="vqa_v2",
        slices=("category",),
    )  # fmt: skip
    samples = [
        Sample(
            id=f"q{n}",
            parts=(f"How many are in picture {n // 5}?",),
            references=(str(n % 7),) * (3 + n % 8) + ("many",) * (7 - n % 8),
            cluster=f"picture {n // 5}",
            tags={"category": CATEGORIES[n % 20]},
        )
        for n in range(10_000)
    ]
    folder = made(tmp_path, samples, lambda sample, request: str(int(sample.id[1:]) % 5), task=task)
    start = time.process_time()
    scores = score_run(folder)
    assert time.process_time() - start <= SCORING_SECONDS
    assert scores.estimates[0].clusters == 2_000
    assert scores.complete


HEAVY = {"torch", "pandas", "transformers", "datasets", "numpy", "PIL", "jinja2", "pyarrow"}


def cpu_seconds(*arguments: str) -> float:
    """Return the least CPU time of three calls of the command line, in processes of their own."""
    code = "from vlmeval_start import main; main()"
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


@pytest.mark.parametrize(("arguments", "most"), [(("--help",), 0.15), (("tasks",), 0.3)])
def test_the_command_line_starts_within_its_budget(arguments: tuple[str, ...], most: float) -> None:
    assert cpu_seconds(*arguments) <= most


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [(["--help"], set()), (["tasks"], set()), (["run", "--help"], {"numpy", "jinja2"}), (["models"], set())],
)
def test_listing_imports_no_heavy_package(arguments: list[str], allowed: set[str]) -> None:
    code = (
        "import sys, contextlib\nfrom vlmeval.cli.main import run\n"
        f"with contextlib.suppress(SystemExit):\n    run({arguments!r})\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert set(done.stdout.splitlines()[-1].split()) & (HEAVY - allowed) == set()
