"""One way to browse names: bare or `list` prints them, `search TEXT` filters them, `show NAME` prints one card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

Roots = tuple[Path, ...]
Entries = Callable[[Roots], Sequence[tuple[str, str]]]
Card = Callable[[str, Roots], str]


def browser(noun: str, *, summary: str, entries: Entries, card: Card) -> click.Group:
    """Return the command group of one sort of name. `entries` gives (name, one line) pairs, `card` the text of one."""

    def print_entries(context: click.Context, text: str = "") -> None:
        words = text.lower().split()
        found = [pair for pair in entries(roots(context)) if all(word in " ".join(pair).lower() for word in words)]
        width = max((len(name) for name, _ in found), default=0)
        for name, line in found:
            click.echo(f"{name:<{width}}  {line}".rstrip())
        if not found:
            raise click.UsageError(f'no {noun} matches "{text}"; `vlmeval {noun}s` lists them')

    def roots(context: click.Context) -> Roots:
        found = context.find_root().meta.get("catalog", ())
        return tuple(found)

    @click.group(f"{noun}s", invoke_without_command=True, help=summary)
    @click.option(
        "--catalog", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="More names."
    )
    @click.pass_context
    def group(context: click.Context, catalog: Roots) -> None:
        context.find_root().meta["catalog"] = catalog
        if context.invoked_subcommand is None:
            print_entries(context)

    @group.command("list", help=f"List all {noun}s.")
    @click.pass_context
    def list_all(context: click.Context) -> None:
        print_entries(context)

    @group.command("search", help=f"List the {noun}s whose name or description holds all words of TEXT.")
    @click.argument("text", nargs=-1, required=True)
    @click.pass_context
    def search(context: click.Context, text: tuple[str, ...]) -> None:
        print_entries(context, " ".join(text))

    @group.command("show", help=f"Show all that is known of one {noun}.")
    @click.argument("name")
    @click.pass_context
    def show(context: click.Context, name: str) -> None:
        click.echo(card(name, roots(context)))

    return group


def table_lines(rows: Sequence[tuple[str, object]]) -> list[str]:
    """Return `label  value` lines for the values that are there."""
    present = [(label, str(value)) for label, value in rows if value not in (None, "", (), {}, [])]
    width = max((len(label) for label, _ in present), default=0)
    return [f"{label:<{width}}  {value}" for label, value in present]
