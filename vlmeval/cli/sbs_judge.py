"""`vlmeval sbs judge`: a model judges the pairs of a study in both orders, and is judged itself."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from vlmeval.cli.judges import open_judge, prices
from vlmeval.data.task import Task
from vlmeval.errors import TooManyFailuresError
from vlmeval.jsonio import write_json
from vlmeval.kinds.judge import SAMPLING
from vlmeval.kinds.preference import PreferenceKind
from vlmeval.run.session import run_task
from vlmeval.run.settings import RunSettings
from vlmeval.sbs.judge_report import Figure, JudgeReport, judge_report
from vlmeval.sbs.judged import JUDGED, Pairs, verdicts_of, write_verdicts
from vlmeval.sbs.store import StudyStore
from vlmeval.sbs.study import open_study, study_folder
from vlmeval.sbs.votefile import read_votes
from vlmeval.sbs.votes import Votes
from vlmeval.store.layout import RunFolder, safe_name


@click.command("judge")
@click.argument("name", metavar="STUDY")
@click.option("--judge", required=True, metavar="MODEL", help="The model that judges: see `vlmeval models`.")
@click.option("--judge-args", multiple=True, metavar="K=V,...", help="Settings of the judge, such as base_url=.")
@click.option("--concurrency", type=click.IntRange(1), help="Requests under way at once; default the model's own.")
@click.option("--limit", type=click.IntRange(1), help="Only the first N pairs; a run of its own.")
@click.option("--prices", "paid", metavar="IN,OUT", help="USD for a million prompt and reply tokens.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="Stop before it costs more.")
@click.option("--retry-errors", is_flag=True, help="Ask again what failed in an earlier call.")
@click.option("--fresh", is_flag=True, help="Start anew instead of continuing.")
@click.option("--db", metavar="URL", help="postgresql://..., where the votes of the study are on a server.")
@click.option("--quiet", is_flag=True, help="Write the files only.")
@click.option("-o", "--output", "results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def command(
    name: str,
    judge: str,
    judge_args: tuple[str, ...],
    concurrency: int | None,
    limit: int | None,
    paid: str | None,
    max_cost: float | None,
    results: Path,
    db: str | None,
    *,
    retry_errors: bool,
    fresh: bool,
    quiet: bool,
) -> int:
    """Have MODEL judge every pair of STUDY in both orders; say how far it can be believed.

    Answers are kept as they come, and the same command continues. Verdicts go to judge-MODEL.votes.jsonl in the
    study's folder, for `vlmeval sbs rate STUDY --judge MODEL`. Exit status: 0 every pair judged, 1 some not, 3 none.
    """
    folder = study_folder(name, results)
    settings = RunSettings(
        concurrency=concurrency, limit=limit, prices=prices(paid, option="--prices"), max_cost=max_cost,
        retry_errors=retry_errors, fresh=fresh, quiet=quiet,
    )  # fmt: skip
    with open_study(folder, db=db) as store:
        pairs = Pairs(store, folder, limit=limit)
        people = people_of(store)
    task = task_of(folder.name, pairs)
    with closing(open_judge(judge, judge_args)) as model:
        try:
            ran = run_task(task, pairs, model, settings, results=folder / "judge", command=sys.argv).folder
        except TooManyFailuresError as error:
            if error.folder is None:
                raise
            click.echo(f"vlmeval: {error}", err=True)
            ran = RunFolder(error.folder)
        title = model.name
    found = verdicts_of(pairs, PreferenceKind(task), ran.outputs)
    judged = sum(one.state in JUDGED for one in found)
    votes = write_verdicts(folder, title, found)
    report = judge_report(
        found, study=folder.name, judge=title, parser=PreferenceKind.parser, pairs=pairs.total, people=people,
        own=read_votes(votes) if judged else None,
    )  # fmt: skip
    file = folder / f"judge-{safe_name(title)}.json"
    write_json(file, report)
    if not quiet:
        click.echo("\n".join(lines(report)))
        click.echo(f"verdicts     {votes}\nreport       {file}\nrun          {ran.path}")
        click.echo(f"next         vlmeval sbs rate {folder.name} --judge {title}")
    return 0 if judged == len(found) else 1 if judged else 3


def task_of(study: str, pairs: Pairs) -> Task:
    """Return what the judge is asked; the study's guidelines are part of it."""
    return Task(
        name="preference", benchmark="sbs", split=study, kind="preference", metrics=(), primary="", sampling=SAMPLING,
        options={"guidelines": pairs.guidelines} if pairs.guidelines else {},
    )  # fmt: skip


def people_of(store: StudyStore) -> Votes | None:
    """Return the votes of people, None where nobody has voted."""
    return store.votes() if next(iter(store.ballots()), None) is not None else None


def lines(report: JudgeReport) -> list[str]:
    """Return the report as text."""
    told = ", ".join(f"{count} {state}" for state, count in report.states.items())
    values = ", ".join(f"{count} {name}" for name, count in report.outcomes.items())
    return [
        f"judge        {report.judge} on {report.study}: {report.asked} of {report.pairs} pairs, both orders",
        f"pairs        {told}",
        f"verdicts     {values}",
        f"consistency  {figure(report.consistency)}",
        f"side         {figure(report.first)}  verdicts for the answer shown first (0.5: no bias)",
        f"length       {figure(report.longer)}  consistent verdicts for the longer answer",
        f"             {figure(report.longer_shared)}  of the judge, where people decide too",
        f"             {figure(report.longer_people)}  of people, on the same pairs",
        f"people       {figure(report.agreement)}  agreement, ties and inconsistent ones included",
        f"             {figure(report.kappa)}  Cohen's kappa",
        f"             {figure(report.decisive_agreement)}  agreement without ties",
        f"             {figure(report.decisive_kappa)}  Cohen's kappa without ties",
    ]


def figure(found: Figure) -> str:
    """Return a number with its interval and n."""
    if found.value is None:
        return f"-  n = {found.n}"
    bounds = "" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{found.value:.3f}{bounds}  n = {found.n}"
