"""Small studies for tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import count

from vlmeval.sbs.content import Content, Entry, GoldEntry, Setting, insert
from vlmeval.sbs.records import Shown
from vlmeval.sbs.store import StudyStore

MODELS = ("otter-7b", "heron-2", "ibis-chat")
_KEYS = count()


def content(prompts: int = 4, *, models: Sequence[str] = MODELS, gold: int = 0) -> Content:
    """Return prompts that all models answered, and gold items."""
    entries = tuple(
        Entry(
            f"q{number}",
            (Shown(image=f"{number}.png", width=4, height=4), Shown(text=f"What is in picture {number}?")),
            {model: f"answer {place} to {number}" for place, model in enumerate(models)},
            dict.fromkeys(models, "answered"),
            "even" if number % 2 == 0 else "odd",
        )
        for number in range(prompts)
    )
    checks = tuple(GoldEntry(str(number), (Shown(text=f"gold {number}"),), "good", "bad") for number in range(gold))
    return Content(tuple(models), entries, checks)


def filled(store: StudyStore, made: Content, **setting: object) -> StudyStore:
    """Put content into a store."""
    store.submit(lambda judging: insert(judging, made, Setting(**setting), 1.0)).result()  # type: ignore[arg-type]
    return store


def token_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def joined(store: StudyStore, *names: str) -> list[int]:
    """Add annotators; return their ids."""
    return [store.add_annotator(name, token_hash(name), 1.0).id for name in names]


def key() -> str:
    """Return an idempotency key that no vote had."""
    return f"key-{next(_KEYS):08d}"


def vote_all(store: StudyStore, annotator: int, outcome: str, *, now: float = 10.0, most: int = 10_000) -> int:
    """Have an annotator judge until nothing is left; the number of votes."""
    votes = 0
    while votes < most and (lease := store.lease(annotator, now)) is not None:
        store.vote(annotator, lease.assignment, key(), outcome, seconds=2.5, now=now)
        votes += 1
    return votes
