"""A study on disk: `results/sbs/<study>/` with study.json, guidelines.md, images/, and study.db unless on a server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from msgspec import Struct

from vlmeval.errors import ConfigError, VlmevalError
from vlmeval.jsonio import read_json, write_json, write_whole
from vlmeval.registry import did_you_mean
from vlmeval.sbs.content import Content, Setting, insert
from vlmeval.sbs.pictures import PictureFolder
from vlmeval.sbs.store import StudyStore, open_store
from vlmeval.store.layout import safe_name

STUDY_FILE = "study.json"
DATABASE_FILE = "study.db"
GUIDELINES_FILE = "guidelines.md"
IMAGES = "images"
LONGEST_GUIDELINES = 100_000
Kind = Literal["sqlite", "postgresql"]


class Source(Struct, frozen=True):
    """Where a model's answers came from: a run with the digest of its journal, or the file of answers."""

    model: str
    path: str
    digest: str
    run_id: str = ""


class Study(Struct, frozen=True, kw_only=True):
    """study.json. `states` count, by model, prompts answered or why not; `named` the answers that name a model.

    `database` says what kind of store holds the votes; the address of a server is given again with --db, because it
    has a password in it.
    """

    name: str
    task: str
    models: tuple[str, ...]
    prompts: int
    pairs: int
    items: int
    gold: int
    setting: Setting
    sources: tuple[Source, ...]
    states: dict[str, dict[str, int]]
    named: dict[str, int]
    database: Kind = "sqlite"
    created: str = ""
    vlmeval: str = ""


def study_folder(name: str | Path, results: Path = Path("results")) -> Path:
    """Return the folder of a study, by its path or its name below `results/sbs`; it need not exist."""
    path = Path(name)
    return path if (path / STUDY_FILE).is_file() else results / "sbs" / safe_name(str(name))


def read_study(folder: Path) -> Study:
    """Return study.json. Raises ConfigError with the nearest name where there is no such study."""
    if not (folder / STUDY_FILE).is_file():
        known = sorted(path.parent.name for path in folder.parent.glob(f"*/{STUDY_FILE}"))
        hint = did_you_mean(folder.name, known) or (f"; there are {', '.join(known)}" if known else "")
        raise ConfigError(f"{folder}: there is no such study{hint}; `vlmeval sbs new` makes one")
    return read_json(folder / STUDY_FILE, Study)


def guidelines(folder: Path) -> str:
    """Return the study's guidelines as Markdown, "" where it has none."""
    path = folder / GUIDELINES_FILE
    return read_guidelines(path) if path.is_file() else ""


def read_guidelines(path: Path) -> str:
    """Return a file of guidelines. Raises ConfigError for one that is not there, no text, or too long."""
    try:
        text = path.read_text("utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--guidelines {path}: cannot be read as UTF-8 text: {error}") from error
    if len(text) > LONGEST_GUIDELINES:
        raise ConfigError(f"--guidelines {path}: {len(text)} characters; at most {LONGEST_GUIDELINES:,}")
    return text


def open_study(folder: Path, *, db: str | None = None) -> StudyStore:
    """Return the store of a study. Raises ConfigError where its votes are on a server and `db` does not say which."""
    study = read_study(folder)
    return open_store(database_url(folder, study.database, db), study=study.name)


def database_url(folder: Path, kind: Kind, db: str | None) -> str:
    """Return the address of the store; `db` may be "sqlite" for the file in the folder."""
    asked = kind_of(db) if db else kind
    if asked != kind:
        raise ConfigError(f"--db: the votes of {folder.name} are in {kind}, not in {asked}")
    if kind == "postgresql":
        if not db:
            raise ConfigError(
                f"the votes of {folder.name} are on a PostgreSQL server; name it with --db postgresql://..."
            )
        return db
    return str(folder / DATABASE_FILE)


def kind_of(db: str) -> Kind:
    """Return what kind of store `--db` names. Raises ConfigError for another."""
    if db == "sqlite":
        return "sqlite"
    if db.split("://")[0] in ("postgresql", "postgres") and "://" in db:
        return "postgresql"
    raise ConfigError(f'--db "{db.split("@")[-1][:60]}": expected sqlite or postgresql://USER@HOST/DATABASE')


def make_study(
    folder: Path,
    content: Content,
    setting: Setting,
    *,
    task: str,
    sources: tuple[Source, ...],
    now: float,
    created: str,
    version: str,
    guidelines: str = "",
    db: str | None = None,
) -> Study:
    """Write the study: its store first, study.json last, so that a folder with study.json is whole.

    Raises ConfigError where the folder has a study, ConflictError where the store on a server has one.
    """
    refuse_existing(folder)
    kind = kind_of(db) if db else "sqlite"
    if kind == "sqlite":
        remove_database(folder)  # left by a `new` that was stopped: study.json is not there
    try:
        with open_store(database_url(folder, kind, db), study=folder.name) as store:
            stored = store.submit(lambda judging: insert(judging, content, setting, now)).result()
    except VlmevalError:
        remove_database(folder)
        raise
    if guidelines:
        write_whole(folder / GUIDELINES_FILE, guidelines.encode())
    study = Study(
        name=folder.name, task=task, models=content.models, prompts=len(content.entries), pairs=stored.pairs,
        items=stored.items, gold=len(content.gold), setting=setting, sources=sources, states=content.states,
        named=stored.named, database=kind, created=created, vlmeval=version,
    )  # fmt: skip
    write_json(folder / STUDY_FILE, study)
    return study


def remove_database(folder: Path) -> None:
    """Remove the SQLite files of a study that was not made."""
    for ending in ("", "-wal", "-shm"):
        (folder / f"{DATABASE_FILE}{ending}").unlink(missing_ok=True)


def refuse_existing(folder: Path) -> None:
    """Raise ConfigError where the folder has a study: its votes are never written over."""
    if (folder / STUDY_FILE).exists():
        raise ConfigError(f"{folder}: this study exists, and its votes are kept; choose another name, or move it away")


def pictures(folder: Path) -> PictureFolder:
    """Return the images of the study, to add to."""
    return PictureFolder(folder / IMAGES)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, "" where there is none."""
    if not path.is_file():
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
