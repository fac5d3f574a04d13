"""The calibration that the test must reproduce: how often each verdict is right, and how often wrong.

The figures of ROWS and FARTHER come from 2000 replications for forecasters without skill and 1000 for the
others, so each has an error of its own; those of the other tables are bounds. `Safe` says on which side of a
figure being off does no harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pipeline.types import Verdict
from tests.calibration.forecasters import WITHOUT_SKILL
from tests.calibration.markets import DRIFTING, SPECIFIED
from tests.calibration.simulate import Event, Setting

LENGTHS = (60, 120, 250, 500, 1000)
ECHO, SUSPECT, SKILLED, WORSE = Verdict.ECHO, Verdict.SUSPECT_ECHO, Verdict.SKILLED, Verdict.WORSE


class Safe(Enum):
    """The harmless side of a figure."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True)
class Row:
    """Percentages by setting for the worst of `forecasters`: the one farthest from the safe side.

    `replications` are those that the percentages come from; None: they are bounds, not measured.
    """

    label: str
    forecasters: tuple[str, ...]
    counted: tuple[Verdict, ...] | Event
    safe: Safe
    percents: Mapping[Setting, float]
    replications: int | None = 2000

    @property
    def event(self) -> str:
        return self.counted if isinstance(self.counted, Event) else " or ".join(self.counted)


def by_length(random_walk: tuple[float, ...], garch: tuple[float, ...]) -> dict[Setting, float]:
    found: dict[Setting, float] = {}
    for market, percents in zip(SPECIFIED, (random_walk, garch), strict=True):
        found |= {Setting(market, n): percent for n, percent in zip(LENGTHS, percents, strict=True)}
    return found


COPIES = ("y(t-1)", "y(t-2)", "MA5", "last change")
ROWS = (
    Row(
        "echo, with or without drift",
        ("echo", "echo with drift"),
        (ECHO,),
        Safe.HIGHER,
        by_length((100, 100, 100, 100, 100), (99.8, 100, 100, 100, 100)),
    ),
    Row(
        ", ".join(COPIES),
        COPIES,
        (ECHO,),
        Safe.HIGHER,
        by_length((100, 100, 100, 100, 100), (99.6, 99.6, 99.6, 99.6, 99.6)),
    ),
    Row(
        "noise 5%",
        ("noise 5%",),
        (ECHO,),
        Safe.HIGHER,
        by_length((97, 99, 100, 100, 100), (60, 68, 80, 95, 98)),
    ),
    Row(
        "noise 20%",
        ("noise 20%",),
        (ECHO,),
        Safe.HIGHER,
        by_length((9, 20, 48, 81, 99), (11, 30, 59, 89, 99)),
    ),
    Row(
        "noise 20%",
        ("noise 20%",),
        (ECHO, SUSPECT),
        Safe.HIGHER,
        by_length((95, 94, 95, 98, 99), (90, 95, 98, 99, 99)),
    ),
    Row(
        "noise 50%",
        ("noise 50%",),
        (ECHO,),
        Safe.HIGHER,
        by_length((24, 64, 94, 99, 99), (5, 23, 55, 80, 95)),
    ),
    Row(
        "saturated LSTM-like",
        ("saturated LSTM-like",),
        (ECHO,),
        Safe.HIGHER,
        by_length((64, 95, 99, 99.5, 99.6), (55, 91, 99, 99, 99)),
    ),
    Row(
        "ridge-AR5",
        ("ridge-AR5",),
        (ECHO,),
        Safe.HIGHER,
        by_length((40, 51, 69, 92, 98), (25, 37, 55, 85, 97)),
    ),
    Row(
        "worst false SKILLED of all without skill",
        tuple(WITHOUT_SKILL),
        (SKILLED,),
        Safe.LOWER,
        by_length((4.5, 4.9, 4.5, 3.0, 1.8), (4.6, 4.2, 4.0, 2.4, 2.2)),
    ),
    Row(
        "oracle R2 = 1%",
        ("oracle R2 = 1%",),
        (SKILLED,),
        Safe.HIGHER,
        by_length((17, 27, 44, 69, 92), (16, 26, 43, 69, 92)),
        1000,
    ),
    Row(
        "oracle R2 = 2%",
        ("oracle R2 = 2%",),
        (SKILLED,),
        Safe.HIGHER,
        by_length((25, 43, 70, 91, 99), (24, 41, 67, 91, 98)),
        1000,
    ),
    Row(
        "oracle R2 = 2%",
        ("oracle R2 = 2%",),
        (ECHO,),
        Safe.LOWER,
        by_length((1.0, 1.2, 0.9, 1.0, 0.8), (1.4, 1.6, 1.6, 1.4, 1.2)),
        1000,
    ),
    Row(
        "oracle R2 = 5%",
        ("oracle R2 = 5%",),
        (SKILLED,),
        Safe.HIGHER,
        by_length((48, 75, 95, 99, 100), (45, 71, 93, 99, 100)),
        1000,
    ),
    Row(
        "anti-oracle 5%",
        ("anti-oracle 5%",),
        (WORSE,),
        Safe.HIGHER,
        by_length((13, 38, 79, 99, 100), (10, 29, 72, 98, 100)),
        1000,
    ),
    Row(
        "wild noise 150%, stuck constant",
        ("wild noise 150%", "stuck constant"),
        (WORSE,),
        Safe.HIGHER,
        by_length((100, 100, 100, 100, 100), (98, 98, 98, 98, 98)),
    ),
)

