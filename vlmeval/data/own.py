"""A user's own data file as a benchmark and a task: `--tasks ./my.tsv`, no TOML and no code.

The columns decide the kind: options make a choice, captions a caption task, anything else with an answer a short one. A
file is asked as it is: CircularEval only where it holds the passes itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vlmeval.data.benchmark import Benchmark, Builder, Split
from vlmeval.data.build import caption_sample, choice_sample, short_sample
from vlmeval.data.circular import PASS, is_number
from vlmeval.data.options import DataOptions
from vlmeval.data.sources import SUFFIXES, Source, open_path
from vlmeval.data.table import Table
from vlmeval.data.task import PromptStyle, Task
from vlmeval.errors import DataError
from vlmeval.types import Sampling

SPLIT = "all"
_TAGS = {"category": ("category", "subject"), "l2-category": ("l2_category",)}
_METRICS = {"choice": ("accuracy",), "short": ("exact_match",), "caption": ("cider", "bleu_4", "rouge_l")}
_MAX_TOKENS = {"choice": 1024, "short": 128, "caption": 64}
_PROMPTS = {
    "short": PromptStyle("{question}\nAnswer the question using a single word or phrase."),
    "caption": PromptStyle("Provide a one-sentence caption for the provided image."),
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


def is_own(name: str) -> bool:
    """Tell whether a task's or benchmark's name is the path of a data file."""
    return Path(name).suffix.lower() in SUFFIXES


def own_benchmark(name: str) -> Benchmark:
    """Return the benchmark that is the data file `name`. Raises DataError where its columns say nothing."""
    with _open(name) as table:
        kind, circular, hidden = _kind(table), _holds_passes(table), not _answered(table)
    builders: dict[str, Builder] = {
        "choice": lambda row: choice_sample(row, tags=_TAGS),
        "short": lambda row: short_sample(row, tags=_TAGS),
        "caption": caption_sample,
    }
    source: Source = OwnFile(name)
    return Benchmark(
        name=Path(name).stem,
        title=f"your file {Path(name).name}",
        splits={SPLIT: Split((source,), hidden=hidden)},
        sample=builders[kind],
        licence="yours",
        circular=circular,
    )


def own_task(name: str) -> Task:
    """Return the task that asks the data file `name` in the plain way of its kind."""
    with _open(name) as table:
        kind, circular = _kind(table), _holds_passes(table)
    metrics: tuple[str, ...] = _METRICS[kind]
    sampling = Sampling(temperature=0.0, max_tokens=_MAX_TOKENS[kind])
    if kind == "choice" and circular:
        metrics = ("circular", "vanilla", "vanilla_all")
    prompt = _PROMPTS.get(kind)
    return Task(
        name=Path(name).stem,
        benchmark=name,
        split=SPLIT,
        kind=kind,
        metrics=metrics,
        primary=metrics[0],
        title=f"your file {Path(name).name}",
        prompt="plain" if prompt else "vlmevalkit",
        prompts={"plain": prompt} if prompt else {},
        sampling=sampling,
        options={"circular": circular} if kind == "choice" else {},
        slices=() if kind == "caption" else tuple(_TAGS),
    )


def _open(name: str) -> Table:
    return open_path(Path(name).expanduser(), DataOptions())


def _kind(table: Table) -> str:
    if any(table.column(name) for name in ("A", "options", "choices", "choice_a")):
        return "choice"
    if any(table.column(name) for name in ("captions", "sentences", "caption")):
        return "caption"
    if table.column("question"):
        return "short"
    raise DataError(
        f"{table.path}: columns {', '.join(table.columns[:40])}: expected question and answer, with A, B, ... "
        "for options, or image and captions"
    )


def _answered(table: Table) -> bool:
    return any(table.column(name) for name in ("answer", "answers", "captions", "sentences", "caption"))


def _holds_passes(table: Table) -> bool:
    """Tell whether rows are passes of one question: by g_index, or by index + k * 10^6 with every base row there."""
    if table.column("g_index"):
        return True
    keys = {str(value).strip() for (value,) in table.scan(["index"]) if value is not None}
    later = [key for key in keys if is_number(key) and int(key) >= PASS]
    return bool(later) and all(str(int(key) % PASS) in keys for key in later)
