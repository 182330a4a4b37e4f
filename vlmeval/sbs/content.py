"""What a study is about, on its way into the store: prompts, answers, pairs in a balanced seeded order, gold items."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal

import msgspec
from msgspec import Struct

from vlmeval.errors import DataError
from vlmeval.sbs import audit
from vlmeval.sbs.database import Value
from vlmeval.sbs.judging import Judging
from vlmeval.sbs.records import ConflictError, Policy, Shown
from vlmeval.sbs.selfnaming import named, own_names

AnswerState = Literal["answered", "empty", "refused", "failed", "missing"]


class Entry(Struct, frozen=True):
    """One prompt. `answers` are by model; `states` say for each model whether it has one and why not."""

    name: str
    parts: tuple[Shown, ...]
    answers: dict[str, str]
    states: dict[str, AnswerState]
    category: str = ""


class GoldEntry(Struct, frozen=True):
    """A check on annotators: a prompt with an answer everybody should prefer."""

    name: str
    parts: tuple[Shown, ...]
    good: str
    bad: str


class Content(Struct, frozen=True):
    """All of a study. `counted` are the states of each model's answers before prompts were drawn or left out."""

    models: tuple[str, ...]
    entries: tuple[Entry, ...]
    gold: tuple[GoldEntry, ...] = ()
    counted: dict[str, dict[str, int]] = {}

    @property
    def states(self) -> dict[str, dict[str, int]]:
        """How many prompts each model answered, or why it did not."""
        return self.counted or tallied(self.models, (entry.states for entry in self.entries))


def tallied(models: Iterable[str], states: Iterable[Mapping[str, AnswerState]]) -> dict[str, dict[str, int]]:
    """Return how often each model's answer was in each state."""
    found: dict[str, dict[str, int]] = {model: {} for model in models}
    for row in states:
        for model, state in row.items():
            found[model][state] = found[model].get(state, 0) + 1
    return found


class Setting(Struct, frozen=True):
    """How pairs are given out: see `policy.Plan`."""

    policy: Policy = "balanced"
    overlap: int = 3
    seed: int = 0
    gold_every: int = 0
    new_model: str = ""


class Stored(Struct, frozen=True):
    """What went into the store. `named` counts, by model, the answers that name a model."""

    items: int
    pairs: int
    named: dict[str, int]


def pairs_of(content: Content) -> list[tuple[str, str]]:
    """Return the pairs of models with a prompt that both answered."""
    found = {pair for entry in content.entries for pair in combinations(sorted(entry.answers), 2)}
    return sorted(found)


