"""The calibration as Markdown: specified and measured side by side."""

from collections.abc import Iterator

from pipeline.lag.decision import PROMOTION_E_VALUE
from tests.calibration.cells import Cell, Outcomes, cells
from tests.calibration.forecasters import WITHOUT_SKILL
from tests.calibration.markets import SPECIFIED
from tests.calibration.simulate import Event, Setting
from tests.calibration.specified import DAILY_ROWS, DRIFT_ROWS, FARTHER, LENGTHS, ROWS, SKEWED

HEAD = """# Calibration of the lag verdict

Written by `make calibrate`: {replications} replications of each forecaster in each market, one session ahead.
A cell shows the percentage specified and then **measured**, for n = {lengths} forecasts. They may differ by
four standard errors of the difference between the two simulations (the specified figures rest on 2000
replications without skill and 1000 with), by 0.3 points at least, and by anything on the harmless side.

Markets, with a standard deviation of 3% a session: RW is a Gaussian random walk; GARCH-t has alpha 0.10, beta
0.88 and Student innovations with 4.5 degrees of freedom. Rows of several forecasters show the one that fares
worst. The forecasters are defined in `forecasters.py`.
"""
FIVE_AHEAD = "\n## Five sessions ahead, n = 500\n"
DRIFT = """
## Markets that drift

The random walk with a mean return of 5% and of 10% of its deviation a session. Of forecasters without skill a
bound of 5% is asked; some of them, as level pursuit and ramp, rise with such a market.
"""
EVERY_DAY = """
## Looking every day

Percentage of forecasters without skill whose e-process ever reached {level:g}, looking every day. A bound
of 5 is asked in these markets, whose returns are symmetric about their mean.
"""
ASKEW = """
## A skewed market, measured without a bound

Independent returns of skewness -2.8, n = {n}. The information test and the e-process promise nothing here.

| forecaster | {events} |
|---|---|---|"""


def markdown(outcomes: Outcomes, replications: int) -> str:
    """The whole document."""
    lengths = ", ".join(str(n) for n in LENGTHS)
    lines = [HEAD.format(replications=replications, lengths=lengths)]
    for market in SPECIFIED:
        lines += [f"\n## {market}\n", *_table(list(cells(outcomes, ROWS, market)))]
    lines += [FIVE_AHEAD, *_table(list(cells(outcomes, FARTHER)))]
    lines += [DRIFT, *_table(list(cells(outcomes, DRIFT_ROWS)))]
    lines += [EVERY_DAY.format(level=PROMOTION_E_VALUE), *_table(list(cells(outcomes, DAILY_ROWS)))]
    lines += [ASKEW.format(n=SKEWED.n, events=" | ".join(Event)), *_askew(outcomes)]
    return "\n".join(lines) + "\n"


def _table(every: list[Cell]) -> Iterator[str]:
    settings = [cell.setting for cell in every if cell.row is every[0].row]
    yield f"| forecaster | counted | {' | '.join(_heading(setting, settings) for setting in settings)} |"
    yield "|---|---|" + "---|" * len(settings)
    for start in range(0, len(every), len(settings)):
        row = every[start : start + len(settings)]
        shown = " | ".join(_cell_text(cell) for cell in row)
        yield f"| {row[0].row.label} | {row[0].row.event} | {shown} |"


def _heading(setting: Setting, settings: list[Setting]) -> str:
    markets, lengths = ({getattr(one, name) for one in settings} for name in ("market", "n"))
    said = [setting.market] * (len(markets) > 1) + [f"n = {setting.n}"] * (len(lengths) > 1)
    return ", ".join(said)


def _cell_text(cell: Cell) -> str:
    mark = "" if cell.holds else " (off)"
    return f"{cell.specified:g} **{cell.measured:.1f}**{mark}"


def _askew(outcomes: Outcomes) -> Iterator[str]:
    for name in WITHOUT_SKILL:
        shares = " | ".join(f"{100 * outcomes[SKEWED][name].share(event):.1f}" for event in Event)
        yield f"| {name} | {shares} |"
