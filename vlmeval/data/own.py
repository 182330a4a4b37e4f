"""A user's own data file as a benchmark and a task: `--tasks ./my.tsv`, no TOML and no code.

The columns decide the kind (`infer`). A file is asked as it is: CircularEval only where it holds the passes itself.
Each kind is also a split of its own, so that a TOML that names one keeps its meaning when rows are added to the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import msgspec

from vlmeval.data.benchmark import Benchmark, Builder, Split
from vlmeval.data.build import caption_sample, choice_sample, short_sample
from vlmeval.data.grounding import referring_count, referring_samples
from vlmeval.data.infer import CAPTION, CATEGORIES, CHOICE, GROUNDING, SHORT, YESNO, Inference, infer
from vlmeval.data.options import DataOptions
from vlmeval.data.polar import plain_question, yes_no_gold
from vlmeval.data.sources import Source, open_path
from vlmeval.data.table import Row, Table
from vlmeval.data.task import PromptStyle, Task
from vlmeval.errors import DataError
from vlmeval.types import Sample, Sampling

SPLIT = "all"
LONGEST_TAG = 80
_MAX_TOKENS = {CHOICE: 1024, SHORT: 128, YESNO: 128, CAPTION: 64, GROUNDING: 128}
_PROMPTS = {
    SHORT: PromptStyle("{question}\nAnswer the question using a single word or phrase."),
    YESNO: PromptStyle("{question}\nPlease answer yes or no."),
    CAPTION: PromptStyle("Provide a one-sentence caption for the provided image."),
    GROUNDING: PromptStyle(
        "Locate {question} in this image of {width} x {height} pixels. Answer with its bounding box as "
        "[x1, y1, x2, y2] in pixels."
    ),
}


@dataclass(frozen=True)
class OwnFile:
    """The source that is one path, as the user wrote it."""

    path: str

    def local(self, where: DataOptions) -> Path | None:
        """Return the path, if something is there."""
        path = Path(self.path).expanduser()
        return path if path.exists() else None

    def open(self, where: DataOptions) -> Table | None:
        """Return None: a path is there or not."""
        return None

    def wanted(self, where: DataOptions) -> str:
        """Say what is missing."""
        return f"{self.path} does not exist"

    def __str__(self) -> str:
        return self.path


def own_inference(name: str) -> Inference:
    """Return what the data file `name` is taken for, and why. Raises DataError where its columns say nothing."""
    path = Path(name).expanduser()
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    state = path.stat()
    return _inferred(path.resolve(), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _inferred(path: Path, changed: int, size: int) -> Inference:
    """Return what the file in this very state is: a command asks several times, and a file may be large."""
    with open_path(path, DataOptions()) as table:
        return infer(table)


def own_benchmark(name: str) -> Benchmark:
    """Return the benchmark that is the data file `name`. Raises DataError where its columns say nothing."""
    found = own_inference(name)
    sources: tuple[Source, ...] = (OwnFile(name),)
    builders = _builders(found.more_tags)
    splits = {
        kind: Split(
            sources,
            hidden=found.hidden,
            sample=builder,
            samples_of=referring_count if kind == GROUNDING else None,
        )
        for kind, builder in builders.items()
    }
    return Benchmark(
        name=Path(name).stem,
        title=f"your file {Path(name).name}",
        splits={SPLIT: splits[found.kind], **splits},
        sample=builders[found.kind],
        licence="yours",
        circular=found.circular,
    )


def own_task(name: str) -> Task:
    """Return the task that asks the data file `name` in the plain way of its kind."""
    return inferred_task(name, own_inference(name))


def inferred_task(name: str, found: Inference) -> Task:
    """Return the task that asks the data file `name` as what it was found to be."""
    prompt = _PROMPTS.get(found.kind)
    return Task(
        name=Path(name).stem,
        benchmark=name,
        split=found.kind,
        kind=found.kind,
        metrics=found.metrics,
        primary=found.metrics[0],
        title=f"your file {Path(name).name}",
        prompt="plain" if prompt else "vlmevalkit",
        prompts={"plain": prompt} if prompt else {},
        sampling=Sampling(temperature=0.0, max_tokens=_MAX_TOKENS[found.kind]),
        options={"circular": found.circular} if found.kind == CHOICE else {},
        slices=found.slices,
    )


def _builders(more: tuple[str, ...]) -> Mapping[str, Builder]:
    return {
        CHOICE: partial(_tagged, partial(choice_sample, tags=CATEGORIES), more),
        SHORT: partial(_tagged, partial(short_sample, tags=CATEGORIES), more),
        YESNO: partial(_tagged, yes_no_sample, more),
        CAPTION: caption_sample,
        GROUNDING: referring_samples,
    }


def yes_no_sample(row: Row) -> Sample:
    """Return a yes/no question of a plain file; an instruction at its end is the prompt's matter, and left out."""
    question = plain_question(row, "question", "query")
    plain = short_sample(row, tags=CATEGORIES, references=yes_no_gold(row, "answer"))
    return msgspec.structs.replace(plain, parts=(*plain.parts[:-1], question))


def _tagged(build: Callable[[Row], Sample], more: tuple[str, ...], row: Row) -> Sample:
    """Return the sample with a tag for each of the file's further columns whose cell is short and on one line."""
    sample = build(row)
    for column in more:
        value = row.value(column)
        text = str(value) if isinstance(value, (str, int, float, bool)) else ""
        if text and len(text) <= LONGEST_TAG and "\n" not in text:
            sample.tags.setdefault(column, text)
    return sample
