"""CircularEval groups as a file holds them: which rows are passes of one question, and what is odd about them.

MMBench files repeat a question with its options moved; pass k has the index of the question plus k * 10^6, or all
passes share a `g_index`. Options are moved in a circle, so a whole group has as many passes as options. In older
releases a last option such as "All above are not right" stays where it is, and the group is whole with one pass for
each option that moves (53 of the 1,176 questions of mmbench_dev_20230712). MMBench (Liu et al. 2023,
arXiv:2307.06281), section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vlmeval.data.cells import is_absent, options
from vlmeval.data.table import Table
from vlmeval.errors import DataError
from vlmeval.types import Rotation

PASS = 1_000_000
LONGEST_NUMBER = 40
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Pass:
    """One row of a group: its place in the table, its index, and what it asks. `gold` is a position, None for none."""

    number: int
    key: str
    question: str
    choices: tuple[str, ...]
    gold: int | None


@dataclass
class Group:
    """A base question and its passes. `rotations` is empty where we rotate ourselves; `faults` say what is odd."""

    base: int
    key: str
    numbers: list[int]
    rotations: tuple[Rotation, ...] = ()
    faults: list[str] = field(default_factory=list)


def find_groups(table: Table, key: str) -> list[Group]:
    """Return the groups of a table in the order of their first rows.

    Where no group has a second row the file holds base questions only, and no group has rotations. Otherwise every
    group is compared pass by pass; a pass that is no rotation of the question is left out of `rotations` and named in
    `faults`.
    """
    members: dict[str, list[int]] = {}
    keys: list[str] = []
    for number, (value, shared) in enumerate(table.scan([key, "g_index"])):
        if is_absent(value):
            raise DataError(f'{table.where(number)}, column "{key}": the cell is empty; every row needs its own index')
        keys.append(_number_text(value))
        members.setdefault(_number_text(shared) if not is_absent(shared) else _base_key(keys[-1]), []).append(number)
    groups = [Group(numbers[0], keys[numbers[0]], numbers) for numbers in members.values()]
    if len(groups) == len(keys):
        return groups
    passes = list(_passes(table, keys))
    for group in groups:
        _compare(table, group, [passes[number] for number in sorted(group.numbers, key=lambda n: _order(keys[n], n))])
    return groups


def _number_text(value: object) -> str:
    text = str(value).strip()
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def _base_key(key: str) -> str:
    return str(int(key) % PASS) if is_number(key) else key


def is_number(key: str) -> bool:
    """Tell whether an index is a whole number; digits such as "²" are not, and thousands of them are no index."""
    return key.isdecimal() and len(key) < LONGEST_NUMBER


def _order(key: str, number: int) -> tuple[int, int]:
    """Passes go by index (pass 0 first); rows without a number keep the order of the file."""
    return (int(key), number) if is_number(key) else (0, number)


def _passes(table: Table, keys: Sequence[str]) -> Iterator[Pass]:
    letters = [letter for letter in LETTERS if table.column(letter)]
    for number, cells in enumerate(table.scan(["question", "answer", *letters])):
        choices = options(cells[2:], table.where(number))
        answer = "" if is_absent(cells[1]) else str(cells[1]).strip()
        gold = LETTERS.find(answer) if len(answer) == 1 else -1
        question = "" if cells[0] is None else str(cells[0])
        yield Pass(number, keys[number], question, choices, gold if 0 <= gold < len(choices) else None)


def _compare(table: Table, group: Group, passes: Sequence[Pass]) -> None:
    base = passes[0]
    group.base, group.key = base.number, base.key
    rotations = [Rotation(base.key, tuple(range(len(base.choices))))]
    for place, other in enumerate(passes[1:], start=1):
        where = f"{table.where(other.number)} (index {other.key})"
        if other.question != base.question:
            group.faults.append(f"{where}: asks another question than index {base.key}; the pass is left out")
            continue
        orders = list(_orders(base.choices, other.choices, place))
        right = [order for order in orders if other.gold is None or base.gold is None or order[other.gold] == base.gold]
        if not orders:
            group.faults.append(
                f"{where}: its options are no rearrangement of index {base.key}'s; the pass is left out"
            )
        elif not right:
            group.faults.append(f"{where}: its answer is another option than index {base.key}'s; the pass is left out")
        else:
            rotations.append(Rotation(other.key, right[0]))
    group.rotations = tuple(rotations)
    if not is_whole([rotation.order for rotation in rotations]):
        group.faults.append(f"{len(rotations)} passes for {len(base.choices)} options")


def _orders(base: Sequence[str], shown: Sequence[str], place: int) -> Iterator[tuple[int, ...]]:
    """Yield the orders that turn `base` into `shown`: turns of all options first (by `place` before others), then
    turns of the first few with the last ones fixed, then any matching by text. Equal texts make several orders
    possible.
    """
    count = len(base)
    if len(shown) != count or sorted(base) != sorted(shown):
        return
    for moved in range(count, 1, -1):
        for turn in sorted(range(1, moved), key=lambda turn: (turn != place % moved, turn)):
            order = (*((position - turn) % moved for position in range(moved)), *range(moved, count))
            if all(base[index] == text for index, text in zip(order, shown, strict=True)):
                yield order
    left = list(range(count))
    matched = []
    for text in shown:
        matched.append(next(index for index in left if base[index] == text))
        left.remove(matched[-1])
    yield tuple(matched)


def is_whole(orders: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether the passes show every moving option once in every moving place."""
    moving = {place for order in orders for place, index in enumerate(order) if index != place}
    if not moving:
        return len(orders) == 1 and len(orders[0]) <= 1
    return len(orders) == len(moving) and all({order[place] for order in orders} == moving for place in moving)
