"""Token buckets: how often an annotator or an address may ask."""

from __future__ import annotations

MOST_KEYS = 50_000
"""Beyond it, buckets that have filled up again are forgotten, so that many addresses cannot fill the memory."""


class Limiter:
    """One bucket for each key: `burst` requests at once, `rate` a second afterwards."""

    def __init__(self, rate: float, burst: float) -> None:
        if not (rate > 0 and burst >= 1):
            raise ValueError(f"rate {rate:g} and burst {burst:g}: expected above 0 and at least 1")
        self._rate, self._burst = rate, burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, key: str, now: float) -> float:
        """Take one token of `key` and return 0, or leave it and return the seconds until there is one."""
        tokens, last = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - last) * self._rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            return (1 - tokens) / self._rate
        if len(self._buckets) >= MOST_KEYS and key not in self._buckets:
            self._forget(now)
        self._buckets[key] = (tokens - 1, now)
        return 0.0

    def _forget(self, now: float) -> None:
        full = self._burst / self._rate
        kept = {key: bucket for key, bucket in self._buckets.items() if now - bucket[1] < full}
        # Where even the busy ones are too many, the older half goes: it is let in afresh, and memory stays bounded.
        self._buckets = dict(list(kept.items())[len(kept) // 2 :]) if len(kept) >= MOST_KEYS else kept
