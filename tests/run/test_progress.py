import io

from vlmeval.run.limits import Tally
from vlmeval.run.progress import ProgressBar, ProgressLines, Quiet, duration, open_progress, short_count


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Time:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_log_gets_one_line_every_ten_seconds_and_one_at_the_end() -> None:
    stream, time = io.StringIO(), Time()
    lines = ProgressLines("mmbench demo", 1000, stream, now=time)
    for second in range(100):
        time.seconds = second / 4
        lines.show(Tally(samples=100 + 10 * second, earlier_samples=100))
    time.seconds = 25.0
    tally = Tally(1000, 100, 990, {"transient": 9, "refused": 1}, 1_200_000, 3_000, 0.417)
    lines.close(tally)
    assert stream.getvalue().splitlines() == [
        "mmbench demo: 500/1000 samples, 40.0/s, 0:12 left",
        "mmbench demo: 900/1000 samples, 40.0/s, 0:02 left",
        "mmbench demo: 1000/1000 samples, 36.0/s, 10 requests failed, 1.2M tokens, $0.42",
    ]


def test_a_terminal_gets_a_bar_with_rate_failures_tokens_and_cost() -> None:
    stream, time = Terminal(), Time()
    bar = ProgressBar("mmbench", 100, stream, now=time)
    for second in range(50):
        time.seconds = second / 10
        bar.show(Tally(samples=second, failures={"transient": 2}, prompt_tokens=12_345, cost=0.5))
    bar.say("a message")
    bar.close(Tally(samples=100, failures={"transient": 3}))
    shown = stream.getvalue()
    assert "2 requests failed, 12.3k tokens, $0.50" in shown
    assert "a message" in shown
    assert "100/100" in shown
    assert shown.count("\r") < 60


def test_the_stream_decides_and_quiet_says_messages_only() -> None:
    assert isinstance(open_progress("x", None, quiet=False, stream=io.StringIO()), ProgressLines)
    bar = open_progress("x", None, quiet=False, stream=Terminal())
    assert isinstance(bar, ProgressBar)
    bar.close(Tally())
    stream = Terminal()
    quiet = open_progress("x", 1, quiet=True, stream=stream)
    assert isinstance(quiet, Quiet)
    quiet.show(Tally())
    quiet.say("stopping")
    quiet.close(Tally())
    assert stream.getvalue() == "stopping\n"


def test_without_a_total_there_is_no_estimate() -> None:
    stream = io.StringIO()
    ProgressLines("x", None, stream, now=Time()).close(Tally(samples=3))
    assert stream.getvalue() == "x: 3 samples, 0.0/s\n"


def test_a_run_that_had_nothing_to_ask_shows_no_rate() -> None:
    stream = io.StringIO()
    ProgressLines("x", 3, stream, now=Time()).close(Tally(samples=3, earlier_samples=3))
    assert stream.getvalue() == "x: 3/3 samples, all from before\n"


def test_counts_and_durations_are_short() -> None:
    assert [short_count(number) for number in (0, 999, 1000, 12_345, 2_500_000)] == [
        "0",
        "999",
        "1.0k",
        "12.3k",
        "2.5M",
    ]
    assert [duration(seconds) for seconds in (0.4, 42, 725, 10_800)] == ["0:00", "0:42", "12:05", "3:00:00"]
