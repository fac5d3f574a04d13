"""Format one verdict in full for a terminal: the sentence, its evidence, and two bar charts."""

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
"""Characters in a line."""
CORRELATION_BAR_WIDTH = 25
"""Characters in the bar of a correlation of 1."""
ERROR_BAR_WIDTH = 50
"""Characters in the longest bar of the errors."""
MAX_SHARE_WITH_DIGITS = 1e3
"""Share from which only the order of magnitude is shown."""
Line = tuple[str, str, str]
"""A statistic: its name, its value as text, and how to read it."""


def explanation_text(
    title: str, judgement: Judgement, panels: Panels, *, is_judged_alone: bool = False
) -> str:
    """Format a judgement: title, sentence, evidence in groups, and panels (b) and (e) as bars of characters.

    For a series judged alone the adjusted p-value is left out. Only the title may be longer than 100
    characters. Undefined numbers are '-'.
    """
    e = judgement.evidence
    return "\n".join(
        [
            title,
            *sentence_lines(judgement.sentence, WIDTH),
            span_text(judgement, panels),
            *_group("Do the forecasts beat the last price?", _gain_lines(e)),
            *_group(
                "Do the predicted changes carry information?",
                _information_lines(judgement, is_judged_alone=is_judged_alone),
            ),
            *_group("Are they an echo?", _echo_lines(e)),
            *_group("How large are the predicted changes, and how powerful are the tests?", _size_lines(e)),
            "",
            "Correlation of the predicted change with the return of each known day, and with the move",
            *_correlation_bars(panels),
            "",
            f"Mean distance of the forecasts from the price of each day ({panels.caution})",
            *_error_bars(panels),
        ]
    )


def sentence_lines(sentence: str, width: int) -> list[str]:
    """Wrap a sentence into lines of at most `width` characters; an interval in brackets is not broken.

    >>> sentence_lines("skill -2.2% [-10, 5]", 17)
    ['skill -2.2%', '[-10, 5]']
    """
    fixed = re.sub(r"\[[^]]*\]", lambda found: found[0].replace(" ", "\0"), sentence)
    lines = textwrap.wrap(fixed, width, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def correlation_text(correlation: float) -> str:
    """Format a correlation with its sign.

    >>> correlation_text(0.271), correlation_text(-0.001), correlation_text(float("nan"))
    ('+0.27', '+0.00', '-')
    """
    return UNKNOWN if math.isnan(correlation) else f"{round(float(correlation), 2) + 0.0:+.2f}"


def span_text(judgement: Judgement, panels: Panels) -> str:
    """Format how many forecasts a verdict rests on, their target dates, and whether it is promoted."""
    first, last = panels.dates[0], panels.dates[-1]
    sessions = f"{first}" if first == last else f"{first} to {last}"
    promoted = "; promoted" if judgement.is_promoted else ""
    return f"{count_text(len(panels.dates), 'forecast')}, {sessions}{promoted}"


def _number_text(value: float, digits: str) -> str:
    """Format a number by a format specification; '-' for NaN."""
    return UNKNOWN if math.isnan(value) else format(value, digits)


def _share_text(share: float, *, signed: bool = False) -> str:
    """Format a share as a percentage; a huge one by its order of magnitude."""
    if abs(share) < MAX_SHARE_WITH_DIGITS or math.isnan(share):
        return percent_text(share, signed=signed)
    return f"{100.0 * share:{'+' if signed else ''}.0e}%"


def _gain_lines(e: Evidence) -> Iterable[Line]:
    """List the statistics of skill against the last price."""
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
        ("Diebold-Mariano p", p_value_text(e.dm_p_value), "small: they beat it; no verdict depends on it"),
    )


def _information_lines(judgement: Judgement, *, is_judged_alone: bool) -> Iterable[Line]:
    """List the statistics of the information test and of the directions."""
    e = judgement.evidence
    adjusted = p_value_text(judgement.p_skill_adjusted)
    promotes = f"; promoted at {PROMOTION_E_VALUE:g}" if judgement.verdict is Verdict.SKILLED else ""
    return (
        ("p_skill", p_value_text(e.p_skill), "small: they carry information about the moves"),
        *(() if is_judged_alone else (("adjusted", adjusted, "p_skill adjusted for multiple testing"),)),
        ("p_anti", p_value_text(e.p_anti), "small: the moves go against the predictions"),
        ("hit rate", percent_text(e.hit_rate), "of the directions are predicted correctly"),
        ("p_direction", p_value_text(e.p_direction), "small: the directions agree more often than by chance"),
        ("e-value", _number_text(e.e_value, ".3g"), f"evidence of skill since the first forecast{promotes}"),
    )


