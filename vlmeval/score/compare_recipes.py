"""In what the recipes of two runs differ, and what that means for comparing their figures.

Two models are to differ: their recipe, precision and sampling are expected to. What is asked, how it is asked and how
it is scored is not: such a difference refuses the comparison, unless it is wanted (a study of prompts, of scorers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from vlmeval.store.manifest import SCORING_OPTIONS
from vlmeval.store.results import Manifest, Scores

Weight = Literal["refused", "warning", "expected"]
EXPECTED = ("model.", "task.sampling.")
DATA = ("data.dataset", "data.digest", "data.revision", "data.rows")
SIGNED = ("parse", "scorer")
"""Fields of a signature that say how replies are read."""
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """A key of the recipe with its value in both runs, as JSON; "absent" where one has none."""

    key: str
    baseline: str
    model: str
    weight: Weight

    def words(self) -> str:
        """Return 'task.prompt.name ("short", here "lmms")'."""
        return f"{self.key} ({self.baseline}, here {self.model})"


def key_differences(
    baseline: tuple[Manifest, Scores], model: tuple[Manifest, Scores], metrics: tuple[str, str]
) -> list[KeyDifference]:
    """Return the differences of two scored runs, the gravest first; `metrics` are what is compared of each.

    `data_difference` decides on other data.

    The place and format of the data is none: where the digest of what the samples say is equal, so are the data.
    """
    one = {**baseline[0].recipe, **scoring_recipe(*baseline, metrics[0])}
    two = {**model[0].recipe, **scoring_recipe(*model, metrics[1])}
    found = [
        KeyDifference(key, shown(one, key), shown(two, key), weight_of(key))
        for key in sorted({*one, *two} - {*DATA})
        if one.get(key) != two.get(key)
    ]
    return sorted(found, key=lambda one: ("refused", "warning", "expected").index(one.weight))


def scoring_recipe(manifest: Manifest, scores: Scores, metric: str) -> dict[str, Any]:
    """Return what defines the reading of replies and their score, as flat keys "score.*"."""
    fields = (field.partition(":") for field in scores.signature.split("|"))
    signed = {f"score.{name}": value for name, _, value in fields if name in SIGNED}
    options = {f"score.{key}": manifest.task.options[key] for key in SCORING_OPTIONS & manifest.task.options.keys()}
    found = {
        **options,
        **signed,
        "score.metric": metric,
        "score.policy": scores.policy,
        "score.errors": scores.errors,
        "score.judge": manifest.judge,
        "score.vlmeval": scores.vlmeval,
    }
    return {key: value for key, value in found.items() if value is not None}


def weight_of(key: str) -> Weight:
    """Return what a difference of this key means."""
    if key.startswith(EXPECTED):
        return "expected"
    return "warning" if key == "score.vlmeval" else "refused"


def data_difference(
    baseline: Manifest, model: Manifest, *, kind: str, samples: tuple[int, int], common: int, changed: Sequence[str]
) -> list[KeyDifference]:
    """Return the difference of two data sets whose samples are not all the same; `samples` are their numbers.

    `changed` are the ids of the `common` samples that do not say the same in both. Without any, one run saw part of the
    other's samples: a warning, but for retrieval, where the candidates are part of every question.
    """
    weight: Weight = "refused" if changed or kind == "retrieval" else "warning"
    text = f"{len(changed)} of {common} common samples say something else, the first: {changed[0]}" if changed else ""
    return [
        KeyDifference("data.samples", "as asked" if text else str(samples[0]), text or str(samples[1]), weight),
        *(
            KeyDifference(key, shown(baseline.recipe, key), shown(model.recipe, key), weight)
            for key in DATA
            if baseline.recipe.get(key) != model.recipe.get(key)
        ),
    ]


def shown(values: Mapping[str, Any], key: str) -> str:
    """Return a value as JSON in at most 60 characters, "absent" where there is none."""
    if key not in values:
        return "absent"
    text = msgspec.json.encode(values[key]).decode()
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
