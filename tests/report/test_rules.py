"""The legend of rules: every rule that a kind can give has a meaning, and the page shows it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import vlmeval.kinds
from vlmeval.report.rules import MEANINGS, UNKNOWN, meaning_of, rule_rows

KINDS = Path(vlmeval.kinds.__file__).parent
RESULTS = {"Extraction", "Answer", "Reading", "Statement", "_matches", "Spoken", "_offered", "_checked", "verdict"}
OTHER = {"Answer", "surrogatepass", ""}
"""Strings in such calls that are no rules: a replaced word, a codec, none."""


def given_rules(path: Path) -> set[str]:
    """Return the string constants in the last argument of every call that makes a reading."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in RESULTS:
            last = node.args[-1]
            parts = [last.body, last.orelse] if isinstance(last, ast.IfExp) else [last]
            found |= {one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found - OTHER


@pytest.mark.parametrize("path", sorted(KINDS.glob("*.py")), ids=lambda path: path.stem)
def test_every_rule_of_a_kind_has_a_meaning(path: Path) -> None:
    assert given_rules(path) - MEANINGS.keys() == set()


def test_the_rules_are_found_in_the_sources() -> None:
    found = set().union(*(given_rules(path) for path in KINDS.glob("*.py")))
    assert {"letter", "prose_letter", "no_option", "official-random", "therefore", "judge", "text", "word"} <= found


@pytest.mark.parametrize(
    ("rule", "meaning"),
    [
        ("judge:gpt-4o", "read or scored by the judge gpt-4o"),
        ("list:0-1000", "a box written as list, its numbers taken as 0-1000"),
        ("box:pixel+last", "a box written as box, its numbers taken as pixel, the last of several"),
        ("letter", MEANINGS["letter"]),
        ("somebodys_own", UNKNOWN),
    ],
)
def test_composed_rules_are_explained_in_parts(rule: str, meaning: str) -> None:
    assert meaning_of(rule) == meaning


def test_the_most_frequent_rule_comes_first() -> None:
    assert [row.rule for row in rule_rows({"word": 2, "letter": 5, "text": 2})] == ["letter", "text", "word"]