def _exclusion(e: Evidence) -> tuple[str, str]:
    """Format `p_no_skill` and how to read it; for a copy of a naive rule the test does not apply."""
    if is_copy(e):
        return UNKNOWN, "not tested: the forecasts are a naive rule"
    return p_value_text(e.p_no_skill), "small: a skill of 2% is excluded"


def _echo_lines(e: Evidence) -> Iterable[Line]:
    """List the statistics of the shape test and of the nearest naive rule."""
    rule = UNKNOWN if math.isnan(e.distance) else e.nearest_naive
    nearness = f"of a typical move from {rule}; below 2% they are a copy of it"
    explained = float(np.maximum(e.filter_r2, 0.0))
    p_echo = UNKNOWN if is_copy(e) else p_value_text(e.p_echo)
    return (
        ("p_shape", p_value_text(e.p_shape), "small: the forecasts are a filter of prices already known"),
        ("p_echo", p_echo, "small: they are an echo; the larger of p_shape and p_no_skill"),
        ("nearest naive rule", _share_text(e.distance), nearness),
        ("mean lag", sessions_text(e.mean_lag_sessions), "sessions: mean age of the prices they are made of"),
        (
            "filter R2",
            percent_text(explained),
            "of the changes' variance is explained by known prices",
        ),
    )


def _size_lines(e: Evidence) -> Iterable[Line]:
    """List the size of the predicted changes and the power of the tests."""
    slope = _number_text(e.slope, ".2f")
    return (
        ("size", _share_text(e.size), "of the predicted changes, relative to the moves"),
        (
            "slope",
            slope,
            "the best multiplier of the changes; above 1/2 beats the last price",
        ),
        (
            "power",
            percent_text(e.power),
            "the probability of detecting a skill of 2%, if judged alone",
        ),
        (
            "detectable R2",
            percent_text(e.min_detectable_r2),
            "the smallest R2 detected with 80% probability, if judged alone",
        ),
    )


def _group(heading: str, lines: Iterable[Line]) -> Iterator[str]:
    """Lay out statistics under a heading in three columns."""
    yield ""
    yield heading
    for name, number, words in lines:
        start = f"  {name:18}  {number:>9}  "
        indent = " " * len(start)
        yield from textwrap.wrap(words, WIDTH, initial_indent=start, subsequent_indent=indent)


def _correlation_bars(panels: Panels) -> Iterator[str]:
    """Draw a line for each day: negative correlations to the left of the axis, positive to the right."""
    width = max(len(name) for name in panels.moves)
    for name, correlation in zip(panels.moves, panels.correlations, strict=True):
        text = correlation_text(correlation)
        halves = 0 if math.isnan(correlation) else round(2 * CORRELATION_BAR_WIDTH * abs(correlation))
        whole, half = divmod(halves, 2)
        left = "▐" * half + "█" * whole if correlation < 0.0 else ""
        right = "█" * whole + "▌" * half if correlation > 0.0 else ""
        yield f"  {name:{width}}  {text:>5}  {left:>{CORRELATION_BAR_WIDTH}}│{right}".rstrip()


def _error_bars(panels: Panels) -> Iterator[str]:
    """Draw a line for each day, with the nearest day marked."""
    width = max(len(name) for name in panels.moves)
    largest = float(np.max(panels.errors)) or 1.0
    for place, (name, error) in enumerate(zip(panels.days, panels.errors, strict=True)):
        halves = round(2 * ERROR_BAR_WIDTH * error / largest)
        bar = "█" * (halves // 2) + "▌" * (halves % 2)
        mark = "  nearest" if place == panels.nearest else ""
        yield f"  {name:{width}}  {percent_text(error, 2):>7}  {bar}{mark}".rstrip()
