"""`vlmeval judge-check`: a judge beside recorded verdicts, before its scores are believed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from vlmeval.cli.judges import open_judge
from vlmeval.jsonio import write_json
from vlmeval.run.judge_check import Figure, JudgeCheck, check_folder, check_judge, read_verdicts
from vlmeval.run.settings import RunSettings


@click.command("judge-check")
@click.option("--judge", "name", required=True, metavar="NAME", help="The model to check: see `vlmeval models`.")
@click.option("--judge-args", multiple=True, metavar="K=V,...", help="Settings of the judge, such as base_url=.")
@click.option(
    "--verdicts",
    "path",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Recorded verdicts: question, reply, verdict, and options (A, B, ..) or answer (JSONL, CSV, TSV, XLSX).",
)
@click.option("--concurrency", type=click.IntRange(1), help="Requests under way at once; default the model's own.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("results/judge-check"), show_default=True)
@click.option("--quiet", is_flag=True, help="Write the file only.")
def command(
    name: str, judge_args: tuple[str, ...], path: Path, concurrency: int | None, output: Path, *, quiet: bool
) -> int:
    """Measure how far a judge agrees with recorded verdicts: agreement, Cohen's kappa, each verdict.

    With options a verdict is a letter, or Z for none of them; without, a number from 0 to 1 for the reply beside the
    reference in `answer`. Exit status: 0 every row judged, 1 some not, 3 none.
    """
    items = read_verdicts(path)
    with closing(open_judge(name, judge_args)) as judge:
        folder = check_folder(output, judge)
        found = check_judge(items, judge, folder, RunSettings(concurrency=concurrency, quiet=quiet))
    file = folder / f"{path.stem}.json"
    write_json(file, found)
    if found.stopped:
        click.echo(f"vlmeval: {found.stopped}", err=True)
    if not quiet:
        for line in lines(found):
            click.echo(line)
    click.echo(f"results    {file}")
    return 0 if found.judged == found.rows else 1 if found.judged else 3


def lines(found: JudgeCheck) -> list[str]:
    """Return the check as text."""
    width = max([len("verdict"), *(len(one.verdict) for one in found.classes)])
    table = [f"{'verdict':<{width}}  recorded    judge     both"]
    table += [f"{one.verdict:<{width}}  {one.recorded:8d} {one.judged:8d} {one.both:8d}" for one in found.classes]
    return [
        f"judge      {found.judge}",
        f"rows       {found.rows}: {', '.join(f'{state} {count}' for state, count in found.states.items())}",
        f"agreement  {figure(found.agreement)}  n = {found.judged}",
        f"kappa      {figure(found.kappa)}  n = {found.judged}",
        *(table if found.classes else []),
    ]


def figure(found: Figure) -> str:
    """Return a number with its interval."""
    if found.value is None:
        return "-"
    return f"{found.value:.3f}" + (f" [{found.low:.3f}, {found.high:.3f}]" if found.low is not None else "")
