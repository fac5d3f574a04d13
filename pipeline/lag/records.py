"""Turn stored track records and bars into trials, and judgements of trials into storable verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipeline.lag.judge import judge_together
from pipeline.lag.market import HISTORY
from pipeline.lag.stretches import longest_stretch
from pipeline.types import (
    Bands,
    Bars,
    BoolArray,
    DateArray,
    IntArray,
    Judgement,
    LagVerdict,
    TrackRecord,
    Trial,
)


@dataclass(frozen=True, eq=False)
class Alignment:
    """The longest stretch of a track record without a missing session, aligned with the asset's bars.

    `rows` are the row numbers of its forecasts in the record; `trial` is what is judged.
    """

    record: TrackRecord
    rows: IntArray
    trial: Trial

    @property
    def target_dates(self) -> DateArray:
        """(n,): the target dates of the forecasts judged."""
        return self.record.target_dates[self.rows]


def align(record: TrackRecord, bars: Bars) -> Alignment | None:
    """Select the longest stretch of forecasts from consecutive sessions; None if there is none.

    `bars` are adjusted as the record's fits are. Forecasts count as log changes from their origin, so that a
    later split has no effect. A forecast belongs to a stretch if its target is the h-th bar after its origin
    and at least 21 bars precede the origin; a session without a forecast or without a bar ends the stretch.
    Whether bars are missing there is unknown, so the history of the next stretch starts at its first origin,
    as it does for forecasts from a file.
    """
    horizon = record.key.horizon
    places = np.searchsorted(bars.session_dates, record.origin_dates)
    dated = _dated(record, bars, places)
    breaks = np.flatnonzero((np.diff(places) != 1) | ~dated[:-1] | ~dated[1:])
    unusable = np.flatnonzero(~dated | (_history_lengths(places, breaks) < HISTORY))
    chosen = longest_stretch(
        len(record), np.concatenate([unusable, breaks]), np.concatenate([unusable, breaks + 1])
    )
    rows = np.arange(len(record))[chosen]
    if len(rows) == 0:
        return None
    log_prices = np.log(bars.close[places[rows[0]] - HISTORY : places[rows[-1]] + horizon + 1])
    changes = np.log(record.forecast_closes[rows] / record.last_closes[rows])
    last = log_prices[HISTORY : HISTORY + len(rows)]
    return Alignment(record, rows, Trial(horizon, log_prices, last + changes))


def as_judged(verdict: LagVerdict, record: TrackRecord, bars: Bars) -> Alignment | None:
    """Select again the forecasts that a stored verdict rests on, aligned with the current bars."""
    dates = record.origin_dates
    return align(_subset(record, (dates >= verdict.first_origin) & (dates <= verdict.last_origin)), bars)


def judge_records(records: Sequence[tuple[TrackRecord, Bars]]) -> tuple[LagVerdict, ...]:
    """Judge track records, those of a horizon together; no verdict for a record without a usable stretch."""
    aligned = [found for record, bars in records if (found := align(record, bars)) is not None]
    judgements = judge_together([one.trial for one in aligned])
    return tuple(_lag_verdict(one, judgement) for one, judgement in zip(aligned, judgements, strict=True))


def _lag_verdict(aligned: Alignment, judgement: Judgement) -> LagVerdict:
    """Build the storable verdict from a judgement and the forecasts it rests on."""
    record, rows = aligned.record, aligned.rows
    left_out = len(record) - len(rows)
    note = f"; {left_out:,} more left out (gaps or too little history)" if left_out else ""
    return LagVerdict(
        key=record.key,
        first_origin=record.origin_dates[rows[0]],
        last_origin=record.origin_dates[rows[-1]],
        n_live=int(record.is_live[rows].sum()),
        n_left_out=left_out,
        judgement=replace(judgement, sentence=f"{judgement.sentence}{note}"),
    )


def _subset(record: TrackRecord, chosen: BoolArray) -> TrackRecord:
    """Select the rows of a record where `chosen` (m,) is true."""
    bands = Bands(*(values[chosen] for values in vars(record.bands).values()))
    columns: dict[str, Any] = {name: one for name, one in vars(record).items() if isinstance(one, np.ndarray)}
    return replace(record, bands=bands, **{name: values[chosen] for name, values in columns.items()})


def _history_lengths(places: IntArray, breaks: IntArray) -> IntArray:
    """Count the bars (n,) before each origin since the last gap; `breaks` are the rows before the gaps."""
    earliest = np.zeros_like(places)
    earliest[breaks + 1] = places[breaks + 1]
    return places - np.maximum.accumulate(earliest)


def _dated(record: TrackRecord, bars: Bars, places: IntArray) -> BoolArray:
    """Check for each forecast (n,) that bars exist for origin and target, exactly h bars apart."""
    targets = places + record.key.horizon
    inside = targets < len(bars)
    dated = np.zeros(len(record), dtype=np.bool_)
    is_origin = bars.session_dates[places[inside]] == record.origin_dates[inside]
    is_target = bars.session_dates[targets[inside]] == record.target_dates[inside]
    dated[inside] = is_origin & is_target
    return dated
