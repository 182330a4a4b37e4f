"""`vlmeval sbs`: side-by-side human preference; one file a command, imported when it is chosen."""

from __future__ import annotations

import click

from vlmeval.cli.main import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "new": ("vlmeval.cli.sbs_new:command", "Make a study from runs, or from a file of answers."),
    "tokens": ("vlmeval.cli.sbs_tokens:command", "Let annotators into a study."),
    "serve": (
        "vlmeval.cli.sbs_serve:command",
        "Serve a study: people judge pairs in a browser, the organiser looks on.",
    ),
    "judge": ("vlmeval.cli.sbs_judge:command", "Have a model judge the pairs of a study, in both orders."),
    "plan": ("vlmeval.cli.sbs_plan:command", "Say how many votes a wanted interval or power needs."),
    "export": ("vlmeval.cli.sbs_export:command", "Write the votes of a study, without personal data."),
    "verify": ("vlmeval.cli.sbs_verify:command", "Check a study against its audit log."),
    "rate": ("vlmeval.cli.sbs_rate:command", "Rate models from votes: intervals, ranks, agreement, annotators."),
}


class SbsGroup(LazyGroup):
    """The commands of `vlmeval sbs`."""

    table = COMMANDS


@click.group("sbs", cls=SbsGroup)
def command() -> None:
    """Side-by-side human preference: people compare two answers, models get ratings with true intervals."""
