"""Scores of several runs as one JSON document, for programs that read reports rather than results."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vlmeval.score.gain import Gain
from vlmeval.score.table import share
from vlmeval.store.results import Scores


def json_text(scores: Sequence[Scores], gains: Sequence[Sequence[Gain]]) -> str:
    """Return the runs with all their figures, and what of each is due to the image.

    {"runs": [{"coverage_share", "scores": as in scores.json, "gains": [...]}]}; values, low and high are unscaled, each
    metric's `scale` stands in `scores.metrics`. `coverage_share` (0..1) is of the samples in the primary metric, null
    without a figure.
    """
    runs = [
        {"coverage_share": share(one), "scores": one, "gains": gained}
        for one, gained in zip(scores, gains, strict=True)
    ]
    return msgspec.json.format(msgspec.json.encode({"runs": runs}), indent=1).decode() + "\n"
