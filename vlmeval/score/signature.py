"""The recipe of a number, in one line: what to compare before two numbers are compared.

    mmbench_dev_en:1|circular|prompt:3fa2|parse:2|t:0|max:64|n:1164|cov:100|data:9c1e|vlmeval:0.1.0

`prompt` is a digest of template and system text, not of their names. `data` is one of what the samples say: ids, texts
(hints and other fields too), images, choices, gold, and the passes of a file where they are not the plain turns that we
make ourselves; neither file format nor order. `cov` is the share of samples that entered, rounded down. "-" is
left to the model.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

import vlmeval
from vlmeval.data.task import DEFAULT_SCORER, Task
from vlmeval.errors import DataError
from vlmeval.jsonio import digest
from vlmeval.kinds.prompt import OPEN
from vlmeval.kinds.rotation import offered, shifted
from vlmeval.types import Part, Sample, Sampling, TaskKind

SHOWN_DIGITS = 4
PLAIN_OPTIONS = {"epochs": 1, "extractor": "vlmeval", "judge_epochs": 1, "mode": "generate", "policy": "honest"}
BLANKS = (
    Sample("", ("question",), ("A",), ("first", "second"), fields={"hint": "hint"}),
    Sample("", ("question",), ("first",), fields={"hint": "hint"}),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all numbers of a run share. `sampling` is `as_sent`."""

    task: Task
    sampling: Sampling
    prompt: str
    parser: str
    data_digest: str
    coverage: float
    judge: str | None
    errors: str
    blind: str = ""
    interval: str = "percentile"

    def line(self, metric: str, samples: int) -> str:
        """Return the signature of a number of `metric` over `samples`."""
        task, sampling = self.task, self.sampling
        fields = [
            f"{task.name}:{task.version}",
            metric,
            f"prompt:{self.prompt[:SHOWN_DIGITS]}",
            f"scorer:{task.scorer}" if task.scorer != DEFAULT_SCORER else "",
            f"parse:{self.parser}" if self.parser else "",
            *(f"{key}:{task.options[key]}" for key in PLAIN_OPTIONS if self._is_changed(key)),
            f"guess:{task.options['seed']}" if self._guesses_otherwise() else "",
            f"t:{setting(sampling.temperature)}",
            f"p:{setting(sampling.top_p)}" if sampling.top_p is not None else "",
            f"k:{setting(sampling.top_k)}" if sampling.top_k is not None else "",
            f"seed:{sampling.seed}" if sampling.seed is not None else "",
            f"max:{setting(sampling.max_tokens)}",
            f"stop:{digest(sampling.stop)[:SHOWN_DIGITS]}" if sampling.stop else "",
            f"blind:{self.blind}" if self.blind else "",
            f"judge:{self.judge}" if self.judge else "",
            f"errors:{self.errors}" if self.errors != "fail" else "",
            f"interval:{self.interval}" if self.interval != "percentile" else "",
            f"n:{samples}",
            f"cov:{math.floor(1000 * self.coverage) / 10:g}",
            f"data:{self.data_digest[:SHOWN_DIGITS]}",
            f"vlmeval:{vlmeval.__version__}",
        ]
        return "|".join(field for field in fields if field)

    def _guesses_otherwise(self) -> bool:
        """Tell whether guesses are made with a seed that is not the usual one: it moves the score."""
        return self.task.options.get("policy") == "official" and "seed" in self.task.options

    def _is_changed(self, key: str) -> bool:
        return bool(self.task.options.get(key, PLAIN_OPTIONS[key]) != PLAIN_OPTIONS[key])


def as_sent(sampling: Sampling, recipe: Mapping[str, Any]) -> Sampling:
    """Return the settings that reached the model, from those of the task and the recipe of the run.

    A wrapper's own settings go before the task's; what it does not send is left to the model. Under which settings
    replayed answers were made is not known.
    """
    if recipe.get("model.wrapper") == "replay":
        return Sampling()
    unsent = recipe.get("model.not_sent", ())
    asked = {name: value for name, value in msgspec.structs.asdict(sampling).items() if name not in unsent}
    return Sampling(**{name: recipe.get(f"model.sampling.{name}", value) for name, value in asked.items()})


def setting(value: float | None) -> str:
    """Return a setting as the signature shows it."""
    return "-" if value is None else f"{value:g}"


def prompt_digest(task: Task, kind: TaskKind) -> str:
    """Return the digest of the words around a question, as `kind` puts them around a question that says nothing.

    The task's own templates count whole: fields they name may be missing in that question.
    """
    own = {name: style for name, style in task.prompts.items() if name.removesuffix(OPEN) == task.prompt}
    try:
        rendered = [_parts(request.parts) for sample in BLANKS for request in kind.requests(sample)[:1]]
    except DataError:
        rendered = []
    return digest([own, rendered, task.system])


def data_digest(samples: Iterable[Sample]) -> str:
    """Return the digest of what `samples` say, for any order of them."""
    lines = sorted(hashlib.sha256(msgspec.json.encode(_content(sample))).digest() for sample in samples)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _content(sample: Sample) -> list[object]:
    choices = [_parts((choice,) if isinstance(choice, str) else choice) for choice in sample.choices]
    return [sample.id, _parts(sample.parts), sample.references, choices, sorted(sample.fields.items()), _turns(sample)]


def _turns(sample: Sample) -> list[tuple[int, ...]]:
    """Return the orders of the passes that a file gives, [] where they are those of CircularEval on base questions."""
    if not sample.rotations:
        return []
    orders = sorted(rotation.order for rotation in sample.rotations)
    return [] if orders == sorted(shifted(sample, turn) for turn in range(len(offered(sample)))) else orders


def _parts(parts: tuple[Part, ...]) -> list[object]:
    return [part if isinstance(part, str) else {"sha256": part.sha256} for part in parts]
