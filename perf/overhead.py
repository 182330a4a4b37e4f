"""What the harness itself costs on 2,000 rows of MMBench when the model answers at once, in CPU seconds.

    python perf/overhead.py [--peer PYTHON]

Prints `what | ours | other | ratio | bar`. Both run their command line in processes of their own, on the same questions
and pictures (64 x 64 to 640 x 480 pixels, a file of their own format), and ask the same server, a process of its own
that replies at once, over 32 connections: reading, prompts, images, requests, journal, parsing, scores with intervals.
The cost of a sample is the slope between 400 and 2,000 rows, so that start-up is left out. PYTHON is an interpreter
with lmms-eval; without one its line is skipped. "First asked" and memory are taken with a class of a file that says
"A"; memory is the peak of the process, and must not grow with the rows. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as arrow
from PIL import Image as PIL_Image
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, Skipped, status
from tests.fakes import FakeProcess

ROOT = Path(__file__).resolve().parent.parent
FEW, MANY, CONNECTIONS = 400, 2_000, 32
RATIO, FIRST_SECONDS, GROWTH = 10.0, 1.0, 1.15
COLUMNS = ("index", "question", "hint", "A", "B", "C", "D", "answer", "category", "L2-category", "image")
MODEL = """
import time
from pathlib import Path

class Instant:
    batch = 1

    def generate(self, requests):
        first = Path(__file__).with_name("first")
        if not first.exists():
            first.write_text(str(time.process_time()))
        return ["A" for _ in requests]
"""
TASK = """
name = "overhead"
title = "MMBench's rows, one pass"
benchmark = "mmbench"
split = "dev_en"
kind = "choice"
metrics = ["accuracy"]
primary = "accuracy"
prompt = "plain"
source = "perf/overhead.py"

[sampling]
temperature = 0.0
max_tokens = 16

[options]
circular = false

[prompts.plain]
text = "{question}\\n{options}Answer with the option's letter from the given choices directly."
"""
PEER_TASK = """
task: overhead
dataset_path: parquet
dataset_kwargs:
  data_files:
    test: DATA
test_split: test
output_type: generate_until
doc_to_visual: !function functions.picture
doc_to_text: !function functions.text
doc_to_target: answer
process_results: !function functions.right
generation_kwargs:
  max_new_tokens: 16
  temperature: 0
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
"""
PEER_FUNCTIONS = """
import io
from PIL import Image

def picture(doc):
    return [Image.open(io.BytesIO(doc["image"])).convert("RGB")]

def text(doc, lmms_eval_specific_kwargs=None):
    options = "\\n".join(f"{letter}. {doc[letter]}" for letter in "ABCD")
    return f"{doc['question']}\\n{options}\\nAnswer with the option's letter from the given choices directly."

def right(doc, results):
    return {"acc": float(results[0].strip()[:1] == doc["answer"])}
"""


@dataclass(frozen=True)
class Taken:
    """What a process took: CPU seconds, peak bytes, and CPU seconds until the model was first asked."""

    cpu: float
    peak: float
    first: float = 0.0


def rows(count: int) -> Iterator[dict[str, str | bytes]]:
    """Yield questions with one picture each, of MMBench's range of sizes."""
    random = np.random.default_rng(0)
    for number in range(count):
        width, height = int(random.integers(64, 640)), int(random.integers(64, 480))
        squares = random.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
        written = io.BytesIO()
        PIL_Image.fromarray(squares).resize((width, height), PIL_Image.Resampling.BILINEAR).save(written, "JPEG")
        words = [f"thing {value}" for value in random.permutation(1000)[:4]]
        cells: tuple[str | bytes, ...] = (
            str(number), f"What is at place {number}?", "", *words, "ABCD"[number % 4], f"c{number % 20}",
            f"d{number % 6}", written.getvalue(),
        )  # fmt: skip
        yield dict(zip(COLUMNS, cells, strict=True))


