"""The one parser of boxes in replies, with the rule that decided.

Forms, the first that occurs decides: PaliGemma's `<locYYYY><locXXXX>..` (y before x, bins of 1024); the tags
`<box>`, `<|box_start|>`, `<|det|>`; JSON keys (`bbox_2d`, `bbox`, ..; Gemini's `box_2d` has y before x); then brackets
`[x1, y1, x2, y2]`, points `(x1,y1),(x2,y2)` and names `x1=.. y1=..`; then four bare numbers.

Coordinates: a percent sign and the bins of `<loc>` mean themselves. Else the task's convention, if it names one. Else
("auto") values of at most 1 are shares of the image; then what a form fixes: `<box>` with points 0-999 (Qwen-VL, as its
eval_mm/evaluate_grounding.py divides), with a list 0-1000 (InternVL), `<|box_start|>` 0-1000 (Qwen2-VL), `<|det|>`
0-999 (DeepSeek-VL2), `box_2d` 0-1000 (Gemini); then pixels where the box lies in the image, else 0-1000. A model that
answers in 0-1000 without a tag (Qwen3-VL's `bbox_2d`) needs the task's convention: its small boxes lie in the image.

Several different boxes: the last one written decides, with prose between (a reply that thinks aloud); several in one
list are no answer. Swapped or equal corners are no box. Nothing is clipped. A form that is not known is unparsed.
Time is linear in the length of the reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vlmeval.kinds.refusals import is_failure_text
from vlmeval.kinds.thinking import visible

PARSER = "1"
"""Version of this parser: another version may read a reply differently."""

Coordinates = Literal["auto", "pixel", "0-1", "0-100", "0-999", "0-1000", "0-1024"]
Box = tuple[float, float, float, float]

_RANGES = {"0-1": 1, "0-100": 100, "0-999": 999, "0-1000": 1000, "0-1024": 1024}
_NUMBER = r"([-+]?(?:\d{1,7}+(?:\.\d{0,20}+)?|\.\d{1,20}+))(?:px)?(%?)"
_COMMA = r"(?>\s{0,40}[,;]\s{0,40}|\s{1,40})"
_POINT = rf"[(\[]\s{{0,40}}+{_NUMBER}{_COMMA}{_NUMBER}\s{{0,40}}+[)\]]"
_FOUR = _COMMA.join([_NUMBER] * 4)
_LIST = re.compile(rf"[(\[{{]\s{{0,40}}+{_FOUR}\s{{0,40}}+[)\]}}]")
# Not a part of a longer chain of points: three corners or a polygon are no box.
_POINTS = re.compile(
    rf"(?<![)\]],)(?<![)\]],\s){_POINT}\s{{0,40}}+(?:,|;|-|–|->|to\b|and\b)?\s{{0,40}}+{_POINT}"
    r"(?!\s{0,4}+,?\s{0,4}+[(\[]\s{0,4}+[-+.\d])"
)
_EQUALS = r"[\"']?\s{0,4}[:=]\s{0,4}"
_NAMED = re.compile(
    r"(?:\s{0,40}+,?\s{0,40}+[\"']?)".join(
        rf"(?<![a-z0-9]){names}{_EQUALS}{_NUMBER}"
        for names in ("(?:x_?1|x_?min|left)", "(?:y_?1|y_?min|top)", "(?:x_?2|x_?max|right)", "(?:y_?2|y_?max|bottom)")
    ),
    re.IGNORECASE,
)
_BARE = re.compile(rf"(?<![\w.+-])(?<!\d,)(?<!\d,\s){_FOUR}(?![\w.]*\w)(?!\s{{0,4}},\s{{0,4}}[\d.])")
_JSON = re.compile(
    r"[\"'](bbox_2d|bbox|box_2d|bounding_box|box|bbox_coordinates|coordinates)[\"']\s{0,40}:\s{0,40}"
    rf"\[?\s{{0,40}}[(\[]\s{{0,40}}+{_FOUR}\s{{0,40}}+[)\]]"
)
_TAG = re.compile(r"<(box|\|box_start\||\|det\|)>([^<]{0,2000}+)")
_LOCS = re.compile(r"(?:<loc\d{1,4}>\s{0,4})++")
_LOC = re.compile(r"<loc(\d{1,4})>")
_TAGGED_LISTS = {"box": "0-1000", "box_start": "0-1000", "det": "0-999"}
_TAGGED_POINTS = {"box": "0-999", "box_start": "0-1000", "det": "0-999"}
_BETWEEN = re.compile(r'<ref>[^<]*</ref>|<[^<>]*>|"[^"\n]*"|\b(?:and|or)\b')
_LONGEST_LABELS = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says: the box in pixels (x1, y1, x2, y2), or None, and the rule that decided."""

    box: Box | None
    rule: str


@dataclass(frozen=True, slots=True)
class _Found:
    """Four numbers in the order x1, y1, x2, y2, where they stand, and the range that their form fixes."""

    form: str
    values: Box
    start: int
    end: int
    range: str = ""
    percent: bool = False


