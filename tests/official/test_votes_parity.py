"""Ratings and agreement against published results of votes: WildVision-Bench, LLMFAO, MT-Bench, textbook sets.

Folders are read by prefix and format: `bt_*` hold counts or pairs with tables of strengths, `votes_*` votes with golden
ratings or agreement, `wildvision_*` verdicts against a baseline.
"""

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.official.cases import REASON, Case, Parity, compares, found_cases
from vlmeval.errors import VlmevalError
from vlmeval.sbs.consensus import agreement_of, judge_agreement, units_of
from vlmeval.sbs.strengths import ELO, MODELS, Method, Recipe, cells_of
from vlmeval.sbs.verdicts import expected_win_rate, read_verdicts
from vlmeval.sbs.votefile import read_votes
from vlmeval.sbs.votes import Votes
from vlmeval.stats.clusters import Floats
from vlmeval.stats.elo import online_elo
from vlmeval.stats.pairwise import Fit, NoOptimumError, NotIdentifiedError, fit
from vlmeval.stats.sandwich import vote_covariance

TEXTBOOK = found_cases("bt_")
VOTES = found_cases("votes_")
WILDVISION = found_cases("wildvision_")
pytestmark = pytest.mark.skipif(not (TEXTBOOK or VOTES or WILDVISION), reason=REASON)
EXACT = 1e-6  # Elo
NEWTON_OF_R = 1e-5  # Elo: glm ends at a relative change of the deviance below 1e-8
LBFGS = 1e-3  # Elo: scikit-learn ends at a gradient of 1e-4, arena-rank computes in 32 bits
RIDGE = 5e-3
DIGITS = 8
"""A figure with fewer decimals than this is a published, rounded one."""
COLUMNS = {"value": ("ability", "ratings", "rating", "elo"), "se": ("se",), "variance": ("variances",)}
METHODS: tuple[Method, ...] = ("bt", "davidson", "rao-kupper")


def ids(cases: list[Case]) -> list[str]:
    return [case.folder.name for case in cases]


def fitted(votes: Votes, method: Method, *, side: bool = False) -> Fit:
    return fit(cells_of(votes, Recipe(method=method)), MODELS[method], side=side)


def tolerance(value: float) -> float:
    """Return how far an exact number may be from its published, rounded form; 0 for one that is not rounded."""
    text = repr(float(value)).partition(".")[2]
    if "e" in text or len(text) >= DIGITS:
        return 0.0
    return 0.5001 * 10.0 ** -len(text)


@dataclass(frozen=True)
class Strengths:
    """A table of strengths in EXPECTED.json, by model, with the path to it and what else it gives."""

    path: str
    values: Mapping[str, float]
    errors: Mapping[str, float]
    variances: Mapping[str, float]


def strengths_in(node: Any, models: set[str], path: str = "") -> Iterator[Strengths]:
    """Yield every table of the expected results whose keys are the models."""
    if not isinstance(node, dict):
        return
    named = {key: value for key, value in node.items() if key in models}
    if len(named) >= 2 and len(named) >= len(models) - 1:
        rows = {key: value if isinstance(value, dict) else {"ability": value} for key, value in named.items()}
        found = {
            column: {key: float(row[name]) for key, row in rows.items() if isinstance(row.get(name), int | float)}
            for column, names in COLUMNS.items()
            for name in names
            if any(name in row for row in rows.values())
        }  # fmt: skip
        if len(found.get("value", {})) == len(named):
            yield Strengths(path or "official", found["value"], found.get("se", {}), found.get("variance", {}))
        return
    for key, value in node.items():
        yield from strengths_in(value, models, f"{path} {key}".strip())


@cache
def textbook_votes(case: Case) -> Votes | None:
    """Return the votes of a textbook case, None where no file of it is one of votes or counts."""
    for path in sorted(case.folder.iterdir()):
        if path.name == "EXPECTED.json" or path.suffix == ".md":
            continue
        try:
            return read_votes(path)
        except VlmevalError:
            continue
    return None


def allowed(table: Strengths) -> float:
    """Return how far from the optimum the other program stops, in Elo: R iterates Newton, most others L-BFGS."""
    return NEWTON_OF_R if "_R" in table.path else LBFGS


@dataclass(frozen=True, eq=False)
class Match:
    """The model of votes behind a table: the largest excess over its digits in Elo, and our values of it."""

    over: float
    how: str
    fitted: Fit
    values: Floats


