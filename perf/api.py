"""How near the engine comes to what a server allows, and what it costs: one small image a sample, 200 ms a reply.

    python perf/api.py [--samples 1000] [--connections 32,128] [--latency 0.2] [-o .]

The server is a process of its own. In the same run: a bare client (threads and http.client, bodies made beforehand),
the wrapper alone (`generate` from a thread pool), and the whole way (`run_task`: images, prompts, journal, progress;
then `score_run`). Ideal is connections / latency. Bars: `run_task` at 90 % of ideal or more, the whole way at 1 ms of
CPU or less a sample. Exit status 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import io
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image as PIL_Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fakes import FakeProcess
from vlmeval.data.task import PromptStyle, Task
from vlmeval.models.openai import OpenAIModel, open_openai
from vlmeval.models.payload import DataUrls, ImageLimits, Payload
from vlmeval.registry import KINDS
from vlmeval.run.session import RunSettings, run_task
from vlmeval.score.scorer import score_run
from vlmeval.store.results import Origin
from vlmeval.types import Image, Request, Sample, Sampling, TaskKind

RATE_BAR, CPU_BAR = 0.9, 1.0
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
    """Questions with one image each, no two alike (50 KB of noise), held in memory."""

    origin = Origin("perf", "0" * 64)

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(0)
        self._samples = [self._sample(number, random) for number in range(count)]

    @staticmethod
    def _sample(number: int, random: np.random.Generator) -> Sample:
        written = io.BytesIO()
        PIL_Image.fromarray(random.integers(0, 256, (128, 128, 3), dtype=np.uint8)).save(written, "png", compress_level=1)
        data = written.getvalue()
        image = Image(hashlib.sha256(data).hexdigest(), 128, 128, "png").with_reader(lambda: data)
        return Sample(str(number), (image, "Which colour is missing?"), ("A",), ("red", "green", "blue", "none"))

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)


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


def wrapper(model: OpenAIModel, requests: list[Request], connections: int) -> None:
    """Ask the wrapper alone, from a thread pool."""
    with ThreadPoolExecutor(connections) as pool:
        for outcome in pool.map(lambda request: model.generate([request])[0], requests):
            assert outcome


def measure(url: str, samples: Samples, connections: int, *, output: Path) -> dict[str, Taken]:
    """Return what each way takes for all samples. Results are written, and removed again, below `output`."""
    kind: TaskKind = KINDS.load(TASK.kind)(TASK)
    requests = [request for sample in samples for request in kind.requests(sample)]
    payload = Payload("m", DataUrls(ImageLimits()), names={}, overrides={}, detail=None, extra={})
    bodies = [payload.body(request) for request in requests]
    taken = {"bare client": Taken.by(lambda: bare(url, bodies, connections))}
    options: dict[str, str | int | float | bool] = {"base_url": url, "concurrency": connections}
    alone, whole = open_openai("perf", options), open_openai("perf", options)
    taken["generate"] = Taken.by(lambda: wrapper(alone, requests, connections))
    with tempfile.TemporaryDirectory(dir=output) as folder, open(os.devnull, "w", encoding="utf8") as stream:
        results = Path(folder)
        started = []
        taken["run_task"] = Taken.by(
            lambda: started.append(run_task(TASK, samples, whole, RunSettings(), results=results, stream=stream))
        )
        taken["score_run"] = Taken.by(lambda: score_run(started[0].folder))
    for model in (alone, whole):
        model.close()
    return taken


def show(taken: dict[str, Taken], count: int, ideal: float) -> bool:
    """Print the table and return whether both bars are met."""
    yardstick = count / taken["bare client"].seconds
    for name, work in taken.items():
        rate = count / work.seconds
        line = f"  {name:<12} {work.cpu / count * 1000:6.3f} ms CPU a sample"
        if name != "score_run":
            line += f"  {rate:7.1f}/s  {rate / ideal:6.1%} of ideal  {rate / yardstick:6.1%} of the bare client"
        print(line)
    share = count / taken["run_task"].seconds / ideal
    cpu = (taken["run_task"].cpu + taken["score_run"].cpu) / count * 1000
    met = share >= RATE_BAR and cpu <= CPU_BAR
    print(f"  whole way    {cpu:6.3f} ms CPU a sample, {share:.1%} of ideal: {'ok' if met else 'MISSED'}")
    return met


def main() -> int:
    """Measure at each number of connections; return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--connections", default="32,128")
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="where results go for a while: a real disk")
    given = parser.parse_args()
    samples = Samples(given.samples)
    met = True
    with FakeProcess(latency=given.latency) as server:
        for connections in map(int, given.connections.split(",")):
            ideal = connections / given.latency
            print(f"{connections} connections, {given.latency * 1000:.0f} ms: ideal {ideal:.0f}/s")
            met &= show(measure(server.url, samples, connections, output=given.output), len(samples), ideal)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
