"""CHAIR: objects that a caption names and the image does not show.

Rohrbach et al., Object Hallucination in Image Captioning (EMNLP 2018, arXiv:1809.02156, section 2.2).

    chair_i   objects named that are not in the image / objects named          (per instance, lower is better)
    chair_s   captions with such an object / captions                          (per sentence, lower is better)
    chair_recall   objects of the image that are named / objects of the image  (not of the paper; its usual companion)

Objects are the 80 categories of COCO with the words people use for them (`vlmeval.metrics.coco_objects`). The image
shows what its annotations name (`sample.fields["objects"]`, a name a line, category or word) and, as in the paper, what
its references name. A word counts in singular and plural, the longest name first ("hot dog" is no dog, "teddy bear" no
bear); each mention counts, as in the paper's program.

Known differences from the paper's program (LisaAnne/Hallucination, utils/chair.py): it makes words singular by a
package, here a word's plurals are listed; the list of words is ours, after the categories and the paper, and is not the
same in every entry. So figures compare with those of this program only.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Self

from vlmeval.metrics.coco_objects import (
    ANIMALS,
    BEFORE_ANIMALS,
    BEFORE_VEHICLES,
    CATEGORIES,
    NOT_OBJECTS,
    VEHICLES,
    WORDS,
)
from vlmeval.metrics.ngrams import said
from vlmeval.types import Answer, MetricInfo, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIELD = "objects"
MEMO = 1 << 14
_IRREGULAR = {
    "person": "people", "man": "men", "woman": "women", "child": "children", "knife": "knives", "calf": "calves",
    "mouse": "mice", "goose": "geese", "sheep": "sheep", "skis": "skis", "scissors": "scissors", "wife": "wives",
    "loaf": "loaves",
}  # fmt: skip


def plural(name: str) -> str:
    """Return the plural of a name; of several words the last changes."""
    *first, last = name.split(" ")
    for singular, many in _IRREGULAR.items():
        if last.endswith(singular) and (last == singular or singular in ("man", "woman", "child", "person")):
            return " ".join([*first, last.removesuffix(singular) + many])
    if last.endswith(("s", "x", "ch", "sh")):
        ending = last + "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        ending = last[:-1] + "ies"
    else:
        ending = last + "s"
    return " ".join([*first, ending])


def _forms() -> dict[str, str]:
    """Return what each word, in singular and plural, is a name of: a category, or "" for a phrase that is no object."""
    found: dict[str, str] = {}
    for category, words in WORDS.items():
        before = BEFORE_ANIMALS if category in ANIMALS else BEFORE_VEHICLES if category in VEHICLES else ()
        for name in (category, *words):
            for text in (name, plural(name)):
                found |= {text: category} | {f"{word} {text}": category for word in before}
    return found | dict.fromkeys(NOT_OBJECTS, "")


_FORMS = _forms()
# A blank of a name may be a hyphen in the text; of two names at one place the longer is meant.
_NAMES = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(re.escape(name).replace(r"\ ", r"[\s-]+") for name in sorted(_FORMS, key=len, reverse=True))
    + r")(?!\w|-\w)"
)


@lru_cache(MEMO)
def mentions(text: str) -> tuple[str, ...]:
    """Return the categories that a text names, in order, each as often as it is named."""
    names = (" ".join(re.split(r"[\s-]+", match.group())) for match in _NAMES.finditer(text.lower()))
    return tuple(category for name in names if (category := _FORMS[name]))


def shown(sample: Sample) -> frozenset[str] | None:
    """Return the categories that the image of a sample shows, None where nobody has said.

    Raises ValueError for an object that is none of COCO's categories and no word for one.
    """
    if FIELD not in sample.fields and not sample.references:
        return None
    found: set[str] = set()
    for line in sample.fields.get(FIELD, "").split("\n"):
        name = " ".join(line.lower().split())
        if not name:
            continue
        category = name if name in CATEGORIES else _FORMS.get(name)
        if not category:
            raise ValueError(f'sample {sample.id}: object "{name}" is none of the 80 categories of COCO')
        found.add(category)
    for text in sample.references:
        found.update(mentions(text))
    return frozenset(found)


class _Chair(ABC):
    """A share: the statistics are (counted, of), the value is their quotient, NaN for nothing."""

    info: ClassVar[MetricInfo]

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Return the metric as it is: it needs nothing of the other samples."""
        return self

    def stats(self, sample: Sample, answers: Sequence[Answer]) -> tuple[float, ...] | None:
        """Return (counted, of), the mean over several answers; None where the objects of the image are not known."""
        objects = shown(sample)
        if objects is None or not answers:
            return None
        rows = [self._row(mentions(said(answer)), objects) for answer in answers]
        return tuple(sum(column) / len(rows) for column in zip(*rows, strict=True))

    def value(self, total: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return counted / of, shape (...), of totals, shape (..., 2)."""
        import numpy as np

        share: NDArray[np.float64] = np.full(total.shape[:-1], np.nan)
        np.divide(total[..., 0], total[..., 1], out=share, where=total[..., 1] > 0)
        return share

    @abstractmethod
    def _row(self, named: tuple[str, ...], objects: frozenset[str]) -> tuple[float, float]:
        """Return (counted, of) of one caption."""


def _info(name: str, title: str, *, higher_is_better: bool = False) -> MetricInfo:
    return MetricInfo(
        name,
        title,
        higher_is_better=higher_is_better,
        scale=100.0,
        source="Rohrbach et al. 2018, arXiv:1809.02156",
        signature=f"{name}:1",
    )


class ChairI(_Chair):
    """The share of the objects named that are not in the image; a caption without an object adds nothing."""

    info = _info("chair_i", "CHAIR-i")

    def _row(self, named: tuple[str, ...], objects: frozenset[str]) -> tuple[float, float]:
        return float(sum(category not in objects for category in named)), float(len(named))


class ChairS(_Chair):
    """The share of captions that name an object which is not in the image."""

    info = _info("chair_s", "CHAIR-s")

    def _row(self, named: tuple[str, ...], objects: frozenset[str]) -> tuple[float, float]:
        return float(any(category not in objects for category in named)), 1.0


class ChairRecall(_Chair):
    """The share of the objects in the image that are named: what a caption that says nothing has none of."""

    info = _info("chair_recall", "Objects named", higher_is_better=True)

    def _row(self, named: tuple[str, ...], objects: frozenset[str]) -> tuple[float, float]:
        return float(len(objects & set(named))), float(len(objects))