def files(folder: Path, count: int) -> tuple[Path, Path]:
    """Write the questions as the TSV of MMBench and as parquet, and return both."""
    made = list(rows(count))
    tsv, table = folder / f"{count}.tsv", folder / f"{count}.parquet"
    with tsv.open("w", encoding="utf8") as file:
        file.write("\t".join(COLUMNS) + "\n")
        for row in made:
            cells = [base64.b64encode(cell).decode() if isinstance(cell, bytes) else cell for cell in row.values()]
            file.write("\t".join(cells) + "\n")
    parquet.write_table(arrow.Table.from_pylist(made), table)
    return tsv, table


def process(command: list[str], folder: Path) -> Taken:
    """Return what a command takes, its children included; a failure shows what it said."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A process of its own waits for the command, so that its peak is not that of an earlier one.
    code = (
        "import json, resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=sys.stderr)\n"
        "print(json.dumps([done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    returned, peak = json.loads(done.stdout)
    if returned not in (0, 1):
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    first = folder / "first"
    seconds = float(first.read_text()) if first.exists() else 0.0
    first.unlink(missing_ok=True)
    return Taken(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak * 1024, seconds)


def ours(folder: Path, tsv: Path, *model: str) -> Taken:
    """Run our command line on a table of questions, pages left out."""
    (folder / "instant.py").write_text(MODEL)
    (folder / "overhead.toml").write_text(TASK)
    return process(
        [
            sys.executable, str(ROOT / "vlmeval_start.py"), "run", "--tasks", "./overhead.toml", "--data",
            f"overhead={tsv}", "-o", str(folder / "results"), "--fresh", "--no-report", "--model", *model,
        ],
        folder,
    )  # fmt: skip


def theirs(folder: Path, table: Path, python: str, url: str) -> Taken:
    """Run lmms-eval's command line on the same questions."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        task = Path(name)
        (task / "overhead.yaml").write_text(PEER_TASK.replace("DATA", str(table)))
        (task / "functions.py").write_text(PEER_FUNCTIONS)
        return process(
            [
                python, "-m", "lmms_eval", "--model", "openai", "--tasks", "overhead", "--include_path", name,
                "--model_args", f"model_version=m,base_url={url},api_key=none,num_concurrent={CONNECTIONS}",
                "--batch_size", "1", "--output_path", str(task / "out"), "--log_samples",
            ],
            folder,
        )  # fmt: skip


def lines(peer: str | None) -> Iterator[Line | Skipped]:
    """Yield the lines."""
    with tempfile.TemporaryDirectory() as name, FakeProcess() as server:
        folder = Path(name)
        few, many = files(folder, FEW), files(folder, MANY)
        asked = ("openai:m", "--base-url", server.url, "--concurrency", str(CONNECTIONS))
        ours(folder, few[0], *asked)  # what is compiled on first use is not the harness
        small, large = ours(folder, few[0], *asked), ours(folder, many[0], *asked)
        cost = (large.cpu - small.cpu) / (MANY - FEW) * 1000
        what = f"CPU a sample, slope between {FEW} and {MANY:,} rows"
        if peer is None:
            yield Line(what, cost, unit="ms")
            yield Skipped(f"{what}: lmms-eval", "not installed; name its interpreter with --peer")
        else:
            theirs(folder, few[1], peer, server.url)
            low, high = (theirs(folder, table, peer, server.url) for table in (few[1], many[1]))
            other = (high.cpu - low.cpu) / (MANY - FEW) * 1000
            yield Line(f"{what}; other: lmms-eval", cost, other, least=RATIO, unit="ms")
            yield Line(f"whole command on {MANY:,} rows; other: lmms-eval", large.cpu, high.cpu)
        small, large = (ours(folder, table, "instant.py:Instant") for table in (few[0], many[0]))
        yield Line("CPU until the model is first asked", large.first, most=FIRST_SECONDS)
        yield Line(f"peak memory at {MANY:,} rows; other: at {FEW}", large.peak / 2**20, small.peak / 2**20, unit="MiB")
        yield Line("its growth", large.peak / small.peak, most=GROWTH, unit="x")


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="an interpreter with lmms-eval")
    return status(lines(parser.parse_args().peer))


if __name__ == "__main__":
    sys.exit(main())
