"""What a study holds, read back: progress, conduct, ballots, items. Nothing here writes."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from msgspec import json

from vlmeval.errors import DataError
from vlmeval.sbs.conduct import annotators_of
from vlmeval.sbs.database import Database, Row
from vlmeval.sbs.records import Annotator, Ballot, Conduct, Item, Progress, Shown, Texts
from vlmeval.sbs.strengths import Recipe
from vlmeval.sbs.style import FEATURES, style
from vlmeval.sbs.tally import CODES
from vlmeval.sbs.votes import Column, Votes

PAGE = 5_000
GOLD_SHARE = 0.5
GOLD_FEWEST = 5
"""An annotator with so many gold items, of which no more than this share right, is flagged: a coin does as well."""
_BALLOTS = """select a.id, v.revision, i.id, p.name, p.category, coalesce(ma.name, ''), coalesce(mb.name, ''),
    v.outcome, a.annotator, v.seconds, v.reason, v.voted_at, a.policy, a.probability, i.gold, one.named, other.named,
    a.side
    from assignment a join vote v on v.assignment = a.id
        and v.revision = (select max(w.revision) from vote w where w.assignment = a.id)
    join item i on i.id = a.item join prompt p on p.id = i.prompt
    join answer one on one.id = i.answer_a join answer other on other.id = i.answer_b
    left join model ma on ma.id = one.model left join model mb on mb.id = other.model
    where a.state = 'voted' and a.id > ? and (i.gold = '' or ? = 1) order by a.id limit ?"""


def paused(database: Database) -> str | None:
    """Return the reason of the pause, None without one."""
    row = database.row("select value from setting where name = 'paused'")
    return None if row is None else str(row[0])


def annotator(database: Database, token_hash: str) -> Annotator | None:
    """Return the active annotator with this token."""
    row = database.row("select id, name from annotator where token_hash = ? and active = 1", (token_hash,))
    return None if row is None else Annotator(int(row[0]), str(row[1]))


def progress(database: Database, annotator: int) -> Progress:
    """Return how far the annotator is."""
    states: dict[str, int] = dict(
        database.rows("select state, count(*) from assignment where annotator = ? group by state", (annotator,))
    )
    free = database.row("select count(*) from item where open > 0")
    seen = database.row(
        """select count(*) from assignment a join item i on i.id = a.item
        where a.annotator = ? and i.open > 0 and a.state <> 'expired'""",
        (annotator,),
    )
    left = int(free[0] if free else 0) - int(seen[0] if seen else 0) + states.get("leased", 0)
    return Progress(states.get("voted", 0), states.get("skipped", 0), left)


def counts(database: Database) -> dict[str, int]:
    """Return the totals of the study."""
    row = database.row(
        "select count(*), coalesce(sum(need), 0), coalesce(sum(open), 0), coalesce(sum(case when gold <> '' then 1 "
        "else 0 end), 0) from item"
    )
    items, need, free, gold = row or (0, 0, 0, 0)
    states: dict[str, int] = dict(
        database.rows(
            """select case when i.gold <> '' then 'gold_' || a.state else a.state end, count(*)
            from assignment a join item i on i.id = a.item group by 1"""
        )
    )
    people = database.row("select count(*) from annotator")
    return {
        "items": int(items), "gold": int(gold), "need": int(need), "open": int(free),
        **{state: int(states.get(state, 0)) for state in ("leased", "voted", "skipped", "expired", "gold_voted")},
        "annotators": int(people[0] if people else 0),
    }  # fmt: skip


def models(database: Database) -> tuple[str, ...]:
    """Return the models, sorted."""
    return tuple(sorted(str(row[0]) for row in database.rows("select name from model")))


def items(database: Database) -> Iterator[Item]:
    """Yield the items by id."""
    place = -1
    while rows := database.rows(
        """select i.id, p.name, coalesce(ma.name, ''), coalesce(mb.name, ''), i.need, i.open, i.gold
        from item i join prompt p on p.id = i.prompt join answer one on one.id = i.answer_a
        join answer other on other.id = i.answer_b left join model ma on ma.id = one.model
        left join model mb on mb.id = other.model where i.id > ? order by i.id limit ?""",
        (place, PAGE),
    ):
        for row in rows:
            yield Item(*row)
        place = int(rows[-1][0])


def texts(database: Database) -> dict[int, Texts]:
    """Return what the annotators of each item saw; gold items are left out."""
    rows = database.rows(
        """select i.id, p.parts, ma.name, one.text, mb.name, other.text from item i join prompt p on p.id = i.prompt
        join answer one on one.id = i.answer_a join answer other on other.id = i.answer_b
        join model ma on ma.id = one.model join model mb on mb.id = other.model where i.gold = ''"""
    )
    return {
        int(item): Texts("".join(part.text for part in json.decode(parts, type=tuple[Shown, ...])), {a: one, b: other})
        for item, parts, a, one, b, other in rows
    }


def prompts(database: Database) -> dict[str, tuple[Shown, ...]]:
    """Return the parts of each prompt by its name."""
    return {
        str(name): json.decode(parts, type=tuple[Shown, ...])
        for name, parts in database.rows("select name, parts from prompt")
    }


def images(database: Database) -> tuple[str, ...]:
    """Return the images that prompts show, sorted."""
    rows = database.rows("select parts from prompt")
    return tuple(sorted({part.image for row in rows for part in json.decode(row[0], type=tuple[Shown, ...])} - {""}))


def ballots(database: Database, *, gold: bool = False) -> Iterator[Ballot]:
    """Yield the votes that stand, by assignment."""
    place = 0
    while rows := database.rows(_BALLOTS, (place, int(gold), PAGE)):
        for row in rows:
            yield ballot_of(row)
        place = int(rows[-1][0])


def ballot_of(row: Row) -> Ballot:
    """Return the ballot of a row of `_BALLOTS`, answers in the sides as shown."""
    (assignment, revision, item, prompt, category, one, other, outcome, voter, seconds, reason, at, policy, chance,
     gold, named, other_named, side) = row  # fmt: skip
    sides = ((one, bool(named)), (other, bool(other_named)))
    left, right = sides if side == "a" else sides[::-1]
    return Ballot(
        assignment=assignment, revision=revision, item=item, prompt=prompt, category=category, model_left=left[0],
        model_right=right[0], outcome=outcome, annotator=voter, seconds=seconds, reason=reason, voted_at=at,
        policy=policy, probability=chance, gold=gold, named_left=left[1], named_right=right[1], side=side,
    )  # fmt: skip


def votes(database: Database) -> Votes:
    """Return the votes that stand on pairs of models. Raises DataError where there is none."""
    found = list(ballots(database))
    if not found:
        raise DataError("the study has no votes yet")
    names = models(database)
    places = {name: place for place, name in enumerate(names)}
    category = Column.of([one.category for one in found])
    looks = {item: {model: style(text) for model, text in one.answers.items()} for item, one in texts(database).items()}
    left, right = ([getattr(one, side) for one in found] for side in ("model_left", "model_right"))
    return Votes(
        models=names,
        left=np.array([places[model] for model in left], dtype=np.int32),
        right=np.array([places[model] for model in right], dtype=np.int32),
        outcome=np.array([CODES[one.outcome] for one in found], dtype=np.int8),
        annotator=Column.of([f"a{one.annotator}" for one in found]),
        prompt=Column.of([one.prompt for one in found]),
        category=category if category.names != ("",) else None,
        kind=Column.of(["human"] * len(found)),
        feature_names=(*FEATURES, "named"),
        features_left=np.array(
            [(*looks[one.item][model], one.named_left) for one, model in zip(found, left, strict=True)], dtype=float
        ),
        features_right=np.array(
            [(*looks[one.item][model], one.named_right) for one, model in zip(found, right, strict=True)], dtype=float
        ),
    )


def conducts(database: Database) -> tuple[Conduct, ...]:
    """Return what each annotator has done, by id."""
    seconds: dict[int, list[float]] = defaultdict(list)
    gold: dict[int, list[bool]] = defaultdict(list)
    voted: dict[int, int] = defaultdict(int)
    for one in ballots(database, gold=True):
        voted[one.annotator] += 1
        if one.seconds is not None:
            seconds[one.annotator].append(one.seconds)
        if one.gold:
            gold[one.annotator].append(one.outcome == ("left" if one.gold == one.side else "right"))
    skips: dict[int, int] = dict(
        database.rows("select annotator, count(*) from assignment where state = 'skipped' group by annotator")
    )
    seen: dict[int, float] = dict(
        database.rows(
            """select a.annotator, max(v.voted_at) from vote v join assignment a on a.id = v.assignment
            group by a.annotator"""
        )
    )
    return tuple(
        Conduct(
            Annotator(int(key), str(name), bool(active)), voted[key], int(skips.get(key, 0)), len(gold[key]),
            sum(gold[key]), statistics.median(seconds[key]) if seconds[key] else None, seen.get(key),
        )
        for key, name, active in database.rows("select id, name, active from annotator order by id")
    )  # fmt: skip


def flagged(database: Database) -> tuple[Conduct, ...]:
    """Return the annotators with a flag, by id."""
    try:
        found = {one.name: one.flags for one in annotators_of(votes(database), Recipe())}
    except DataError:
        found = {}
    rows = []
    for one in conducts(database):
        missed = one.gold >= GOLD_FEWEST and one.gold_right <= GOLD_SHARE * one.gold
        flags = (*found.get(one.annotator.label, ()), *(("gold",) if missed else ()))
        if flags:
            rows.append(Conduct(one.annotator, one.votes, one.skips, one.gold, one.gold_right, one.seconds,
                                one.last_seen, flags))  # fmt: skip
    return tuple(rows)
