"""`vlmeval sbs new`: a study from runs on disk or from a file of answers."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import click

from vlmeval import __version__
from vlmeval.errors import ConfigError
from vlmeval.registry import did_you_mean
from vlmeval.sbs import from_runs, study
from vlmeval.sbs.content import Content, Setting
from vlmeval.sbs.from_answers import read_answers, read_gold
from vlmeval.sbs.pictures import PictureFolder
from vlmeval.sbs.records import Policy, policy_of

GOLD_EVERY = 10


class ListCommand(click.Command):
    """A command whose `--runs` takes all values up to the next option: `--runs A B C`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat `--runs` before each of its values."""
        found: list[str] = []
        listing = False
        for argument in args:
            if listing and not argument.startswith("-"):
                found += ["--runs", argument]
                continue
            listing = argument == "--runs"
            if not listing:
                found.append(argument)
        return super().parse_args(ctx, found)


@click.command("new", cls=ListCommand)
@click.argument("name", metavar="STUDY")
@click.option("--runs", multiple=True, metavar="A B [C ...]", help="Run folders, or models that have run the task.")
@click.option("--task", metavar="T", help="The task of the runs.")
@click.option("--answers", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="Instead of runs: CSV, TSV or JSONL with prompt, image, model, answer.")  # fmt: skip
@click.option("--image-root", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Where the images that files name are; else beside the file.")  # fmt: skip
@click.option("--n", "prompts", type=click.IntRange(1), default=200, show_default=True, help="Prompts to take.")
@click.option("--policy", type=click.Choice(get_args(Policy)), default="balanced", show_default=True,
              help="Which pair comes next.")  # fmt: skip
@click.option("--new-model", metavar="NAME", help="With --policy new-model: the model; else the last one named.")
@click.option("--overlap", type=click.IntRange(1), default=3, show_default=True, help="Annotators who judge a pair.")
@click.option("--guidelines", type=click.Path(path_type=Path), metavar="FILE.md", help="What annotators are told.")
@click.option("--gold", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="Checks: CSV, TSV or JSONL with prompt, image, good, bad.")  # fmt: skip
@click.option("--gold-every", type=click.IntRange(2), default=GOLD_EVERY, show_default=True, metavar="K",
              help="One of K pairs is a check.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of prompts, sides and order.")
@click.option("--db", metavar="URL", help="sqlite (in the study's folder), or postgresql://USER@HOST/DATABASE.")
@click.option("-o", "--output", "results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def command(
    name: str,
    runs: tuple[str, ...],
    task: str | None,
    answers: Path | None,
    image_root: Path | None,
    prompts: int,
    policy: str,
    new_model: str | None,
    overlap: int,
    guidelines: Path | None,
    gold: Path | None,
    gold_every: int,
    seed: int,
    db: str | None,
    results: Path,
) -> int:
    """Make a study of side-by-side judgements; `vlmeval sbs serve STUDY` then runs it."""
    folder = study.study_folder(name, results)
    study.refuse_existing(folder)
    text = study.read_guidelines(guidelines) if guidelines else ""
    with study.pictures(folder) as images:
        if answers is not None and not runs and task is None:
            content = read_answers(answers, n=prompts, seed=seed, images=images, image_root=image_root)
            digest = study.file_digest(answers)
            sources = tuple(study.Source(model, str(answers), digest) for model in content.models)
        elif runs and task is not None and answers is None:
            content, sources = from_folders(runs, task, results, n=prompts, seed=seed, images=images)
        else:
            raise ConfigError("name either --runs A B [C ...] with --task T, or --answers FILE")
        if gold is not None:
            checks = read_gold(gold, images=images, image_root=image_root)
            content = Content(content.models, content.entries, checks, content.counted)
        setting = Setting(
            policy=policy_of(policy), overlap=overlap, seed=seed, gold_every=gold_every if gold else 0,
            new_model=newcomer(policy, new_model, content.models),
        )  # fmt: skip
        now = time.time()
        made = study.make_study(
            folder, content, setting, task=task or (answers.stem if answers else ""), sources=sources, now=now,
            version=__version__, guidelines=text, db=db,
            created=datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        )  # fmt: skip
    click.echo(summary(made, folder))
    return 0


def from_folders(
    names: tuple[str, ...], task: str, results: Path, *, n: int, seed: int, images: PictureFolder
) -> tuple[Content, tuple[study.Source, ...]]:
    """Return content and sources of runs."""
    found = from_runs.find(names, task, results)
    for run in found:
        if run.manifest.state != "complete":
            click.echo(
                f"vlmeval: {run.folder.path}: this run is {run.manifest.state}; its missing answers are left out",
                err=True,
            )
    content = from_runs.content_of(found, n=n, seed=seed, images=images)
    sources = tuple(
        study.Source(run.model, str(run.folder.path), study.file_digest(run.folder.outputs), run.manifest.run_id)
        for run in found
    )
    return content, sources


def newcomer(policy: str, name: str | None, models: tuple[str, ...]) -> str:
    """Return the new model of the policy, "" for others. Raises ConfigError for one that takes no part."""
    if policy != "new-model":
        if name:
            raise ConfigError(f"--new-model {name}: goes with --policy new-model")
        return ""
    if name is not None and name not in models:
        raise ConfigError(
            f"--new-model {name}: takes no part{did_you_mean(name, models)}; there are {', '.join(models)}"
        )
    return name or models[-1]


def summary(made: study.Study, folder: Path) -> str:
    """Return what was made: models with the states of their answers, numbers, and what comes next."""
    width = max(map(len, made.models))
    lines = [f"study    {folder}"]
    for model in made.models:
        states = made.states[model]
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        marks = f"; {made.named[model]} of them name a model (marked)" if made.named.get(model) else ""
        lines.append(f"model    {model:{width}}  {told}{marks}")
    votes = made.items * made.setting.overlap
    lines += [
        f"pairs    {made.items} of {made.prompts} prompts and {made.pairs} pairs of models, {made.gold} checks",
        f"votes    {votes} wanted: each pair by {made.setting.overlap} annotators, policy {made.setting.policy}",
        f"next     vlmeval sbs tokens {made.name} --add 3; vlmeval sbs serve {made.name}",
    ]
    if any(set(states) - {"answered"} for states in made.states.values()):
        lines.insert(-1, "note     a model without an answer to a prompt is not offered in a pair there")
    return "\n".join(lines)
