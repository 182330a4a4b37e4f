"""The tables of a study, with their invariants, for SQLite and PostgreSQL.

- `item.open` is at least 0 and at most `need`: nothing is given out twice over.
- an annotator has one assignment per item at most; its side and the probability of its choice are written once.
- a vote is a row (assignment, revision): odd revisions judge (or skip), even ones take the one before back. The primary
  key makes a second vote on a voted assignment impossible; rows are never changed or removed (triggers).
- the audit log is a hash chain whose head is one row; its rows are never changed or removed either.

`{id}` and `{number}` are the dialect's types. The order (open desc, prio, id) of the first index is that of the
balanced policy's query; with (open, prio) it walks the whole index.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from vlmeval.errors import ConfigError, JournalError
from vlmeval.sbs.database import Database
from vlmeval.sbs.postgres import PostgresDatabase, namespace_of
from vlmeval.sbs.sqlite import SqliteDatabase

VERSION = "1"

TABLES = (
    "create table setting (name text primary key, value text not null)",
    "create table model ({id}, name text not null unique)",
    """create table prompt ({id}, name text not null unique, category text not null default '', parts text not null)""",
    """create table answer (
        {id},
        prompt {number} not null references prompt (id),
        model {number} references model (id),
        text text not null,
        images text not null default '[]',
        named text not null default '',
        unique (prompt, model))""",
    """create table pair (
        {id},
        model_a {number} references model (id),
        model_b {number} references model (id),
        unique (model_a, model_b))""",
    """create table item (
        {id},
        prompt {number} not null references prompt (id),
        pair {number} references pair (id),
        answer_a {number} not null references answer (id),
        answer_b {number} not null references answer (id),
        need integer not null check (need >= 0),
        open integer not null check (open >= 0),
        prio {number} not null,
        first text not null check (first in ('a', 'b')),
        gold text not null default '' check (gold in ('', 'a', 'b')),
        check (open <= need),
        check (gold = '' or need = 0),
        check (answer_a <> answer_b),
        unique (prompt, answer_a, answer_b))""",
    "create index item_balanced on item (open desc, prio, id)",
    "create index item_of_pair on item (pair, open desc, prio, id)",
    "create index item_gold on item (prio, id) where gold <> ''",
    """create table annotator (
        {id},
        name text not null unique,
        token_hash text not null unique,
        active integer not null default 1 check (active in (0, 1)),
        added_at double precision not null,
        taken integer not null default 0,
        turns integer not null default 0)""",
    """create table assignment (
        {id},
        item {number} not null references item (id),
        annotator {number} not null references annotator (id),
        side text not null check (side in ('a', 'b')),
        state text not null check (state in ('leased', 'voted', 'skipped', 'expired')),
        policy text not null,
        probability double precision not null check (probability > 0 and probability <= 1),
        leased_at double precision not null,
        expires_at double precision not null,
        unique (item, annotator))""",
    "create index assignment_of on assignment (annotator, state, id)",
    "create index assignment_expiry on assignment (expires_at) where state = 'leased'",
    """create table vote (
        assignment {number} not null references assignment (id),
        revision integer not null check (revision >= 1),
        key text not null unique,
        outcome text not null check (outcome in ('left', 'right', 'tie', 'both_bad', 'skip', 'undo')),
        reason text not null default '',
        seconds double precision check (seconds >= 0),
        voted_at double precision not null,
        turn integer not null,
        check ((revision % 2 = 0) = (outcome = 'undo')),
        primary key (assignment, revision))""",
    """create table event (
        seq {number} primary key,
        at double precision not null,
        kind text not null,
        body text not null,
        hash text not null)""",
    "create table chain (one integer primary key check (one = 1), seq {number} not null, hash text not null)",
)

FROZEN = ("vote", "event")
"""Tables whose rows nobody changes or removes, enforced by triggers."""

_SQLITE_TRIGGERS = """create trigger {table}_no_{action} before {action} on {table}
    begin select raise(abort, '{table} is append-only'); end"""
_POSTGRES_FUNCTION = """create function append_only() returns trigger language plpgsql as
    $$ begin raise exception '% is append-only', tg_table_name; end $$"""
_POSTGRES_TRIGGERS = """create trigger {table}_no_{action} before {action} on {table}
    for each row execute function append_only()"""

GENESIS = "0" * 64
"""The hash before the first event."""


def connect(url: str, *, study: str = "") -> Database:
    """Return a connection to the store at `url`, its tables made where they were not. Raises as `open_store`."""
    scheme = urlsplit(url).scheme
    database: Database
    if scheme in ("postgresql", "postgres"):
        database = PostgresDatabase(url, namespace_of(study))
    elif "://" in url:
        raise ConfigError(f'--db: a store at "{scheme}://..." is not known; expected a file, or postgresql://...')
    else:
        database = SqliteDatabase(Path(url))
    try:
        database.begin()
        if not database.prepare():
            create(database)
        version = database.row("select value from setting where name = 'schema'")
        database.execute("commit")
        if version != (VERSION,):
            raise JournalError(f"the store has the tables of another vlmeval ({version}); this one knows {VERSION}")
    except BaseException:
        database.close()
        raise
    return database


def create(database: Database) -> None:
    """Make the tables in the open transaction."""
    number = "bigint" if database.postgres else "integer"
    key = "id bigint generated by default as identity primary key" if database.postgres else "id integer primary key"
    for statement in TABLES:
        database.execute(statement.replace("{id}", key).replace("{number}", number))
    if database.postgres:
        database.execute(_POSTGRES_FUNCTION)
    trigger = _POSTGRES_TRIGGERS if database.postgres else _SQLITE_TRIGGERS
    for table in FROZEN:
        for action in ("update", "delete"):
            database.execute(trigger.replace("{table}", table).replace("{action}", action))
    database.execute("insert into setting (name, value) values (?, ?)", ("schema", VERSION))
    database.execute("insert into chain (one, seq, hash) values (1, 0, ?)", (GENESIS,))
