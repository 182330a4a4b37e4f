import json
import os
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.made import MMBENCH, group, mmbench_tsv, question, write_tsv
from vlmeval.data.circular import Group, find_groups, is_whole
from vlmeval.data.images import ImageFolders
from vlmeval.data.tsv import TsvTable

CASES = Path(os.environ.get("VLMEVAL_CASES", Path(__file__).resolve().parents[2] / "../shared/cases"))


def groups_of(path: Path) -> list[Group]:
    with TsvTable(path, ImageFolders.beside(path)) as table:
        return find_groups(table, "index")


@given(st.integers(2, 9), st.integers(0, 8), st.lists(st.sampled_from(["x", "y", "z"]), min_size=9, max_size=9))
def test_turning_all_options_gives_a_whole_group_even_with_equal_texts(
    tmp_path_factory: pytest.TempPathFactory, count: int, gold: int, texts: list[str]
) -> None:
    options = [f"{text}{place if place == gold % count else ''}" for place, text in enumerate(texts[:count])]
    columns = [*MMBENCH, "E", "F", "G", "H", "I"]
    rows = group(5, options, gold % count)
    found = groups_of(write_tsv(tmp_path_factory.mktemp("g") / "t.tsv", columns, rows))
    assert [item.faults for item in found] == [[]]
    shift = [tuple((place - turn) % count for place in range(count)) for turn in range(count)]
    assert [rotation.order for rotation in found[0].rotations] == shift


def test_the_last_option_may_stay_in_place_as_in_older_releases(tmp_path: Path) -> None:
    rows = [
        question(34, ["w", "h", "e", "All above are not right"], "A"),
        question(34, ["e", "w", "h", "All above are not right"], "B", index=1000034),
        question(34, ["h", "e", "w", "All above are not right"], "C", index=2000034),
    ]
    found = groups_of(write_tsv(tmp_path / "t.tsv", MMBENCH, rows))
    assert found[0].faults == []
    assert [rotation.order for rotation in found[0].rotations] == [(0, 1, 2, 3), (2, 0, 1, 3), (1, 2, 0, 3)]


def test_equal_options_that_move_as_three_of_four_are_matched_as_a_turn(tmp_path: Path) -> None:
    rows = [
        question(1211, ["left", "crash", "left", "both"], "B"),
        question(1211, ["left", "left", "crash", "both"], "C", index=1001211),
        question(1211, ["crash", "left", "left", "both"], "A", index=2001211),
    ]
    assert groups_of(write_tsv(tmp_path / "t.tsv", MMBENCH, rows))[0].faults == []


def test_a_file_of_base_questions_has_no_rotations(tmp_path: Path) -> None:
    found = groups_of(write_tsv(tmp_path / "t.tsv", MMBENCH, [question(number, ["a", "b"]) for number in range(3)]))
    assert [(item.key, item.rotations, item.faults) for item in found] == [(str(n), (), []) for n in range(3)]


def test_missing_and_additional_passes_are_flagged_and_kept(tmp_path: Path) -> None:
    whole, short, alone = group(1, ["a", "b", "c"]), group(2, ["a", "b", "c"])[:2], group(3, ["a", "b"])[:1]
    long = [*group(4, ["a", "b"]), {**group(4, ["a", "b"])[0], "index": 2000004}]
    found = {item.key: item for item in groups_of(mmbench_tsv(tmp_path / "t.tsv", [whole, short, alone, long]))}
    assert found["1"].faults == []
    assert found["2"].faults == ["2 passes for 3 options"]
    assert found["3"].faults == ["1 passes for 2 options"]
    assert found["4"].faults == ["3 passes for 2 options"]
    assert len(found["4"].rotations) == 3


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"question": "Another?"}, "asks another question than index 1"),
        ({"A": "something else"}, "its options are no rearrangement of index 1's"),
        ({"answer": "A"}, "its answer is another option than index 1's"),
    ],
)
def test_a_pass_that_disagrees_is_left_out_and_named(tmp_path: Path, change: dict[str, object], fault: str) -> None:
    rows = group(1, ["a", "b"])
    rows[1].update(change)
    found = groups_of(mmbench_tsv(tmp_path / "t.tsv", [rows, group(2, ["a", "b"])]))
    assert fault in found[0].faults[0]
    assert "line 4 (index 1000001)" in found[0].faults[0]
    assert [rotation.row for rotation in found[0].rotations] == ["1"]
    assert found[1].faults == []


def test_g_index_groups_rows_whatever_their_index(tmp_path: Path) -> None:
    rows = [{**row, "g_index": 9, "index": place, "image": group(1, ["a"])[0]["image"]}
            for place, row in enumerate(group(1, ["a", "b"]))]  # fmt: skip
    found = groups_of(write_tsv(tmp_path / "t.tsv", [*MMBENCH, "g_index"], rows))
    assert [(item.key, [rotation.row for rotation in item.rotations], item.faults) for item in found] == [
        ("0", ["0", "1"], [])
    ]


def test_the_base_question_is_the_lowest_index_wherever_it_stands(tmp_path: Path) -> None:
    rows = group(1, ["a", "b", "c"])
    found = groups_of(write_tsv(tmp_path / "t.tsv", MMBENCH, [rows[2], rows[0], rows[1]]))
    assert (found[0].base, found[0].key, found[0].faults) == (1, "1", [])


@pytest.mark.parametrize(
    ("orders", "whole"),
    [
        ([(0,)], True),
        ([(0, 1)], False),
        ([(0, 1), (1, 0)], True),
        ([(0, 1), (0, 1)], False),
        ([(0, 1, 2), (2, 0, 1)], False),
        ([(0, 1, 2), (2, 0, 1), (1, 2, 0)], True),
        ([(0, 1, 2), (2, 0, 1), (2, 0, 1)], False),
        ([(0, 1, 2), (1, 0, 2)], True),
    ],
)
def test_whole_means_every_moving_option_once_in_every_moving_place(orders: list[tuple[int, ...]], whole: bool) -> None:
    assert is_whole(orders) is whole


def test_every_group_of_the_real_mmbench_release_of_2023_is_whole(tmp_path: Path) -> None:
    case = CASES / "mmbench_dev_llava15_13b"
    if not case.exists():
        pytest.skip(f"the real outputs are not here: {case}")
    book = openpyxl.load_workbook(case / "llava-v1.5-13b.xlsx", read_only=True)
    header, *rows = book.worksheets[0].iter_rows(values_only=True)
    book.close()
    columns = [str(name) for name in header]
    path = write_tsv(tmp_path / "t.tsv", columns, [dict(zip(columns, row, strict=True)) for row in rows])
    found = groups_of(path)
    expected = json.loads((case / "EXPECTED.json").read_text("utf8"))["official"]
    assert len(found) == expected["n_questions"]
    assert sum(len(item.rotations) for item in found) == expected["n_rows"]
    assert [item.faults for item in found if item.faults] == []


@pytest.mark.parametrize("index", ["²", "9" * 5000, "1_000_001", "-1000001"])
def test_an_index_that_is_no_whole_number_groups_with_nothing(tmp_path: Path, index: str) -> None:
    rows = group(1, ["a", "b"])
    rows[1]["index"] = index
    path = mmbench_tsv(tmp_path / "t.tsv", [rows])
    assert [found.key for found in groups_of(path)] == ["1", index]
