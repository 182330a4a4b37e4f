"""`vlmeval sbs plan`: how many votes a session needs, by simulation."""

from __future__ import annotations

import click

from vlmeval.jsonio import encode
from vlmeval.sbs.plan import Plan, Wish, plan


@click.command("plan")
@click.option("--models", type=int, required=True, metavar="M", help="Models to compare.")
@click.option("--width", type=float, metavar="ELO", help="Wanted full width of a rating's interval.")
@click.option("--power", type=float, metavar="SHARE", help="Wanted chance to separate two neighbours.")
@click.option("--gap", type=float, default=50.0, show_default=True, help="Elo between them, for --power.")
@click.option("--overlap", type=int, default=3, show_default=True, help="Annotators who judge the same item.")
@click.option("--ties", type=float, default=0.2, show_default=True, help="Share of ties.")
@click.option("--annotators", type=int, default=20, show_default=True)
@click.option("--prompts", type=int, default=200, show_default=True)
@click.option("--spread", type=float, default=100.0, show_default=True, help="Standard deviation of ratings, Elo.")
@click.option("--taste", type=float, default=40.0, show_default=True, help="... of a rating between annotators, Elo.")
@click.option("--topic", type=float, default=60.0, show_default=True, help="... of a rating between prompts, Elo.")
@click.option("--level", type=float, default=0.95, show_default=True)
@click.option("--runs", type=click.IntRange(2), default=8, show_default=True, help="Simulated sessions a point.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(
    models: int,
    width: float | None,
    power: float | None,
    gap: float,
    overlap: int,
    ties: float,
    annotators: int,
    prompts: int,
    spread: float,
    taste: float,
    topic: float,
    level: float,
    runs: int,
    seed: int,
    form: str,
) -> int:
    """Say how many votes give intervals of --width Elo, or separate neighbours --gap apart with --power."""
    wish = Wish(
        models=models, width=width, power=power, gap=gap, overlap=overlap, ties=ties, annotators=annotators,
        prompts=prompts, spread=spread, taste=taste, topic=topic, level=level,
    )  # fmt: skip
    found = plan(wish, runs=runs, seed=seed)
    click.echo(encode(found).decode() if form == "json" else text(found, wish))
    return 0


def text(found: Plan, wish: Wish) -> str:
    """Return the plan as lines."""
    lines = [
        f"votes    {found.votes:,} on {found.items:,} items, {found.each:,.0f} by each of {wish.annotators} annotators",
        f"gives    intervals of {found.point.width:.0f} Elo (full width, {100 * wish.level:g} %), power "
        f"{found.point.power:.2f} at {wish.gap:g} Elo",
        "",
        "   votes   width   power",
    ]
    lines += [f"{point.votes:8,} {point.width:7.0f} {point.power:7.2f}" for point in found.tried]
    return "\n".join(lines)
