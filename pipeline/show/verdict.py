"""One verdict in full, for a terminal: the sentence, the numbers behind it, and two small pictures."""

from __future__ import annotations

import math
import re
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from pipeline.lag.decision import PROMOTION_E_VALUE, is_copy
from pipeline.show.text import UNKNOWN, count_text, p_value_text, percent_text, sessions_text
from pipeline.types import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.lag import Panels
    from pipeline.types import Evidence, Judgement

WIDTH = 100
"""Columns of the terminal."""
SIDE = 25
"""Columns of a correlation of 1."""
LONGEST_BAR = 50
ABSURD = 1e3
"""Share from which digits tell nothing."""
Line = tuple[str, str, str]
"""A number: its name, itself, and what it says."""


def explanation_text(
    title: str, judgement: Judgement, panels: Panels, *, is_judged_alone: bool = False
) -> str:
    """The title, the sentence, the numbers in groups, and panels (b) and (e) in characters.

    A series judged alone has no adjusted p-value. No line is longer than 100 columns, but for a longer title;
    undefined numbers are '-'.
    """
    e = judgement.evidence
    return "\n".join(
        [
            title,
            *sentence_lines(judgement.sentence, WIDTH),
            span_text(judgement, panels),
            *_group("Do the forecasts beat the last price?", _gain_lines(e)),
            *_group("Do they say anything?", _information_lines(judgement, is_judged_alone=is_judged_alone)),
            *_group("Are they an echo?", _echo_lines(e)),
            *_group("How much do they claim, and what could be seen?", _claim_lines(e)),
            "",
            "Correlation of the predicted change with the return of each day known, and the move forecast",
            *_correlation_bars(panels),
            "",
            f"Mean distance of the forecasts from the price of each day ({panels.caution})",
            *_error_bars(panels),
        ]
    )


