"""The calibration that the test must reproduce: how often each verdict is right, and how often wrong.

The figures come from 2000 replications for forecasters without skill and 1000 for the others, so each has an
error of its own. `SAFE` says on which side of a figure being off does no harm.
"""

from dataclasses import dataclass
from enum import Enum

from pipeline.types import Verdict
from tests.calibration.forecasters import WITHOUT_SKILL

LENGTHS = (60, 120, 250, 500, 1000)
ECHO, SUSPECT, SKILLED, WORSE = Verdict.ECHO, Verdict.SUSPECT_ECHO, Verdict.SKILLED, Verdict.WORSE


class Safe(Enum):
    """The harmless side of a figure."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True)
class Row:
    """Percentages by length for the worst of `forecasters`: the one farthest from the safe side."""

    label: str
    forecasters: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    safe: Safe
    random_walk: tuple[float, ...]
    garch: tuple[float, ...]
    replications: int = 2000

    def specified(self, market: str) -> tuple[float, ...]:
        return self.random_walk if market == "RW" else self.garch

    @property
    def verdict(self) -> str:
        return " or ".join(self.verdicts)


COPIES = ("y(t-1)", "y(t-2)", "MA5", "last change")
ROWS = (
    Row(
        "echo, with or without drift",
        ("echo", "echo with drift"),
        (ECHO,),
        Safe.HIGHER,
        (100, 100, 100, 100, 100),
        (99.8, 100, 100, 100, 100),
    ),
    Row(
        ", ".join(COPIES),
        COPIES,
        (ECHO,),
        Safe.HIGHER,
        (100, 100, 100, 100, 100),
        (99.6, 99.6, 99.6, 99.6, 99.6),
    ),
    Row("noise 5%", ("noise 5%",), (ECHO,), Safe.HIGHER, (97, 99, 100, 100, 100), (60, 68, 80, 95, 98)),
    Row("noise 20%", ("noise 20%",), (ECHO,), Safe.HIGHER, (9, 20, 48, 81, 99), (11, 30, 59, 89, 99)),
    Row(
        "noise 20%", ("noise 20%",), (ECHO, SUSPECT), Safe.HIGHER, (95, 94, 95, 98, 99), (90, 95, 98, 99, 99)
    ),
    Row("noise 50%", ("noise 50%",), (ECHO,), Safe.HIGHER, (24, 64, 94, 99, 99), (5, 23, 55, 80, 95)),
    Row(
        "saturated LSTM-like",
        ("saturated LSTM-like",),
        (ECHO,),
        Safe.HIGHER,
        (64, 95, 99, 99.5, 99.6),
        (55, 91, 99, 99, 99),
    ),
    Row("ridge-AR5", ("ridge-AR5",), (ECHO,), Safe.HIGHER, (40, 51, 69, 92, 98), (25, 37, 55, 85, 97)),
    Row(
        "worst false SKILLED of all without skill",
        tuple(WITHOUT_SKILL),
        (SKILLED,),
        Safe.LOWER,
        (4.5, 4.9, 4.5, 3.0, 1.8),
        (4.6, 4.2, 4.0, 2.4, 2.2),
    ),
    Row(
        "oracle R2 = 1%",
        ("oracle R2 = 1%",),
        (SKILLED,),
        Safe.HIGHER,
        (17, 27, 44, 69, 92),
        (16, 26, 43, 69, 92),
        1000,
    ),
    Row(
        "oracle R2 = 2%",
        ("oracle R2 = 2%",),
        (SKILLED,),
        Safe.HIGHER,
        (25, 43, 70, 91, 99),
        (24, 41, 67, 91, 98),
        1000,
    ),
    Row(
        "oracle R2 = 2%",
        ("oracle R2 = 2%",),
        (ECHO,),
        Safe.LOWER,
        (1.0, 1.2, 0.9, 1.0, 0.8),
        (1.4, 1.6, 1.6, 1.4, 1.2),
        1000,
    ),
    Row(
        "oracle R2 = 5%",
        ("oracle R2 = 5%",),
        (SKILLED,),
        Safe.HIGHER,
        (48, 75, 95, 99, 100),
        (45, 71, 93, 99, 100),
        1000,
    ),
    Row(
        "anti-oracle 5%",
        ("anti-oracle 5%",),
        (WORSE,),
        Safe.HIGHER,
        (13, 38, 79, 99, 100),
        (10, 29, 72, 98, 100),
        1000,
    ),
    Row(
        "wild noise 150%, stuck constant",
        ("wild noise 150%", "stuck constant"),
        (WORSE,),
        Safe.HIGHER,
        (100, 100, 100, 100, 100),
        (98, 98, 98, 98, 98),
    ),
)
