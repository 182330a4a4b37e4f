"""Multiple choice by likelihood: what is weighed, and how its length counts.

    likelihood               the displayed letters: log P(letter | prompt)
    likelihood-text          the wordings of the options: log P(wording | prompt), the sum over its tokens; short
                             wordings are favoured (acc of EleutherAI/lm-evaluation-harness)
    likelihood-text-bytes    that sum / the wording's length in UTF-8 bytes (acc_norm there, up to characters)
    likelihood-text-tokens   that sum / the tokens it was summed over, which the model counts (Brown et al. 2020, GPT-3,
                             arXiv:2005.14165, section 2.4)

Each is a mode of its own, named in the signature: they order the options differently. Equals go to the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vlmeval.errors import DataError
from vlmeval.kinds.modes import Mode
from vlmeval.kinds.parse import Extraction
from vlmeval.kinds.rotation import NO_TEXT
from vlmeval.types import Output


def weighed(mode: Mode, letters: Sequence[str], texts: Sequence[str], *, sample_id: str) -> tuple[str, ...]:
    """Return the continuations to weigh, one for each displayed letter; () where text is asked for.

    `texts` are the options' wordings in that order. Raises DataError for one that is an image.
    """
    if mode == "generate":
        return ()
    if mode == "likelihood":
        return tuple(letters)
    for letter, text in zip(letters, texts, strict=True):
        if text == NO_TEXT:
            raise DataError(
                f"sample {sample_id}: option {letter} is an image, and mode {mode} weighs wordings; use mode likelihood"
            )
    return tuple(texts)


def most_likely(
    output: Output, letters: Sequence[str], texts: Sequence[str] = (), *, mode: Mode = "likelihood"
) -> Extraction:
    """Return the letter with the highest likelihood, its length counted as `mode` says; the first of equals.

    Unparsed ("no_scores") without one score per letter, and without the counts of tokens where those are needed.
    """
    scores = list(output.scores)
    if len(scores) != len(letters) or any(math.isnan(score) for score in scores):
        return Extraction(None, "no_scores")
    if mode in ("likelihood-text-bytes", "likelihood-text-tokens"):
        lengths = [len(text.encode()) for text in texts] if mode.endswith("bytes") else list(output.option_tokens)
        if len(lengths) != len(scores) or min(lengths, default=0) <= 0:
            return Extraction(None, "no_scores")
        scores = [score / length for score, length in zip(scores, lengths, strict=True)]
    best = max(range(len(letters)), key=lambda index: scores[index])
    return Extraction(letters[best], mode.replace("-", "_"))
