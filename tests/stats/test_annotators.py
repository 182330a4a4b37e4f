"""Bad annotators are caught, good ones left alone."""

import numpy as np
import pytest

from vlmeval.stats.annotators import benjamini_hochberg, conduct
from vlmeval.stats.davidson import Davidson


def test_benjamini_hochberg_is_the_step_up_rule() -> None:
    assert benjamini_hochberg(np.array([0.001, 0.04, 0.02, 0.9])).tolist() == [True, False, True, False]
    assert benjamini_hochberg(np.array([0.5, 0.06])).tolist() == [False, False]


def test_random_reversed_and_sided_annotators_are_flagged_at_100_votes_and_few_others() -> None:
    generator = np.random.default_rng(8)
    people, votes = 60, 100
    annotator = np.repeat(np.arange(people), votes)
    eta = generator.normal(0, 1.0, people * votes)
    chances = Davidson().probabilities(eta, -0.2)
    draw = generator.random(people * votes)
    outcome = (draw > chances[0]).astype(np.int8) + (draw > chances[0] + chances[1]).astype(np.int8)
    outcome[annotator < 5] = generator.integers(0, 3, 5 * votes)
    outcome[(annotator >= 5) & (annotator < 10)] = 2 - outcome[(annotator >= 5) & (annotator < 10)]
    outcome[(annotator >= 10) & (annotator < 15)] = 0
    found = conduct(eta, chances, outcome, annotator, people)
    assert found.random[:10].all()
    assert found.sided[10:15].all()
    assert (found.random | found.sided)[15:].mean() <= 0.05
    assert found.votes.tolist() == [votes] * people


def test_no_votes_give_no_flag() -> None:
    found = conduct(np.zeros(1), Davidson().probabilities(np.zeros(1), None), np.array([0]), np.array([1]), 2)
    assert not found.random.any()
    assert found.follows[0] == pytest.approx(0)
