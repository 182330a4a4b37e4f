"""The samples of a run as its page's script reads them: a short row for the list, and everything about one on demand.

Rows are in the page. Everything else is in pieces: inside the page for a small run, else in files beside it that the
page loads as they are looked at. A piece is a script that hands over JSON as one string, because a page opened from a
file may load scripts beside it and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vlmeval.jsonio import write_whole
from vlmeval.report.pictures import PictureShelf
from vlmeval.store.results import Pass, ScoredSample
from vlmeval.types import Failure, Image, Metric, Output, Part

REPLY_CHARACTERS = 20_000
SUMMARY_CHARACTERS = 160
SEARCHED_CHARACTERS = 300
EMBEDDED_SAMPLES = 2000
PIECE_BYTES = 400_000
RIGHT_SCORE, WRONG_SCORE = 99.995, 0.005


@dataclass
class Pieces:
    """Details of samples in order, cut into pieces; `starts` is the place of each piece's first one.

    With `folder` each piece becomes a file below it, else it is kept in `embedded`.
    """

    shelf: PictureShelf
    folder: Path | None = None
    starts: list[int] = field(default_factory=list)
    embedded: list[dict[str, Any]] = field(default_factory=list)
    _open: list[bytes] = field(default_factory=list)
    _size: int = 0
    _count: int = 0

    def add(self, detail: Mapping[str, Any]) -> None:
        """Add the details of the next sample."""
        if not self._open:
            self.starts.append(self._count)
        data = msgspec.json.encode(detail)
        self._open.append(data)
        self._size += len(data)
        self._count += 1
        if self.folder is not None and self._size >= PIECE_BYTES:
            self._close()

    def finish(self, page: Path) -> dict[str, Any]:
        """Close the last piece, remove those of an older page, and return how `page` finds them."""
        self._close()
        if self.folder is None:
            return {"starts": self.starts, "embedded": self.embedded}
        known = {f"{place}.js" for place in range(len(self.starts))}
        for path in self.folder.glob("*.js"):
            if path.name not in known:
                path.unlink()
        return {"starts": self.starts, "folder": Path(os.path.relpath(self.folder, page.parent)).as_posix()}

    @property
    def beside(self) -> bool:
        """Whether anything of the page lies beside it."""
        return self.folder is not None or self.shelf.outside

    def _close(self) -> None:
        if not self._open:
            return
        details = [msgspec.Raw(data) for data in self._open]
        piece = {"details": details, "images": self.shelf.named()}
        self._open, self._size = [], 0
        if self.folder is None:
            self.embedded.append(piece)
        else:
            place = len(self.starts) - 1
            text = msgspec.json.encode(msgspec.json.encode(piece).decode()).decode()
            write_whole(self.folder / f"{place}.js", f"vlmevalPiece({place}, {text});\n".encode())


def is_large(samples: int) -> bool:
    """Tell whether a page of so many samples keeps them beside itself."""
    return samples > EMBEDDED_SAMPLES


def result_of(sample: ScoredSample, score: float | None, *, bounded: bool) -> str:
    """Return how a sample is shown: its state, and of an answered one right, wrong or partial."""
    if sample.state != "answered":
        return sample.state
    if sample.right is not None:
        return "right" if sample.right else "wrong"
    if score is None:
        return "partial"
    if bounded and score >= RIGHT_SCORE:
        return "right"
    return "wrong" if score <= WRONG_SCORE else "partial"


def score_of(sample: ScoredSample, metric: Metric) -> float | None:
    """Return the sample's own value of the metric on its scale; None where it has none."""
    stats = sample.stats.get(metric.info.name)
    if not stats:
        return None
    score = float(metric.value(np.asarray(stats, dtype=np.float64))) * metric.info.scale
    return score if np.isfinite(score) else None