def nearest(votes: Votes, table: Strengths) -> Match:
    """Return the model of votes that comes nearest to a table: a table does not say which of them it is from.

    Strengths are known up to a constant: both are compared by their distance from the mean.
    """
    theirs = np.array(list(table.values.values()))
    room = np.array([tolerance(value) for value in table.values.values()])
    places = [votes.models.index(name) for name in table.values]
    best: Match | None = None
    for method in METHODS:
        for side in (False, True):
            try:
                found = fitted(votes, method, side=side)
            except (NoOptimumError, NotIdentifiedError):
                continue
            for match in (matched(found, found.theta[places], theirs, room, form) for form in ("logit", "log", "elo")):
                if math.isfinite(match.over) and (best is None or match.over < best.over - 1e-9):
                    best = replace(match, how=f"{method}{' with side effect' if side else ''}")
    assert best is not None, "no model of votes has a fit"
    return best


def matched(found: Fit, theta: Floats, theirs: Floats, room: Floats, form: str) -> Match:
    """Return the match with a table of logits, of exponentials of them, or of Elo."""
    if form == "log":
        if (theirs <= 0).any():
            return Match(math.inf, "", found, theta)
        shift = float(np.log(theirs).mean() - theta.mean())
        gaps, slack = np.abs(theta + shift - np.log(theirs)), room / theirs
        return Match(float(np.max(gaps - slack - slack.mean())) * ELO, "", found, np.exp(theta + shift))
    scale = ELO if form == "elo" else 1.0
    ours = scale * (theta - theta.mean()) + theirs.mean()
    over = float(np.max(np.abs(ours - theirs) - room - room.mean())) * ELO / scale
    return Match(over, "", found, ours)


def tables_of(case: Case) -> tuple[Votes, list[Strengths]]:
    votes = textbook_votes(case)
    if votes is None:
        pytest.skip("no file of votes or counts in a format that vlmeval reads")
    tables = list(strengths_in(case.expected, set(votes.models)))
    if not tables:
        pytest.skip("EXPECTED.json has no table of strengths by model")
    return votes, tables


@pytest.mark.parametrize("case", TEXTBOOK, ids=ids(TEXTBOOK))
def test_strengths_equal_the_published_ones(case: Case) -> None:
    if vectors(case):
        pytest.skip("vectors: compared below")
    votes, tables = tables_of(case)
    for table in tables:
        match = nearest(votes, table)
        assert match.over <= allowed(table), (table.path, match.how)


@pytest.mark.parametrize("case", TEXTBOOK, ids=ids(TEXTBOOK))
def test_standard_errors_equal_those_of_r(case: Case) -> None:
    if vectors(case):
        pytest.skip("vectors give no errors")
    votes, tables = tables_of(case)
    tables = [table for table in tables if table.errors]
    if not tables:
        pytest.skip("EXPECTED.json has no standard errors")
    for table in tables:
        found = nearest(votes, table).fitted
        reference = next((name for name, error in table.errors.items() if error == 0), None)
        for name, error in table.errors.items():
            contrast = np.zeros(len(found.inverse))
            contrast[votes.models.index(name)] += 1
            if reference is not None:
                contrast[votes.models.index(reference)] -= 1
            assert math.sqrt(float(contrast @ found.inverse @ contrast)) == pytest.approx(
                error, rel=1e-5, abs=tolerance(error)
            )  # fmt: skip


@pytest.mark.parametrize("case", TEXTBOOK, ids=ids(TEXTBOOK))
def test_sandwich_variances_equal_those_of_arena_rank(case: Case) -> None:
    if vectors(case):
        pytest.skip("vectors give no variances")
    votes, tables = tables_of(case)
    tables = [table for table in tables if table.variances]
    if not tables:
        pytest.skip("EXPECTED.json has no variances")
    for table in tables:
        cells = cells_of(votes, Recipe(method="bt"))
        matrix = vote_covariance(fit(cells, MODELS["bt"]), cells).matrix
        for name, variance in table.variances.items():
            place = votes.models.index(name)
            ratio = variance / float(matrix[place, place])
            # Its ridge makes them a little smaller.
            assert ratio == pytest.approx(1, rel=RIDGE) or ratio == pytest.approx(ELO**2, rel=RIDGE), name


def vectors(case: Case) -> dict[str, Any]:
    """Return choix' vectors of paired comparisons, by name; {} for another format."""
    path = case.folder / "vectors.json"
    if not path.exists():
        return {}
    tests = json.loads(path.read_text("utf8"))
    return {
        name: test
        for name, test in tests.items()
        if "ml_est" in test
        and all(len(row) == 2 and all(isinstance(item, int) for item in row) for row in test["data"])
    }


