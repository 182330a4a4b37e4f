"""Tags that a command names, looked for before anything is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from vlmeval.errors import ConfigError
from vlmeval.registry import did_you_mean
from vlmeval.types import Sample


def require_tags(samples: Iterable[Sample], tags: Collection[str]) -> None:
    """Raise ConfigError with the known tags for one that no sample has; reads no further than needed to find all."""
    wanted = dict.fromkeys(tags)
    known: set[str] = set()
    for sample in samples if wanted else ():
        known |= sample.tags.keys()
        if wanted.keys() <= known:
            return
    for tag in wanted:
        if tag not in known:
            hint = did_you_mean(tag, known)
            raise ConfigError(
                f'--slice "{tag}": no sample has this tag{hint}; known tags: {", ".join(sorted(known)) or "none"}'
            )