def round_robin(content: Content, seed: int) -> list[tuple[int, tuple[str, str], str]]:
    """Return (place of the prompt, pair, answer that stands left first) for each item, in the order to give out.

    Each round has every pair once, on prompts of their own as far as there are enough; a pair shows each of its models
    left on half of its prompts.
    """
    draw = random.Random(seed)  # noqa: S311 - a design, not a secret
    queues: dict[tuple[str, str], list[tuple[int, str]]] = {}
    prompts = list(range(len(content.entries)))
    draw.shuffle(prompts)
    pairs = pairs_of(content)
    draw.shuffle(pairs)
    for number, pair in enumerate(pairs):
        turn = number * max(1, len(prompts) // max(1, len(pairs))) % max(1, len(prompts))
        places = [
            place for place in prompts[turn:] + prompts[:turn] if set(pair) <= content.entries[place].answers.keys()
        ]
        sides = ["a", "b"] * (len(places) // 2 + 1)
        sides = sides[: len(places)] if draw.random() < 0.5 else sides[1 : len(places) + 1]
        draw.shuffle(sides)
        queues[pair] = list(zip(places, sides, strict=True))
    order: list[tuple[int, tuple[str, str], str]] = []
    for turn in range(max((len(items) for items in queues.values()), default=0)):
        now = [pair for pair in pairs if turn < len(queues[pair])]
        draw.shuffle(now)
        order += [(queues[pair][turn][0], pair, queues[pair][turn][1]) for pair in now]
    return order


def insert(judging: Judging, content: Content, setting: Setting, now: float) -> Stored:
    """Put all of it into an empty store, in one transaction. Raises ConflictError where the store has a study."""
    database = judging.database
    if database.row("select id from item limit 1") is not None:
        raise ConflictError("this store holds a study already")
    order = round_robin(content, setting.seed)
    if not order:
        raise DataError("no pair of answers to compare: no prompt was answered by two models")
    models = {model: number for number, model in enumerate(content.models, start=1)}
    pairs = {pair: number for number, pair in enumerate(pairs_of(content), start=1)}
    finder = own_names(content.models)
    database.many("insert into model (id, name) values (?, ?)", [(key, name) for name, key in models.items()])
    database.many(
        "insert into pair (id, model_a, model_b) values (?, ?, ?)",
        [(key, models[one], models[other]) for (one, other), key in pairs.items()],
    )
    answers: dict[tuple[int, str], int] = {}
    rows: list[tuple[Value, ...]] = []
    flagged: dict[str, int] = {}
    for place, entry in enumerate(content.entries):
        for model, text in sorted(entry.answers.items()):
            answers[place, model] = len(rows) + 1
            marks = named(text, finder)
            flagged[model] = flagged.get(model, 0) + bool(marks)
            rows.append((len(rows) + 1, place + 1, models[model], stored_text(text), marks))
    prompts: list[tuple[Value, ...]] = [
        (place, entry.name, entry.category, stored_parts(entry.parts))
        for place, entry in enumerate(content.entries, start=1)
    ]
    items: list[tuple[Value, ...]] = [
        (place + 1, pairs[pair], answers[place, pair[0]], answers[place, pair[1]], setting.overlap, setting.overlap,
         prio, first, "")
        for prio, (place, pair, first) in enumerate(order)
    ]  # fmt: skip
    add_gold(content.gold, setting.seed, prompts, rows, items)
    database.many("insert into prompt (id, name, category, parts) values (?, ?, ?, ?)", prompts)
    database.many("insert into answer (id, prompt, model, text, named) values (?, ?, ?, ?, ?)", rows)
    database.many(
        """insert into item (prompt, pair, answer_a, answer_b, need, open, prio, first, gold)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        items,
    )
    for name, value in msgspec.to_builtins(setting).items():
        database.execute("insert into setting (name, value) values (?, ?)", (name, str(value)))
    judging.forget_plan()
    judging.record(now, "content", {"digest": audit.content_digest(database), "items": len(items)})
    return Stored(len(order), len(pairs), {model: count for model, count in flagged.items() if count})


def add_gold(
    gold: Sequence[GoldEntry],
    seed: int,
    prompts: list[tuple[Value, ...]],
    answers: list[tuple[Value, ...]],
    items: list[tuple[Value, ...]],
) -> None:
    """Add gold items to the rows: the good answer is "a", and stands left first on half of them."""
    draw = random.Random(seed + 1)  # noqa: S311
    sides = (["a", "b"] * (len(gold) // 2 + 1))[: len(gold)]
    draw.shuffle(sides)
    for prio, (entry, first) in enumerate(zip(gold, sides, strict=True)):
        place = len(prompts) + 1
        prompts.append((place, f"gold:{entry.name}", "", stored_parts(entry.parts)))
        good, bad = len(answers) + 1, len(answers) + 2
        answers += [(good, place, None, stored_text(entry.good), ""), (bad, place, None, stored_text(entry.bad), "")]
        items.append((place, None, good, bad, 0, 0, prio, first, "a"))


def stored_text(text: str) -> str:
    """Return text that every database holds: without NUL (PostgreSQL has none) and halves of surrogate pairs."""
    return text.replace("\0", "�").encode("utf8", "replace").decode()


def stored_parts(parts: tuple[Shown, ...]) -> str:
    """Return the parts of a prompt as JSON."""
    cleaned = [msgspec.structs.replace(part, text=stored_text(part.text)) if part.text else part for part in parts]
    return msgspec.json.encode(cleaned).decode()