def sentence_lines(sentence: str, width: int) -> list[str]:
    """A sentence in lines of at most `width` characters; an interval in brackets stays whole.

    >>> sentence_lines("skill -2.2% [-10, 5]", 17)
    ['skill -2.2%', '[-10, 5]']
    """
    fixed = re.sub(r"\[[^]]*\]", lambda found: found[0].replace(" ", "\0"), sentence)
    lines = textwrap.wrap(fixed, width, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def correlation_text(correlation: float) -> str:
    """A correlation with its sign.

    >>> correlation_text(0.271), correlation_text(-0.001), correlation_text(float("nan"))
    ('+0.27', '+0.00', '-')
    """
    return UNKNOWN if math.isnan(correlation) else f"{round(float(correlation), 2) + 0.0:+.2f}"


def span_text(judgement: Judgement, panels: Panels) -> str:
    """How many forecasts the verdict rests on, for which sessions, and whether it is promoted."""
    first, last = panels.dates[0], panels.dates[-1]
    sessions = f"{first}" if first == last else f"{first} to {last}"
    promoted = "; promoted" if judgement.is_promoted else ""
    return f"{count_text(len(panels.dates), 'forecast')}, {sessions}{promoted}"


def _number_text(value: float, digits: str) -> str:
    return UNKNOWN if math.isnan(value) else format(value, digits)


def _share_text(share: float, *, signed: bool = False) -> str:
    if abs(share) < ABSURD or math.isnan(share):
        return percent_text(share, signed=signed)
    return f"{100.0 * share:{'+' if signed else ''}.0e}%"


def _gain_lines(e: Evidence) -> Iterable[Line]:
    ends = f"{_share_text(e.skill_low, signed=True)} to {_share_text(e.skill_high, signed=True)}"
    interval = UNKNOWN if math.isnan(e.skill_low) else ends
    return (
        (
            "skill",
            _share_text(e.skill, signed=True),
            f"95% interval {interval}; any constant drift left out",
        ),
        ("as issued", _share_text(e.skill_as_issued, signed=True), "the same with the forecasts' drift"),
        ("p_no_skill", *_exclusion(e)),
        ("p_worse", p_value_text(e.p_worse), "small: as issued, they lose to the last price"),
        ("Diebold-Mariano p", p_value_text(e.dm_p_value), "small: they beat it; shown, decides nothing"),
    )


def _information_lines(judgement: Judgement, *, is_judged_alone: bool) -> Iterable[Line]:
    e = judgement.evidence
    adjusted = p_value_text(judgement.p_skill_adjusted)
    promotes = f"; {PROMOTION_E_VALUE:g} promotes" if judgement.verdict is Verdict.SKILLED else ""
    return (
        ("p_skill", p_value_text(e.p_skill), "small: the predicted changes tell of the moves"),
        *(() if is_judged_alone else (("adjusted", adjusted, "p_skill among all series judged together"),)),
        ("p_anti", p_value_text(e.p_anti), "small: the moves go against the predictions"),
        ("hit rate", percent_text(e.hit_rate), "of the directions"),
        ("p_direction", p_value_text(e.p_direction), "small: the directions agree beyond chance"),
        ("e-value", _number_text(e.e_value, ".3g"), f"evidence since the first forecast{promotes}"),
    )


def _exclusion(e: Evidence) -> tuple[str, str]:
    """`p_no_skill` of a copy is no finding."""
    if is_copy(e):
        return UNKNOWN, "not tested: the forecasts are a naive rule"
    return p_value_text(e.p_no_skill), "small: a skill of 2% is excluded"


def _echo_lines(e: Evidence) -> Iterable[Line]:
    rule = UNKNOWN if math.isnan(e.distance) else e.nearest_naive
    nearness = f"of a typical move from {rule}; below 2% they are that rule"
    explained = float(np.maximum(e.filter_r2, 0.0))
    p_echo = UNKNOWN if is_copy(e) else p_value_text(e.p_echo)
    return (
        ("p_shape", p_value_text(e.p_shape), "small: the forecasts have the shape of prices already known"),
        ("p_echo", p_echo, "small: an echo; the larger of p_shape and p_no_skill"),
        ("nearest naive rule", _share_text(e.distance), nearness),
        ("mean lag", sessions_text(e.mean_lag_sessions), "sessions: the age of the prices they are made of"),
        ("filter R2", percent_text(explained), "of the predicted changes follow from prices already known"),
    )


def _claim_lines(e: Evidence) -> Iterable[Line]:
    slope = _number_text(e.slope, ".2f")
    return (
        ("size", _share_text(e.size), "of the predicted moves, relative to the actual ones"),
        ("slope", slope, "what to multiply the predictions by; above 1/2 beats the last price"),
        (
            "power",
            percent_text(e.power),
            "the chance that a skill of 2% would have been seen, if judged alone",
        ),
        (
            "detectable R2",
            percent_text(e.min_detectable_r2),
            "the minimum: seen with 80% probability, if judged alone",
        ),
    )


def _group(heading: str, lines: Iterable[Line]) -> Iterator[str]:
    yield ""
    yield heading
    for name, number, words in lines:
        start = f"  {name:18}  {number:>9}  "
        indent = " " * len(start)
        yield from textwrap.wrap(words, WIDTH, initial_indent=start, subsequent_indent=indent)


def _correlation_bars(panels: Panels) -> Iterator[str]:
    """A line a day: negative bars to the left of the middle, positive ones to the right."""
    width = max(len(name) for name in panels.moves)
    for name, correlation in zip(panels.moves, panels.correlations, strict=True):
        text = correlation_text(correlation)
        halves = 0 if math.isnan(correlation) else round(2 * SIDE * abs(correlation))
        whole, half = divmod(halves, 2)
        left = "▐" * half + "█" * whole if correlation < 0.0 else ""
        right = "█" * whole + "▌" * half if correlation > 0.0 else ""
        yield f"  {name:{width}}  {text:>5}  {left:>{SIDE}}│{right}".rstrip()


def _error_bars(panels: Panels) -> Iterator[str]:
    """A line a day, the nearest day marked."""
    width = max(len(name) for name in panels.moves)
    largest = float(np.max(panels.errors)) or 1.0
    for place, (name, error) in enumerate(zip(panels.days, panels.errors, strict=True)):
        halves = round(2 * LONGEST_BAR * error / largest)
        bar = "█" * (halves // 2) + "▌" * (halves % 2)
        mark = "  nearest" if place == panels.nearest else ""
        yield f"  {name:{width}}  {percent_text(error, 2):>7}  {bar}{mark}".rstrip()
