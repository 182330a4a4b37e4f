"""`vlmeval doctor` on models of a person's own: the first thing that is tried, so the first thing that goes wrong."""

from pathlib import Path

import pytest

from vlmeval.cli.main import run


def doctor(folder: Path, body: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return exit status, stdout and stderr of a trial of a class with this body."""
    path = folder / "own.py"
    path.write_text(f"class Own:\n{body}\n")
    with pytest.raises(SystemExit) as ended:
        run(["doctor", "--model", f"{path}:Own"])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_a_model_that_answers_is_shown_with_prompt_and_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = doctor(tmp_path, "    def generate(self, requests): return ['B' for _ in requests]", capsys)
    assert status == 0, err
    assert "What colour is the square?" in out
    assert "answer   'B'" in out


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    def generate(self, requests): return {}['nowhere']", ["KeyError", "own.py:2", "nowhere"]),
        ("    def generate(self, requests): return []", ["returned 0 items for 1 requests"]),
        ("    def generate(self, requests): return [None]", ["returned NoneType"]),
        (
            "    def recipe(self): return 1 / 0\n    def generate(self, requests): ...",
            ["ZeroDivisionError", "own.py:2"],
        ),
        ("    def close(self): 1 / 0\n    def generate(self, requests): return ['B']", ["close()", "own.py:2"]),
    ],
)
def test_a_bug_in_a_model_is_one_message_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, said: list[str]
) -> None:
    status, _, err = doctor(tmp_path, body, capsys)
    assert status in (1, 2)
    assert "Traceback" not in err
    assert len(err.splitlines()) < 8
    for text in said:
        assert text in err
