"""The calibration as Markdown: specified and measured side by side."""

from collections.abc import Iterator

from pipeline.lag.decision import PROMOTION
from pipeline.types import Verdict
from tests.calibration.cells import Cell, Outcomes, cells
from tests.calibration.forecasters import WITHOUT_SKILL
from tests.calibration.markets import MARKETS
from tests.calibration.simulate import Setting
from tests.calibration.specified import COPIES, LENGTHS

HEAD = """# Calibration of the lag verdict

Written by `make calibrate`: {replications} replications of each forecaster in each market, one session ahead.
A cell shows the percentage specified and then **measured**, for n = {lengths} forecasts. They may differ by
four standard errors of the difference between the two simulations (the specified figures rest on 2000
replications without skill and 1000 with), by 0.3 points at least, and by anything on the harmless side.

Markets, with a standard deviation of 3% a session: RW is a Gaussian random walk; GARCH-t has alpha 0.10, beta
0.88 and Student innovations with 4.5 degrees of freedom. Rows of several forecasters show the one that fares
worst. The forecasters are defined in `forecasters.py`.
"""
FARTHER = """
## Five sessions ahead, n = 500

| what, in percent | RW | GARCH-t | specified |
|---|---|---|---|"""
EVERY_DAY = """
## Looking every day

Percentage of forecasters without skill whose e-process ever reached {level:g} in {n} daily looks; specified:
at most 2.2, guaranteed: at most 5.

| forecaster | RW | GARCH-t |
|---|---|---|"""


def markdown(outcomes: Outcomes, replications: int) -> str:
    """The whole document."""
    lengths = ", ".join(str(n) for n in LENGTHS)
    lines = [HEAD.format(replications=replications, lengths=lengths)]
    for market in MARKETS:
        lines += [f"\n## {market}\n", *_table(list(cells(outcomes, market)))]
    lines += [FARTHER, *_farther(outcomes)]
    lines += [EVERY_DAY.format(n=max(LENGTHS), level=PROMOTION), *_promoted(outcomes)]
    return "\n".join(lines) + "\n"


def _table(every: list[Cell]) -> Iterator[str]:
    lengths = [cell.setting.n for cell in every if cell.row is every[0].row]
    yield f"| forecaster | verdict | {' | '.join(f'n = {n}' for n in lengths)} |"
    yield "|---|---|" + "---|" * len(lengths)
    for start in range(0, len(every), len(lengths)):
        row = every[start : start + len(lengths)]
        shown = " | ".join(_cell_text(cell) for cell in row)
        yield f"| {row[0].row.label} | {row[0].row.verdict} | {shown} |"


def _cell_text(cell: Cell) -> str:
    mark = "" if cell.holds else " (off)"
    return f"{cell.specified:g} **{cell.measured:.1f}**{mark}"


def _farther(outcomes: Outcomes) -> Iterator[str]:
    found = [outcomes[Setting(market, 500, 5)] for market in MARKETS]
    rates = [[100 * one[name].is_informed.mean() for name in WITHOUT_SKILL] for one in found]
    ranges = " | ".join(f"{min(rate):.1f} to {max(rate):.1f}" for rate in rates)
    yield f"| information test at 5%, forecasters without skill | {ranges} | 4.1 to 7.6 |"
    copies = [min(100 * one[name].share([Verdict.ECHO]) for name in COPIES) for one in found]
    yield f"| {', '.join(COPIES)}: ECHO | {copies[0]:.1f} | {copies[1]:.1f} | 99.8 and more |"
    skilled = [100 * one["oracle R2 = 2%"].share([Verdict.SKILLED]) for one in found]
    yield f"| oracle R2 = 2%: SKILLED | {skilled[0]:.1f} | {skilled[1]:.1f} | 88 to 90 |"


def _promoted(outcomes: Outcomes) -> Iterator[str]:
    found = [outcomes[Setting(market, max(LENGTHS))] for market in MARKETS]
    for name in WITHOUT_SKILL:
        shares = " | ".join(f"{100 * one[name].was_promotable.mean():.1f}" for one in found)
        yield f"| {name} | {shares} |"
