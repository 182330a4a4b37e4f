"""The passes of a choice question: which option stands behind which displayed letter in which pass.

CircularEval (Liu et al., MMBench, arXiv:2307.06281, section 4.3) asks a question once per option, the options shifted
by one each time. A file may hold the passes as rows; then exactly its rows are asked. An option that is the empty
string is not offered: its letter is skipped (files whose "None" cell was lost have A, B, D).
"""

from __future__ import annotations

from msgspec import Struct

from vlmeval.data.circular import is_whole
from vlmeval.data.variants import pass_of
from vlmeval.errors import DataError
from vlmeval.kinds.letters import LETTERS
from vlmeval.types import Choice, Sample

FIRST = "rot0"
NO_TEXT = "\ufffc"
"""Stands for an option that is an image only: offered, and matched by no wording."""


class Pass(Struct, frozen=True):
    """One pass. `order[j]` is the index of the choice behind the j-th letter; `row` is the file's row, or ""."""

    variant: str
    order: tuple[int, ...]
    row: str = ""


def offered(sample: Sample) -> tuple[int, ...]:
    """Return the indices of the choices that can be chosen."""
    return tuple(index for index, choice in enumerate(sample.choices) if choice)


def passes(sample: Sample, *, circular: bool) -> tuple[Pass, ...]:
    """Return the passes in the order to ask them: the file's rows, else the cyclic shifts; the first one only where not
    `circular`. Raises DataError for a sample with more than 26 choices, none to choose, or a faulty rotation.
    """
    count = len(sample.choices)
    if count > len(LETTERS):
        raise DataError(f"sample {sample.id}: {count} choices, expected at most {len(LETTERS)} (A to Z)")
    if not offered(sample):
        raise DataError(f"sample {sample.id}: all its choices are empty, expected at least one option")
    if sample.rotations:
        for rotation in sample.rotations:
            if sorted(rotation.order) != list(range(count)):
                raise DataError(
                    f"sample {sample.id}, row {rotation.row}: its options are not the {count} options of the first row "
                    f"in another order; expected the same options in every rotation"
                )
        found = tuple(Pass(f"rot{k}", one.order, one.row) for k, one in enumerate(sample.rotations))
    else:
        count = len(offered(sample)) if circular else 1
        found = tuple(Pass(f"rot{k}", shifted(sample, k)) for k in range(count))
    return found if circular else found[:1]


def expected_passes(sample: Sample) -> int:
    """Return how many passes CircularEval needs: one per option, fewer where a whole group of a file keeps some options
    ("all of the above") in their place, and more than the file has where its group is not whole.
    """
    if not sample.rotations:
        return len(offered(sample))
    if is_whole([one.order for one in sample.rotations]):
        return len(sample.rotations)
    return max(len(offered(sample)), len(sample.rotations) + 1)


def order_of(sample: Sample, variant: str) -> tuple[int, ...]:
    """Return the order of choices in the pass `variant`. Raises DataError where the sample has no such pass."""
    turn = pass_of(variant, only=FIRST)
    number = turn.removeprefix("rot")
    if turn.startswith("rot") and number.isdecimal():
        if sample.rotations and int(number) < len(sample.rotations):
            return sample.rotations[int(number)].order
        if not sample.rotations and int(number) < max(1, len(sample.choices)):
            return shifted(sample, int(number))
    raise DataError(f"sample {sample.id}: no pass {variant!r}; the outputs belong to another version of the task")


def shifted(sample: Sample, by: int) -> tuple[int, ...]:
    """Return the choices shifted by `by` places among the letters in use; places of absent options keep still."""
    used = offered(sample)
    order = list(range(len(sample.choices)))
    for place, index in enumerate(used):
        order[index] = used[(place + by) % len(used)]
    return tuple(order)


def displayed(sample: Sample, order: tuple[int, ...]) -> list[tuple[str, Choice]]:
    """Return the displayed letters with their choices, absent ones left out."""
    shown = ((LETTERS[place], sample.choices[index]) for place, index in enumerate(order))
    return [(letter, choice) for letter, choice in shown if choice]


def wordings(sample: Sample, order: tuple[int, ...]) -> tuple[str, ...]:
    """Return the text behind each letter in turn, "" for one that is not offered."""
    return tuple(_wording(sample.choices[index]) for index in order)


def _wording(choice: Choice) -> str:
    if isinstance(choice, str):
        return choice
    return "".join(part for part in choice if isinstance(part, str)).strip() or (NO_TEXT if choice else "")
