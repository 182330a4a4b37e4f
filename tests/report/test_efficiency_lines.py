from vlmeval.report.figures import efficiency_lines
from vlmeval.store.efficiency import Efficiency, Meters, Percentiles


def test_speed_memory_and_energy_are_lines_with_their_units() -> None:
    whole = Efficiency(
        samples=200,
        requests=800,
        seconds=50.0,
        output_tokens=1600,
        latency_seconds=Percentiles(0.5, 0.75, 1.25),
        first_token_seconds=Percentiles(0.125, 0.25, 0.5),
        meters=Meters(3 * 2**30, 2**30, 5000.0),
    )
    assert efficiency_lines(whole) == [
        ("throughput", "4.00 samples a second", "32.0 tokens a second"),
        ("latency", "0.500 s", "90 % within 0.750 s, 99 % within 1.250 s"),
        ("first token", "0.125 s", "90 % within 0.250 s, 99 % within 0.500 s"),
        ("memory of the host", "3,072 MiB", "at its peak"),
        ("memory of devices", "1,024 MiB", "at its peak"),
        ("energy", "5,000 J", "25.0 J a sample"),
    ]


def test_what_is_not_known_has_no_line() -> None:
    assert efficiency_lines(None) == []
    assert efficiency_lines(Efficiency()) == []
