"""The content of a study from runs on disk: the same samples, asked in the same words, answered by several models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from vlmeval.errors import ConfigError, DataError
from vlmeval.jsonio import read_json
from vlmeval.registry import KINDS, did_you_mean
from vlmeval.sbs.content import AnswerState, Content, Entry, tallied
from vlmeval.sbs.pictures import PictureFolder
from vlmeval.sbs.records import Shown
from vlmeval.sbs.sampling import chosen
from vlmeval.store.images import ImageStore
from vlmeval.store.journal import read_records
from vlmeval.store.layout import RunFolder, find_runs, safe_name
from vlmeval.store.questions import read_questions
from vlmeval.store.results import Manifest
from vlmeval.types import Image, Outcome, Output, Part, Request, Sample, TaskKind


class Run(NamedTuple):
    """A run that takes part, under the name that its model has in the study."""

    model: str
    folder: RunFolder
    manifest: Manifest


class _Asked(NamedTuple):
    """A sample with the first request that a run made of it."""

    sample: Sample
    request: Request


def find(names: Sequence[str], task: str, results: Path) -> list[Run]:
    """Return one run for each of `names`: the folder of a run or one above it, or a model below `results`.

    Of several runs of the same model the complete one that started last is taken. Two runs of one model name are told
    apart by run id. Raises ConfigError for fewer than two, for none found, and for a run named twice.
    """
    picked = [_newest(name, task, results) for name in names]
    if len({folder.path.resolve() for folder, _ in picked}) < len(picked):
        raise ConfigError(
            f"--runs {' '.join(names)}: two of them are the same run; a model is not compared with itself"
        )
    if len(picked) < 2:
        raise ConfigError("--runs: name two runs or more")
    labels = [manifest.model_name for _, manifest in picked]
    return [
        Run(label if labels.count(label) == 1 else f"{label} ({folder.path.name})", folder, manifest)
        for label, (folder, manifest) in zip(labels, picked, strict=True)
    ]


def _newest(name: str, task: str, results: Path) -> tuple[RunFolder, Manifest]:
    path = Path(name)
    if not path.exists():
        path = results / safe_name(task) / safe_name(name)
        if not path.exists():
            known = [folder.name for folder in (results / safe_name(task)).glob("*") if folder.is_dir()]
            hint = did_you_mean(name, known) or f"; there are runs of {', '.join(sorted(known)) or 'no model'}"
            raise ConfigError(f"--runs {name}: no such folder, and no run of {task} by a model of this name{hint}")
    read = [(folder, read_json(folder.manifest_path, Manifest)) for folder in find_runs([path])]
    found = [(folder, manifest) for folder, manifest in read if manifest.task.name == task]
    if not found:
        tasks = sorted({manifest.task.name for _, manifest in read})
        raise ConfigError(f"--runs {name}: a run of {', '.join(tasks)}, not of {task}{did_you_mean(task, tasks)}")
    models = sorted({manifest.model_name for _, manifest in found})
    if len(models) > 1:
        raise ConfigError(f"--runs {name}: runs of {', '.join(models)} are below it; name one of them")
    return max(found, key=lambda one: (one[1].state == "complete", one[1].started, one[0].path.name))


def content_of(runs: Sequence[Run], *, n: int | None, seed: int, images: PictureFolder) -> Content:
    """Return prompts and answers of `n` samples (all where None or more), drawn by `seed` from those with a pair.

    A prompt is what the model was sent: with its options, in its wording. Raises DataError for the first sample that
    runs do not share or were asked differently, and for an image that is gone or none.
    """
    asked = list(_in_step(runs))
    models = tuple(run.model for run in runs)
    outcomes = [_outcomes(run) for run in runs]
    answers = [dict(zip(models, (_state(found, one) for found in outcomes), strict=True)) for one in asked]
    readable = [row for row in zip(asked, answers, strict=True) if _answered(row[1]) >= 2]
    if not readable:
        raise DataError(f"no sample was answered by two of {', '.join(models)}: nothing to compare")
    stores = ImageStore(runs[0].folder.results)
    entries = []
    for one, found in chosen(readable, n, seed):
        entries.append(
            Entry(
                name=one.sample.id,
                parts=shown(one.request.parts, stores, images, f'sample "{one.sample.id}"'),
                answers={model: text for model, (state, text) in found.items() if state == "answered"},
                states={model: state for model, (state, _) in found.items()},
                category=_category(runs[0].manifest, one.sample),
            )
        )
    counted = tallied(models, ({model: state for model, (state, _) in row.items()} for row in answers))
    return Content(models, tuple(entries), counted=counted)


def _answered(found: Mapping[str, tuple[AnswerState, str]]) -> int:
    return sum(state == "answered" for state, _ in found.values())


def _in_step(runs: Sequence[Run]) -> list[_Asked]:
    """Return the samples of all runs. Raises DataError at the first that differs, and names run and difference."""
    kinds: list[TaskKind] = [KINDS.load(run.manifest.task.kind)(run.manifest.task) for run in runs]
    found = []
    for number, row in enumerate(zip_longest(*(read_questions(run.folder.questions) for run in runs)), start=1):
        samples: list[Sample | None] = list(row)
        first = samples[0]
        for run, sample in zip(runs[1:], samples[1:], strict=True):
            if first is None or sample is None or first.id != sample.id:
                raise DataError(
                    f"{run.folder.path}, question {number}: {_called(sample)}, but {runs[0].folder.path} has "
                    f"{_called(first)} there; a study needs runs over the same samples"
                )
        requests = [_first(kind, sample) for kind, sample in zip(kinds, samples, strict=True) if sample is not None]
        for run, request in zip(runs[1:], requests[1:], strict=True):
            _same_prompt(runs[0], requests[0], run, request)
        if first is not None:
            found.append(_Asked(first, requests[0]))
    return found


def _called(sample: Sample | None) -> str:
    return "no further sample" if sample is None else f'sample "{sample.id}"'


def _first(kind: TaskKind, sample: Sample) -> Request:
    requests = kind.requests(sample)
    if not requests:
        raise DataError(f'sample "{sample.id}": nothing was asked about it, so there are no answers to compare')
    return requests[0]


def _same_prompt(one: Run, asked: Request, other: Run, request: Request) -> None:
    """Raise DataError where the two requests show the models something else."""
    if asked.parts == request.parts and asked.system == request.system:
        return
    what = "images" if asked.images != request.images else "words"
    raise DataError(
        f'sample "{asked.sample_id}": {one.model} and {other.model} were asked with other {what}: '
        f"{_excerpt(asked.text, request.text)!r} and {_excerpt(request.text, asked.text)!r}; run both with one --prompt"
    )


def _excerpt(text: str, other: str) -> str:
    """Return 60 characters of `text` from shortly before where it leaves `other`."""
    same = next((place for place, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), len(other))
    return text[max(0, same - 20) : same + 40]


def _outcomes(run: Run) -> dict[tuple[str, str], Outcome]:
    """Return what was answered, the latest of each request."""
    return {(record.sample_id, record.variant): record.outcome for record in read_records(run.folder.outputs)}


def _state(outcomes: dict[tuple[str, str], Outcome], one: _Asked) -> tuple[AnswerState, str]:
    """Return the state of a model's answer, and its text."""
    outcome = outcomes.get((one.sample.id, one.request.variant))
    if outcome is None:
        return "missing", ""
    if not isinstance(outcome, Output):
        return ("refused" if outcome.kind == "refused" else "failed"), ""
    if outcome.finish == "filter":
        return "refused", ""
    return ("answered", outcome.text) if outcome.text.strip() else ("empty", "")


def shown(parts: Sequence[Part], store: ImageStore, images: PictureFolder, where: str) -> tuple[Shown, ...]:
    """Return the parts of a prompt as the page shows them, images stored."""
    return tuple(
        images.add(store.attach(part).read(), f"{where}, image {part.sha256[:12]}")
        if isinstance(part, Image)
        else Shown(text=part)
        for part in parts
    )


def _category(manifest: Manifest, sample: Sample) -> str:
    """Return the sample's value of the task's first slice."""
    return next((sample.tags[name].split("\n")[0] for name in manifest.task.slices if name in sample.tags), "")
