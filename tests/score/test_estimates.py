import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.score.runs import CHOICE, question
from vlmeval.metrics.accuracy import Accuracy, VanillaAll
from vlmeval.score.estimates import Column, estimate_all, slice_masks
from vlmeval.score.measure import Measure
from vlmeval.score.signature import Recipe
from vlmeval.types import Estimate, Sample

RECIPE = Recipe(
    task=CHOICE,
    sampling=CHOICE.sampling,
    prompt="p" * 8,
    parser="",
    data_digest="d" * 8,
    coverage=1.0,
    judge=None,
    errors="fail",
)
Rows = list[tuple[Sample, tuple[float, float]]]


def estimated(rows: Rows) -> tuple[Estimate, ...]:
    samples = [sample for sample, _ in rows]
    columns = [Column(Measure("accuracy", Accuracy(), samples)), Column(Measure("vanilla_all", VanillaAll(), samples))]
    for place, (_, row) in enumerate(rows):
        columns[0].add(place, (float(row[0] == row[1]), 1.0))
        columns[1].add(place, row)
    return estimate_all(columns, samples, ("category",), RECIPE)


def drawn(number: int, seed: int) -> Rows:
    generator = random.Random(seed)
    return [
        (
            question(
                place, category=generator.choice("abc"), cluster=generator.choice(("", "x", "y", f"c{place % 9}"))
            ),
            (float(generator.randint(0, 4)), 4.0),
        )
        for place in range(number)
    ]


@settings(max_examples=40, deadline=None)
@given(number=st.integers(1, 60), seed=st.integers(0, 99))
def test_the_order_of_the_samples_changes_no_digit(number: int, seed: int) -> None:
    rows = drawn(number, seed)
    assert estimated(rows) == estimated(random.Random(seed).sample(rows, number))


@settings(max_examples=40, deadline=None)
@given(number=st.integers(2, 60), seed=st.integers(0, 99))
def test_slices_add_up_to_the_whole(number: int, seed: int) -> None:
    found = [one for one in estimated(drawn(number, seed)) if one.metric == "accuracy"]
    whole, *parts = found
    assert sum(part.samples for part in parts) == whole.samples == number
    assert np.isclose(sum(part.value * part.samples for part in parts) / number, whole.value)


@settings(max_examples=40, deadline=None)
@given(number=st.integers(1, 60), seed=st.integers(0, 99))
def test_every_interval_holds_its_value_or_is_absent(number: int, seed: int) -> None:
    for one in estimated(drawn(number, seed)):
        if one.low is not None and one.high is not None:
            assert one.low < one.high
            assert one.low <= one.value <= one.high
        else:
            assert one.metric == "vanilla_all"


def test_a_cluster_and_a_sample_of_one_name_are_two_clusters() -> None:
    rows: Rows = [(question(1), (1.0, 1.0)), (question(2, cluster="q1"), (0.0, 1.0))]
    assert estimated(rows)[0].clusters == 2


def test_slices_come_by_tag_as_given_and_by_value_as_sorted() -> None:
    samples = [question(0, category="b"), question(1, category="a"), question(2)]
    samples[2].tags["level"] = "1"
    names = [name for name, _ in slice_masks(samples, ("level", "category", "absent"))]
    assert names == ["", "level=1", "category=a", "category=b"]


def test_a_tag_of_several_lines_puts_the_sample_into_a_slice_for_each() -> None:
    samples = [
        Sample("1", (), tags={"skills": "maths\nlogic"}),
        Sample("2", (), tags={"skills": "maths"}),
        Sample("3", ()),
    ]
    masks = {name: mask.tolist() for name, mask in slice_masks(samples, ("skills",))}
    assert masks == {"": [True, True, True], "skills=logic": [True, False, False], "skills=maths": [True, True, False]}
