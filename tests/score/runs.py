"""Run folders made by hand, with real kinds: what a test says was asked and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from vlmeval.data.task import Task
from vlmeval.jsonio import encode, write_json
from vlmeval.registry import KINDS
from vlmeval.store.layout import RunFolder, run_folder
from vlmeval.store.results import Manifest, Origin
from vlmeval.types import Failure, Outcome, Output, Record, Request, Sample, Sampling, TaskKind

LETTERS = "ABCDEFGH"
CHOICE = Task(
    name="exam",
    benchmark="exam",
    split="dev",
    kind="choice",
    metrics=("circular", "vanilla", "vanilla_all"),
    primary="circular",
    prompt="vlmevalkit",
    sampling=Sampling(temperature=0.0, max_tokens=64),
    slices=("category",),
)
Reply = Callable[[Sample, Request], Outcome | str | None]


def question(number: int | str, *, gold: str = "B", choices: int = 4, category: str = "", cluster: str = "") -> Sample:
    return Sample(
        id=f"q{number}",
        parts=(f"What is in picture {number}?",),
        references=(gold,) if gold else (),
        choices=("cat", "dog", "bird", "fish", "horse", "cow", "pig", "hen")[:choices],
        tags={"category": category} if category else {},
        cluster=cluster,
    )


def kind_of(task: Task) -> TaskKind:
    kind: TaskKind = KINDS.load(task.kind)(task)
    return kind


def say(sample: Sample, request: Request, letter: str) -> str:
    """Return the displayed letter behind which the sample's own `letter` stands in this request."""
    shown = kind_of(CHOICE).shown(sample, request.variant)  # type: ignore[attr-defined]
    return LETTERS[shown.index(letter)]


def right(sample: Sample, request: Request) -> str:
    return say(sample, request, sample.references[0])


def wrong(sample: Sample, request: Request) -> str:
    return say(sample, request, "A" if sample.references[0] != "A" else "B")


def records(task: Task, samples: Iterable[Sample], reply: Reply) -> list[Record]:
    """Return the journal in which `reply` answers each request; None leaves it unasked."""
    kind = kind_of(task)
    found = []
    for sample in samples:
        for request in kind.requests(sample):
            outcome = reply(sample, request)
            if isinstance(outcome, str):
                outcome = Output(outcome)
            if outcome is not None:
                found.append(Record(request.key, sample.id, request.variant, outcome))
    return found


def manifest_of(task: Task, **changes: object) -> Manifest:
    manifest = Manifest(
        run_id="r1",
        fingerprint="f",
        recipe={},
        task=task,
        model="replay:x",
        model_name="parrot",
        origin=Origin("exam", "0"),
        state="complete",
    )
    return msgspec.structs.replace(manifest, **changes)


def write_run(
    results: Path,
    samples: Sequence[Sample],
    journal: Iterable[Record],
    *,
    task: Task = CHOICE,
    judge: Iterable[Record] = (),
    **manifest: object,
) -> RunFolder:
    """Write a run folder as a run leaves it."""
    folder = run_folder(results, task.name, "parrot", "r1")
    folder.path.mkdir(parents=True, exist_ok=True)
    write_json(folder.manifest_path, manifest_of(task, **manifest))
    folder.questions.write_bytes(b"".join(encode(sample) + b"\n" for sample in samples))
    folder.outputs.write_bytes(b"".join(encode(record) + b"\n" for record in journal))
    folder.judge.write_bytes(b"".join(encode(record) + b"\n" for record in judge))
    return folder


def made(results: Path, samples: Sequence[Sample], reply: Reply, *, task: Task = CHOICE, **more: object) -> RunFolder:
    """Write the run in which `reply` answers every request."""
    return write_run(results, samples, records(task, samples, reply), task=task, **more)  # type: ignore[arg-type]


REFUSED = Failure("refused", "blocked by the provider")
FAILED = Failure("transient", "HTTP 500")
FILTERED = Output("I can", finish="filter")
