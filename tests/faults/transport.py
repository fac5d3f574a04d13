"""Faults on the way: once, which a second try gets over, and all day, which costs the asset its day."""

from collections.abc import Callable, Iterator

from pipeline.settings import Settings
from tests.faults.case import Case, Expected, Scene
from tests.faults.world import SETTINGS, STRUCK, impatient
from tests.yahoo.faults import Fault, Question

ALL_DAY = 1000
UNUSABLE = "neither prices since .* nor a reason|cannot be used"
"""What is said when yfinance cannot use an answer depends on whether it knows the time zone already."""

LOST = {
    "500": (Fault.SERVER_ERROR, "HTTP 500"),
    "503 page": (Fault.UNAVAILABLE, "HTTP 503"),
    "401": (Fault.UNAUTHORIZED, UNUSABLE),
    "404 for a known symbol": (Fault.NOT_FOUND, "unknown or delisted"),
    "silence": (Fault.SILENCE, "did not answer within"),
    "reset": (Fault.RESET, "cannot be reached"),
    "truncated JSON": (Fault.TRUNCATED, "not JSON"),
    "result of null": (Fault.NO_RESULT, UNUSABLE),
    "empty result": (Fault.EMPTY, "neither prices since .* nor a reason"),
    "JSON of odd shape": (Fault.ODD_SHAPE, "cannot be used"),
}
"""By name: the fault, and what is said of it when it stays."""


def transport_cases() -> Iterator[Case]:
    """Every way to lose an answer."""
    for name, (fault, says) in LOST.items():
        yield _once(name, fault)
        yield _all_day(name, fault, says)
    yield Case("slow answers", _slow)
    yield Case("429 for the first request", _first_requests(1))
    yield Case("429 for the first 2 requests", _first_requests(2))
    yield Case("429 all day", _rate_limited)


def _once(name: str, fault: Fault) -> Case:
    def begin(scene: Scene) -> Expected:
        # yfinance itself asks a second time after an error status.
        times = 2 if fault in {Fault.SERVER_ERROR, Fault.UNAVAILABLE, Fault.UNAUTHORIZED} else 1
        scene.market.fail(STRUCK, fault, Question.HISTORY, times)
        return Expected()

    return Case(f"{name}, once", begin, settings=_settings(fault))


def _all_day(name: str, fault: Fault, says: str) -> Case:
    def begin(scene: Scene) -> Expected:
        scene.market.fail(STRUCK, fault, Question.EITHER, ALL_DAY)
        return Expected(is_taken=False, has_live=False, says=says)

    return Case(f"{name}, all day", begin, settings=_settings(fault))


def _settings(fault: Fault) -> Settings:
    return impatient() if fault is Fault.SILENCE else SETTINGS


def _slow(scene: Scene) -> Expected:
    scene.market.fail(STRUCK, Fault.SLOW, Question.EITHER, ALL_DAY)
    return Expected()


def _first_requests(times: int) -> Callable[[Scene], Expected]:
    def begin(scene: Scene) -> Expected:
        scene.market.fail(None, Fault.RATE_LIMIT, Question.EITHER, times)
        return Expected()

    return begin


def _rate_limited(scene: Scene) -> Expected:
    scene.market.fail(STRUCK, Fault.RATE_LIMIT, Question.EITHER, ALL_DAY)
    return Expected(is_taken=False, has_live=False, others_asked=False, says="slow down|429")