FIVE_AHEAD = tuple(Setting(market, 500, 5) for market in SPECIFIED)
FARTHER = (
    Row(
        "worst of all without skill",
        tuple(WITHOUT_SKILL),
        Event.INFORMED,
        Safe.LOWER,
        dict.fromkeys(FIVE_AHEAD, 7.6),
    ),
    Row(", ".join(COPIES), COPIES, (ECHO,), Safe.HIGHER, dict.fromkeys(FIVE_AHEAD, 99.8)),
    Row(
        "oracle R2 = 2%",
        ("oracle R2 = 2%",),
        (SKILLED,),
        Safe.HIGHER,
        dict(zip(FIVE_AHEAD, (88, 88), strict=True)),
        1000,
    ),
)
"""Five sessions ahead."""

IN_DRIFT = tuple(Setting(market, 500) for market in DRIFTING)
DRIFT_ROWS = (
    Row(
        "worst of all without skill",
        tuple(WITHOUT_SKILL),
        Event.INFORMED,
        Safe.LOWER,
        dict.fromkeys(IN_DRIFT, 5),
        None,
    ),
    Row(
        "worst of all without skill",
        tuple(WITHOUT_SKILL),
        (SKILLED,),
        Safe.LOWER,
        dict.fromkeys(IN_DRIFT, 5),
        None,
    ),
    Row(", ".join(COPIES), COPIES, (ECHO,), Safe.HIGHER, dict.fromkeys(IN_DRIFT, 99.8)),
    Row("oracle R2 = 2%", ("oracle R2 = 2%",), (SKILLED,), Safe.HIGHER, dict.fromkeys(IN_DRIFT, 91), 1000),
)
"""Where the market drifts: a drift is no skill, and hides none."""

SYMMETRIC = (*(Setting(market, 1000) for market in SPECIFIED), *IN_DRIFT)
DAILY_ROWS = tuple(
    Row(name, (name,), Event.PROMOTABLE, Safe.LOWER, dict.fromkeys(SYMMETRIC, 5), None)
    for name in WITHOUT_SKILL
)
"""Looking every day, where returns are symmetric about their mean."""
SKEWED = Setting("skewed", 500)
"""Measured, and nothing specified."""
TABLES = (ROWS, FARTHER, DRIFT_ROWS, DAILY_ROWS)
