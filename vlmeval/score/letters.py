"""Position bias: which displayed letters a model likes, whatever stands behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from vlmeval.kinds.letters import LETTERS
from vlmeval.score.assembly import Case
from vlmeval.store.results import LetterBias


def letter_bias(cases: Iterable[Case]) -> tuple[LetterBias, ...]:
    """Return the counts of each displayed letter over the answered passes of samples with gold; () without letters.

    An unparsed pass counts for the letter that was right, and for none that was chosen.
    """
    chosen: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for case in cases:
        if not case.shown:
            continue
        for answer in case.answers:
            letters = dict(zip(case.shown.get(answer.variant, ()), LETTERS, strict=False))
            correct = letters.get(case.sample.references[0]) if case.sample.references else None
            if correct is None:
                continue
            gold[correct] += 1
            given = letters.get(answer.value) if isinstance(answer.value, str) else None
            if given is not None:
                chosen[given] += 1
                right[given] += given == correct
    return tuple(LetterBias(letter, chosen[letter], gold[letter], right[letter]) for letter in sorted(chosen | gold))
