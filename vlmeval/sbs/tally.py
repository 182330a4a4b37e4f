"""The counts of a running study, kept up to date from its audit log: only what is new is read."""

from __future__ import annotations

from itertools import pairwise

from vlmeval.sbs import audit
from vlmeval.sbs.database import Database
from vlmeval.sbs.live import LiveRating, LiveRatings
from vlmeval.sbs.strengths import Recipe
from vlmeval.sbs.votes import BOTH_BAD
from vlmeval.stats.comparisons import LEFT, RIGHT, TIE

CODES = {"left": LEFT, "right": RIGHT, "tie": TIE, "both_bad": BOTH_BAD}
REFIT_SHARE = 0.02
REFIT_VOTES = 10


class LiveTally:
    """Follows one study. `adjacent` refits after 10 more votes, or 2 % more where that is more; `ratings` always."""

    def __init__(self) -> None:
        self._models: dict[int, str] = {}
        self._places: dict[int, int] = {}
        self._items: dict[int, tuple[int, int]] = {}
        self._ratings: LiveRatings | None = None
        self._seq = 0
        self._votes = 0
        self._fitted_at = -1
        self._adjacent: frozenset[frozenset[int]] = frozenset()

    def follow(self, database: Database) -> None:
        """Take in the votes since the last call."""
        for event in audit.events(database, after=self._seq):
            self._seq = event.seq
            if event.kind == "content":
                self._read_items(database)
            elif event.kind == "vote":
                self._count(event.body, 1)
            elif event.kind == "undo" and event.body["undone"] in CODES:
                self._count(event.body, -1)

    def ratings(self) -> list[LiveRating]:
        """Return the ratings, best first; [] until votes join all models."""
        return self._ratings.ratings() if self._ratings is not None else []

    def adjacent(self) -> frozenset[frozenset[int]]:
        """Return the pairs of models (ids) that stand next to each other, none until votes join all models."""
        if self._votes >= self._fitted_at + max(REFIT_VOTES, self._fitted_at * REFIT_SHARE) or self._fitted_at < 0:
            self._fitted_at = self._votes
            ids = {name: model for model, name in self._models.items()}
            order = [ids[one.model] for one in self.ratings()]
            self._adjacent = frozenset(frozenset(pair) for pair in pairwise(order))
        return self._adjacent

    def _read_items(self, database: Database) -> None:
        """Read models and items; a study gets them once."""
        self._models = {int(key): str(name) for key, name in database.rows("select id, name from model order by name")}
        self._places = {model: place for place, model in enumerate(self._models)}
        rows = database.rows(
            "select i.id, p.model_a, p.model_b from item i join pair p on p.id = i.pair where i.gold = ''"
        )
        self._items = {int(item): (int(one), int(other)) for item, one, other in rows}
        self._ratings = LiveRatings(tuple(self._models.values()), Recipe())

    def _count(self, body: dict[str, object], votes: int) -> None:
        models = self._items.get(int(str(body["item"])))
        if models is None or self._ratings is None:
            return
        one, other = models if body["side"] == "a" else models[::-1]
        outcome = CODES[str(body["undone"] if votes < 0 else body["outcome"])]
        self._ratings.add(self._places[one], self._places[other], outcome, votes=votes)
        self._votes += votes
