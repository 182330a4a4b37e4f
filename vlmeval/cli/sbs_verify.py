"""`vlmeval sbs verify`: is a study what its audit log says?"""

from __future__ import annotations

from pathlib import Path

import click

from vlmeval.errors import ConfigError
from vlmeval.sbs.study import IMAGES, open_study, study_folder


@click.command("verify")
@click.argument("name", metavar="STUDY")
@click.option("--head", metavar="HASH", help="A hash noted earlier: it must still be in the log.")
@click.option("--db", metavar="URL", help="postgresql://..., where the votes are on a server.")
@click.option("-o", "--output", "results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def command(name: str, head: str | None, db: str | None, results: Path) -> int:
    """Check the chain of the audit log, the votes against it, and that every slot is accounted for. Exit status 1: no.

    Note the hash it prints: given again as --head, it proves that nothing before it was altered.
    """
    folder = study_folder(name, results)
    with open_study(folder, db=db) as store:
        problems = [*store.verify(), *missing_images(folder, set(store.images()))]
        seq, last = store.head()
        if head is not None and all(event.hash != head for event in store.events()):
            problems.append(f"no event has the hash {head[:80]}: the log was altered since it was noted")
        counts = store.counts()
    for problem in problems:
        click.echo(f"wrong    {problem}")
    click.echo(
        f"votes    {counts['voted']} of {counts['need']} wanted, {counts['open']} open, {counts['leased']} given out"
    )
    click.echo(f"log      {seq} events, head {last}")
    click.echo("verify   " + (f"{len(problems)} problems" if problems else "all is as it should be"))
    return 1 if problems else 0


def missing_images(folder: Path, names: set[str]) -> list[str]:
    """Return the images of prompts that are not in the folder."""
    if any("/" in name or name.startswith(".") for name in names):
        raise ConfigError(f"{folder}: an image of a prompt has a path for a name")
    return [
        f"image {name} is not in {folder / IMAGES}" for name in sorted(names) if not (folder / IMAGES / name).is_file()
    ]
