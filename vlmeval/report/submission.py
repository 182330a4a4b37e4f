"""The file that the official server of a hidden split takes: `submission.json` in the folder of a run.

    vqav2    [{"question_id": 1, "answer": "red"}]       VQA v2 (eval.ai); haotian-liu/LLaVA
                                                         scripts/convert_vqav2_for_submission.py
    vizwiz   [{"image": "ID.jpg", "answer": "red"}]      VizWiz (eval.ai); LLaVA
                                                         scripts/convert_vizwiz_for_submission.py
    docvqa   [{"questionId": 1, "answer": "red"}]        DocVQA, InfographicVQA (rrc.cvc.uab.es/?ch=17)
    stvqa    [{"question_id": 1, "answer": "red"}]       ST-VQA (rrc.cvc.uab.es/?ch=11)
    textvqa  [{"question_id": 1, "answer": "red"}]       TextVQA (eval.ai); EvolvingLMMs-Lab/lmms-eval tasks/textvqa
    aokvqa   {"ID": {"multiple_choice": "red"}}          A-OKVQA; allenai/aokvqa evaluation/eval_predictions.py
    coco     [{"image_id": 1, "caption": "a cat"}]       COCO (codalab), NoCaps (eval.ai), TextCaps, VizWiz; the results
                                                         format of tylin/coco-caption and https://cocodataset.org/#upload
    mmmu     {"ID": "A"}                                 MMMU (eval.ai); MMMU-Benchmark/MMMU mmmu/main_eval_only.py

Questions keep the order of the run; an id in digits is a number. A-OKVQA's answer is the option's text; an open
question of MMMU is answered by the whole reply, which the official program reads itself. Answers of vqav2 and vizwiz
are processed as in LLaVA's scripts (M4C), since the VQA server processes none where ten people agree; the others are
the reply as it is. A reply in which nothing could be read is sent as "". A question without a reply is not made up:
there is no file then, unless failures count as wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlmeval.data.build import LETTERS
from vlmeval.errors import ConfigError, JournalError
from vlmeval.jsonio import read_json, write_json
from vlmeval.metrics.vqa import processed_m4c
from vlmeval.registry import KINDS, did_you_mean
from vlmeval.score.assembly import Case, assemble, samples_of
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import ErrorPolicy, Manifest
from vlmeval.types import Output, Sample

FILE = "submission.json"
NAMED = 5
LONGEST_NUMBER = 18
_COCO_FILE = re.compile(r"(?:COCO_(?:train|val|test)[0-9]{4}_)?([0-9]{12})(?:\.jpg)?")
Reply = tuple[Sample, str]
Entry = dict[str, int | str]


@dataclass(frozen=True)
class Submission:
    """A written file: how many answers it holds, and how many of them are empty."""

    path: Path
    answers: int
    empty: int
    limit: int | None

    def line(self) -> str:
        """Return what to say of it."""
        empty = f", {self.empty} of them empty" if self.empty else ""
        part = f", a part only (--limit {self.limit}), which servers refuse" if self.limit is not None else ""
        return f"{self.path} ({self.answers} answers{empty}{part})"


def write_submission(folder: RunFolder, *, errors: ErrorPolicy = "fail") -> Submission:
    """Write the file that the run's task names, and return it.

    Raises ConfigError for a task without one or with several answers a question, JournalError where questions have no
    reply, unless `errors` is "wrong".
    """
    manifest = read_json(folder.manifest_path, Manifest)
    task = manifest.task
    if task.submission not in FORMATS:
        hint = did_you_mean(task.submission, FORMATS) or f"; known: {', '.join(FORMATS)}"
        raise ConfigError(f'task {task.name}: no submission format "{task.submission}"{hint}')
    samples = samples_of(folder)
    cases = assemble(folder, KINDS.load(task.kind)(task), samples, judge_name=None).cases
    missing = [case.sample.id for case in cases if not case.answers]
    unnoted = max(0, manifest.counts.get("expected", 0) - len(cases))
    if unnoted or (missing and errors != "wrong"):
        named = f": {', '.join(missing[:NAMED])}{', ...' if len(missing) > NAMED else ''}" if missing else ""
        raise JournalError(
            f"{folder.path}: no {FILE}: {len(missing) + unnoted} of {len(cases) + unnoted} questions have no reply"
            f"{named}; {asking_again(manifest)}, --errors wrong sends them empty"
        )
    document = FORMATS[task.submission]
    replies = [_reply(case) for case in cases]
    path = folder.path / FILE
    write_json(path, document([(case.sample, reply) for case, reply in zip(cases, replies, strict=True)]))
    return Submission(path, len(cases), replies.count(""), manifest.limit)


def asking_again(manifest: Manifest) -> str:
    """Return how the questions without a reply get one."""
    if manifest.recipe.get("model.wrapper") == "replay":
        return "the replayed file has none for them: complete it"
    return "the same command asks them (--retry-errors the failed ones)"


def _reply(case: Case) -> str:
    """Return the reply to a question, "" where nothing could be read in it."""
    if len(case.requests) > 1:
        raise ConfigError(
            f"question {case.sample.id}: {len(case.requests)} replies, and a server takes one; epochs = 1"
        )
    value = case.answers[0].value if case.answers else None
    if isinstance(value, tuple):
        outcome = case.outcomes.get(case.answers[0].variant)
        return outcome.text if isinstance(outcome, Output) else ""
    return value or ""


def _number(key: str) -> int | str:
    """Return an id as the official files have it: a number where it is spelled in plain digits."""
    return int(key) if key.isascii() and key.isdigit() and len(key) <= LONGEST_NUMBER and str(int(key)) == key else key


def _vqav2(replies: Sequence[Reply]) -> list[Entry]:
    return [{"question_id": _number(sample.id), "answer": processed_m4c(reply)} for sample, reply in replies]


def _vizwiz(replies: Sequence[Reply]) -> list[Entry]:
    return [{"image": f"{sample.id}.jpg", "answer": processed_m4c(reply)} for sample, reply in replies]


def _docvqa(replies: Sequence[Reply]) -> list[Entry]:
    return [{"questionId": _number(sample.id), "answer": reply} for sample, reply in replies]


def _plain(replies: Sequence[Reply]) -> list[Entry]:
    return [{"question_id": _number(sample.id), "answer": reply} for sample, reply in replies]


def _aokvqa(replies: Sequence[Reply]) -> dict[str, Entry]:
    return {sample.id: {"multiple_choice": _option(sample, reply)} for sample, reply in replies}


def _option(sample: Sample, letter: str) -> str:
    return str(sample.choices[LETTERS.index(letter)]) if letter else ""


def _coco(replies: Sequence[Reply]) -> list[Entry]:
    return [{"image_id": _image_number(sample.id), "caption": reply} for sample, reply in replies]


def _image_number(key: str) -> int | str:
    """Return COCO's number of an image, also where a copy of the data has its file name for an id."""
    found = _COCO_FILE.fullmatch(key)
    return int(found[1]) if found else _number(key)


def _mmmu(replies: Sequence[Reply]) -> dict[str, str]:
    return {sample.id: reply for sample, reply in replies}


FORMATS: Mapping[str, Callable[[Sequence[Reply]], object]] = {
    "vqav2": _vqav2,
    "vizwiz": _vizwiz,
    "docvqa": _docvqa,
    "stvqa": _plain,
    "textvqa": _plain,
    "aokvqa": _aokvqa,
    "mmmu": _mmmu,
    "coco": _coco,
}
"""The formats by name, as a task's `submission` names them."""
