"""Live ratings: the same as a fit from the beginning, whatever was added and taken back."""

import numpy as np
import pytest

from vlmeval.sbs.live import LiveRatings
from vlmeval.sbs.simulate import Session, simulate
from vlmeval.sbs.strengths import PSEUDO_VOTES, Recipe, strengths
from vlmeval.sbs.votes import BOTH_BAD

RECIPE = Recipe(pseudo_votes=PSEUDO_VOTES, cluster="none")


def test_votes_added_one_by_one_rate_as_all_at_once() -> None:
    votes = simulate(Session((-0.5, 0.0, 0.2, 0.5), 300, nu=0.5), np.random.default_rng(3))
    live = LiveRatings(votes.models, RECIPE)
    for left, right, outcome in zip(votes.left.tolist(), votes.right.tolist(), votes.outcome.tolist(), strict=True):
        live.add(left, right, outcome)
        live.ratings()
    shown = {one.model: one for one in live.ratings()}
    group = strengths(votes, RECIPE).groups[0]
    errors = np.sqrt(np.diag(group.fitted.inverse))
    for place, name in enumerate(votes.models):
        rating = 1000 + RECIPE.scale * group.fitted.theta[place]
        assert shown[name].rating == pytest.approx(rating, abs=1e-7)
        half = 1.959963985 * errors[place] * RECIPE.scale
        assert shown[name].high - shown[name].rating == pytest.approx(half, abs=1e-6)


def test_an_undone_vote_leaves_no_trace() -> None:
    live = LiveRatings(("a", "b"), RECIPE)
    live.add(0, 1, 0)
    before = live.ratings()
    live.add(1, 0, BOTH_BAD)
    live.add(1, 0, BOTH_BAD, votes=-1)
    assert [one.rating for one in live.ratings()] == pytest.approx([one.rating for one in before])
    with pytest.raises(ValueError, match="no such vote to take back"):
        live.add(0, 1, 2, votes=-1)


def test_models_that_no_vote_joins_have_no_ratings_yet() -> None:
    live = LiveRatings(("a", "b", "c"), RECIPE)
    assert live.ratings() == []
    live.add(0, 1, 0)
    assert live.ratings() == []
    live.add(1, 2, 1)
    assert live.ratings()[0].model == "a"


@pytest.mark.parametrize(("left", "right", "outcome"), [(0, 0, 1), (0, 1, 4), (0, 1, -1)])
def test_what_is_no_vote_is_refused(left: int, right: int, outcome: int) -> None:
    with pytest.raises(ValueError, match="no vote"):
        LiveRatings(("a", "b"), RECIPE).add(left, right, outcome)
