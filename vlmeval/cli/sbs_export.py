"""`vlmeval sbs export`: the votes of a study as a file, without personal data."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from vlmeval.errors import DataError
from vlmeval.jsonio import write_whole
from vlmeval.sbs.export import FILES, Format, exported, lines
from vlmeval.sbs.labelstudio import CONFIG
from vlmeval.sbs.study import open_study, study_folder


@click.command("export")
@click.argument("name", metavar="STUDY")
@click.option("--format", "form", type=click.Choice(get_args(Format)), default="jsonl", show_default=True)
@click.option("--without-named", is_flag=True, help="Leave out votes on answers that name a model.")
@click.option("--db", metavar="URL", help="postgresql://..., where the votes are on a server.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="The file; else in the study's folder.")
@click.option("-o", "--output", "results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def command(name: str, form: Format, without_named: bool, db: str | None, to: Path | None, results: Path) -> int:
    """Write the votes that stand. Annotators are a1, a2, ...; names, tokens and moments stay in the study."""
    folder = study_folder(name, results)
    with open_study(folder, db=db) as store:
        texts = store.texts()
        votes = list(lines(store.ballots(), texts, without_named=without_named))
        seq, head = store.head()
    if not votes:
        raise DataError(f"{folder}: no votes to export yet")
    path = to or folder / FILES[form]
    write_whole(path, exported(votes, form, texts))
    if form == "label-studio":
        write_whole(path.with_suffix(".xml"), CONFIG.encode())
    click.echo(f"votes    {len(votes)}\nfile     {path}\nlog      {seq} events, head {head}")
    return 0
