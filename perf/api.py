"""How near the engine comes to what a server allows, and what it costs: one 50 KB image a sample, 200 ms a reply.

    python perf/api.py [--samples 2000] [--flat 10000] [--peer PYTHON] [-o .]

Prints `what | ours | other | ratio | bar`. The server is a process of its own. In the same run: a bare client (threads
and http.client, bodies made beforehand) and the whole way (`run_task`: images, prompts, journal, progress; then
`score_run`). Ideal is connections / latency; the bare client shows how much of it this machine allows, and takes with
the server the same cores. Memory is the peak of a process that asks `--flat` samples, against half of them, made
as they are read. PYTHON is an interpreter with lmms-eval, which asks the same server (over 32 connections) with its
`openai` model; inspect_ai is measured where PYTHON has it. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as arrow
from PIL import Image as PIL_Image
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, Skipped, status
from perf.overhead import theirs
from tests.fakes import FakeProcess
from vlmeval.data.task import PromptStyle, Task
from vlmeval.models.openai import open_openai
from vlmeval.models.payload import DataUrls, ImageLimits, Payload
from vlmeval.registry import KINDS
from vlmeval.run.meter import host_peak_bytes
from vlmeval.run.session import RunResult, RunSettings, run_task
from vlmeval.score.scorer import score_run
from vlmeval.store.results import Origin
from vlmeval.types import Image, Sample, Sampling, TaskKind

RATE_BARS, CPU_BAR, GROWTH = {32: 0.9, 128: 0.9, 512: 0.65}, 0.6, 1.15
LATENCY, FEW, MANY = 0.2, 100, 500
TASK = Task(
    name="perf",
    benchmark="perf",
    split="perf",
    kind="choice",
    metrics=("accuracy",),
    primary="accuracy",
    prompt="plain",
    prompts={"plain": PromptStyle("{question}\n{options}Answer with the letter.")},
    sampling=Sampling(temperature=0.0, max_tokens=16),
    options={"circular": False},
)


@dataclass(frozen=True)
class Taken:
    """What a measured piece of work took."""

    seconds: float
    cpu: float

    @classmethod
    def by(cls, work: Callable[[], object]) -> Taken:
        """Return what `work` takes, all threads of this process counted."""
        started, cpu = time.perf_counter(), time.process_time()
        work()
        return cls(time.perf_counter() - started, time.process_time() - cpu)


class Samples:
    """Questions with one image each, no two alike (50 KB of noise): held in memory, or made as they are read."""

    origin = Origin("perf", "0" * 64)

    def __init__(self, count: int, *, held: bool = True) -> None:
        self._count = count
        self._held = list(self._made()) if held else None

    def _made(self) -> Iterator[Sample]:
        random = np.random.default_rng(0)
        for number in range(self._count):
            yield self._sample(number, picture(random))

    @staticmethod
    def _sample(number: int, data: bytes) -> Sample:
        image = Image(hashlib.sha256(data).hexdigest(), 128, 128, "png").with_reader(lambda: data)
        return Sample(str(number), (image, "Which colour is missing?"), ("A",), ("red", "green", "blue", "none"))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._held) if self._held is not None else self._made()


def picture(random: np.random.Generator) -> bytes:
    """Return 50 KB of noise as PNG."""
    written = io.BytesIO()
    PIL_Image.fromarray(random.integers(0, 256, (128, 128, 3), dtype=np.uint8)).save(written, "png", compress_level=1)
    return written.getvalue()


def bare(url: str, bodies: list[bytes], connections: int) -> None:
    """Send the bodies over so many keep-alive connections, with nothing around them."""
    parts = urlsplit(url)
    left = iter(bodies)
    lock = threading.Lock()

    def serve() -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        while True:
            with lock:
                body = next(left, None)
            if body is None:
                break
            connection.request("POST", f"{parts.path}/chat/completions", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=serve) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def whole(url: str, samples: Samples, connections: int, output: Path) -> tuple[Taken, Taken]:
    """Return what a run takes, and its scoring. Results are written, and removed again, below `output`."""
    model = open_openai("perf", {"base_url": url, "concurrency": connections})
    with tempfile.TemporaryDirectory(dir=output) as folder, open(os.devnull, "w", encoding="utf8") as stream:
        done: list[RunResult] = []

        def ask() -> None:
            done.append(run_task(TASK, samples, model, RunSettings(), results=Path(folder), stream=stream))

        asking = Taken.by(ask)
        scoring = Taken.by(lambda: score_run(done[0].folder))
    model.close()
    return asking, scoring


def at(url: str, samples: Samples, connections: int, output: Path) -> Iterator[Line]:
    """Yield the lines of one number of connections."""
    kind: TaskKind = KINDS.load(TASK.kind)(TASK)
    payload = Payload("m", DataUrls(ImageLimits()), names={}, overrides={}, detail=None, extra={})
    bodies = [payload.body(request) for sample in samples for request in kind.requests(sample)]
    count, ideal = len(samples), connections / LATENCY
    alone = Taken.by(lambda: bare(url, bodies, connections))
    asking, scoring = whole(url, samples, connections, output)
    named = f"{connections} connections"
    rate, bare_rate = count / asking.seconds, count / alone.seconds
    yield Line(
        f"{named}: samples a second; other: ideal", rate, ideal, least=RATE_BARS[connections], unit="/s", more=True
    )
    yield Line(f"{named}: samples a second; other: bare client", rate, bare_rate, unit="/s", more=True)
    cost = (asking.cpu + scoring.cpu) / count * 1000
    yield Line(
        f"{named}: CPU a sample, scores included; other: bare client",
        cost,
        alone.cpu / count * 1000,
        most=CPU_BAR,
        unit="ms",
    )


def peak(url: str, count: int, output: Path) -> float:
    """Return the peak memory in MiB of a process that asks `count` samples over 128 connections."""
    command = [sys.executable, str(Path(__file__).resolve()), "--only", str(count), "--url", url, "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)) / 2**20


def own_peak_bytes() -> int:
    """Return the peak memory of this program; `getrusage` would count the process that started it, too."""
    status_file = Path("/proc/self/status")
    if not status_file.exists():
        return host_peak_bytes()
    peaks = [line.split()[1] for line in status_file.read_text().splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) * 1024


def flat(url: str, count: int, output: Path) -> Iterator[Line]:
    """Yield what `count` samples take of memory, against half of them, the image cache (256 MiB) full in both."""
    few, many = peak(url, count // 2, output), peak(url, count, output)
    yield Line(f"peak memory at {count:,} samples; other: at {count // 2:,}", many, few, unit="MiB")
    yield Line("its growth", many / few, most=GROWTH, unit="x")


def lmms_eval(url: str, python: str, samples: Samples, output: Path) -> Iterator[Line | Skipped]:
    """Yield what lmms-eval takes for a sample (slope, start-up left out), and ours in the same form."""
    what = "CPU a sample; other: lmms-eval"
    if subprocess.run([python, "-c", "import lmms_eval"], capture_output=True, check=False).returncode:
        yield Skipped(what, f"{python} has no lmms-eval")
        return
    with tempfile.TemporaryDirectory() as name:
        random, costs = np.random.default_rng(1), []
        for count in (FEW, MANY):
            table = Path(name) / f"{count}.parquet"
            letters = {letter: letter for letter in "ABCD"}
            rows = [{"question": "Which?", **letters, "answer": "A", "image": picture(random)} for _ in range(count)]
            parquet.write_table(arrow.Table.from_pylist(rows), table)
            costs.append(theirs(Path(name), table, python, url).cpu)
    asking, scoring = whole(url, samples, 32, output)
    other = (costs[1] - costs[0]) / (MANY - FEW) * 1000
    yield Line(what, (asking.cpu + scoring.cpu) / len(samples) * 1000, other, unit="ms")


INSPECT = """
import base64, json, sys, time
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText
from inspect_ai.scorer import includes
import numpy as np
from pathlib import Path
pictures = json.loads(Path(sys.argv[1]).read_text())
def asked(url):
    return [ChatMessageUser(content=[ContentImage(image=url), ContentText(text="Which?")])]
