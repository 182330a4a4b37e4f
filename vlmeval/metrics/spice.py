"""SPICE of captions, through the program itself.

Anderson et al., SPICE (ECCV 2016), as in pycocoevalcap 1.2 (spice/spice.py): captions are parsed into scene graphs, and
the score is the F-measure of their tuples; of a corpus the mean over images. Everything is computed by the Java program
with its models of CoreNLP 3.6.0, which pycocoevalcap downloads when it is first used on its own; here nothing is
downloaded: without the models SPICE is listed as not computed.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlmeval.metrics import java
from vlmeval.metrics.batched import BatchedMean, Caption
from vlmeval.types import MetricInfo

MODELS = tuple((f"spice/lib/stanford-corenlp-3.6.0{part}.jar", "SPICE models") for part in ("", "-models"))


class Spice(BatchedMean):
    """The mean of SPICE's F-measure over captions."""

    info = MetricInfo(
        name="spice",
        title="SPICE",
        scale=100.0,
        source="pycocoevalcap 1.2 (Anderson et al. 2016)",
        signature="spice:1.0|ptb",
    )

    def lacks(self) -> str:
        """Return what is missing to run the program, "" for nothing."""
        return java.lacks(("spice/spice-1.0.jar", "SPICE jar"), *MODELS)

    def _each(self, captions: Sequence[Caption]) -> list[float]:
        import importlib
        import subprocess

        original = importlib.import_module("pycocoevalcap.spice.spice").Spice()
        references = {number: list(texts) for number, (_, texts) in enumerate(captions)}
        said = {number: [caption] for number, (caption, _) in enumerate(captions)}
        try:
            _, rows = original.compute_score(references, said)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ValueError(f"SPICE failed: {error}") from error
        return [float(row["All"]["f"]) for row in rows]
