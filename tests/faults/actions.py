"""Splits and dividends, and what sources make of them."""

from collections.abc import Callable, Iterator
from datetime import date

from tests.faults.case import Case, Expected, Scene, When
from tests.faults.world import FIRST, STRUCK, evening
from tests.yahoo.distortions import (
    Before,
    Distortion,
    DividendAdjusted,
    EventsHidden,
    ImaginarySplit,
    NotRestated,
    Scaled,
)

SPLIT = (4, 1)
ROUNDED_TWICE = 2e-7
PART = 8
"""A restatement in part goes back so many sessions."""


def action_cases() -> Iterator[Case]:
    """Every way to tell of a split or a dividend."""
    yield Case("split with restated history", _restated, _split_of(0))
    yield Case("reverse split with restated history", _restated, _split_of(0, (1, 8)))
    yield Case("split of 3:2 with restated history", _restated, _split_of(0, (3, 2)))
    yield Case("split restated, its first session still open", _restated_early, _split_of(0), hour=16)
    yield Case("split not restated", _not_restated(tells_event=True), _split_of(0))
    yield Case("reverse split not restated", _not_restated(tells_event=True), _split_of(0, (1, 8)))
    yield Case("split of 3:2 not restated", _not_restated(tells_event=True), _split_of(0, (3, 2)))
    yield Case("split not restated, and no event", _not_restated(tells_event=False), _split_of(0))
    yield Case("split restated in part", _in_part, _split_of(0))
    yield Case("split event vanishes for a day", _hidden, _split_of(3))
    yield Case("imaginary split", _imaginary)
    yield Case("dividend", _dividend, _pays(0))
    yield Case("dividend event vanishes for a day", _hidden, _pays(3))
    yield Case("dividend restatement of an adjusted feed", _adjusted, _adjusted_feed)
    yield Case("history restated by 1% for a day", _restated_for_nothing, runs=(When.NEXT_DAY,))


def _ex_date(scene: Scene, back: int) -> date:
    """Of an action that is news in the struck run; the first run has a session since."""
    return scene.back(back + (1 if scene.is_first else 0))


def _split_of(back: int, split: tuple[int, int] = SPLIT) -> Callable[[Scene], None]:
    return lambda scene: scene.change_series(splits={_ex_date(scene, back): split})


def _pays(back: int) -> Callable[[Scene], None]:
    return lambda scene: scene.change_series(dividends={_ex_date(scene, back): 1.25})


def _restated(scene: Scene) -> Expected:
    return Expected(says="0 quarantined" if scene.is_first else "re-based")


def _restated_early(scene: Scene) -> Expected:
    """The history comes in the new units from the opening of the ex-date on."""
    return Expected(says="0 quarantined" if scene.is_first else "re-based")


def _not_restated(*, tells_event: bool) -> Callable[[Scene], Expected]:
    def begin(scene: Scene) -> Expected:
        ex_date = _ex_date(scene, 0)
        return _doubtful(scene, NotRestated(ex_date, Before(ex_date), tells_event), ex_date)

    return begin


def _in_part(scene: Scene) -> Expected:
    """The bars that a part of the history contradicts are not believed, whichever they are."""
    ex_date, start = _ex_date(scene, 0), scene.back(PART)
    return _doubtful(scene, NotRestated(ex_date, Before(start)), start if scene.is_first else ex_date)


def _doubtful(scene: Scene, distortion: Distortion, first: date) -> Expected:
    scene.market.distort(STRUCK, distortion)
    return Expected(
        out=scene.since(first),
        units_of=evening(scene.eve_of(_ex_date(scene, 0))),
        has_live=False,
        says="quarantined|contradict the stored ones",
        reason="split",
        tolerance=ROUNDED_TWICE,
        then_says="re-based",
    )


def _hidden(scene: Scene) -> Expected:
    scene.market.distort(STRUCK, EventsHidden({_ex_date(scene, 3)}))
    return Expected(says="0 quarantined" if scene.is_first else "0 revised")


def _imaginary(scene: Scene) -> Expected:
    scene.market.distort(STRUCK, ImaginarySplit(scene.back(1), (10, 1)))
    return Expected()


def _dividend(scene: Scene) -> Expected:
    return Expected(says="0 revised")


def _adjusted_feed(scene: Scene) -> None:
    _pays(0)(scene)
    scene.market.distort(STRUCK, DividendAdjusted())


def _adjusted(scene: Scene) -> Expected:
    return Expected(says="0 quarantined" if scene.is_first else "re-based")


def _restated_for_nothing(scene: Scene) -> Expected:
    """A constant ratio is believed, as a dividend's would be, and taken back the day after."""
    scene.market.distort(STRUCK, Scaled(Before(scene.day), 0.99))
    return Expected(as_told=scene.since(FIRST), then_says="re-based")
