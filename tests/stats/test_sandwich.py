"""Covariances of strengths: the sums as defined, by the slow way, and their limits."""

import numpy as np
import pytest

from tests.stats.test_pairwise import EVERY
from vlmeval.stats import sandwich
from vlmeval.stats.clusters import Floats, Integers
from vlmeval.stats.comparisons import Cells, collapse, one_by_one
from vlmeval.stats.davidson import Davidson
from vlmeval.stats.pairwise import Fit, fit
from vlmeval.stats.responses import ResponseModel
from vlmeval.stats.sandwich import Ballot, cluster_covariance, positive, renumbered, vote_covariance

SIZE, VOTES = 6, 800


def session(seed: int = 0) -> tuple[Ballot, Integers, Integers]:
    """Return votes, annotators and prompts."""
    generator = np.random.default_rng(seed)
    left = generator.integers(0, SIZE, VOTES)
    right = (left + generator.integers(1, SIZE, VOTES)) % SIZE
    outcome = generator.integers(0, 3, VOTES)
    return Ballot(left, right, outcome), generator.integers(0, 15, VOTES), generator.integers(0, 60, VOTES)


def whole(ballot: Ballot) -> Cells:
    return collapse(ballot.left, ballot.right, ballot.outcome, SIZE)


def score_rows(found: Fit, ballot: Ballot) -> Floats:
    """Return the score of each vote, (n, P), vote by vote."""
    cells = one_by_one(ballot.left, ballot.right, ballot.outcome, SIZE, features=np.zeros((VOTES, 0)))
    response = found.response(cells)
    rows = np.zeros((VOTES, len(found.inverse)))
    for vote in range(VOTES):
        code = int(ballot.outcome[vote])
        rows[vote, ballot.left[vote]] += response.slope[code, vote]
        rows[vote, ballot.right[vote]] -= response.slope[code, vote]
        if found.side is not None:
            rows[vote, SIZE] = response.slope[code, vote]
        if response.tie_slope is not None:
            rows[vote, -1] = response.tie_slope[code, vote]
    return rows


def by_definition(found: Fit, ballot: Ballot, codes: Integers) -> Floats:
    rows = score_rows(found, ballot)
    sums = np.array([rows[codes == code].sum(axis=0) for code in np.unique(codes)])
    factor = len(sums) / (len(sums) - 1)
    product: Floats = found.inverse @ (factor * sums.T @ sums) @ found.inverse
    return product


@EVERY
@pytest.mark.parametrize("side", [False, True])
def test_vote_level_covariance_is_the_sum_over_votes(model: ResponseModel, side: bool) -> None:
    ballot, _, _ = session()
    found = fit(whole(ballot), model, side=side)
    expected = by_definition(found, ballot, np.arange(VOTES)) * (VOTES - 1) / VOTES
    assert vote_covariance(found, whole(ballot)).matrix == pytest.approx(expected, abs=1e-12)


@EVERY
@pytest.mark.parametrize("side", [False, True])
def test_two_way_covariance_is_one_plus_other_minus_both(model: ResponseModel, side: bool) -> None:
    ballot, annotators, prompts = session()
    found = fit(whole(ballot), model, side=side)
    one, other = by_definition(found, ballot, annotators), by_definition(found, ballot, prompts)
    both = by_definition(found, ballot, annotators * 1000 + prompts)
    two_way = cluster_covariance(found, ballot, {"annotators": annotators, "prompts": prompts})
    assert two_way.matrix == pytest.approx(positive(one + other - both), abs=1e-12)
    assert cluster_covariance(found, ballot, {"prompts": prompts}).matrix == pytest.approx(other, abs=1e-12)
    assert two_way.freedom == 14
    assert two_way.clusters == {"annotators": 15, "prompts": 60}


def test_blocks_of_clusters_give_the_sum_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    ballot, _, prompts = session()
    found = fit(whole(ballot), Davidson())
    expected = cluster_covariance(found, ballot, {"prompts": prompts}).matrix
    monkeypatch.setattr(sandwich, "ROWS_IN_MEMORY", 50)
    assert cluster_covariance(found, ballot, {"prompts": prompts}).matrix == pytest.approx(expected, abs=1e-12)


def test_weights_of_one_change_nothing_and_scale_with_their_square() -> None:
    ballot, annotators, _ = session()
    found = fit(whole(ballot), Davidson())
    plain = cluster_covariance(found, ballot, {"annotators": annotators}).matrix
    heavy = Ballot(ballot.left, ballot.right, ballot.outcome, None, np.full(VOTES, 3.0))
    assert cluster_covariance(found, heavy, {"annotators": annotators}).matrix == pytest.approx(9 * plain, abs=1e-12)


def test_negative_eigenvalues_are_clipped() -> None:
    clipped = positive(np.diag([1.0, -0.5]))
    assert clipped == pytest.approx(np.diag([1.0, 0.0]))


def test_differences_come_from_the_covariance_not_from_the_errors() -> None:
    ballot, _, _ = session()
    found = vote_covariance(fit(whole(ballot), Davidson()), whole(ballot))
    contrast = np.zeros(len(found.matrix))
    contrast[[1, 4]] = 1, -1
    assert found.differences(SIZE)[1, 4] == pytest.approx(np.sqrt(contrast @ found.matrix @ contrast))


def test_few_clusters_are_told() -> None:
    ballot, annotators, prompts = session()
    found = fit(whole(ballot), Davidson())
    assert cluster_covariance(found, ballot, {"annotators": annotators % 9}).few
    assert not cluster_covariance(found, ballot, {"prompts": prompts}).few


def test_one_cluster_is_refused() -> None:
    ballot, annotators, _ = session()
    with pytest.raises(ValueError, match="1 annotators: clusters need two"):
        cluster_covariance(fit(whole(ballot), Davidson()), ballot, {"annotators": 0 * annotators})


@pytest.mark.parametrize("codes", [[3, 1, 3, 7], [0, 1, 2], [10**9, 5, 10**9]])
def test_codes_are_renumbered_in_their_order(codes: list[int]) -> None:
    expected = np.unique(codes, return_inverse=True)[1]
    assert np.array_equal(renumbered(np.array(codes)), expected)
