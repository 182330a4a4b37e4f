"""The votes of a study as files for others: JSON Lines, CSV, the arena's format, Label Studio's.

No personal data: annotators are a1, a2, ... (never the name or token that the organiser gave them), times are the
seconds a vote took and the day, not the moment; reasons in free words stay at home unless asked for. Gold items and
skipped pairs are no votes. `vlmeval sbs rate` reads all but Label Studio's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from vlmeval.jsonio import encode, encode_lines
from vlmeval.sbs.labelstudio import label_studio
from vlmeval.sbs.records import Ballot, Line, Texts
from vlmeval.sbs.style import style

Format = Literal["jsonl", "csv", "arena", "label-studio"]
FILES: dict[str, str] = {
    "jsonl": "votes.jsonl",
    "csv": "votes.csv",
    "arena": "votes_arena.json",
    "label-studio": "votes_label_studio.json",
}
WINNER = {"left": "model_a", "right": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def lines(ballots: Iterable[Ballot], texts: Mapping[int, Texts], *, without_named: bool = False) -> Iterator[Line]:
    """Yield the votes as exported, those on answers that name a model left out where asked; `texts` are by item."""
    looks: dict[tuple[int, str], tuple[int, int, int, int]] = {
        (item, model): style(text) for item, one in texts.items() for model, text in one.answers.items()
    }
    for one in ballots:
        if not (without_named and (one.named_left or one.named_right)):
            yield line_of(one, looks[one.item, one.model_left], looks[one.item, one.model_right])


def line_of(one: Ballot, left: tuple[int, int, int, int], right: tuple[int, int, int, int]) -> Line:
    """Return a vote as exported; `left` and `right` are the `style` of the two answers."""
    return Line(
        item_id=one.item, question_id=one.prompt, category=one.category, model_a=one.model_left,
        model_b=one.model_right, winner=WINNER[one.outcome], judge=f"a{one.annotator}", judge_kind="human",
        seconds=None if one.seconds is None else round(one.seconds, 1), day=day(one.voted_at), policy=one.policy,
        probability=round(one.probability, 6), length_a=left[0], length_b=right[0], headers_a=left[1],
        headers_b=right[1], lists_a=left[2], lists_b=right[2], bold_a=left[3], bold_b=right[3],
        named_a=int(one.named_left), named_b=int(one.named_right),
    )  # fmt: skip


def day(at: float) -> str:
    """Return the day (UTC) of a time in seconds since 1970."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def exported(votes: Iterable[Line], form: Format, texts: Mapping[int, Texts]) -> bytes:
    """Return the file of this format; `texts` are by item, for Label Studio alone."""
    return label_studio(votes, texts) if form == "label-studio" else WRITERS[form](votes)


def _jsonl(votes: Iterable[Line]) -> bytes:
    return encode_lines(votes)


def _csv(votes: Iterable[Line]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Line.__struct_fields__)
    for one in votes:
        writer.writerow([_cell(getattr(one, name)) for name in Line.__struct_fields__])
    return text.getvalue().encode()


def _cell(value: str | float | None) -> str | float | None:
    """Return a cell that a spreadsheet does not take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


def _arena(votes: Iterable[Line]) -> bytes:
    """Return what FastChat's `elo_analysis` and arena-rank read: a JSON list of battles, oldest first."""
    rows: list[dict[str, Any]] = [
        {
            "question_id": one.question_id,
            "model_a": one.model_a,
            "model_b": one.model_b,
            "winner": one.winner,
            "judge": one.judge,
            "turn": 1,
            "anony": True,
            "language": "unknown",
            "category": one.category,
            "tstamp": datetime.strptime(one.day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp(),
        }
        for one in votes
    ]
    return encode(rows)


WRITERS: dict[str, Callable[[Iterable[Line]], bytes]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "arena": _arena,
}
