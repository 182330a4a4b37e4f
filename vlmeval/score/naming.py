"""Names of models in tables: two runs of one name that were set otherwise are told apart, by what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vlmeval.jsonio import encode
from vlmeval.store.results import Scores

MODEL = "model."
NAME = "model.name"
LONGEST_VALUE = 24


def of_model(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run's recipe says of its model, without its name: {"dtype": "float16", ...}."""
    return {key.removeprefix(MODEL): value for key, value in recipe.items() if key.startswith(MODEL) and key != NAME}


def labels(scores: Sequence[Scores]) -> list[str]:
    """Return the model of each of `scores` as a table names it.

    That is its name; where runs of that name on one of the tasks were set otherwise, with the settings that differ:
    "demo (max_tokens=32)". A setting that a run has not is "-".
    """
    differing: dict[str, list[str]] = {}
    for one in scores:
        recipes = [other.model_recipe for other in scores if (other.model, other.asked) == (one.model, one.asked)]
        keys = sorted({key for recipe in recipes for key in recipe})
        found = [key for key in keys if any(_text(recipe, key) != _text(recipes[0], key) for recipe in recipes)]
        known = differing.setdefault(one.model, [])
        known += [key for key in found if key not in known]
    return [_label(one, differing[one.model]) for one in scores]


def _label(one: Scores, keys: Sequence[str]) -> str:
    settings = ", ".join(f"{key}={_text(one.model_recipe, key)}" for key in keys)
    return f"{one.model} ({settings})" if settings else one.model


def _text(recipe: Mapping[str, Any], key: str) -> str:
    if key not in recipe:
        return "-"
    value = recipe[key]
    text = value if isinstance(value, str) else encode(value).decode()
    return f"{text[:LONGEST_VALUE]}..." if len(text) > LONGEST_VALUE else text
