"""The command line: one small file a command, imported when it is chosen, so that `--help` costs nothing.

Exit status: 0 complete, 1 scored but incomplete, 2 wrong use or data, 3 nothing could be run.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import click

from vlmeval import __version__
from vlmeval.errors import VlmevalError
from vlmeval.registry import did_you_mean, load_attribute

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("vlmeval.cli.run:command", "Evaluate models on tasks; the same command continues an interrupted run."),
    "score": ("vlmeval.cli.score:command", "Score runs again from their journals, without a model."),
    "merge": ("vlmeval.cli.merge:command", "Join the shards of a run (run --shard I/N) into one and score it."),
    "import": ("vlmeval.cli.importing:command", "Score results of VLMEvalKit and lmms-eval as runs."),
    "compare": ("vlmeval.cli.compare:command", "Compare runs sample by sample, or with published figures."),
    "validate": ("vlmeval.cli.validate:command", "Check runs: scores against the journal, digests, samples, prompts."),
    "report": ("vlmeval.cli.report:command", "Write the HTML page, Markdown, CSV and JSON of runs."),
    "export": ("vlmeval.cli.export:command", "Export runs: LaTeX, Markdown, model card, JSON, W&B, MLflow."),
    "leaderboard": ("vlmeval.cli.leaderboard:command", "Write the leaderboard of runs: a static site, CSV and JSON."),
    "explain": ("vlmeval.cli.explain:command", "Draw what in its image a local model's reply rests on."),
    "tasks": ("vlmeval.cli.tasks:command", "List, search and show tasks."),
    "models": ("vlmeval.cli.models:command", "List, search and show model names."),
    "metrics": ("vlmeval.cli.metrics:command", "List, search and show metrics."),
    "doctor": ("vlmeval.cli.doctor:command", "Try a model: one prompt, one answer, time, memory, what is missing."),
    "bench": ("vlmeval.cli.bench:command", "Measure a model: latency and throughput by batch and image size."),
    "judge-check": ("vlmeval.cli.judge_check:command", "Compare a judge with recorded verdicts: agreement, kappa."),
    "init-task": ("vlmeval.cli.init_task:command", "Write the task file of a data file of your own."),
    "sbs": ("vlmeval.cli.sbs:command", "Side-by-side human preference: plan, judge, rate."),
    "data": ("vlmeval.cli.data:command", "Check data files before a run."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are chosen; their one-line help is known without."""

    table = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer needs them."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command. An unknown name is wrong use, with the nearest name."""
        if cmd_name not in self.table:
            ctx.fail(f'there is no command "{cmd_name}"{did_you_mean(cmd_name, self.table)}')
        command: click.Command = load_attribute(self.table[cmd_name][0])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])


def hyphens(token: str) -> str:
    """Return an option or command name with hyphens: --batch_size is --batch-size."""
    return token.replace("_", "-")


# click keeps the lines after a \b as they are.
HELP = """Evaluate vision-language models: official numbers, honest states, intervals.

\b
First steps:
  vlmeval run --model demo --tasks demo              a tiny model, no download
  vlmeval run --model qwen2-vl-2b --tasks mmbench    a checkpoint of the hub
  vlmeval run --model openai:NAME --base-url http://localhost:8000/v1 --tasks mmbench
  vlmeval tasks, vlmeval models                      what there is
"""


@click.group(
    cls=LazyGroup,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": hyphens, "max_content_width": 110},
)
@click.version_option(__version__, prog_name="vlmeval")
def vlmeval() -> None:
    """Evaluate vision-language models."""


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status. An error of vlmeval is one message, never a traceback."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its retries are not the reader's concern
    try:
        status: Any = vlmeval.main(args=arguments, prog_name="vlmeval", standalone_mode=False)
    except click.Abort as error:
        click.echo(f"vlmeval: {error.__cause__ or 'interrupted; the same command continues'}", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except VlmevalError as error:
        click.echo(f"vlmeval: {error}", err=True)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: not an error of ours, and nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)
