"""The page of side-by-side ratings in a real browser: inert names, no network, no overflow, true plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.test_page import browser, opened
from vlmeval.report.ratings import Axis, context, write_ratings_page
from vlmeval.sbs.board import Board
from vlmeval.sbs.rate import rate
from vlmeval.sbs.simulate import Session, simulate
from vlmeval.sbs.strengths import Recipe
from vlmeval.sbs.votes import BOTH_BAD, Column, Votes

__all__ = ["browser"]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
WIDTHS = pytest.mark.parametrize("width", [360, 1280])


def made(models: int = 6) -> Board:
    theta = tuple(np.linspace(-0.7, 0.7, models).tolist())
    votes = simulate(
        Session(theta, 1_500, annotators=12, prompts=40, nu=0.5, overlap=2), np.random.default_rng(0)
    )  # fmt: skip
    outcome = votes.outcome.copy()
    outcome[:20] = BOTH_BAD
    assert votes.annotator is not None
    people = Column((HOSTILE + "!", *votes.annotator.names[1:]), votes.annotator.codes)
    outcome[votes.annotator.codes == 1] = 0
    names = (HOSTILE, *(f"org/a-rather-long-name-of-a-model-{place}" for place in range(models - 1)))
    return rate(
        Votes(
            names, votes.left, votes.right, outcome, people, votes.prompt,
            category=Column(("</script>", "art"), (np.arange(1_500) % 2).astype(np.int32)),
        ),
        Recipe(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ratings_page(made(), tmp_path_factory.mktemp("ratings"))


@WIDTHS
def test_hostile_names_are_text_and_nothing_is_asked_of_a_network(browser: Any, page_path: Path, width: int) -> None:
    page, trouble = opened(browser, page_path, width=width)
    assert page.title() == "votes: side-by-side ratings"
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("#ratings").inner_text()
    assert trouble == []


@WIDTHS
def test_nothing_is_wider_than_the_window(browser: Any, page_path: Path, width: int) -> None:
    page, _ = opened(browser, page_path, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_model_has_an_interval_and_every_pair_a_square(browser: Any, page_path: Path) -> None:
    page, _ = opened(browser, page_path)
    assert page.locator("#ratings tbody circle").count() == 6
    assert page.locator(".map rect:not(.empty)").count() == 30
    assert page.locator(".plane circle").count() == 12
    assert page.locator(".plane .flagged").count() >= 1


def test_models_are_filtered_by_name_and_sorted_by_a_column(browser: Any, page_path: Path) -> None:
    page, trouble = opened(browser, page_path)
    page.fill("#filter", "model-3")
    assert page.locator("#ratings tbody tr:visible").count() == 1
    page.fill("#filter", "")
    page.locator("#ratings thead button", has_text="votes").click()
    shown = [
        int(text.replace(",", "")) for text in page.locator("#ratings tbody td[data-name=votes]").all_inner_texts()
    ]
    assert shown == sorted(shown, reverse=True)
    assert trouble == []


def test_the_axis_holds_all_values_and_has_round_ticks() -> None:
    axis = Axis.over([812.0, 1190.5])
    assert 0 < axis.at(812.0) < axis.at(1190.5) < 100
    assert [text for _, text in axis.ticks()] == ["800", "900", "1000", "1100", "1200"]
    assert Axis.over([5.0, 5.0]).at(5.0) == 50


def test_a_board_of_many_models_shows_squares_without_numbers() -> None:
    shown = context(made(30))
    assert shown["numbered"] is False
    assert shown["left_out"] == 0