costs = []
for count in map(int, sys.argv[3:]):
    rows = [Sample(input=asked(url), target="A") for url in pictures[:count]]
    task = Task(dataset=MemoryDataset(rows), scorer=includes())
    start = time.process_time()
    logs = sys.argv[1] + ".logs"
    eval(task, model="openai/m", model_base_url=sys.argv[2], max_connections=32, display="none", log_dir=logs)
    costs.append(time.process_time() - start)
print(json.dumps(costs))
"""


def inspect_ai(url: str, python: str, cost: float) -> Iterator[Line | Skipped]:
    """Yield what inspect_ai takes for a sample (slope), against `cost`, ours in ms."""
    what = "CPU a sample; other: inspect_ai"
    if subprocess.run([python, "-c", "import inspect_ai, openai"], capture_output=True, check=False).returncode:
        yield Skipped(what, f"{python} has no inspect_ai with openai")
        return
    with tempfile.TemporaryDirectory() as name:
        random, file = np.random.default_rng(2), Path(name) / "pictures.json"
        urls = ["data:image/png;base64," + base64.b64encode(picture(random)).decode() for _ in range(MANY)]
        file.write_text(json.dumps(urls))
        done = subprocess.run(
            [python, "-c", INSPECT, str(file), url, str(FEW), str(MANY)],
            cwd=name, env={**os.environ, "OPENAI_API_KEY": "none"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    few, many = json.loads(done.stdout.splitlines()[-1])
    yield Line(what, cost, (many - few) / (MANY - FEW) * 1000, unit="ms")


def lines(given: argparse.Namespace) -> Iterator[Line | Skipped]:
    """Yield the lines."""
    samples = Samples(given.samples)
    cost = 0.0
    with FakeProcess(latency=LATENCY) as server:
        for connections in RATE_BARS:
            for line in at(server.url, samples, connections, given.output):
                yield line
                cost = line.ours
        yield from flat(server.url, given.flat, given.output)
    if given.peer is None:
        for name in ("lmms-eval", "inspect_ai"):
            yield Skipped(f"CPU a sample; other: {name}", "name an interpreter that has it with --peer")
        return
    with FakeProcess() as server:
        yield from lmms_eval(server.url, given.peer, samples, given.output)
        yield from inspect_ai(server.url, given.peer, cost)


def main() -> int:
    """Print the lines and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--flat", type=int, default=10_000)
    parser.add_argument("--peer", help="an interpreter with lmms-eval or inspect_ai")
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="where results go for a while: a real disk")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        whole(given.url, Samples(given.only, held=False), 128, given.output)
        print(json.dumps(own_peak_bytes()))
        return 0
    return status(lines(given))


if __name__ == "__main__":
    sys.exit(main())
