"""A comparison in words: what was shown, how sure it is, and what could have gone unseen."""

from __future__ import annotations

from vlmeval.score.compare_types import CompareOptions, Figure, Outcome
from vlmeval.types import MetricInfo

COARSE = 10.0
SMALLEST_P = 0.001


def outcome_of(figure: Figure, alpha: float) -> Outcome:
    """Return what a figure shows: a difference is claimed where the p-value after Holm is at most `alpha`."""
    paired = figure.paired
    if figure.p is not None and figure.p <= alpha and paired.difference != 0:
        return "better" if paired.difference > 0 else "worse"
    return "same" if paired.difference == 0 and paired.p == 1 and not figure.gained + figure.lost else "none"


def verdict(figure: Figure, info: MetricInfo, options: CompareOptions, *, ways: tuple[str, str]) -> str:
    """Return the verdict on a figure; `ways` name the flips up and down.

    "better by 1.8 points, 95 % interval 0.6 to 3.0, p = .004 after Holm; 61 flips to right, 40 to wrong", or "no
    difference shown (...); this comparison could have shown one of 2.1 points; ...".
    """
    digits = digits_of(info, figure.paired.second)
    flips = f"{figure.gained} flips to {ways[0]}, {figure.lost} to {ways[1]}"
    if figure.outcome == "same":
        said = [f"no difference: the same on all {figure.paired.samples} samples", *_could(figure, info, digits)]
    elif figure.outcome == "none":
        size = amount(figure.paired.difference, info, digits, plus=True)
        sure = _sure(figure, info, options, digits, sign=1)
        said = [f"no difference shown ({size}{unit(info, digits)}, {sure})", *_could(figure, info, digits), flips]
    else:
        sign = 1 if figure.outcome == "better" else -1
        size = amount(abs(figure.paired.difference), info, digits)
        sure = _sure(figure, info, options, digits, sign=sign)
        said = [f"{figure.outcome} by {size}{unit(info, digits)}, {sure}", flips]
    return "; ".join((*said, *_needs(figure, options, info, digits)))


def digits_of(info: MetricInfo, value: float) -> int:
    """Return how many decimals a figure is shown with: one for per cent, counts and sums from 10 on, else three."""
    return 1 if info.scale >= COARSE or abs(value * info.scale) >= COARSE else 3


def unit(info: MetricInfo, digits: int) -> str:
    """Return " points", or "" for a figure that is not counted in points."""
    return " points" if digits == 1 or info.scale >= COARSE else ""


def amount(value: float, info: MetricInfo, digits: int, *, plus: bool = False) -> str:
    """Return a value on the metric's scale, `plus` with its sign; never "-0.0"."""
    shown = round(value * info.scale, digits) + 0.0
    return f"{shown:+.{digits}f}" if plus and shown else f"{shown:.{digits}f}"


def p_words(p: float) -> str:
    """Return "p = .004", or "p < .001"."""
    if p < SMALLEST_P:
        return "p < .001"
    shown = f"{p:.2f}" if p >= 0.1 else f"{p:.3f}"
    return f"p = {shown.removeprefix('0')}"


def _sure(figure: Figure, info: MetricInfo, options: CompareOptions, digits: int, *, sign: int) -> str:
    """Return the interval and the p-value; `sign` -1 turns the interval to how much worse."""
    level = f"{100 * options.level:g} % interval"
    low, high = figure.paired.low, figure.paired.high
    if low is None or high is None:
        bounds = f"no {level}"
    else:
        ends = sorted((low * sign, high * sign))
        bounds = f"{level} {amount(ends[0], info, digits)} to {amount(ends[1], info, digits)}"
    return f"{bounds}, {'no test possible' if figure.p is None else f'{p_words(figure.p)} after Holm'}"


def _could(figure: Figure, info: MetricInfo, digits: int) -> list[str]:
    if figure.detectable is None:
        return ["what this comparison could have shown is not known"]
    size = amount(figure.detectable, info, digits)
    return [f"this comparison could have shown one of {size}{unit(info, digits)}"]


def _needs(figure: Figure, options: CompareOptions, info: MetricInfo, digits: int) -> list[str]:
    if figure.needed is None or options.difference is None:
        return []
    apart = f" ({figure.needed_apart:,} each were they asked different ones)" if figure.needed_apart else ""
    return [f"a difference of {options.difference:g}{unit(info, digits)} needs {figure.needed:,} such samples{apart}"]
