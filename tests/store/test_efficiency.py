import pytest

from vlmeval.store.efficiency import Efficiency, Meters, Percentiles, measured
from vlmeval.types import Failure, Outcome, Output, Record


def record(sample: str, outcome: Outcome) -> Record:
    return Record("k" * 64, sample, "", outcome)


def test_percentiles_are_values_that_occurred() -> None:
    assert Percentiles.of([float(number) for number in range(100, 0, -1)]) == Percentiles(50.0, 90.0, 99.0)
    assert Percentiles.of([3.0]) == Percentiles(3.0, 3.0, 3.0)
    assert Percentiles.of([]) is None


def test_figures_are_those_of_answers_and_failures_cost_only_time() -> None:
    records = [
        record("a", Output("x", prompt_tokens=10, output_tokens=4, seconds=0.5, first_token_seconds=0.1)),
        record("a", Output("y", prompt_tokens=10, output_tokens=6, seconds=1.5, first_token_seconds=0.3)),
        record("b", Failure("crash", "no")),
        record("c", Output("z")),
    ]
    found = measured(records, seconds=4.0, meters=Meters(joules=8.0), untold=[9.0])
    assert (found.samples, found.requests, found.prompt_tokens, found.output_tokens) == (2, 3, 20, 10)
    assert found.samples_per_second == 0.5
    assert found.output_tokens_per_second == 2.5
    assert found.joules_per_sample == 4.0
    assert found.latency_seconds == Percentiles(1.5, 9.0, 9.0)
    assert found.first_token_seconds == Percentiles(0.1, 0.3, 0.3)


def test_what_was_not_measured_is_absent_and_not_zero() -> None:
    nothing = Efficiency()
    assert nothing.samples_per_second is None
    assert nothing.joules_per_sample is None
    assert measured([record("a", Output("x"))], seconds=1.0, meters=Meters()).output_tokens_per_second is None


@pytest.mark.parametrize(
    ("earlier", "later", "both"),
    [
        (Meters(5, None, 1.0), Meters(3, 7, 2.0), Meters(5, 7, 3.0)),
        (Meters(), Meters(3, 7, 2.0), Meters(3, 7, None)),
        (Meters(), Meters(), Meters()),
    ],
)
def test_two_sessions_add_energy_and_keep_the_higher_peak(earlier: Meters, later: Meters, both: Meters) -> None:
    assert later.after(earlier) == both