def vector_gap(test: dict[str, Any]) -> float:
    rows = np.array(test["data"])
    size = int(test["n_items"])
    votes = Votes(
        tuple(f"item {place}" for place in range(size)), rows[:, 0], rows[:, 1], np.zeros(len(rows), dtype=np.int8)
    )
    return float(np.abs(fitted(votes, "bt").theta - np.array(test["ml_est"])).max())


@pytest.mark.parametrize("case", TEXTBOOK, ids=ids(TEXTBOOK))
def test_strengths_equal_the_vectors_of_choix(case: Case) -> None:
    if not vectors(case):
        pytest.skip("no vectors")
    for name, test in vectors(case).items():
        assert vector_gap(test) < 1e-8, name  # nine decimals there


@cache
def ballots(case: Case) -> dict[str, Votes]:
    """Return the files of votes of a case by their stem."""
    found = {}
    for path in sorted(case.folder.iterdir()):
        if path.name.startswith(("EXPECTED", "SOURCE", "golden")):
            continue
        try:
            found[path.name.split(".")[0]] = read_votes(path)
        except VlmevalError:
            continue
    return found


def golden(case: Case) -> dict[str, dict[str, float]]:
    """Return the golden scores by algorithm and model."""
    path = next(iter(sorted(case.folder.glob("golden*.csv"))), None)
    if path is None:
        return {}
    found: dict[str, dict[str, float]] = {}
    with path.open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["algorithm"], {})[row["item"]] = float(row["score"])
    return found


def people_of(case: Case) -> Votes:
    votes = ballots(case)
    if not votes:
        pytest.skip("no file of votes in a format that vlmeval reads")
    return votes.get("human") or votes.get("votes") or next(iter(votes.values()))


def golden_gap(case: Case) -> float:
    """Return the largest difference to the golden Bradley-Terry ratings, in Elo."""
    votes, scores = people_of(case), golden(case)["bradley_terry"]
    theirs = np.log([scores[name] for name in votes.models])
    return float(np.abs(fitted(votes, "bt").theta - (theirs - theirs.mean())).max()) * ELO


@pytest.mark.parametrize("case", VOTES, ids=ids(VOTES))
def test_ratings_equal_the_golden_ones(case: Case) -> None:
    votes = people_of(case)
    scores = golden(case)
    if "bradley_terry" not in scores:
        tables = list(strengths_in(case.expected, set(votes.models)))
        if not tables:
            pytest.skip("no golden ratings")
        for table in tables:
            assert nearest(votes, table).over <= LBFGS, table.path
        return
    assert golden_gap(case) < EXACT
    if "elo" in scores:
        online = online_elo(votes.left, votes.right, votes.scored, len(votes.models))
        theirs = np.array([scores["elo"][name] for name in votes.models])
        assert np.abs(online - theirs).max() < 1e-9


@pytest.mark.parametrize("case", VOTES, ids=ids(VOTES))
def test_krippendorffs_alpha_equals_the_published_one(case: Case) -> None:
    expected = alpha_expected(case)
    if expected is None:
        pytest.skip("no published alpha")
    found = agreement_of(people_of(case))
    assert found is not None
    assert found.alpha_nominal == pytest.approx(expected, abs=tolerance(expected))


def alpha_expected(case: Case) -> float | None:
    official = case.expected.get("official", {})
    return next((value for key, value in official.items() if "alpha_nominal" in key), None)


@pytest.mark.parametrize("case", VOTES, ids=ids(VOTES))
def test_counts_of_votes_equal_the_published_ones(case: Case) -> None:
    votes, official = people_of(case), case.expected.get("official", {})
    ours = {
        "votes": len(votes),
        "human_votes": len(votes),
        "models": len(votes.models),
        "workers": len(votes.annotator.names) if votes.annotator else 0,
        "judges": len(votes.annotator.names) if votes.annotator else 0,
        "prompts": len(votes.prompt.names) if votes.prompt else 0,
        "questions": len(votes.prompt.names) if votes.prompt else 0,
    }
    shared = ours.keys() & official.keys()
    if not shared:
        pytest.skip("no published counts")
    assert {key: ours[key] for key in shared} == {key: official[key] for key in shared}


