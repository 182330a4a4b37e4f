"""Average normalised Levenshtein similarity: how near a reply is to the nearest of the right answers.

    s(reply) = max over answers of 1 - NL(answer, reply),   counted as 0 below the threshold of 0.5

NL is the edit distance of both texts in lower case with single blanks, over the longer one's length. Biten et al.,
Scene Text Visual Question Answering (ICCV 2019), section 4.1; used by DocVQA, InfographicVQA and ST-VQA.

    anls          the server's program (rrc.cvc.uab.es, infographicsvqa_eval.py) and VLMEvalKit's anls_compute at
                  e8e78f0: lengths are those of the texts before blanks are joined; a similarity of exactly 0.5 counts
    anls_strict   the paper's formula, as in github.com/shunk031/ANLS at 6472e1d: lengths after blanks are joined; a
                  similarity of exactly 0.5 is 0

Tolerance: equal per sample. Known difference: none. Two empty texts are equal.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance.Levenshtein import distance

from vlmeval.metrics.mean import MeanAccuracy
from vlmeval.types import MetricInfo

THRESHOLD = 0.5


def anls(reply: str, references: Sequence[str]) -> float:
    """Return the similarity of `reply` to the nearest reference by the server's program, 0 or 0.5..1."""
    said = folded(reply)
    nearest = min(_share(said, folded(text), max(len(text.upper()), len(reply.upper()))) for text in references)
    similarity = 1 - nearest
    return similarity if similarity >= THRESHOLD else 0.0


def anls_strict(reply: str, references: Sequence[str]) -> float:
    """Return the similarity of `reply` to the nearest reference by the paper's formula, 0 or above 0.5 to 1."""
    said = folded(reply)
    nearest = min(_share(said, text, max(len(text), len(said))) for text in map(folded, references))
    return 1 - nearest if nearest < THRESHOLD else 0.0


def folded(text: str) -> str:
    """Return `text` in lower case with single blanks between words."""
    return " ".join(text.strip().lower().split())


def _share(said: str, text: str, length: int) -> float:
    """Return the edit distance over `length`; 1 as soon as it cannot be half or less: long replies cost nothing."""
    if not length:
        return 0.0
    most = int(length * THRESHOLD)
    found = distance(text, said, score_cutoff=most)
    return 1.0 if found > most else found / length


class Anls(MeanAccuracy):
    """ANLS by the server's program."""

    info = MetricInfo(
        name="anls",
        title="ANLS",
        scale=100.0,
        source="rrc.cvc.uab.es infographicsvqa_eval.py; VLMEvalKit vqa_eval.py at e8e78f0 (Biten et al. 2019)",
        signature="anls:0.5",
    )
    accuracy = staticmethod(anls)


class AnlsStrict(MeanAccuracy):
    """ANLS by the paper's formula."""

    info = MetricInfo(
        name="anls_strict",
        title="ANLS (paper's formula)",
        scale=100.0,
        source="shunk031/ANLS at 6472e1d (Biten et al. 2019, section 4.1)",
        signature="anls:strict",
    )
    accuracy = staticmethod(anls_strict)
