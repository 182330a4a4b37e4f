import re

import pytest

from vlmeval.kinds.rating import PROTOCOLS, grade, pair
from vlmeval.types import Image, Sample

SAMPLE = Sample(
    "1",
    (Image("0" * 64, 8, 8, "png"), "What {reply} is x in the equation?"),
    references=("-1 <AND> -5",),
    fields={"caption": "An equation on a board."},
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("0.7", "0.7"),
        ("1", "1"),
        ("0", "0"),
        (".5", ".5"),
        ("0.75", "0.75"),
        (" 0.4.\n", "0.4"),
        ("Grade: 0.3", "0.3"),
        ("**Grade:** 0.3", "0.3"),
        ("The grade is 0.9.", "0.9"),
        ("The reply names the fox only.\n\nGrade: 0.5", "0.5"),
        ("0.5\nIt names one of two animals.", "0.5"),
        ("0.5\n0.50", "0.50"),
        ("<think>0.1? No: 0.6.</think>0.6", "0.6"),
        ("", None),
        ("good", None),
        ("I would say about half.", None),
        ("between 0.4 and 0.6", None),
        ("0.4\n0.6", None),
        ("0.7 or so", None),
        ("7", None),
        ("1.5", None),
        ("-0.5", None),
        ("70%", None),
        ("7/10", None),
        ("0,7", None),
        ("0.123456", None),
        ("nan", None),
        ("<think>0.6", None),
        ("x" * 200_000, None),
    ],
)
def test_a_grade_is_one_number_in_range_on_a_line_of_its_own_or_nothing(words: str, expected: str | None) -> None:
    assert grade(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("8 6", ("8", "6")),
        ("8, 6", ("8", "6")),
        ("7.5 10\nThe first answer is longer.", ("7.5", "10")),
        ("Scores: 8 6", ("8", "6")),
        ("\n\n8 6", ("8", "6")),
        ("", None),
        ("8", None),
        ("8 6 4", None),
        ("0 6", None),
        ("8 11", None),
        ("86", None),
        ("8/10 6/10", None),
        ("Both are good.\n8 6", None),
        ("Answer 1 is an 8, answer 2 a 6", None),
    ],
)
def test_a_pair_is_two_numbers_from_1_to_10_on_the_first_line_or_nothing(
    words: str, expected: tuple[str, str] | None
) -> None:
    assert pair(words) == expected


def test_the_prompt_shows_question_reference_and_visible_reply_and_leaves_braces_in_data_alone() -> None:
    text = PROTOCOLS["mmvet"].prompt(SAMPLE, "<think>hm</think>{reference} is -1")
    (code,) = set(re.findall(r"</\w+ ([0-9a-f]{16})>", text))
    assert f"<question {code}>\nWhat {{reply}} is x in the equation?\n</question {code}>" in text
    assert f"<reference {code}>\n-1 <AND> -5\n</reference {code}>" in text
    assert f"<reply {code}>\n{{reference}} is -1\n</reply {code}>" in text
    assert "hm" not in text.split("<reply")[1]


def test_the_reference_comes_first_in_llava_bench_and_the_description_stands_for_the_image() -> None:
    text = PROTOCOLS["llavabench"].prompt(SAMPLE, "x is 3")
    assert re.search(r"<description (\w+)>\nAn equation on a board\.\n</description \1>", text)
    assert text.index("<answer-1") < text.index("\n-1 <AND> -5") < text.index("<answer-2") < text.index("\nx is 3")
