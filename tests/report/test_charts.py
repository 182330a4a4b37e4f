"""What a page draws of all replies: lengths and times, what was chosen for what, several tries, costs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.score.compared import first, scored
from tests.score.runs import CHOICE
from vlmeval.jsonio import read_json
from vlmeval.report.charts import BINS, UNREAD, confusion, costs, epochs, histogram, histograms
from vlmeval.report.page import read_samples
from vlmeval.store.results import Manifest, Pass, ScoredSample, Scores
from vlmeval.types import Failure, Output


def sample(name: str, *passes: Pass, gold: str = "B", choices: tuple[str, ...] = ("red", "blue")) -> ScoredSample:
    return ScoredSample(name, "answered", (f"{name}?",), passes, (gold,), choices)


def said(value: str | None, *, shown: tuple[str, ...] = ("A", "B"), variant: str = "", right: bool = False) -> Pass:
    return Pass(variant, ("?",), Output("..."), shown=shown, value=value, rule="letter", right=right)


def test_confusion_is_of_the_letters_as_displayed() -> None:
    found = confusion([sample("a", said("B"), said("B", shown=("B", "A")), said("A", shown=("B", "A")), said(None))])
    assert found is not None
    assert found.columns == ("A", "B", UNREAD)
    rows = {gold: [count for count, _ in cells] for gold, cells, _ in found.rows}
    assert rows == {"A": [1, 1, 0], "B": [0, 1, 1]}
    assert [right for _, _, right in found.rows] == ["50.0", "50.0"]
    assert found.passes == 4


def test_confusion_of_yes_and_no_tells_which_way_a_model_leans() -> None:
    samples = [
        sample(f"{number}", said(value, shown=()), gold=gold, choices=())
        for number, (gold, value) in enumerate([("yes", "yes"), ("no", "Yes"), ("no", "no"), ("no", "perhaps")])
    ]
    found = confusion(samples)
    assert found is not None
    assert found.columns == ("yes", "no", UNREAD)
    assert [[count for count, _ in cells] for _, cells, _ in found.rows] == [[1, 0, 0], [1, 1, 1]]


def test_free_answers_and_failed_passes_have_no_confusion() -> None:
    failed = Pass("", ("?",), Failure("transient", "gone"), shown=("A", "B"))
    assert confusion([sample("a", said("7", shown=()), gold="7", choices=()), sample("b", failed)]) is None


@given(st.lists(st.floats(0, 1e6) | st.integers(0, 5000).map(float), min_size=1, max_size=60))
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    found = histogram("Latency", "s", [*values, 1.0])
    assert sum(int(words.rpartition(": ")[2]) for _, words in found.bars) == len(values) + 1
    assert len(found.bars) <= BINS
    assert max(height for height, _ in found.bars) == 100
    assert f"n = {len(values) + 1}" in found.facts


def test_one_slow_reply_does_not_flatten_all_others() -> None:
    found = histogram("Latency", "s", [0.1 + 0.01 * (number % 10) for number in range(500)] + [90.0])
    assert sum(height > 0 for height, _ in found.bars) > 5
    assert "longest 90 s" in found.facts
    assert "more" in found.last


def test_lengths_are_tokens_where_they_are_known_and_characters_where_not() -> None:
    assert [(one.title, one.unit) for one in histograms([Output("red", output_tokens=2, seconds=0.5)])] == [
        ("Answer length", "tokens"),
        ("Latency", "s"),
    ]
    assert [one.unit for one in histograms([Output("red")])] == ["characters"]
    assert histograms([]) == []


def test_epochs_part_the_variance_of_tries_from_that_of_samples() -> None:
    def tried(name: str, *rights: bool) -> ScoredSample:
        passes = [said("B", variant=f"epoch{number}", right=right) for number, right in enumerate(rights)]
        return sample(name, *passes)

    steady = epochs([tried("a", True, True), tried("b", False, False), tried("c", True, True)])
    assert steady is not None
    assert (steady.samples, steady.tries, steady.mean, steady.within) == (3, 2, "66.7", "0.0")
    restless = epochs([tried("a", True, False), tried("b", False, True)])
    assert restless is not None
    assert float(restless.within) > float(restless.between)
    assert epochs([sample("a", said("B"))]) is None


@pytest.mark.parametrize("samples", [0, 100])
def test_costs_are_whole_and_by_sample_and_the_judge_stands_apart(samples: int) -> None:
    manifest = Manifest(
        run_id="r", fingerprint="f", recipe={}, task=None, model="m", model_name="m", origin=None,  # type: ignore[arg-type]
        counts={"samples": samples, "requests": 400, "judge.answered": 7}, seconds=50.0,
        usage={"prompt_tokens": 8000, "output_tokens": 200, "usd": 0.5, "judge.usd": 0.01, "judge.prompt_tokens": 70},
    )  # fmt: skip
    found = {what: (amount, note) for what, amount, note in costs(manifest)}
    assert found["requests"][0] == "400"
    assert found["price"] == ("0.5000 USD", "5.0000 a thousand samples" if samples else "")
    assert found["prompt tokens"] == ("8,000", "80.0 a sample" if samples else "")
    assert found["judge's price"][0] == "0.0100 USD"
    assert found["judge's requests"][0] == "7"
    assert found["time"] == ("50.0 s", "2.0 samples a second" if samples else "")


def test_the_confusion_of_a_scored_run_adds_up_to_its_position_bias(tmp_path: Path) -> None:
    folder = scored(tmp_path, "model", {**first(30), "q31": "no letter here"}, task=CHOICE)
    found = confusion(read_samples(folder.samples))
    letters = read_json(folder.scores, Scores).letters
    assert found is not None
    rows = {gold: [count for count, _ in cells] for gold, cells, _ in found.rows}
    assert {one.letter: one.gold for one in letters if one.gold} == {gold: sum(row) for gold, row in rows.items()}
    for one in letters:
        place = found.columns.index(one.letter)
        assert sum(row[place] for row in rows.values()) == one.chosen
        assert rows[one.letter][place] == one.right
