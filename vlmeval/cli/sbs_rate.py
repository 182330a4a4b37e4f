"""`vlmeval sbs rate`: models rated from votes, on the terminal and as CSV, JSON and a page."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from vlmeval.cli import options
from vlmeval.errors import ConfigError
from vlmeval.jsonio import write_json, write_whole
from vlmeval.report.ratings import write_ratings_page
from vlmeval.sbs import judged, tables
from vlmeval.sbs.board import Board
from vlmeval.sbs.rate import rate
from vlmeval.sbs.strengths import ELO, Clustering, Method, Recipe
from vlmeval.sbs.study import STUDY_FILE, open_study, read_study, study_folder
from vlmeval.sbs.votefile import read_votes
from vlmeval.sbs.votes import Votes

EXPORTS = ("votes.jsonl", "votes.csv")


@click.command("rate")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(get_args(Method)), default="davidson", show_default=True, help="Ties.")
@click.option("--anchor", metavar="NAME=1000", help="Give this model exactly this rating, instead of the mean.")
@click.option("--scale", type=float, default=400.0, show_default=True, help="Points for odds of ten to one.")
@click.option("--category", metavar="X", help="Only the votes of this category.")
@click.option("--category-column", metavar="COLUMN", help="The column of categories; else category or language.")
@click.option("--judge", metavar="KIND", help="Only the votes of this kind of judge.")
@click.option("--judge-votes", multiple=True, type=click.Path(path_type=Path, exists=True), metavar="FILE",
              help="Verdicts of a judge on the same items, to compare with people; repeatable.")  # fmt: skip
@click.option("--control", multiple=True, metavar="NAME", help="Control for side or a feature (length); repeatable.")
@click.option("--cluster", type=click.Choice(get_args(Clustering)), default="auto", show_default=True,
              help="What intervals are clustered by; auto is annotator and prompt.")  # fmt: skip
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("--pseudo-votes", type=click.FloatRange(0), help="On each observed pair; else 0.5 for small sessions.")
@click.option("--baseline", metavar="NAME", help="A of verdicts about one model each (WildVision-Bench).")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws behind rank intervals.")
@click.option("--db", metavar="URL", help="postgresql://..., where the votes of a study are on a server.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the files; else reports/sbs/NAME.")
def command(
    source: Path,
    method: Method,
    anchor: str | None,
    scale: float,
    category: str | None,
    category_column: str | None,
    judge: str | None,
    judge_votes: tuple[Path, ...],
    control: tuple[str, ...],
    cluster: Clustering,
    level: float,
    pseudo_votes: float | None,
    baseline: str | None,
    seed: int,
    db: str | None,
    output: Path | None,
) -> int:
    """Rate the models of SOURCE: a file of votes (CSV, TSV, JSON, JSON Lines, .gz), or the folder of a study."""
    verdicts = judge_file(study_folder(source), judge)
    study, votes = votes_of(verdicts or source, db, baseline=baseline, category=category_column)
    study = study if verdicts is None else verdicts.parent.name
    votes = chosen(votes, category, judge)
    name, center = anchor_of(anchor)
    if not scale > 0:
        raise ConfigError(f"--scale {scale:g}: must be above 0")
    recipe = Recipe(
        method=method, center=center, scale=scale * ELO / 400.0, anchor=name, level=level, cluster=cluster,
        controls=tuple(options.names(control)), pseudo_votes=pseudo_votes, seed=seed,
    )  # fmt: skip
    judges = {one.name.split(".")[0]: read_votes(one) for one in judge_votes}
    board = rate(votes, recipe, study=study, judges=judges)
    tables.print_board(board)
    page = write_board(board, output or Path("reports") / "sbs" / study)
    click.echo(f"report     {page}\ntables     {page.with_name('ratings.csv')}  {page.with_name('ratings.json')}")
    return 0


def votes_of(source: Path, db: str | None, *, baseline: str | None, category: str | None) -> tuple[str, Votes]:
    """Return the name of a study and its votes: those that stand in its store now, or those of a file."""
    folder = study_folder(source)
    if (folder / STUDY_FILE).is_file() and (db or read_study(folder).database == "sqlite"):
        if baseline or category:
            raise ConfigError(f"{folder}: --baseline and --category-column are for files of votes, not for a study")
        with open_study(folder, db=db) as store:
            return folder.name, store.votes()
    path = votes_path(source)
    name = path.parent.name if path.name in EXPORTS and path.parent.name else path.name.split(".")[0]
    return name, read_votes(path, baseline=baseline, category=category)


def judge_file(folder: Path, judge: str | None) -> Path | None:
    """Return the verdicts that `vlmeval sbs judge` has written beside a study, None where this judge has none."""
    if judge is None or not (folder / STUDY_FILE).is_file():
        return None
    path = judged.votes_path(folder, judge)
    return path if path.is_file() else None


def votes_path(source: Path) -> Path:
    """Return the file of votes. Raises ConfigError that says where they were looked for."""
    for folder in (source, Path("results") / "sbs" / source):
        found = next((folder / name for name in EXPORTS if (folder / name).is_file()), None)
        if found is not None:
            return found
    if source.is_file():
        return source
    if source.is_dir() or (Path("results") / "sbs" / source).is_dir():
        raise ConfigError(f"{source}: no {' or '.join(EXPORTS)} in it; `vlmeval sbs export` writes them")
    raise ConfigError(f"{source}: there is no such file, and no study of this name in results/sbs")


def chosen(votes: Votes, category: str | None, judge: str | None) -> Votes:
    """Return the votes of a category and of a kind of judge."""
    votes = votes.of_kind(judge) if judge else votes
    return votes.of_category(category) if category else votes


def anchor_of(text: str | None) -> tuple[str | None, float]:
    """Return the model and rating of NAME=1000; NAME alone gets 1000. Raises ConfigError for no number."""
    if text is None:
        return None, 1000.0
    name, sign, value = text.rpartition("=")
    if not sign:
        return text, 1000.0
    try:
        return name, float(value)
    except ValueError as error:
        raise ConfigError(f'--anchor "{text}": expected NAME=RATING, such as NAME=1000') from error


def write_board(board: Board, folder: Path) -> Path:
    """Write ratings.json, ratings.csv, pairs.csv and the page; return the page."""
    write_json(folder / "ratings.json", board)
    write_whole(folder / "ratings.csv", tables.csv_text(board).encode())
    write_whole(folder / "pairs.csv", tables.pairs_text(board).encode())
    return write_ratings_page(board, folder)
