"""METEOR 1.5 of captions, through the program itself.

Denkowski and Lavie, Meteor Universal (WMT 2014), as in pycocoevalcap 1.2 (meteor/meteor.py): the Java program aligns
each caption with its references (exact, stem, synonym and paraphrase matches; English, normalised) and says for the
best of them 23 numbers. What the corpus has is not a mean over captions: the numbers are added up, and the score is
that of the sums. The alignment is the program's (LGPL, not read); the formula is that of the paper, so that intervals
and slices need no Java.

Statistics, as the program orders them: words of caption and reference, function words of both; for each of the four
matchers content words matched in caption and reference, function words matched in both; chunks, words matched in both.
A caption that is matched whole in one piece has no chunk.

Tolerance: equal to 1e-9, per caption and for the corpus. Known difference: a recorded caption whose references hold a
no-break space has 0.0018 more in the record than here, and than the program gives it today. Needs pycocoevalcap (the
extra `captions`) and Java; without them it is listed as not computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vlmeval.metrics import java
from vlmeval.metrics.batched import BatchedCaptionMetric, Caption
from vlmeval.types import MetricInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Table 1 of the paper, English: precision against recall, fragmentation, function words, weight of the matchers.
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
WEIGHTS = (1.0, 0.6, 0.8, 0.6)
MATCHES, CHUNKS, MATCHED = slice(4, 20), 20, slice(21, 23)
STATISTICS = 23
JAR = "meteor/meteor-1.5.jar"
COMMAND = ["-Xmx2G", "-jar", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm"]


class Meteor(BatchedCaptionMetric):
    """METEOR 1.5 of the corpus, from the sums of the program's own statistics."""

    info = MetricInfo(
        name="meteor",
        title="METEOR",
        scale=100.0,
        source="pycocoevalcap 1.2, METEOR 1.5 (Denkowski and Lavie 2014)",
        signature="meteor:1.5|ptb",
    )

    def lacks(self) -> str:
        """Return what is missing to run the program, "" for nothing."""
        return java.lacks((JAR, "METEOR jar"))

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return METEOR, shape (...), of summed statistics, shape (..., 23)."""
        import numpy as np

        weights = np.array(WEIGHTS)
        matches = total[..., MATCHES].reshape(*total.shape[:-1], 4, 4)
        # The last axis is: content words of caption and reference, function words of both.
        precision_words = matches @ np.array([DELTA, 0, 1 - DELTA, 0]) @ weights
        recall_words = matches @ np.array([0, DELTA, 0, 1 - DELTA]) @ weights
        said, wanted, said_function, wanted_function = (total[..., place] for place in range(4))
        precision = _share(precision_words, DELTA * (said - said_function) + (1 - DELTA) * said_function)
        recall = _share(recall_words, DELTA * (wanted - wanted_function) + (1 - DELTA) * wanted_function)
        mean = _share(precision * recall, ALPHA * precision + (1 - ALPHA) * recall)
        fragments = _share(total[..., CHUNKS], total[..., MATCHED].mean(axis=-1))
        value: NDArray[np.float64] = mean * (1 - GAMMA * fragments**BETA)
        return np.where(said + wanted > 0, value, np.nan)

    def _computed(self, captions: Sequence[Caption]) -> list[tuple[float, ...]]:
        folder = java.home()
        if folder is None:
            raise ValueError(self.lacks())
        lines = [
            " ||| ".join(("SCORE", *map(_plain, references), _plain(caption).replace("  ", " ")))
            for caption, references in captions
        ]
        said = java.run_java(COMMAND, "".join(f"{line}\n" for line in lines), (folder / JAR).parent)
        rows = [tuple(map(float, line.split())) for line in said]
        if len(rows) != len(captions) or any(len(row) != STATISTICS for row in rows):
            raise ValueError(f"METEOR gave {len(rows)} rows for {len(captions)} captions")
        return [_without_chunk(row) for row in rows]


def _plain(text: str) -> str:
    """Return a text that holds no separator of the program's."""
    return text.replace("|||", "")


def _without_chunk(row: tuple[float, ...]) -> tuple[float, ...]:
    """Return the statistics of a caption, with no chunk where it is matched whole in one piece."""
    whole = row[CHUNKS] == 1 and row[MATCHED] == row[:2]
    return (*row[:CHUNKS], 0.0, *row[MATCHED]) if whole else row


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole > 0)
