"""OCRBench: how many of 1,000 replies contain a right answer.

Liu et al., OCRBench (arXiv:2305.07895), section 3; VLMEvalKit's OCRBench in vlmeval/dataset/image_vqa.py at e8e78f0. An
answer counts as contained in lower case, line ends as blanks; for handwritten mathematics with case kept and all
blanks gone. The category is the sample's tag "category".

`ocrbench` is a count: over the whole set its categories add up to a score out of 1,000, over a part (--limit) it is a
count out of that part, never divided by 1,000. `ocrbench_share` is the share of right samples. Nothing is kept between
two scorings.

Tolerance: equal per sample on the official cases. Known difference: an empty answer is contained in every reply; the
program counts such a sample, here it is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vlmeval.metrics.mean import Mean
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HANDWRITTEN_MATHS = "Handwritten Mathematical Expression Recognition"


def contains(reply: str, references: Sequence[str], category: str) -> bool:
    """Tell whether `reply` contains one of the references. Raises ValueError for one that is empty."""
    fold = without_blanks if category == HANDWRITTEN_MATHS else in_lower_case
    said = fold(reply)
    golds = [fold(text) for text in references]
    if "" in golds:
        raise ValueError("an answer is empty, so that every reply contains it; mend the row")
    return any(gold in said for gold in golds)


def in_lower_case(text: str) -> str:
    """Return `text` stripped, in lower case, line ends as blanks."""
    return text.lower().strip().replace("\n", " ")


def without_blanks(text: str) -> str:
    """Return `text` without line ends and blanks, case kept."""
    return text.strip().replace("\n", "").replace(" ", "")


class OcrBenchShare(Mean):
    """The share of replies that contain a right answer; statistics (right, samples)."""

    info = MetricInfo(
        name="ocrbench_share",
        title="OCRBench share of right replies",
        scale=100.0,
        source="Liu et al., arXiv:2305.07895; VLMEvalKit image_vqa.py at e8e78f0",
        signature="ocrbench:share",
        proportion=True,
    )

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (right, 1), or None without a reference or an answer. Several answers count by their mean."""
        if not sample.references or not answers:
            return None
        category = sample.tags.get("category", "")
        hits = [
            isinstance(answer.value, str) and contains(answer.value, sample.references, category) for answer in answers
        ]
        return sum(hits) / len(hits), 1.0


class OcrBench(OcrBenchShare):
    """The number of replies that contain a right answer."""

    info = MetricInfo(
        name="ocrbench",
        title="OCRBench score (count of right replies)",
        source="Liu et al., arXiv:2305.07895; VLMEvalKit image_vqa.py at e8e78f0",
        signature="ocrbench",
    )

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the count of right replies, shape (...), of sums, shape (..., 2); NaN for no samples."""
        import numpy as np

        return np.where(total[..., 1] > 0, total[..., 0], np.nan)