@pytest.mark.parametrize("case", VOTES, ids=ids(VOTES))
def test_agreement_of_a_judge_with_people_equals_the_published_one(case: Case) -> None:
    official = case.expected.get("official", {})
    names = [name for name in ballots(case) if name.startswith("gpt")]
    with_ties = next((value for key, value in official.items() if key.endswith("with_ties")), None)
    if not names or with_ties is None:
        pytest.skip("no judge")
    found = judge_agreement(names[0], people_of(case), ballots(case)[names[0]])
    assert (found.units, found.decisive_units) == (with_ties["n"], official["without_ties"]["n"])
    assert found.agreement == pytest.approx(with_ties["agreement"], abs=5.001e-4)
    assert found.kappa == pytest.approx(with_ties["cohen_kappa"], abs=5.001e-4)
    assert found.decisive_agreement == pytest.approx(official["without_ties"]["agreement"], abs=5.001e-4)
    assert found.decisive_kappa == pytest.approx(official["without_ties"]["cohen_kappa"], abs=5.001e-4)


@pytest.mark.parametrize("case", VOTES, ids=ids(VOTES))
def test_the_side_effect_equals_the_reference_analysis(case: Case) -> None:
    figures = case.expected.get("reference_figures", {})
    if "left_side_effect_elo" not in figures:
        pytest.skip("no reference")
    side = fitted(people_of(case), "bt", side=True).side
    assert side is not None
    assert side * ELO == pytest.approx(figures["left_side_effect_elo"], abs=0.05)


def baseline_of(case: Case) -> str:
    """Return the model that has 1000 points exactly."""
    return next(str(name) for name, row in case.expected["official"].items() if row.get("elo") == 1000.0)


def games(case: Case) -> Path:
    return next(iter(sorted(case.folder.glob("games*"))))


@cache
def wildvision_elo(case: Case) -> dict[str, float]:
    """Return the ratings by model, the baseline at 1000, from the verdicts."""
    votes = read_votes(games(case), baseline=baseline_of(case))
    theta = fitted(votes, "bt").theta
    theta = theta - theta[votes.place(baseline_of(case))]
    return dict(zip(votes.models, (1000 + ELO * theta).tolist(), strict=True))


def log_loss(votes: Votes, method: Method) -> float:
    """Return the mean log-loss of ten folds by item; half-tie Bradley-Terry ties at the rate of the other folds."""
    units = np.unique(units_of(votes)[0], return_inverse=True)[1]
    folds = np.random.default_rng(0).integers(0, 10, int(units.max()) + 1)[units]
    losses = np.zeros(len(votes))
    for fold in range(10):
        held = folds == fold
        rest = votes.only(~held)
        # A model may have won all its votes of nine folds.
        found = fit(cells_of(rest, Recipe()).with_pseudo_votes(0.1), MODELS[method])
        chances = found.model.probabilities(found.theta[votes.left[held]] - found.theta[votes.right[held]], found.tie)
        if method == "bt":
            tied = float((rest.scored == 1).mean())
            chances = chances * (1 - tied)
            chances[1] = tied
        losses[held] = -np.log(chances[votes.scored[held], np.arange(int(held.sum()))])
    return float(losses.mean())


@pytest.mark.parametrize("case", VOTES, ids=ids(VOTES))
def test_log_losses_come_near_the_reference_analysis_and_models_of_ties_win(case: Case) -> None:
    expected = case.expected.get("reference_figures", {}).get("log_loss_10_fold")
    if expected is None:
        pytest.skip("no reference")
    ours = {method: log_loss(people_of(case), method) for method in METHODS}
    theirs = dict(zip(METHODS, (expected[name] for name in ("half_tie", "davidson", "rao_kupper")), strict=True))
    assert ours == pytest.approx(theirs, abs=0.006)
    assert ours["rao-kupper"] < ours["davidson"] < ours["bt"]


@pytest.mark.parametrize("case", WILDVISION, ids=ids(WILDVISION))
def test_wildvision_ratings_and_scores_equal_the_published_ones(case: Case) -> None:
    ours, official = wildvision_elo(case), case.expected["official"]
    assert ours.keys() == official.keys()
    for name, row in official.items():
        assert ours[name] == pytest.approx(row["elo"], abs=LBFGS), name
        score = 100 * expected_win_rate(ours[name], 1000.0, scale=ELO)
        assert round(score, 2) == row["score"], name


@pytest.mark.parametrize("case", WILDVISION, ids=ids(WILDVISION))
def test_wildvision_win_rates_rewards_and_counts_equal_the_published_ones(case: Case) -> None:
    found = read_verdicts(games(case))
    for name, row in case.expected["official"].items():
        assert list(found[name].counts) == row["counts"], name
        assert round(100 * found[name].win_rate, 1) == row["win_rate"], name
        assert round(100 * found[name].reward, 1) == row["reward"], name


