"""`vlmeval merge`: the shards of a run, asked by many processes, become one run and are scored."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from vlmeval.cli.score import more_rows, say_differences
from vlmeval.cli.submitting import submit
from vlmeval.errors import VlmevalError
from vlmeval.score import table
from vlmeval.score.scorer import score_run
from vlmeval.store.layout import RunFolder
from vlmeval.store.merge import Merged, merge
from vlmeval.store.results import ErrorPolicy, Scores
from vlmeval.store.shards import find_shards


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o",
    "--output",
    "results",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of results for the joined run; default the one that the shards are in.",
)
@click.option(
    "--errors",
    type=click.Choice(get_args(ErrorPolicy)),
    default="fail",
    show_default=True,
    help="What a failed request counts as.",
)
@click.option("--slice", "slices", multiple=True, metavar="TAG", help="Also score by the values of this tag.")
@click.option("--allow-no-judge", is_flag=True, help="Open replies may stay without a score: no exit status 1 for it.")
@click.option("--no-score", is_flag=True, help="Join only; `vlmeval score` does the rest.")
def command(
    runs: tuple[Path, ...],
    results: Path | None,
    errors: ErrorPolicy,
    slices: tuple[str, ...],
    *,
    allow_no_judge: bool,
    no_score: bool,
) -> int:
    """Join the shards RUNS (`vlmeval run --shard I/N`) into one run and score it.

    RUNS are folders of shards, or any folder above them; the shards of each task and model become one run. Its scores
    are those of an undivided run, to the byte. The shards stay, and may be merged again.
    """
    found: dict[RunFolder, Scores] = {}
    broken = False
    for parts in find_shards(runs):
        try:
            joined = merge(parts, results)
            click.echo(f"merged   {len(parts)} shards of {joined.manifest.task.name} in {joined.folder.path}")
            say_missing(joined)
            if not no_score:
                found[joined.folder] = score_run(
                    joined.folder, errors=errors, slices=slices, allow_no_judge=allow_no_judge
                )
                submit(joined.folder, errors)
        except VlmevalError as error:
            click.echo(f"vlmeval: {error}", err=True)
            broken = True
    if found:
        table.print_scores(list(found.values()), tags=slices, more=more_rows(found))
        say_differences(found)
    if broken:
        return 2
    return 0 if all(scores.complete for scores in found.values()) else 1


def say_missing(joined: Merged) -> None:
    """Say how many pictures pages of the run will lack."""
    if joined.images_missing:
        click.echo(
            f"vlmeval: {joined.images_missing} images are in no archive beside the shards (results/images); the scores "
            "need none, pages will show none",
            err=True,
        )
