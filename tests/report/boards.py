"""Leaderboards as values: small ones with everything a name might hold, and large ones."""

from __future__ import annotations

import random

from vlmeval.models.cards import Card
from vlmeval.score.board_types import (
    Board,
    Cell,
    Column,
    Correlation,
    HumanRating,
    Known,
    Mark,
    Row,
    Slice,
    Study,
    SuiteCell,
    SuiteColumn,
)

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">"
RTL = "نموذج\u202eevil"


def column(name: str, *, top: float | None = 100.0, benchmark: str = "", slices: tuple[str, ...] = ()) -> Column:
    return Column(
        id=name,
        task=name.partition("~")[0],
        title=f"Task {name}",
        benchmark=benchmark or name,
        kind="choice",
        metric="accuracy",
        metric_title="Accuracy",
        scale=100.0,
        higher_is_better=True,
        top=top,
        way=f"{name}:1|accuracy|prompt:3fa2",
        chance=25.0,
        source="a paper",
        ranked=1000,
        slices=slices,
    )


def cell(model: str, name: str, value: float, *, tier: int | None = 1, **more: object) -> Cell:
    given: dict[str, object] = {
        "run": f"/results/{model}", "run_id": "r1", "low": value - 2, "high": value + 2, "samples": 1000,
        "clusters": 1000, "coverage": 1.0, "complete": True, "signature": f"{name}:1|accuracy|n:1000", "tier": tier,
        "rank_low": tier, "rank_high": tier, **more,
    }  # fmt: skip
    return Cell(model=model, column=name, value=value, **given)  # type: ignore[arg-type]


def small_board() -> Board:
    """Return four models on three tasks, one of them with hostile names in every place that data reaches."""
    category = {f"category={HOSTILE}": Slice(60.0, 50.0, 70.0, 300), "category=b": Slice(71.0, 60.0, 80.0, 300)}
    third = {"category=c": Slice(40.0, 30.0, 50.0, 400)}
    names = (f"category={HOSTILE}", "category=b", "category=c")
    open_card = Card("alpha", family="Alpha", parameters=7.0, licence="MIT", released="2024-05-01", vision="ViT-L")
    api_card = Card("beta", family="Beta", licence="proprietary", access="api", released="2025-01")
    evil = Card(HOSTILE, family=HOSTILE, parameters=70.0, licence=HOSTILE, released="2023", vision=HOSTILE)
    published = (
        Mark("accuracy", "", 66.0, HOSTILE, "", "reproduced", -0.5, "reproduced: 65.5, published 66"),
        Mark("accuracy", "category=b", 60.0, "a paper", HOSTILE, "not comparable", None, f"not comparable: {HOSTILE}"),
    )
    apart = (Mark("accuracy", "", 60.0, "a paper", "", "differs", 20.4, "differs by +20.4 points"),)
    return Board(
        title=f"Board {HOSTILE}",
        columns=(column("alpha_task", slices=names), column("beta_task"), column("points", top=None)),
        rows=(
            Row("org/alpha", "org/alpha", open_card, speed=12.5, hardware="2 processors"),
            Row("beta (t=1)", "beta", api_card, speed=3.0),
            Row(HOSTILE, HOSTILE, evil),
            Row(RTL, RTL, None),
        ),
        cells=(
            cell("org/alpha", "alpha_task", 65.5, tier=2, slices={**category, **third}, published=published,
                 page="runs/alpha%20a.html", notes=(HOSTILE,)),
            cell("org/alpha", "beta_task", 50.0), cell("org/alpha", "points", 1500.0, tier=None),
            cell("beta (t=1)", "alpha_task", 80.4, published=apart), cell("beta (t=1)", "beta_task", 51.0),
            cell(HOSTILE, "alpha_task", 70.0, tier=1, slices=category, signature=HOSTILE),
            cell(RTL, "beta_task", 10.0, tier=None, complete=False, coverage=0.9996, samples=999),
        ),
        suites=(SuiteColumn("both", "Both tasks", "mean of alpha_task, beta_task", HOSTILE, (HOSTILE,),
                            ("alpha_task", "beta_task"),
                            (SuiteCell("org/alpha", 57.75, 55.0, 60.5), SuiteCell("beta (t=1)", 65.7, 63.0, 68.4),
                             SuiteCell(HOSTILE, None, None, None, ("beta_task",)))),),
        known=(Known(f"stranger {HOSTILE}", "alpha_task", 91.0, HOSTILE, "", 1000),),
        studies=(Study(HOSTILE, "davidson", 800, (HumanRating("org/alpha", 1000.0, 980.0, 1020.0, 1, 400.0),
                                                  HumanRating(HOSTILE, 990.0, 970.0, 1010.0, 1, 400.0)),
                       (Correlation("alpha_task", 0.33, 3),), ("nobody",)),),
        left_out=(f"exam, {HOSTILE}: not complete",),
        vlmeval="0.1.0",
    )  # fmt: skip


def large_board(models: int, tasks: int) -> Board:
    """Return a full board of that size."""
    generator = random.Random(0)
    columns = tuple(column(f"task{at}") for at in range(tasks))
    rows, cells = [], []
    for number in range(models):
        name = f"model-{number:03d}"
        card = Card(
            name, family=f"family {number % 12}", parameters=1.0 + number % 70, licence=("MIT", "GPL")[number % 2]
        )
        rows.append(Row(name, name, card))
        skill = generator.uniform(20, 80)
        cells += [cell(name, one.id, skill + generator.uniform(-9, 9)) for one in columns]
    return Board(title="Large", columns=columns, rows=tuple(rows), cells=tuple(cells))
