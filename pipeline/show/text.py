"""Format numbers and names as text, in the same way everywhere."""

import math

UNKNOWN = "-"
"""Shown where a value is undefined or absent."""


def price_text(price: float | None) -> str:
    """Format a price with two decimals, or with four significant digits if it is below 1.

    >>> price_text(64321.987), price_text(0.00012346), price_text(None)
    ('64,321.99', '0.0001235', '-')
    """
    if price is None or math.isnan(price):
        return UNKNOWN
    if price == 0 or abs(price) >= 1:
        return f"{price:,.2f}"
    return f"{price:.{3 - math.floor(math.log10(abs(price)))}f}"


def percent_text(share: float | None, decimals: int = 1, *, signed: bool = False) -> str:
    """Format a share as a percentage.

    >>> percent_text(0.0512, signed=True), percent_text(None)
    ('+5.1%', '-')
    """
    if share is None or math.isnan(share):
        return UNKNOWN
    rounded = round(share, decimals + 2) + 0.0  # adding 0.0 turns -0.0 into 0.0
    return f"{rounded:{'+' if signed else ''},.{decimals}%}"


def p_value_text(p_value: float | None) -> str:
    """Format a p-value with three decimals; below 0.001 as a bound.

    >>> p_value_text(0.034), p_value_text(0.00002), p_value_text(None)
    ('0.034', '<0.001', '-')
    """
    if p_value is None or math.isnan(p_value):
        return UNKNOWN
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def sessions_text(sessions: float | None) -> str:
    """Format a mean lag in sessions with one decimal.

    >>> sessions_text(3.4), sessions_text(-0.01), sessions_text(None)
    ('3.4', '0.0', '-')
    """
    if sessions is None or math.isnan(sessions):
        return UNKNOWN
    return f"{round(sessions, 1) + 0.0:.1f}"  # adding 0.0 turns -0.0 into 0.0


def band_text(lower: float | None, upper: float | None) -> str:
    """Format a price band from its ends; '-' where none was issued."""
    if lower is None or upper is None:
        return UNKNOWN
    return f"{price_text(lower)} to {price_text(upper)}"


def count_text(count: int, noun: str) -> str:
    """Format a count with its noun in singular or plural.

    >>> count_text(1, "forecast"), count_text(1200, "score")
    ('1 forecast', '1,200 scores')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
