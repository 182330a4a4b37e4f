"""The audit log of a study: a hash chain over everything that was given out, judged, taken back or changed.

`hash` is the sha256 of the previous hash, a line end, and the canonical JSON of [seq, at, kind, body], in hex. Whoever
notes the last hash (every export prints it) can tell later whether anything before it was altered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from vlmeval.sbs.database import Database
from vlmeval.sbs.records import Event
from vlmeval.sbs.schema import GENESIS

PAGE = 5_000
MOST_NAMED = 20
_CONTENT = (
    "select id, name, category, parts from prompt where id > ? order by id limit ?",
    "select id, prompt, model, text, images, named from answer where id > ? order by id limit ?",
    "select id, prompt, pair, answer_a, answer_b, need, prio, first, gold from item where id > ? order by id limit ?",
)
_STATES = """select a.id, a.state, l.outcome from assignment a left join
    (select v.assignment, v.outcome from vote v
        where v.revision = (select max(w.revision) from vote w where w.assignment = v.assignment)) l
    on l.assignment = a.id
    where a.state <> case when l.outcome = 'skip' then 'skipped' when l.outcome is null or l.outcome = 'undo'
        then (case when a.state = 'expired' then 'expired' else 'leased' end) else 'voted' end
    order by a.id"""
VOTING = frozenset({"vote", "skip", "undo"})


class Note(NamedTuple):
    """An event that waits for its place in the chain."""

    at: float
    kind: str
    body: dict[str, Any]


def link(previous: str, seq: int, at: float, kind: str, body: str) -> str:
    """Return the hash of an event; `body` is its JSON as stored."""
    whole = msgspec.json.encode([seq, at, kind, msgspec.Raw(body.encode())])
    return hashlib.sha256(previous.encode() + b"\n" + whole).hexdigest()


def append(database: Database, notes: list[Note]) -> None:
    """Add events to the chain in the open transaction. Its head stays locked until COMMIT: call it last."""
    if not notes:
        return
    head = database.row("select seq, hash from chain for update")
    assert head is not None  # noqa: S101 - the row is made with the table
    seq, previous = int(head[0]), str(head[1])
    rows: list[tuple[int, float, str, str, str]] = []
    for note in notes:
        seq += 1
        body = msgspec.json.encode(note.body, order="sorted").decode()
        previous = link(previous, seq, note.at, note.kind, body)
        rows.append((seq, note.at, note.kind, body, previous))
    database.many("insert into event (seq, at, kind, body, hash) values (?, ?, ?, ?, ?)", rows)
    database.execute("update chain set seq = ?, hash = ?", (seq, previous))


def head(database: Database) -> tuple[int, str]:
    """Return number and hash of the last event."""
    found = database.row("select seq, hash from chain")
    return (int(found[0]), str(found[1])) if found else (0, GENESIS)


def events(database: Database, *, after: int = 0) -> Iterator[Event]:
    """Yield the events behind `after`."""
    for seq, at, kind, body, mark in _pages(database, after):
        yield Event(seq, at, kind, msgspec.json.decode(body), mark)


def _pages(database: Database, after: int) -> Iterator[tuple[int, float, str, str, str]]:
    while rows := database.rows(
        "select seq, at, kind, body, hash from event where seq > ? order by seq limit ?", (after, PAGE)
    ):
        yield from rows
        after = int(rows[-1][0])


def content_digest(database: Database) -> str:
    """Return the sha256 over prompts, answers and pairs as annotators get them, whichever database holds them."""
    sha = hashlib.sha256()
    for statement in _CONTENT:
        place = -1
        while rows := database.rows(statement, (place, PAGE)):
            sha.update(msgspec.json.encode(rows))
            place = int(rows[-1][0])
    return sha.hexdigest()


def verify(database: Database) -> tuple[str, ...]:
    """Return what is wrong, a sentence each."""
    chain, logged = _walk(database)
    problems = [*chain, *_against_votes(database, logged), *_balances(database), *_content(database)]
    if len(problems) > MOST_NAMED:
        problems = [*problems[:MOST_NAMED], f"... and {len(problems) - MOST_NAMED} more"]
    return tuple(problems)


def _walk(database: Database) -> tuple[list[str], set[tuple[int, int, str]]]:
    """Return what is wrong with the chain, and the votes that it tells of as (assignment, revision, outcome)."""
    problems: list[str] = []
    logged: set[tuple[int, int, str]] = set()
    seq, previous = 0, GENESIS
    for found, at, kind, body, mark in _pages(database, 0):
        if found != seq + 1:
            problems.append(f"audit log: events {seq + 1} to {found - 1} are missing")
        elif link(previous, found, at, kind, body) != mark:
            problems.append(f"audit log: event {found} ({kind}) was altered, or one before it")
        seq, previous = found, mark
        if kind in VOTING:
            row = msgspec.json.decode(body)
            logged.add((row["assignment"], row["revision"], row["outcome"] if kind == "vote" else kind))
    if (seq, previous) != head(database):
        problems.append(f"audit log: it ends with event {seq}, its head says {head(database)[0]}: events were removed")
    return problems, logged


def _against_votes(database: Database, logged: set[tuple[int, int, str]]) -> list[str]:
    """Return votes that the log does not tell of, and the other way round."""
    stored = {tuple(row) for row in database.rows("select assignment, revision, outcome from vote")}
    problems = [
        f"assignment {one[0]}, revision {one[1]}: {one[2]}, of which the audit log does not tell"
        for one in sorted(stored - logged)
    ]
    return problems + [
        f"assignment {one[0]}, revision {one[1]}: {one[2]} in the audit log, and no such vote is stored"
        for one in sorted(logged - stored)
    ]


def _balances(database: Database) -> list[str]:
    """Return items whose slots do not add up, and assignments whose state is not that of their last vote."""
    problems = [
        f"item {item}: {need} votes wanted, {free} open and {held} given out"
        for item, need, free, held in database.rows(
            """select i.id, i.need, i.open, count(a.id) from item i
            left join assignment a on a.item = i.id and a.state in ('leased', 'voted')
            where i.gold = '' group by i.id, i.need, i.open having i.open + count(a.id) <> i.need order by i.id"""
        )
    ]
    problems += [
        f"assignment {assignment}: {state}, but its last vote is {outcome or 'none'}"
        for assignment, state, outcome in database.rows(_STATES)
    ]
    gaps = database.rows(
        "select assignment from vote group by assignment having max(revision) <> count(*) order by assignment"
    )
    return problems + [f"assignment {row[0]}: a revision of its vote is missing" for row in gaps]


def _content(database: Database) -> list[str]:
    """Return whether prompts, answers and pairs are those that were put in."""
    row = database.row("select body from event where kind = 'content' order by seq desc limit 1")
    if row is None:
        return []
    if msgspec.json.decode(row[0])["digest"] != content_digest(database):
        return ["prompts, answers or pairs are not those of the study as it was made"]
    return []