@pytest.mark.parametrize("case", WILDVISION, ids=ids(WILDVISION))
def test_three_copies_of_a_vote_rate_as_a_weight_of_three(case: Case) -> None:
    path = next(iter(sorted(case.folder.glob("battles*"))), None)
    if path is None:
        pytest.skip("no battles")
    votes = read_votes(path)
    theta = fitted(votes, "bt").theta
    theta = theta - theta[votes.place(baseline_of(case))]
    ours = dict(zip(votes.models, (1000 + ELO * theta).tolist(), strict=True))
    assert ours == pytest.approx(wildvision_elo(case), abs=1e-9)


@pytest.mark.parametrize("case", WILDVISION, ids=ids(WILDVISION))
def test_battles_give_arena_ranks_ratings_and_variances(case: Case) -> None:
    path = next(iter(sorted(case.folder.glob("battles*"))), None)
    peers = case.expected
    if path is None or "official_arena_rank_on_battles" not in peers:
        pytest.skip("no battles, or no figures of other programs on them")
    votes = read_votes(path)
    cells = cells_of(votes, Recipe(method="bt"))
    found = fit(cells, MODELS["bt"])
    matrix = vote_covariance(found, cells).matrix * ELO**2
    for name, row in peers["official_arena_rank_on_battles"].items():
        place = votes.place(name)
        assert 1000 + ELO * found.theta[place] == pytest.approx(row["ratings"], abs=0.05), name
        assert matrix[place, place] == pytest.approx(row["variances"], rel=RIDGE), name


def beyond(difference: float, allowed: float) -> float:
    """Return 0 for a difference that the other program's own stopping explains."""
    return 0.0 if difference <= allowed else difference


@compares("bt_")
def textbook_lines(case: Case) -> Iterator[Parity]:
    for name, test in vectors(case).items():
        gap = vector_gap(test)
        yield Parity(f"strengths, {name}", len(test["data"]), 0, 0, beyond(gap, 1e-8), "printed to 9 decimals there")
    votes = None if vectors(case) else textbook_votes(case)
    if votes is None:
        return
    for table in strengths_in(case.expected, set(votes.models)):
        match = nearest(votes, table)
        name = max(table.values, key=lambda model: table.values[model])
        ours = float(match.values[list(table.values).index(name)])
        yield Parity(
            f"strength of {name}, {match.how}: {table.path}", len(votes), table.values[name], ours,
            beyond(max(match.over, 0.0), allowed(table)), "largest difference of all models, beyond the digits there",
        )  # fmt: skip


@compares("votes_")
def vote_lines(case: Case) -> Iterator[Parity]:
    if not ballots(case):
        return
    votes = people_of(case)
    if "bradley_terry" in golden(case):
        best = max(golden(case)["bradley_terry"].items(), key=lambda item: item[1])
        theta = fitted(votes, "bt").theta
        theirs = np.log([golden(case)["bradley_terry"][name] for name in votes.models])
        place = votes.models.index(best[0])
        yield Parity(
            f"Bradley-Terry, {len(votes.models)} models, {best[0]}", len(votes), float(theirs[place] - theirs.mean()),
            float(theta[place]), golden_gap(case) / ELO, "logits; the golden scores are exp of them",
        )  # fmt: skip
    expected, found = alpha_expected(case), agreement_of(votes)
    if expected is not None and found is not None and found.alpha_nominal is not None:
        gap = abs(found.alpha_nominal - expected)
        yield Parity("Krippendorff's alpha", found.units, expected, found.alpha_nominal,
                     beyond(gap, tolerance(expected)), "printed to 4 decimals there")  # fmt: skip


@compares("wildvision_")
def wildvision_lines(case: Case) -> Iterator[Parity]:
    ours, official = wildvision_elo(case), case.expected["official"]
    gap = max(abs(ours[name] - row["elo"]) for name, row in official.items())
    best = max(official, key=lambda name: official[name]["elo"])
    votes = read_votes(games(case), baseline=baseline_of(case))
    yield Parity(f"Elo, {len(official)} models, {best}", len(votes), official[best]["elo"], ours[best],
                 beyond(gap, LBFGS), "scikit-learn's L-BFGS ends 1e-4 Elo off there")  # fmt: skip
    found = read_verdicts(games(case))
    rates = [abs(round(100 * found[name].win_rate, 1) - row["win_rate"]) for name, row in official.items()]
    yield Parity(f"win rate, {best}", sum(found[best].counts), official[best]["win_rate"],
                 100 * found[best].win_rate, max(rates))  # fmt: skip
