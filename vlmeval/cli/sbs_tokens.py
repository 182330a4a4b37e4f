"""`vlmeval sbs tokens`: let annotators into a study."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import click

from vlmeval.errors import ConfigError
from vlmeval.sbs.records import ConflictError
from vlmeval.sbs.sessions import token_digest
from vlmeval.sbs.store import StudyStore
from vlmeval.sbs.study import open_study, study_folder
from vlmeval.sbs.tokens import new_token


@click.command("tokens")
@click.argument("name", metavar="STUDY")
@click.option("--add", type=click.IntRange(1, 10_000), default=1, show_default=True, metavar="N", help="Annotators.")
@click.option("--prefix", default="ann", show_default=True, help="Of their names.")
@click.option("--names", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="Instead of --add: one name a line.")  # fmt: skip
@click.option("--db", metavar="URL", help="postgresql://..., where the votes are on a server.")
@click.option("-o", "--output", "results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def command(name: str, add: int, prefix: str, names: Path | None, db: str | None, results: Path) -> int:
    """Add annotators and print their tokens, once: only their digests are stored."""
    with open_study(study_folder(name, results), db=db) as store:
        wanted = listed(names) if names else fresh(store, prefix, add)
        made = {one: new_token() for one in wanted}
        now = time.time()
        known = {one.annotator.name for one in store.annotators()} & made.keys()
        if known:
            raise ConflictError(f'annotator "{min(known)}" is in the study already; nobody was added')
        store.submit(
            lambda judging: [judging.add_annotator(one, token_digest(token), now) for one, token in made.items()]
        ).result()
    for one, token in made.items():
        click.echo(f"{one}\t{token}")
    click.echo("vlmeval: these tokens are shown this once; give each annotator their own", err=True)
    return 0


def fresh(store: StudyStore, prefix: str, number: int) -> list[str]:
    """Return names that nobody has yet: ann-01, ann-02, ..."""
    taken = {one.annotator.name for one in store.annotators()}
    found: list[str] = []
    count = 0
    while len(found) < number:
        count += 1
        name = f"{prefix}-{count:02d}"
        if name not in taken:
            found.append(name)
    return found


def listed(path: Path) -> list[str]:
    """Return the names in a file. Raises ConfigError with the line of one that comes twice."""
    try:
        lines = [row[0].strip() for row in csv.reader(path.read_text("utf8").splitlines()) if row and row[0].strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"--names {path}: cannot be read: {error}") from error
    for line, name in enumerate(lines):
        if name in lines[:line]:
            raise ConfigError(f'--names {path}: "{name}" stands there twice')
    if not lines:
        raise ConfigError(f"--names {path}: no names in it")
    return lines
