"""A leaderboard from runs: columns, cells, tiers, suites, published figures, merging."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.score.boards import model_run
from tests.score.runs import CHOICE, FAILED, Reply, question, right, wrong
from vlmeval.data.suites import Member, Suite
from vlmeval.data.task import Published, Task
from vlmeval.errors import ConfigError
from vlmeval.jsonio import read_json
from vlmeval.score.board import BoardOptions, make_board
from vlmeval.score.board_suites import suite_lines
from vlmeval.score.board_tiers import Statistics, standing
from vlmeval.score.board_types import Board, Cell
from vlmeval.stats.clusters import Floats
from vlmeval.store.layout import find_runs
from vlmeval.store.results import Scores
from vlmeval.types import Outcome, Request, Sample

PLAIN = msgspec.structs.replace(
    CHOICE, options={"circular": False}, metrics=("accuracy",), primary="accuracy", published=()
)
SAMPLES = [question(number, category="ab"[number % 2]) for number in range(120)]


def knows(share: float) -> Reply:
    """Return a model that has this share of the questions right."""

    def reply(sample: Sample, request: Request) -> str:
        return (right if int(sample.id[1:]) < share * len(SAMPLES) else wrong)(sample, request)

    return reply


def cell(board: Board, model: str, column: str = "exam") -> Cell:
    return next(one for one in board.cells if (one.model, one.column) == (model, column))


def two_models(results: Path, task: Task = PLAIN) -> Path:
    model_run(results, "good", SAMPLES, knows(0.9), task=task)
    model_run(results, "weak", SAMPLES, knows(0.5), task=task)
    return results


def test_every_cell_has_interval_n_coverage_and_tier(tmp_path: Path) -> None:
    board = make_board(find_runs([two_models(tmp_path)]), BoardOptions())
    good, weak = cell(board, "good"), cell(board, "weak")
    assert (good.value, weak.value) == (90.0, 50.0)
    assert good.low is not None
    assert good.high is not None
    assert good.low < 90 < good.high
    assert (good.samples, good.coverage, good.complete) == (120, 1.0, True)
    assert (good.tier, good.rank_low, good.rank_high) == (1, 1, 1)
    assert (weak.tier, weak.rank_low, weak.rank_high) == (2, 2, 2)
    assert board.columns[0].ranked == 120
    assert good.slices["category=a"].samples == 60


def test_models_that_answer_alike_share_a_tier(tmp_path: Path) -> None:
    two_models(tmp_path)
    model_run(tmp_path, "twin", SAMPLES, knows(0.9), task=PLAIN)
    board = make_board(find_runs([tmp_path]), BoardOptions())
    assert {one.model: one.tier for one in board.cells} == {"good": 1, "twin": 1, "weak": 2}
    assert (cell(board, "twin").rank_low, cell(board, "twin").rank_high) == (1, 2)


def test_an_incomplete_run_is_left_out_and_named_or_shown_as_such(tmp_path: Path) -> None:
    two_models(tmp_path)

    def torn(sample: Sample, request: Request) -> Outcome | str:
        return FAILED if sample.id == "q3" else right(sample, request)

    model_run(tmp_path, "torn", SAMPLES, torn, task=PLAIN, state="incomplete")
    board = make_board(find_runs([tmp_path]), BoardOptions())
    assert {row.name for row in board.rows} == {"good", "weak"}
    assert any("exam, torn" in line and "not complete" in line for line in board.left_out)
    board = make_board(find_runs([tmp_path]), BoardOptions(allow_incomplete=True))
    shown = cell(board, "torn")
    assert (shown.complete, shown.tier, shown.samples) == (False, None, 119)
    assert shown.coverage == pytest.approx(119 / 120)
    assert board.left_out == ()


def test_a_board_without_any_run_is_an_error_that_says_why(tmp_path: Path) -> None:
    model_run(tmp_path, "torn", SAMPLES, lambda sample, request: FAILED, task=PLAIN, state="incomplete")
    with pytest.raises(ConfigError, match="exam, torn"):
        make_board(find_runs([tmp_path]), BoardOptions())


def test_another_prompt_or_other_questions_make_another_column(tmp_path: Path) -> None:
    two_models(tmp_path)
    other = msgspec.structs.replace(PLAIN, prompt="lmms")
    model_run(tmp_path, "else", SAMPLES, knows(0.7), task=other)
    model_run(tmp_path, "part", SAMPLES[:50], knows(0.7), task=PLAIN)
    board = make_board(find_runs([tmp_path]), BoardOptions())
    assert [column.task for column in board.columns] == ["exam"] * 3
    assert board.columns[0].id == "exam"
    assert all(column.id.startswith("exam~") for column in board.columns[1:])
    assert len({column.way for column in board.columns}) == 3
    assert {one.column for one in board.cells if one.model in ("good", "weak")} == {"exam"}


def test_sampling_is_the_models_own_and_parts_no_column(tmp_path: Path) -> None:
    two_models(tmp_path)
    warm = msgspec.structs.replace(PLAIN, sampling=msgspec.structs.replace(PLAIN.sampling, temperature=0.7))
    model_run(tmp_path, "warm", SAMPLES, knows(0.7), task=warm)
    board = make_board(find_runs([tmp_path]), BoardOptions())
    assert [column.id for column in board.columns] == ["exam"]


def test_the_newest_run_counts_and_older_ones_are_named(tmp_path: Path) -> None:
    for day, share in ((2, 0.8), (1, 0.5)):
        model_run(
            tmp_path, "good", SAMPLES, knows(share), task=PLAIN, run_id=f"r{day}", started=f"2025-01-0{day}T00:00:00Z"
        )
    board = make_board(find_runs([tmp_path]), BoardOptions())
    assert (cell(board, "good").value, cell(board, "good").others) == (80.0, ("r1",))


def test_results_of_several_people_are_merged_by_copying_folders(tmp_path: Path) -> None:
    for person, model, share in (("ann", "good", 0.9), ("bob", "weak", 0.5)):
        model_run(tmp_path / person, model, SAMPLES, knows(share), task=PLAIN)
    apart = make_board(find_runs([tmp_path / "ann", tmp_path / "bob"]), BoardOptions())
    for person in ("ann", "bob"):
        shutil.copytree(tmp_path / person, tmp_path / "all", dirs_exist_ok=True)
    together = make_board(find_runs([tmp_path / "all"]), BoardOptions())
    twice = make_board(find_runs([tmp_path / "all", tmp_path / "ann"]), BoardOptions())
    views = [
        [(one.model, one.value, one.tier, one.others) for one in board.cells] for board in (apart, together, twice)
    ]
    assert views[0] == views[1] == views[2]
    assert len(views[0]) == 2


def test_published_figures_stand_beside_the_measured_and_those_of_others_apart(tmp_path: Path) -> None:
    task = msgspec.structs.replace(
        PLAIN,
        published=(
            Published("good", 90.4, "a paper"),
            Published("weak", 70.0, "a paper"),
            Published("weak", 50.0, "a table", samples=1000),
            Published("stranger", 99.0, "a blog"),
        ),
    )
    board = make_board(find_runs([two_models(tmp_path, task)]), BoardOptions())
    assert [mark.standing for mark in cell(board, "good").published] == ["reproduced"]
    weak = cell(board, "weak").published
    assert [mark.standing for mark in weak] == ["differs", "not comparable"]
    assert weak[0].difference == pytest.approx(-20.0)
    assert "n: 120 samples, published on 1000" in weak[1].verdict
    assert [(one.model, one.value, one.source) for one in board.known] == [("stranger", 99.0, "a blog")]


def test_a_suite_averages_the_models_that_have_all_of_it(tmp_path: Path) -> None:
    two_models(tmp_path)
    other = msgspec.structs.replace(PLAIN, name="quiz", benchmark="quiz")
    model_run(tmp_path, "good", SAMPLES, knows(0.6), task=other, run_id="quiz")
    suite = Suite("both", (Member("exam", 3.0), Member("quiz", 1.0)))
    (column,) = make_board(find_runs([tmp_path]), BoardOptions(suites=[suite])).suites
    averages = {one.model: one for one in column.cells}
    assert column.recipe == "0.75 x exam + 0.25 x quiz"
    assert averages["good"].value == pytest.approx(0.75 * 90 + 0.25 * 60)
    assert (averages["weak"].value, averages["weak"].missing) == (None, ("quiz",))
    assert averages["good"].low is not None
    assert averages["good"].low < averages["good"].value < averages["good"].high  # type: ignore[operator]


def test_tasks_of_one_benchmark_are_taken_as_the_same_samples_in_an_average(tmp_path: Path) -> None:
    halves = {}
    for benchmark in ("exam", "quiz"):
        root = tmp_path / benchmark
        two_models(root)
        other = msgspec.structs.replace(PLAIN, name="quiz", benchmark=benchmark)
        model_run(root, "good", SAMPLES, knows(0.9), task=other, run_id="quiz")
        suite = Suite("both", (Member("exam"), Member("quiz")))
        (column,) = make_board(find_runs([root]), BoardOptions(suites=[suite])).suites
        own = column.cells[0]
        assert own.low is not None
        assert own.high is not None
        halves[benchmark] = (own.high - own.low) / 2
    assert halves["exam"] == pytest.approx(halves["quiz"] * np.sqrt(2), rel=1e-6)


def test_a_whole_suite_among_scored_runs_has_a_line_with_its_recipe(tmp_path: Path) -> None:
    two_models(tmp_path)
    other = msgspec.structs.replace(PLAIN, name="quiz", benchmark="quiz")
    model_run(tmp_path, "good", SAMPLES, knows(0.6), task=other, run_id="quiz")
    runs = [(read_json(folder.scores, Scores), "exam") for folder in find_runs([tmp_path])]
    suite = Suite("both", (Member("exam"), Member("quiz")))
    (line,) = suite_lines(runs, [suite, Suite("group", suite.tasks, averaged=False)])
    assert line.startswith("both, good: 75.0 (")
    assert line.endswith("mean of exam, quiz")


def share(totals: Floats) -> Floats:
    found: Floats = totals[..., 0] / totals[..., 1]
    return found


def simulated(rights: list[list[bool]]) -> list[dict[str, Statistics]]:
    return [
        {f"q{at}": Statistics(f"q{at}", "", {"accuracy": (float(hit), 1.0)}) for at, hit in enumerate(run)}
        for run in rights
    ]


def test_models_of_one_skill_are_seldom_told_apart() -> None:
    generator = np.random.default_rng(0)
    apart = 0
    for _ in range(300):
        hard = generator.beta(2, 1, size=150)
        runs = simulated([(generator.random(150) < hard).tolist() for _ in range(3)])
        found = standing(runs, "accuracy", share, higher_is_better=True, proportion=True)
        assert found is not None
        apart += int(found.tier.max() > 1)
    assert apart / 300 <= 0.07


def test_a_planted_difference_is_found_on_paired_samples() -> None:
    generator = np.random.default_rng(1)
    found = 0
    for _ in range(40):
        base = generator.random(2000) < 0.6
        worse, better = base & (generator.random(2000) > 0.01), base | (generator.random(2000) < 0.075)
        ranks = standing(
            simulated([worse.tolist(), better.tolist()]), "accuracy", share, higher_is_better=True, proportion=True
        )
        assert ranks is not None
        found += list(ranks.tier) == [2, 1]
    assert found >= 38


def test_few_flips_separate_only_where_the_exact_test_does() -> None:
    def tiers(flips: int) -> list[int]:
        one = [True] * 100
        ranks = standing(
            simulated([one, [at >= flips for at in range(100)]]), "accuracy", share, higher_is_better=True,
            proportion=True,
        )  # fmt: skip
        assert ranks is not None
        return list(ranks.tier)

    assert tiers(5) == [1, 1]  # McNemar's p is .0625
    assert tiers(6) == [1, 2]


def test_a_lower_value_ranks_first_where_lower_is_better() -> None:
    runs = simulated([[True] * 90 + [False] * 10, [True] * 10 + [False] * 90])
    found = standing(runs, "accuracy", share, higher_is_better=False, proportion=True)
    assert found is not None
    assert list(found.tier) == [2, 1]


def test_runs_without_common_samples_are_not_ranked() -> None:
    one, other = simulated([[True] * 5, [False] * 5])
    other = {f"other {name}": value for name, value in other.items()}
    assert standing([one, other], "accuracy", share, higher_is_better=True, proportion=True) is None
    assert standing([one], "accuracy", share, higher_is_better=True, proportion=True) is None
