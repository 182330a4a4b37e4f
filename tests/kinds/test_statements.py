"""What a statement costs, however a reply repeats its words."""

import time

import pytest

from vlmeval.kinds.parse import extract


@pytest.mark.parametrize("piece", [":", ": ", " is", " is:", "=>", " :is ", " to "])
def test_repeated_verbs_and_colons_after_answer_cost_little(piece: str) -> None:
    started = time.process_time()
    extract(f"The answer{piece * 4000}!", ["a cat", "a dog"])
    assert time.process_time() - started < 1.0