def extract(reply: str, size: tuple[int, int] | None, coordinates: Coordinates = "auto") -> Reading:
    """Return the box that `reply` names in an image of `size` (width, height), or the reason why there is none.

    Without a size only boxes in pixels under `coordinates` "pixel" can be read. The rule is "form:convention", with
    "+last" where other boxes came before; or one of failure_text, thinking_unfinished, empty, no_box, incomplete,
    several, degenerate, swapped, outside, no_image_size.
    """
    if is_failure_text(reply):
        return Reading(None, "failure_text")
    text = visible(reply)
    if not text:
        return Reading(None, "thinking_unfinished" if text is None else "empty")
    locs = [*_LOCS.finditer(text)]
    found = [*_locs(locs)] or [*_tagged(text)] or [*_json(text)] or _plain(text) or [*_numbers("bare", _BARE, text)]
    if not found:
        return Reading(None, "incomplete" if locs else "no_box")
    last = found[-1]
    earlier = any(one.values != last.values for one in found)
    if earlier and _is_list(text, found):
        return Reading(None, "several")
    convention = _convention(last, size, coordinates)
    if convention in ("outside", "no_image_size"):
        return Reading(None, convention)
    return _checked(_pixels(last.values, convention, size), f"{last.form}:{convention}{'+last' if earlier else ''}")


def _checked(box: Box, rule: str) -> Reading:
    x1, y1, x2, y2 = box
    if x2 < x1 or y2 < y1:
        return Reading(None, "swapped")
    if x1 == x2 or y1 == y2:
        return Reading(None, "degenerate")
    return Reading(box, rule)


def _locs(runs: list[re.Match[str]]) -> Iterator[_Found]:
    """Yield the boxes of runs of `<loc>`; a run that is no multiple of four says nothing."""
    for run in runs:
        values = [float(value) for value in _LOC.findall(run[0])]
        if len(values) % 4:
            continue
        for place in range(0, len(values), 4):
            y1, x1, y2, x2 = values[place : place + 4]
            yield _Found("loc", (x1, y1, x2, y2), run.start(), run.end(), "0-1024")


def _tagged(text: str) -> Iterator[_Found]:
    for tag in _TAG.finditer(text):
        name, start = tag[1].strip("|"), tag.start(2)
        inside = [*_numbers(name, _POINTS, tag[2], start, _TAGGED_POINTS[name])]
        yield from inside or _numbers(name, _LIST, tag[2], start, _TAGGED_LISTS[name])


def _json(text: str) -> Iterator[_Found]:
    for match in _JSON.finditer(text):
        values, percent = _four(match.groups()[1:])
        if match[1] == "box_2d":
            y1, x1, y2, x2 = values
            yield _Found("box_2d", (x1, y1, x2, y2), match.start(), match.end(), "0-1000", percent)
        else:
            form = "bbox_2d" if match[1] == "bbox_2d" else "json"
            yield _Found(form, values, match.start(), match.end(), "", percent)


def _plain(text: str) -> list[_Found]:
    forms = (("list", _LIST), ("points", _POINTS), ("named", _NAMED))
    found = [one for form, pattern in forms for one in _numbers(form, pattern, text)]
    return sorted(found, key=lambda one: one.start)


def _numbers(
    form: str, pattern: re.Pattern[str], text: str, offset: int = 0, range_of_form: str = ""
) -> Iterator[_Found]:
    for match in pattern.finditer(text):
        values, percent = _four(match.groups())
        yield _Found(form, values, offset + match.start(), offset + match.end(), range_of_form, percent)


def _four(groups: tuple[str, ...]) -> tuple[Box, bool]:
    """Return the numbers of a match, and whether they are percentages."""
    x1, y1, x2, y2 = map(float, groups[::2])
    return (x1, y1, x2, y2), any(groups[1::2])


def _is_list(text: str, found: list[_Found]) -> bool:
    """Tell whether the last box stands in one list with the one before that differs: no prose between them."""
    place = max(place for place, one in enumerate(found) if one.values != found[-1].values)
    between = text[found[place].end : found[place + 1].start]
    return len(between) <= _LONGEST_LABELS and not any(map(str.isalpha, _BETWEEN.sub(" ", between)))


def _convention(found: _Found, size: tuple[int, int] | None, coordinates: Coordinates) -> str:
    """Return how the numbers count, "outside" or "no_image_size"."""
    own = "0-100" if found.percent else "0-1024" if found.form == "loc" else ""
    named = own or ("" if coordinates == "auto" else coordinates)
    if named == "pixel":
        return named
    if size is None:
        return "no_image_size"
    if named:
        return named
    x1, y1, x2, y2 = map(abs, found.values)
    if max(x1, y1, x2, y2) <= 1:
        return "0-1"
    if found.range:
        return found.range
    if max(x1, x2) <= size[0] and max(y1, y2) <= size[1]:
        return "pixel"
    return "0-1000" if max(x1, y1, x2, y2) <= 1000 else "outside"


def _pixels(values: Box, convention: str, size: tuple[int, int] | None) -> Box:
    if convention == "pixel" or size is None:
        return values
    x1, y1, x2, y2 = values
    (width, height), full = size, _RANGES[convention]
    return x1 * width / full, y1 * height / full, x2 * width / full, y2 * height / full
