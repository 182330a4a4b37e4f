"""`vlmeval sbs`: side-by-side human preference; one file a command, imported when it is chosen."""

from __future__ import annotations

import click

from vlmeval.cli.main import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("vlmeval.cli.sbs_plan:command", "Say how many votes a wanted interval or power needs."),
    "rate": ("vlmeval.cli.sbs_rate:command", "Rate models from votes: intervals, ranks, agreement, annotators."),
}


class SbsGroup(LazyGroup):
    """The commands of `vlmeval sbs`."""

    table = COMMANDS


@click.group("sbs", cls=SbsGroup)
def command() -> None:
    """Side-by-side human preference: people compare two answers, models get ratings with true intervals."""
