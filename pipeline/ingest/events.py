"""Dividends and splits of a download compared with the stored ones: new, changed, vanished, returned.

An event that the source no longer gives is doubted, and withdrawn only when it has been absent for PATIENCE.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.ingest.units import is_large
from pipeline.types import (
    ActionChanges,
    ActionKind,
    CorporateAction,
    DateArray,
    KnownAction,
    Rebasing,
    ValidatedPrices,
)

SAME_EVENT = 1e-4
"""Relative difference up to which two values of a dividend or split are the same: sources round them."""
PATIENCE = timedelta(days=14)


def event_changes(
    prices: ValidatedPrices,
    days: DateArray,
    known: Sequence[KnownAction],
    rebasing: Rebasing | None,
    seen_at: datetime,
) -> ActionChanges:
    """Compare the events of a download with the known ones, on the `days` (k,) whose events it decides.

    The early events of `prices` count on any day; events on quarantined bars wait with them. Known dividends
    that the download does not decide are converted to the new units of a re-basing.
    """
    covered = set(days.tolist())
    stored = {one.action.key: one for one in known}
    on_bars = (one for one in prices.actions if one.ex_date.item() in covered)
    given = {one.key: one for one in (*on_bars, *prices.early_actions)}
    not_given = [one for key, one in stored.items() if key not in given]
    absent = [
        one
        for one in not_given
        if one.action.ex_date.item() in covered and one.action.kind in prices.action_kinds
    ]
    others = [one.action for one in not_given if one not in absent]
    news = (
        one
        for key, one in given.items()
        if key not in stored or not is_same_value(stored[key].action.value, one.value)
    )
    late = [one.action for one in absent if _is_long_absent(one, seen_at)]
    return ActionChanges(
        given=(*news, *_dividends_in_units(others, rebasing)),
        vanished=tuple(one.action for one in absent if one.missing_since is None),
        returned=tuple(
            stored[key].action for key in given if key in stored and stored[key].missing_since is not None
        ),
        withdrawn=tuple(late),
    )


def _is_long_absent(known: KnownAction, seen_at: datetime) -> bool:
    return known.missing_since is not None and seen_at - known.missing_since >= PATIENCE


def is_same_value(left: float, right: float) -> bool:
    """Are two values of a dividend or split the same but for rounding?"""
    return abs(left - right) <= SAME_EVENT * max(abs(left), abs(right))


def _dividends_in_units(
    actions: Sequence[CorporateAction], rebasing: Rebasing | None
) -> Iterator[CorporateAction]:
    if rebasing is None or not is_large(rebasing):
        return
    for one in actions:
        if one.kind is ActionKind.DIVIDEND and one.ex_date <= rebasing.through:
            yield replace(one, value=one.value * rebasing.ratio)