def row_of(sample: ScoredSample, score: float | None, *, bounded: bool, captions: bool, large: bool) -> dict[str, Any]:
    """Return what the list and the filters need of a sample; of a large run also the words that are searched."""
    row: dict[str, Any] = {
        "id": sample.id,
        "result": result_of(sample, score, bounded=bounded),
        "tags": sample.tags,
        "summary": summary_of(sample, captions=captions)[:SUMMARY_CHARACTERS],
    }
    if score is not None:
        row["score"] = round(score, 4)
    if sample.truncated:
        row["truncated"] = True
    if large:
        row["words"] = searched_words(sample)
    return row


def searched_words(sample: ScoredSample) -> str:
    """Return the texts of a sample by which it is found, each cut to `SEARCHED_CHARACTERS`."""
    return "\n".join(text[:SEARCHED_CHARACTERS] for text in searched(sample))


def searched(sample: ScoredSample) -> Iterator[str]:
    """Yield the texts of a sample that are searched besides its id and summary."""
    yield words_of(sample.parts)
    for choice in sample.choices:
        yield words_of((choice,) if isinstance(choice, str) else choice)
    said = (
        one.outcome.text if isinstance(one.outcome, Output) else one.outcome.message if one.outcome else ""
        for one in sample.passes
    )
    yield from dict.fromkeys(said)


def words_of(parts: Iterable[Part]) -> str:
    """Return the text of parts on one line."""
    return " ".join(" ".join(part for part in parts if isinstance(part, str)).split())


def summary_of(sample: ScoredSample, *, captions: bool) -> str:
    """Return a sample in a line: its question, else what was replied, else its id."""
    asked = words_of(sample.parts)
    if asked:
        return asked
    replies = " ".join(one.outcome.text for one in sample.passes if isinstance(one.outcome, Output))
    return " ".join(replies.split()) or ("(no caption)" if captions else sample.id)


def detail_of(
    sample: ScoredSample, shelf: PictureShelf, items: Mapping[str, tuple[Part, ...]] | None = None
) -> dict[str, Any]:
    """Return everything a page shows of one sample; `items` are what a query of retrieval is answered with."""
    return {
        "id": sample.id,
        "state": sample.state,
        "right": sample.right,
        "question": parts_data(sample.parts, shelf),
        "choices": [parts_data((choice,) if isinstance(choice, str) else choice, shelf) for choice in sample.choices],
        "gold": sample.references,
        "found": [parts_data(parts, shelf) for parts in positives(sample, items or {})],
        "passes": [pass_data(one, shelf) for one in sample.passes],
    }


def positives(sample: ScoredSample, items: Mapping[str, tuple[Part, ...]]) -> list[tuple[Part, ...]]:
    """Return the right items of a query: its references are the ids of samples that ask the other way."""
    other = "t2i:" if sample.id.startswith("i2t:") else "i2t:"
    return [items[other + name] for name in sample.references if other + name in items]


def pass_data(one: Pass, shelf: PictureShelf) -> dict[str, Any]:
    """Return one request with its reply. A very long reply is cut, and the page says so."""
    data: dict[str, Any] = {
        "variant": one.variant,
        "prompt": parts_data(one.prompt, shelf),
        "system": one.system,
        "shown": one.shown,
        "value": one.value,
        "rule": one.rule,
        "right": one.right,
        "judge": one.judge,
    }
    if isinstance(one.outcome, Output):
        data |= {
            "reply": one.outcome.text[:REPLY_CHARACTERS],
            "cut": max(0, len(one.outcome.text) - REPLY_CHARACTERS),
            "finish": one.outcome.finish,
            "tokens": one.outcome.output_tokens,
            "seconds": one.outcome.seconds,
            "weights": one.outcome.scores,
        }
    elif isinstance(one.outcome, Failure):
        data |= {"failure": one.outcome.kind, "message": one.outcome.message[:2000], "attempts": one.outcome.attempts}
    return data


def parts_data(parts: Sequence[Part], shelf: PictureShelf) -> list[Any]:
    """Return parts as strings and {"image": digest} in reading order."""
    return [{"image": shelf.add(part)} if isinstance(part, Image) else part for part in parts]
