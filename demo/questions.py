"""Questions, answers and captions about scenes.

Every question has one right answer in words, and distractors: wrong answers of the same type, from which choices are
made. An asker returns None for a scene its question does not fit (no digit, two circles where one is meant).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from demo.dice import Dice
from demo.scenes import COLORS, GRID, POSITIONS, SHAPES, Item, Scene

AnswerType = Literal["yes/no", "number", "other"]

NUMBER_WORDS: Final = ("no", "one", "two", "three", "four")
_MOST_SHAPES: Final = 4


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one scene; `distractors` are wrong and differ from each other."""

    skill: str
    text: str
    answer: str
    distractors: tuple[str, ...]
    answer_type: AnswerType


Asker = Callable[[Scene, Dice], Question | None]


def plural(word: str) -> str:
    """Return the plural of a shape's name."""
    return word + "s"


def listing(parts: list[str]) -> str:
    """Join parts as in "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def with_article(phrase: str) -> str:
    """Put "a" or "an" before a phrase."""
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def _unique_items(scene: Scene) -> list[Item]:
    names = [item.name for item in scene.items]
    return [item for item in scene.items if names.count(item.name) == 1]


def _unique_by(scene: Scene, attribute: Literal["shape", "color"]) -> list[Item]:
    values = [getattr(item, attribute) for item in scene.items]
    return [item for item in scene.items if values.count(getattr(item, attribute)) == 1]


def _others(words: tuple[str, ...], answer: str, dice: Dice) -> tuple[str, ...]:
    return tuple(dice.shuffled([word for word in words if word != answer]))


def _yes_no(skill: str, text: str, truth: bool) -> Question:
    answer, wrong = ("yes", "no") if truth else ("no", "yes")
    return Question(skill=skill, text=text, answer=answer, distractors=(wrong,), answer_type="yes/no")


def ask_color(scene: Scene, dice: Dice) -> Question | None:
    """What color is the circle? Or: what color is the shape in the top left?"""
    items = _unique_by(scene, "shape")
    if items and dice.chance(0.6):
        item = dice.pick(items)
        text = f"What color is the {item.shape}?"
    else:
        item = dice.pick(scene.items)
        text = f"What color is the shape in the {item.position}?"
    return Question("color", text, item.color, _others(tuple(COLORS), item.color, dice), "other")


def ask_shape(scene: Scene, dice: Dice) -> Question | None:
    """What shape is red? Or: which shape is in the top left?"""
    items = _unique_by(scene, "color")
    if items and dice.chance(0.6):
        item = dice.pick(items)
        text = f"Which shape is {item.color}?"
    else:
        item = dice.pick(scene.items)
        text = f"Which shape is in the {item.position}?"
    return Question("shape", text, item.shape, _others(SHAPES, item.shape, dice), "other")


def ask_count(scene: Scene, dice: Dice) -> Question | None:
    """How many shapes (circles, red shapes) are there?"""
    kind = dice.below(3)
    if kind == 0:
        count, what = len(scene.items), "shapes"
    elif kind == 1:
        shape = dice.pick(scene.items).shape if dice.chance(0.7) else dice.pick(SHAPES)
        count, what = sum(item.shape == shape for item in scene.items), plural(shape)
    else:
        color = dice.pick(scene.items).color if dice.chance(0.7) else dice.pick(tuple(COLORS))
        count, what = sum(item.color == color for item in scene.items), f"{color} shapes"
    numbers = tuple(str(number) for number in range(_MOST_SHAPES + 1))
    text = f"How many {what} are in the picture?"
    return Question("count", text, str(count), _others(numbers, str(count), dice), "number")


def ask_position(scene: Scene, dice: Dice) -> Question | None:
    """Where is the red circle (the digit)?"""
    if scene.digit is not None and dice.chance(0.2):
        answer, what = POSITIONS[scene.digit.cell], "digit"
    else:
        items = _unique_items(scene)
        if not items:
            return None
        item = dice.pick(items)
        answer, what = item.position, item.name
    text = f"Where in the picture is the {what}?"
    return Question("position", text, answer, _others(POSITIONS, answer, dice), "other")


def ask_digit(scene: Scene, dice: Dice) -> Question | None:
    """Which digit is shown?"""
    if scene.digit is None:
        return None
    answer = str(scene.digit.value)
    numbers = tuple(str(number) for number in range(10))
    return Question("digit", "Which digit is shown in the picture?", answer, _others(numbers, answer, dice), "number")


def ask_existence(scene: Scene, dice: Dice) -> Question | None:
    """Is there a red circle? Half the questions are about something that is not there."""
    names = [item.name for item in scene.items]
    truth = dice.chance(0.5)
    if truth:
        name = dice.pick(names)
    else:
        near = dice.pick(scene.items)
        changed = (
            f"{dice.pick(tuple(COLORS))} {near.shape}" if dice.chance(0.5) else f"{near.color} {dice.pick(SHAPES)}"
        )
        if changed in names:
            return None
        name = changed
    return _yes_no("existence", f"Is there {with_article(name)} in the picture?", truth)


def ask_relation(scene: Scene, dice: Dice) -> Question | None:
    """Where is the red circle relative to the blue square? Both share a row or a column."""
    items = _unique_items(scene)
    pairs = [
        (first, second, relation)
        for first in items
        for second in items
        if first is not second and (relation := relation_between(first, second)) is not None
    ]
    if not pairs:
        return None
    first, second, answer = dice.pick(pairs)
    text = f"Where is the {first.name} relative to the {second.name}?"
    return Question("relation", text, answer, _others(("left", "right", "above", "below"), answer, dice), "other")


def relation_between(first: Item, second: Item) -> str | None:
    """Return where `first` is, seen from `second`; None unless they share a row or a column."""
    rows, columns = first.cell // GRID - second.cell // GRID, first.cell % GRID - second.cell % GRID
    if rows == 0:
        return "left" if columns < 0 else "right"
    if columns == 0:
        return "above" if rows < 0 else "below"
    return None


def ask_comparison(scene: Scene, dice: Dice) -> Question | None:
    """Are there more circles than squares?"""
    present = [item.shape for item in scene.items]
    first = dice.pick(present)
    second = dice.pick([shape for shape in SHAPES if shape != first])
    if dice.chance(0.5):
        first, second = second, first
    truth = present.count(first) > present.count(second)
    return _yes_no("comparison", f"Are there more {plural(first)} than {plural(second)} in the picture?", truth)


def ask_matching(scene: Scene, dice: Dice) -> Question | None:
    """Which description fits? The wrong ones each change one word of the right one, which gives the right one away."""
    item = dice.pick(scene.items)
    answer = f"{with_article(item.name)} in the {item.position}"
    truths = {(other.color, other.shape, other.position) for other in scene.items}
    wrong: list[str] = []
    for _ in range(12):
        color, shape, position = item.color, item.shape, item.position
        changed = dice.below(3)
        if changed == 0:
            color = dice.pick(tuple(COLORS))
        elif changed == 1:
            shape = dice.pick(SHAPES)
        else:
            position = dice.pick(POSITIONS)
        phrase = f"{with_article(color + ' ' + shape)} in the {position}"
        if (color, shape, position) not in truths and phrase not in wrong:
            wrong.append(phrase)
    return Question("matching", "Which description fits the picture?", answer, tuple(wrong[:3]), "other")


def ask_balanced_matching(scene: Scene, dice: Dice) -> Question | None:
    """Which description fits? All four combinations of two attributes with two values each: words tell nothing."""
    item = dice.pick(scene.items)
    right = (item.color, item.shape, item.position)
    other = tuple(
        dice.pick([word for word in words if word != own])
        for words, own in zip((tuple(COLORS), SHAPES, POSITIONS), right, strict=True)
    )
    one, two = dice.sample(range(3), 2)
    wrong = [
        tuple(other[place] if place in changed else right[place] for place in range(3))
        for changed in ((one,), (two,), (one, two))
    ]
    if any((there.color, there.shape, there.position) in wrong for there in scene.items):
        return None
    answer, *distractors = (
        f"{with_article(f'{color} {shape}')} in the {position}" for color, shape, position in [right, *wrong]
    )
    text = "Which description fits the picture?"
    return Question("matching", text, answer, tuple(dice.shuffled(distractors)), "other")


def ask_sum(scene: Scene, dice: Dice) -> Question | None:
    """What is the digit plus the number of shapes?"""
    if scene.digit is None:
        return None
    answer = str(scene.digit.value + len(scene.items))
    numbers = tuple(str(number) for number in range(1, 14))
    text = "What is the sum of the digit and the number of shapes?"
    return Question("sum", text, answer, _others(numbers, answer, dice), "number")


ASKERS: Final[dict[str, Asker]] = {
    "color": ask_color,
    "shape": ask_shape,
    "count": ask_count,
    "position": ask_position,
    "digit": ask_digit,
    "existence": ask_existence,
    "relation": ask_relation,
    "comparison": ask_comparison,
    "matching": ask_matching,
    "sum": ask_sum,
}

# Easy distractors may serve to learn from, but not to measure with.
HELD_OUT_ASKERS: Final[dict[str, Asker]] = {**ASKERS, "matching": ask_balanced_matching}


def captions(scene: Scene) -> tuple[str, str, str, str, str]:
    """Return five descriptions of the scene, from plain to precise; the first is the one models learn to give."""
    names = [with_article(item.name) for item in scene.items]
    placed = [f"{with_article(item.name)} in the {item.position}" for item in scene.items]
    at = [f"{with_article(item.name)} at the {item.position}" for item in scene.items]
    number = NUMBER_WORDS[len(scene.items)]
    shapes = f"{number} {'shape' if len(scene.items) == 1 else 'shapes'}"
    tail, placed_tail, extra = "", [], ""
    if scene.digit is not None:
        tail = f" with the digit {scene.digit.value}"
        placed_tail = [f"the digit {scene.digit.value} in the {POSITIONS[scene.digit.cell]}"]
        extra = f" next to the number {scene.digit.value}"
    return (
        f"{listing(names)}{tail}.",
        f"A picture of {listing(names)}{extra}.",
        f"There {'is' if len(names) == 1 else 'are'} {shapes}: {listing(names)}{tail}.",
        f"{listing(placed + placed_tail)}.",
        f"The image shows {listing(at)}{tail}.",
    )
