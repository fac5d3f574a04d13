"""Stored track records and bars to trials, and trials to the verdicts that are stored."""

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
    """The longest unbroken stretch of a track record, beside the asset's bars, adjusted as the record is.

    `rows` are the places of its forecasts in the record; `trial` is what is judged.
    """

    record: TrackRecord
    rows: IntArray
    trial: Trial

    @property
    def target_dates(self) -> DateArray:
        """(n,) of the forecasts judged."""
        return self.record.target_dates[self.rows]


def align(record: TrackRecord, bars: Bars) -> Alignment | None:
    """The forecasts of consecutive sessions to be judged; None when there is none.

    Forecasts count as log changes from their origin, so that a split changes nothing. A forecast stands in
    the stretch when its target is the h-th bar after its origin and 21 bars precede the origin; a session
    without a forecast or without a bar ends the stretch. Whether bars are missing there nobody can tell, so
    the history of what follows starts with the first origin after it, as it does in a file of forecasts.
    """
    horizon = record.key.horizon
    places = np.searchsorted(bars.session_dates, record.origin_dates)
    dated = _dated(record, bars, places)
    parted = np.flatnonzero((np.diff(places) != 1) | ~dated[:-1] | ~dated[1:])
    alone = np.flatnonzero(~dated | (_history(places, parted) < HISTORY))
    chosen = longest_stretch(
        len(record), np.concatenate([alone, parted]), np.concatenate([alone, parted + 1])
    )
    rows = np.arange(len(record))[chosen]
    if len(rows) == 0:
        return None
    log_prices = np.log(bars.close[places[rows[0]] - HISTORY : places[rows[-1]] + horizon + 1])
    changes = np.log(record.forecast_closes[rows] / record.last_closes[rows])
    last = log_prices[HISTORY : HISTORY + len(rows)]
    return Alignment(record, rows, Trial(horizon, log_prices, last + changes))


def as_judged(verdict: LagVerdict, record: TrackRecord, bars: Bars) -> Alignment | None:
    """The forecasts that a verdict rests on, beside the bars as they now are."""
    dates = record.origin_dates
    return align(_only(record, (dates >= verdict.first_origin) & (dates <= verdict.last_origin)), bars)


def judge_records(records: Sequence[tuple[TrackRecord, Bars]]) -> tuple[LagVerdict, ...]:
    """A verdict for every record that has anything to judge, all of one horizon judged together."""
    aligned = [found for record, bars in records if (found := align(record, bars)) is not None]
    judgements = judge_together([one.trial for one in aligned])
    return tuple(_lag_verdict(one, judgement) for one, judgement in zip(aligned, judgements, strict=True))


def _lag_verdict(aligned: Alignment, judgement: Judgement) -> LagVerdict:
    record, rows = aligned.record, aligned.rows
    left_out = len(record) - len(rows)
    said = f"; {left_out:,} more left out (gaps or too little history)" if left_out else ""
    return LagVerdict(
        key=record.key,
        first_origin=record.origin_dates[rows[0]],
        last_origin=record.origin_dates[rows[-1]],
        n_live=int(record.is_live[rows].sum()),
        n_left_out=left_out,
        judgement=replace(judgement, sentence=f"{judgement.sentence}{said}"),
    )


def _only(record: TrackRecord, chosen: BoolArray) -> TrackRecord:
    bands = Bands(*(values[chosen] for values in vars(record.bands).values()))
    columns: dict[str, Any] = {name: one for name, one in vars(record).items() if isinstance(one, np.ndarray)}
    return replace(record, bands=bands, **{name: values[chosen] for name, values in columns.items()})


def _history(places: IntArray, parted: IntArray) -> IntArray:
    """(n,): the bars before each origin that no gap parts from it; `parted` are the rows before the gaps."""
    earliest = np.zeros_like(places)
    earliest[parted + 1] = places[parted + 1]
    return places - np.maximum.accumulate(earliest)


def _dated(record: TrackRecord, bars: Bars, places: IntArray) -> BoolArray:
    """(n,): whether origin and target are bars, h of them apart."""
    targets = places + record.key.horizon
    inside = targets < len(bars)
    dated = np.zeros(len(record), dtype=np.bool_)
    is_origin = bars.session_dates[places[inside]] == record.origin_dates[inside]
    is_target = bars.session_dates[targets[inside]] == record.target_dates[inside]
    dated[inside] = is_origin & is_target
    return dated
