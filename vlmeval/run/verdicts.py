"""Verdicts of one judge, wherever it gave them: what it has judged in one run is not paid for again in another.

A verdict is found by the judge (its digest: name and recipe) and the key of its request, which covers the whole prompt:
question, options, reference and reply. The journals of the runs under one `results/` are the cache; there is no second
copy that could disagree with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from vlmeval.errors import JournalError
from vlmeval.jsonio import read_json
from vlmeval.run.limits import failure_kind
from vlmeval.store.journal import Journal, read_records
from vlmeval.store.layout import RunFolder
from vlmeval.store.results import Manifest
from vlmeval.types import Output, Record, Request

JOURNALS = "*/*/*/judge*.jsonl"


def journals(folder: RunFolder, judge_digest: str) -> Iterator[Path]:
    """Yield the journals of the judge in the other runs beside `folder`, sorted. A damaged run is passed over."""
    for path in sorted(folder.results.glob(JOURNALS)):
        if path.parent == folder.path.resolve():
            continue
        if path.name == f"judge.{judge_digest}.jsonl":
            yield path
        elif path.name == folder.judge.name:
            try:
                manifest = read_json(path.parent / folder.manifest_path.name, Manifest)
            except JournalError:
                continue
            if manifest.judge_digest == judge_digest:
                yield path


def known_verdicts(folder: RunFolder, judge_digest: str, keys: set[str]) -> dict[str, Output]:
    """Return the verdicts that the judge gave in other runs to the requests of `keys`, the first of each."""
    found: dict[str, Output] = {}
    for path in journals(folder, judge_digest):
        if len(found) == len(keys):
            break
        try:
            for record in read_records(path):
                outcome = record.outcome
                if record.key in keys and isinstance(outcome, Output) and not failure_kind(outcome):
                    found.setdefault(record.key, outcome)
        except JournalError:
            continue
    return found


def take_over(folder: RunFolder, judge_digest: str, requests: Iterable[Request]) -> int:
    """Write what other runs know of `requests` into the judge's journal of `folder`, and return how many those are.

    They cost nothing here: their tokens stay with the run that paid for them. Requests with an answer are left alone.
    """
    if next(journals(folder, judge_digest), None) is None:
        return 0
    own = {record.key for record in read_records(folder.judge) if not failure_kind(record.outcome)}
    wanted = [request for request in requests if request.key not in own]
    if not wanted:
        return 0
    known = known_verdicts(folder, judge_digest, {request.key for request in wanted})
    with Journal(folder.judge) as journal:
        for request in wanted:
            if request.key in known:
                free = msgspec.structs.replace(known[request.key], prompt_tokens=None, output_tokens=None)
                journal.append(Record(request.key, request.sample_id, request.variant, free))
    return sum(request.key in known for request in wanted)
