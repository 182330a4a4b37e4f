import math

import pytest

from vlmeval.data.cells import as_list, as_text, is_absent, options
from vlmeval.errors import DataError


@pytest.mark.parametrize("value", [None, math.nan, "", "nan", "NaN", "  "])
def test_nulls_and_what_pandas_leaves_of_them_are_absent(value: object) -> None:
    assert is_absent(value)
    assert as_text(value, "x") is None
    assert as_list(value, "x") == []


@pytest.mark.parametrize("value", ["None", "none", "null", "NA", "N/A", "0", 0, False])
def test_words_that_spreadsheets_take_for_nulls_are_texts(value: object) -> None:
    assert not is_absent(value)
    assert as_text(value, "x") == str(value)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a", "b", "c", "d"], ("a", "b", "c", "d")),
        (["a", "b", "", ""], ("a", "b")),
        (["a", "b", "nan", "NaN"], ("a", "b")),
        (["a", "b", None, math.nan], ("a", "b")),
        (["one", "two", "three", "None"], ("one", "two", "three", "None")),
        (["Two", "One", "None", "Three"], ("Two", "One", "None", "Three")),
        (["yes", "no", "None", "None"], ("yes", "no")),
        (["yes", "no", "none", ""], ("yes", "no", "none")),
        (["NA", "null", "N/A", "nan"], ("NA", "null", "N/A")),
        ([" a ", "b\n"], (" a ", "b\n")),
        ([1, 2.0, 2.5], ("1", "2", "2.5")),
        ([None, None], ()),
    ],
)
def test_options_end_before_what_is_absent(cells: list[object], expected: tuple[str, ...]) -> None:
    assert options(cells, "x") == expected


@pytest.mark.parametrize("hole", ["", None, math.nan, "nan", " NaN "])
def test_an_absent_option_between_others_is_an_error_because_letters_would_shift(hole: object) -> None:
    with pytest.raises(DataError, match=r't\.tsv, line 3, column "B": the option is absent, but "C" is not'):
        options(["a", hole, "c", ""], "t.tsv, line 3")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("['a', 'b']", ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        (["a"], ["a"]),
        ("plain", ["plain"]),
        (5, [5]),
        ("[]", []),
        ("[0, 1)", ["[0, 1)"]),
        ("['it''s', \"x\"]", ["its", "x"]),
    ],
)
def test_lists_are_read_as_json_or_python_literals(cell: object, expected: list[object]) -> None:
    assert as_list(cell, "x") == expected


@pytest.mark.parametrize(
    "cell", ["[__import__('os')]", "[open('/etc/passwd').read()]", "[" * 5000 + "]" * 5000, "[1, ]]", "[x for x in y]"]
)
def test_hostile_lists_are_refused_and_never_run(cell: str) -> None:
    with pytest.raises(DataError, match="neither a JSON list nor a Python one"):
        as_list(cell, "x")


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("['a', 'b']", ["a", "b"]),
        ("['a' 'b']", ["ab"]),
        ("[\"it's\", 'x']", ["it's", "x"]),
        ("[None, True, 1_000]", [None, True, 1000]),
        (r"['\n', 'é']", ["\n", "é"]),
        ("[1, 2.5, 'c',]", [1, 2.5, "c"]),
    ],
)
def test_a_list_in_python_spelling_is_the_list_python_reads(text: str, items: list[object]) -> None:
    assert as_list(text, "here") == items


def test_lists_are_read_by_many_threads_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    text = repr(["a\\b" + "x" * 2000] * 50)
    with ThreadPoolExecutor(8) as threads:
        assert {len(found) for found in threads.map(lambda _: as_list(text, "here"), range(200))} == {50}
