import csv
import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from vlmeval.score.table import csv_text, markdown, print_scores
from vlmeval.store.results import Coverage, Scores
from vlmeval.types import Estimate, MetricInfo

ACCURACY = MetricInfo("circular", "CircularEval accuracy", scale=100.0, proportion=True)
CIDER = MetricInfo("cider", "CIDEr-D", scale=1.0)
SIGNATURE = "exam:1|circular|n:1164|cov:100"


def made(**fields: Any) -> Scores:
    coverage: dict[str, Any] = {
        "samples": 1164,
        "answered": 1164,
        "unparsed": 0,
        "refused": 0,
        "failed": 0,
        "missing": 0,
    }
    coverage |= {"truncated": 0, **fields.pop("coverage", {})}
    given: dict[str, Any] = {
        "task": "exam", "title": "", "model": "parrot", "run_id": "r1", "primary": "circular", "signature": SIGNATURE,
        "complete": True, "errors": "fail", "policy": "honest", "metrics": (ACCURACY,),
        "estimates": (Estimate("circular", "", 0.67687, 0.6502, 0.7031, 1164, 1164, SIGNATURE),),
    }  # fmt: skip
    return Scores(**(given | fields), coverage=Coverage(**coverage))


def printed(*scores: Scores, width: int = 160, slices: bool = False) -> str:
    stream = io.StringIO()
    print_scores(scores, console=Console(file=stream, width=width, highlight=False), slices=slices)
    return stream.getvalue()


def test_a_number_stands_with_interval_coverage_and_signature() -> None:
    text = printed(made())
    line = next(line for line in text.splitlines() if "parrot" in line and "exam" in line)
    assert line.split() == ["exam", "parrot", "circular", "67.7", "65.0", "–", "70.3", "1164", "100.0", "%"]
    assert f"parrot: {SIGNATURE}" in text


def test_states_appear_when_they_occur() -> None:
    text = printed(made(coverage={"answered": 1160, "unparsed": 3, "failed": 1}, complete=False, notes=("1 failed",)))
    assert "unparsed 3, failed 1" in text
    assert "incomplete: 1 failed" in text
    assert "unparsed" not in printed(made())


def test_what_is_not_known_is_a_dash_and_never_zero() -> None:
    bare = (Estimate("circular", "", 0.5, None, None, 1, 1, SIGNATURE),)
    assert "50.0" in printed(made(estimates=bare))
    assert "—" in printed(made(estimates=bare))
    assert "0.0" not in printed(made(estimates=()))
    assert printed(made(estimates=())).count("—") == 4
    assert printed(made(metrics=(), estimates=(), primary="")).count("—") == 4


def test_metrics_of_different_scales_keep_their_own() -> None:
    estimates = (Estimate("cider", "", 1.1234, 1.05, 1.2, 10, 10, SIGNATURE), *made().estimates)
    text = printed(made(metrics=(CIDER, ACCURACY), estimates=estimates))
    assert "1.123" in text
    assert "67.7" in text
    assert text.index("67.7") < text.index("1.123"), "the primary metric comes first"


def test_counts_and_sums_have_one_decimal() -> None:
    count = MetricInfo("circular", "count")
    text = printed(made(metrics=(count,), estimates=(Estimate("circular", "", 438, 9.5, 1510.66, 9, 9, SIGNATURE),)))
    assert "438.0" in text
    assert "9.500 – 1510.7" in text


def test_slices_are_shown_on_request() -> None:
    estimates = (*made().estimates, Estimate("circular", "category=日常", 0.5, 0.4, 0.6, 20, 20, SIGNATURE))
    assert "日常" not in printed(made(estimates=estimates))
    assert "circular category=日常" in printed(made(estimates=estimates), slices=True)


def test_names_are_text_and_not_markup() -> None:
    assert "[bold]parrot[/bold]" in printed(made(model="[bold]parrot[/bold]"))


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_keeps_every_number(width: int) -> None:
    text = printed(made(model="a-model-with-a-very-long-name-of-a-fine-tune-7b"), width=width)
    assert "67.7" in text
    assert "65.0 – 70.3" in text
    lines = text.splitlines()
    signature = next(line for line in lines if line.startswith("a-model-with-a-very-long-name-of-a-fine-tune-7b: "))
    assert all(cell_len(line) <= width for line in lines[: lines.index(signature)])


def test_markdown_columns_line_up_for_wide_characters_and_pipes_stay_inside_their_cell() -> None:
    text = markdown([made(), made(model="模型|七")])
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({cell_len(line) for line in table}) == 1
    assert len(table) == 4
    assert "模型\\|七" in table[3]
    assert f"- `parrot: {SIGNATURE} run r1`" in text


def test_csv_has_all_slices_in_full_digits() -> None:
    estimates = (*made().estimates, Estimate("circular", "category=a,b", 0.5, None, None, 1, 1, SIGNATURE))
    first, second = csv.DictReader(io.StringIO(csv_text([made(estimates=estimates)])))
    assert float(first["value"]) == 0.67687 * 100
    assert (first["slice"], second["slice"]) == ("", "category=a,b")
    assert (second["low"], second["high"]) == ("", "")
    assert first["coverage"] == "1.0"
    assert first["signature"] == SIGNATURE


def test_csv_keeps_a_run_without_numbers_as_a_row() -> None:
    (row,) = csv.DictReader(io.StringIO(csv_text([made(estimates=(), complete=False)])))
    assert (row["value"], row["samples"], row["complete"]) == ("", "0", "0")


def test_several_runs_share_one_table() -> None:
    text = printed(made(), made(model="crow"))
    assert text.count("95 % interval") == 1
    assert "crow" in text
