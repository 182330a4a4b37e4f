"""How much sooner two Ray workers finish than one, on a model that only sleeps.

    python perf/ray.py [--samples 100] [--pause 0.05]

Both runs are whole ones (`run_task`: planning, journal, progress) and begin when all workers have opened the model, in
one local cluster. Bar: two workers take at most 0.55 of one worker's time. Exit status 1 where it is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.pop(0)  # this folder, in which `import ray` would find this file
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from perf.lines import Line, Skipped, status
from vlmeval.data.task import PromptStyle, Task
from vlmeval.run.ray_cluster import RaySettings
from vlmeval.run.ray_model import open_ray_model
from vlmeval.run.ray_worker import ModelSpec
from vlmeval.run.session import RunSettings, run_task
from vlmeval.store.results import Origin
from vlmeval.types import Sample

BAR = 0.55
MODEL = """
import time

class Sleeping:
    def __init__(self, pause):
        self.pause = pause

    def generate(self, requests):
        time.sleep(self.pause)
        return ["A"] * len(requests)
"""
TASK = Task(
    name="perf",
    benchmark="perf",
    split="perf",
    kind="choice",
    metrics=("accuracy",),
    primary="accuracy",
    prompt="plain",
    prompts={"plain": PromptStyle("{question}\n{options}Answer with the letter.")},
    options={"circular": False},
)


class Samples:
    """Questions without images."""

    origin = Origin("perf", "0" * 64)

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sample]:
        for number in range(self._count):
            yield Sample(str(number), (f"Question {number}?",), ("A",), ("red", "green", "blue"))


def taken(workers: int, samples: int, pause: float, folder: Path) -> float:
    """Return the seconds that a run takes once all workers are ready."""
    spec = ModelSpec(f"{folder}/model.py:Sleeping", {"pause": pause}, str(folder))
    model = open_ray_model(spec, RaySettings(workers=workers, cpus=0.5), say=print)
    try:
        while len(model.processes) < workers:
            time.sleep(0.05)
        with open(os.devnull, "w", encoding="utf8") as stream:
            started = time.perf_counter()
            run_task(TASK, Samples(samples), model, RunSettings(), results=folder / f"by{workers}", stream=stream)
            return time.perf_counter() - started
    finally:
        model.close()


def lines(samples: int, pause: float) -> Iterator[Line | Skipped]:
    """Yield the one line."""
    what = f"{samples} requests of {pause * 1000:.0f} ms: two Ray workers, one"
    if importlib.util.find_spec("ray") is None:
        yield Skipped(what, "ray is not installed: pip install 'vlmeval[ray]'")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.py").write_text(MODEL, "utf8")
        one, two = taken(1, samples, pause, folder), taken(2, samples, pause, folder)
    yield Line(what, ours=two, other=one, least=1 / BAR, unit="s")


def main() -> int:
    """Measure; return 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.05)
    given = parser.parse_args()
    return status(lines(given.samples, given.pause))


if __name__ == "__main__":
    sys.exit(main())
