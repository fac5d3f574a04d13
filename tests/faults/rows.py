"""Faults of single rows and of their dates: what cannot be believed stays out until the source has healed."""

from collections.abc import Callable, Iterator
from datetime import date

from tests.faults.case import Case, Expected, Scene, When
from tests.faults.world import STRUCK
from tests.yahoo.distortions import (
    EVERY_DAY,
    Distortion,
    Duplicated,
    HighBelowLow,
    Noise,
    NullRows,
    Priced,
    Scaled,
    Shifted,
    Unfinished,
    VolumeShort,
    Withheld,
    WrongCurrency,
    WrongZone,
)

EARLIER = 8
"""An earlier row is so many sessions back: within the overlap that the next day asks for, and before the
window that the newest forecasts are made from."""
Strike = Callable[[set[date]], Distortion]

REJECTED: dict[str, tuple[Strike, str]] = {
    "null row": (NullRows, "missing"),
    "zero price": (lambda days: Priced(days, 0.0, ("low",)), "not positive"),
    "row of zeros": (lambda days: Priced(days, 0.0), "not positive"),
    "negative price": (lambda days: Priced(days, -12.5, ("low", "close")), "not positive"),
    "high below low": (HighBelowLow, "high is below low"),
    "100x price": (Scaled, "100 times"),
    "a hundredth of the price": (lambda days: Scaled(days, 0.01), "100 times"),
}
"""By name: the strike, and the reason that the row is quarantined for."""


def row_cases() -> Iterator[Case]:
    """Every way for a row to be wrong."""
    for name, (strike, reason) in REJECTED.items():
        yield _quarantined(f"{name}, the newest", strike, reason, 0)
        yield _quarantined(f"{name}, an earlier one", strike, reason, EARLIER)
    yield Case("100x prices throughout", _all_hundredfold, runs=(When.NEXT_DAY,))
    yield Case("newest day missing", _withheld(0))
    yield Case("earlier day missing", _withheld(EARLIER))
    yield Case("newest day dated a day later", _shifted_newest)
    yield Case("earlier day dated a day later", _shifted_earlier)
    yield Case("Friday dated on Saturday", _shifted_to_a_saturday)
    yield Case("newest day twice, alike", _doubled(0, 1.0))
    yield Case("earlier day twice, the second off by 1%", _doubled(EARLIER, 1.01))
    yield Case("newest day twice, the last off by 1%", _doubled_wrongly)
    yield Case("open bar", _open_bar, hour=16)
    yield Case("settled bar still unfinished", _unfinished)
    yield Case("newest volume completed a day later", _volume_short)
    yield Case("noise of 1e-7 on old rows", _noise)
    yield Case("wrong currency", _foreign(WrongCurrency("GBp"), "GBp"))
    yield Case("wrong time zone", _foreign(WrongZone("Asia/Tokyo"), "Asia/Tokyo"))


def _out(scene: Scene, back: int) -> frozenset[date]:
    """The session so many back stays out, unless it is in the store since yesterday."""
    return frozenset({scene.back(back)} if scene.is_first or back == 0 else set())


def _quarantined(name: str, strike: Strike, reason: str, back: int) -> Case:
    def begin(scene: Scene) -> Expected:
        scene.market.distort(STRUCK, strike({scene.back(back)}))
        return Expected(out=_out(scene, back), has_live=back > 0, says="1 quarantined", reason=reason)

    return Case(name, begin)


def _all_hundredfold(scene: Scene) -> Expected:
    scene.market.distort(STRUCK, Scaled(EVERY_DAY))
    return Expected(out=_out(scene, 0), has_live=False, says="contradict the stored ones", reason="100 times")


def _withheld(back: int) -> Callable[[Scene], Expected]:
    def begin(scene: Scene) -> Expected:
        scene.market.distort(STRUCK, Withheld({scene.back(back)}))
        out = _out(scene, back)
        return Expected(out=out, has_live=back > 0, says=f"{len(out)} missing")

    return begin


def _shifted_newest(scene: Scene) -> Expected:
    """A row under a date that is yet to come is none of a settled session."""
    scene.market.distort(STRUCK, Shifted({scene.day}))
    return Expected(out=_out(scene, 0), has_live=False, says="1 missing")


def _shifted_earlier(scene: Scene) -> Expected:
    """yfinance keeps the genuine row of the two that share a date then."""
    back = EARLIER - 1
    scene.market.distort(STRUCK, Shifted({scene.back(back)}))
    return Expected(out=_out(scene, back))


def _shifted_to_a_saturday(scene: Scene) -> Expected:
    friday = next(day for day in map(scene.back, range(EARLIER - 2, EARLIER + 3)) if day.isoweekday() == 5)
    scene.market.distort(STRUCK, Shifted({friday}))
    out = frozenset({friday} if scene.is_first else set())
    return Expected(out=out, says="1 quarantined", reason="not a session")


def _doubled(back: int, factor: float) -> Callable[[Scene], Expected]:
    def begin(scene: Scene) -> Expected:
        scene.market.distort(STRUCK, Duplicated({scene.back(back)}, factor))
        return Expected()

    return begin


def _doubled_wrongly(scene: Scene) -> Expected:
    """yfinance hands over the last of the two rows alone, so that nobody can tell."""
    scene.market.distort(STRUCK, Duplicated({scene.day}, 1.01))
    return Expected(as_told=_out(scene, 0), then_says="1 revised")


def _open_bar(scene: Scene) -> Expected:
    """At noon in New York, and before the coin's day is over."""
    return Expected(says="0 quarantined, 0 missing")


def _unfinished(scene: Scene) -> Expected:
    scene.market.distort(STRUCK, Unfinished({scene.day}))
    return Expected(as_told=_out(scene, 0), then_says="1 revised")


def _volume_short(scene: Scene) -> Expected:
    scene.market.distort(STRUCK, VolumeShort())
    return Expected(then_says="1 revised")


def _noise(scene: Scene) -> Expected:
    scene.market.distort(STRUCK, Noise(seed=1))
    return Expected(tolerance=1e-6, says="0 revised", then_says="0 revised")


def _foreign(distortion: Distortion, says: str) -> Callable[[Scene], Expected]:
    def begin(scene: Scene) -> Expected:
        scene.market.distort(STRUCK, distortion)
        return Expected(is_taken=False, has_live=False, says=says, reason=says)

    return begin
