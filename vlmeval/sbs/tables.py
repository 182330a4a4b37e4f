"""A board as text: a table for the terminal, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import sys

from vlmeval.sbs.board import Board, Effect, Rating

COLUMNS = (
    "group", "rank_low", "rank_high", "tier", "rank_ub", "model", "rating", "low", "high", "error", "votes", "wins",
    "ties", "losses", "win_share", "both_bad_rate", "online_elo", "rating_without_flagged",
)  # fmt: skip


def csv_text(board: Board) -> str:
    """Return the ratings as CSV, a model a row; numbers unrounded, absent ones empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    others = {one.model: one.rating for one in board.without_flagged or ()}
    for one in board.ratings:
        writer.writerow(
            [
                one.group, one.rank_low, one.rank_high, one.tier, one.bound, safe(one.model), one.rating, one.low,
                one.high, one.error, one.votes, one.wins, one.ties, one.losses, one.win_share, one.both_bad_rate,
                one.elo, others.get(one.model),
            ]
        )  # fmt: skip
    return out.getvalue()


def pairs_text(board: Board) -> str:
    """Return the observed pairs as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["model", "other", "votes", "win_share", "expected", "separated"])
    for pair in board.pairs:
        writer.writerow(
            [safe(pair.model), safe(pair.other), pair.votes, pair.share, pair.expected, int(pair.separated)]
        )  # fmt: skip
    return out.getvalue()


def safe(name: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in "=+-@\t\r" else name


def print_board(board: Board) -> None:
    """Print the ratings, the side effect, agreement, flags and notes."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title=escape(f"{board.study}: {board.votes:,} votes, {board.models} models"), title_justify="left")
    for name in (
        "rank",
        "tier",
        "model",
        "rating",
        f"{100 * board.level:g} % interval",
        "n",
        "win %",
        "both bad %",
        "UB",
    ):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=name != "model")
    for one in board.ratings:
        table.add_row(*(escape(cell) for cell in cells(one, several=board.ratings[-1].group > 1)))
    console.print(table)
    for line in summary(board):
        console.print(escape(line), highlight=False, soft_wrap=True)


def cells(one: Rating, *, several: bool) -> list[str]:
    """Return one row of the terminal's table."""
    counts = [f"{one.votes:,.0f}", percent(one.win_share), percent(one.both_bad_rate)]
    if one.rating is None or one.low is None or one.high is None:
        return ["-", "-", one.model, "none", "no finite rating", *counts, "-"]
    ranks = f"{one.rank_low}" if one.rank_low == one.rank_high else f"{one.rank_low}-{one.rank_high}"
    group = f"{chr(64 + min(one.group, 26))} " if several else ""
    return [
        f"{group}{ranks}", str(one.tier), one.model, f"{one.rating:.1f}", f"{one.low:.1f} - {one.high:.1f}",
        *counts, str(one.bound),
    ]  # fmt: skip


def summary(board: Board) -> list[str]:
    """Return the lines below the table."""
    clustered = ", ".join(f"{number} {name}" for name, number in board.clusters.items())
    lines = [f"intervals  {f'clustered by {clustered}' if clustered else 'votes as independent'}"]
    if board.side is not None:
        verdict = "sides look random" if abs(board.side.z) < 3 else "SIDES ARE NOT RANDOM, or people prefer one"
        lines.append(f"side       left is worth {effect_text(board.side)}: {verdict}")
    lines += [f"control    one spread of {one.name} is worth {effect_text(one)}" for one in board.controls]
    if board.agreement is not None:
        found = board.agreement
        alphas = (found.alpha_nominal, found.alpha_ordinal, found.alpha_interval)
        shown = " / ".join("-" if value is None else f"{value:.3f}" for value in alphas)
        fleiss = "" if found.fleiss_kappa is None else f"; Fleiss' kappa {found.fleiss_kappa:.3f}"
        lines.append(
            f"agreement  Krippendorff's alpha {shown} (nominal / ordinal / interval){fleiss}; "
            f"{found.votes:,} votes on {found.units:,} units"
        )
    for judge in board.judges:
        lines.append(
            f"judge      {judge.judge}: agreement with people {percent(judge.agreement)} %, kappa "
            f"{number(judge.kappa)} (n = {judge.units}); without ties {percent(judge.decisive_agreement)} %, kappa "
            f"{number(judge.decisive_kappa)} (n = {judge.decisive_units})"
        )
    for one in board.flagged[:10]:
        lines.append(
            f"flagged    {one.name}: {' and '.join(one.flags)} (z1 {one.follows:.1f}, z2 {one.side:.1f}, "
            f"{one.votes} votes); ratings without them are in the files"
        )
    if len(board.flagged) > 10:
        lines.append(f"flagged    {len(board.flagged) - 10} more in the files")
    return [*lines, *(f"note       {note}" for note in board.notes), f"signature  {board.signature}"]


def effect_text(one: Effect) -> str:
    """Return "+3.1 [-4.0, 10.2], z = 0.9"."""
    return f"{one.value:+.1f} [{one.low:.1f}, {one.high:.1f}], z = {one.z:.1f}"


def percent(value: float | None) -> str:
    """Return a share in per cent."""
    return "-" if value is None else f"{100 * value:.1f}"


def number(value: float | None) -> str:
    """Return a number with three digits."""
    return "-" if value is None else f"{value:.3f}"
