"""What a page says aloud about replies that are no plain answers: cut off, refused, failed, not judged."""

from __future__ import annotations

from vlmeval.score.coverage import TRUNCATED_SHARE
from vlmeval.store.results import Coverage

STATES = {
    "unparsed": "with a reply in which no rule found an answer",
    "judge_error": "that the judge did not read or score: its call failed or was not made",
    "refused": "refused by the model's provider, or withheld by a content filter",
    "failed": "whose request failed",
    "missing": "not asked yet",
}


def warnings(coverage: Coverage) -> list[tuple[str, str]]:
    """Return (state, words) for each state besides "answered" that occurs; truncation past 1 % first."""
    total = coverage.samples or 1
    found = []
    if coverage.truncated > TRUNCATED_SHARE * coverage.samples:
        found.append(("truncated", f"{share(coverage.truncated, total)} with a reply cut off at the token limit"))
    for state, words in STATES.items():
        count = getattr(coverage, state)
        if count:
            found.append((state, f"{share(count, total)} {words}"))
    return found


def share(count: int, total: int) -> str:
    """Return "12 of 400 samples (3.0 %)"."""
    return f"{count} of {total} samples ({100 * count / total:.1f} %)"
