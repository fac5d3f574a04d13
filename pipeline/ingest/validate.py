"""Validate a download: accept settled, consistent bars of expected sessions and quarantine the rest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.calendars import TradingCalendar
from pipeline.errors import SourceError
from pipeline.ingest.quarantine import is_decided, row_as_json
from pipeline.settings import AssetSettings
from pipeline.types import (
    OHLC,
    SAME_PRICE,
    ActionKind,
    Bars,
    BoolArray,
    CorporateAction,
    DateArray,
    DecidedRow,
    Decision,
    QuarantineCode,
    QuarantinedRow,
    RawPrices,
    ValidatedPrices,
)

PRICES = list(OHLC)
NUMBERS = [*PRICES, "adj_close", "volume", "dividend", "split_ratio"]
COMPARED = [*PRICES, "volume", "dividend", "split_ratio"]
EVENTS = {ActionKind.DIVIDEND: "dividend", ActionKind.SPLIT: "split_ratio"}

SENTENCES: Mapping[QuarantineCode, str] = {
    QuarantineCode.UNREADABLE_DATE: "date cannot be read",
    QuarantineCode.NO_SESSION: "not a session of the calendar",
    QuarantineCode.NO_PRICES: "all prices missing",
    QuarantineCode.MISSING_PRICE: "a price is missing",
    QuarantineCode.NOT_FINITE: "a price is not finite",
    QuarantineCode.NOT_POSITIVE: "a price is not positive",
    QuarantineCode.HIGH_BELOW_LOW: "high is below low",
    QuarantineCode.OUTSIDE_RANGE: "open or close lies outside low to high",
    QuarantineCode.BAD_VOLUME: "volume is negative or not finite",
    QuarantineCode.CONFLICT: "conflicting rows for one date",
}
"""What is wrong with a single row, in words."""


@dataclass(frozen=True)
class _WholeDownloadFault:
    """Why no row of a download can be right: it is in another currency, or dated in another time zone."""

    code: QuarantineCode
    reason: str


def validate(
    raw: RawPrices,
    asset: AssetSettings,
    calendar: TradingCalendar,
    as_of: datetime,
    decided: Sequence[DecidedRow] = (),
) -> ValidatedPrices:
    """Validate every row of a download by itself, by what may be known at `as_of` (an aware moment).

    Rows of sessions that are not settled at `as_of` are skipped and not recorded; the next download offers
    them again. Every other row is accepted, or quarantined with a reason; of equal rows for one date, one is
    accepted, and differing ones are all quarantined. Accepted bars are sorted. A missing volume becomes 0.
    Where rounding puts an open or close outside [low, high] by less than SAME_PRICE, the range is widened.

    A row that a person has released is accepted, its range widened to its prices, unless its code is one that
    cannot be released; a row that a person has rejected is skipped and not recorded.

    Actions are the dividends above 0 and the splits other than 1 on accepted rows; early actions are those on
    the only row of a session, if it has no price. Expected are the sessions from `raw.start` to the newest
    settled session. Raises SourceError when no row is settled yet.
    """
    last_settled = calendar.last_settled(as_of)
    announced = _announced(asset.symbol, raw)
    settled = _settled(raw, asset, last_settled)
    rows = settled[~_is_decided(settled, decided, Decision.REJECTED, announced)]
    dates = _days(rows)
    expected = calendar.sessions(_first_expected(raw, dates, calendar), last_settled)
    is_released = _is_decided(rows, decided, Decision.RELEASED, announced)
    fault = _fault_of_all(raw, asset, calendar)
    codes = _codes(rows, np.isin(dates, expected), is_released, fault)
    accepted = rows[codes == ""].sort_values("session_date", kind="stable").drop_duplicates("session_date")
    return ValidatedPrices(
        bars=_bars(asset.symbol, accepted),
        quarantined=_quarantined(asset.symbol, rows, codes, fault),
        actions=_actions(asset.symbol, accepted),
        early_actions=() if fault else _actions(asset.symbol, _alone_without_prices(settled, rows, codes)),
        announced=announced,
        action_kinds=frozenset(kind for kind, name in EVENTS.items() if raw.rows[name].notna().any()),
        expected=expected[expected >= np.datetime64(raw.start, "D")],
    )


def require_bars(prices: ValidatedPrices, raw: RawPrices, asset: AssetSettings) -> None:
    """Raise SourceError, with the commonest reason, if no row of the download was accepted."""
    if len(prices.bars):
        return
    if not prices.quarantined:
        raise SourceError(asset.symbol, f"{raw.origin} gave no rows", "Check the symbol and the start date.")
    reason, count = Counter(bar.reason for bar in prices.quarantined).most_common(1)[0]
    raise SourceError(
        asset.symbol,
        f"none of the {len(prices.quarantined)} rows of {raw.origin} can be used; "
        f"most often ({count} rows): {reason}",
        f"Look at its rows, e.g. of '{prices.quarantined[0].date_text}', and at the asset's calendar "
        f"{asset.calendar} and currency {asset.currency} in the settings.",
    )


def _first_expected(raw: RawPrices, dates: DateArray, calendar: TradingCalendar) -> np.datetime64:
    known = dates[~np.isnat(dates)]
    start = calendar.covered_from(np.datetime64(raw.start, "D"))
    return min(start, known.min()) if len(known) else start


def _fault_of_all(
    raw: RawPrices, asset: AssetSettings, calendar: TradingCalendar
) -> _WholeDownloadFault | None:
    """Find what is wrong with the download as a whole; None if nothing is."""
    if raw.currency and raw.currency != asset.currency:
        reason = f"in {raw.currency}, where the asset is configured in {asset.currency}"
        return _WholeDownloadFault(QuarantineCode.WRONG_CURRENCY, reason)
    if raw.time_zone and not calendar.keeps_time_of(raw.time_zone):
        reason = f"dated in {raw.time_zone}, where the calendar {asset.calendar} has another time"
        return _WholeDownloadFault(QuarantineCode.WRONG_TIME_ZONE, reason)
    return None


def _settled(raw: RawPrices, asset: AssetSettings, last_settled: np.datetime64) -> pd.DataFrame:
    """Select the rows that are settled or whose date cannot be read."""
    dates = raw.rows["session_date"]
    if dates.notna().any() and dates.min() > pd.Timestamp(last_settled):
        raise SourceError(
            asset.symbol,
            f"{raw.origin} has no price settled by {last_settled}: its first is of {dates.min():%Y-%m-%d}",
            "Choose a later --as-of.",
        )
    settled: pd.DataFrame = raw.rows[~(dates > pd.Timestamp(last_settled))]
    return settled


def _is_decided(
    rows: pd.DataFrame, decided: Sequence[DecidedRow], what: Decision, splits: Sequence[CorporateAction]
) -> BoolArray:
    return is_decided(_days(rows), rows[PRICES].to_numpy(), decided, what, splits)


def _codes(
    rows: pd.DataFrame, is_session: BoolArray, is_released: BoolArray, fault: _WholeDownloadFault | None
) -> npt.NDArray[np.object_]:
    """Find why each of the (n,) rows is not accepted: the first code that applies, or an empty text."""
    prices = rows[PRICES].to_numpy()
    opens, highs, lows, closes = prices.T
    volumes = rows["volume"].to_numpy()
    with np.errstate(invalid="ignore"):
        top, bottom = highs * (1.0 + SAME_PRICE), lows * (1.0 - SAME_PRICE)
        is_outside = (np.maximum(opens, closes) > top) | (np.minimum(opens, closes) < bottom)
    faults = {
        QuarantineCode.UNREADABLE_DATE: rows["session_date"].isna().to_numpy(),
        QuarantineCode.NO_SESSION: ~is_session,
        QuarantineCode.NO_PRICES: np.isnan(prices).all(axis=1),
        QuarantineCode.MISSING_PRICE: np.isnan(prices).any(axis=1),
        QuarantineCode.NOT_FINITE: np.isinf(prices).any(axis=1),
        QuarantineCode.NOT_POSITIVE: (prices <= 0.0).any(axis=1),
        QuarantineCode.HIGH_BELOW_LOW: top < lows,
        QuarantineCode.OUTSIDE_RANGE: is_outside,
        QuarantineCode.BAD_VOLUME: (volumes < 0.0) | np.isinf(volumes),
    }
    codes = np.select(list(faults.values()), list(faults), default="")
    released = is_released & ~np.isin(codes, [code for code in QuarantineCode if not code.can_be_released])
    codes = np.where(released, "", codes)
    codes = np.where(_contested(rows, codes == "", released), QuarantineCode.CONFLICT, codes)
    return np.where(codes == "", "" if fault is None else fault.code, codes).astype(object)


def _alone_without_prices(
    settled: pd.DataFrame, rows: pd.DataFrame, codes: npt.NDArray[np.object_]
) -> pd.DataFrame:
    """Select the `rows` that have no price, and whose session has no other settled row but equal ones."""
    distinct = settled.drop_duplicates(["session_date", *COMPARED])["session_date"]
    is_alone = ~rows["session_date"].isin(distinct[distinct.duplicated()]).to_numpy()
    alone: pd.DataFrame = rows[is_alone & (codes == QuarantineCode.NO_PRICES)]
    return alone.drop_duplicates("session_date")


def _contested(rows: pd.DataFrame, is_good: BoolArray, released: BoolArray) -> BoolArray:
    """Find which of the (n,) good rows conflict with another row and were not released by a person."""
    is_chosen = released & ~_conflicts(rows, released, PRICES)
    return _conflicts(rows, is_good, COMPARED) & ~is_chosen


def _conflicts(rows: pd.DataFrame, is_good: BoolArray, names: Sequence[str]) -> BoolArray:
    """Find which of the (n,) good rows differ in these values from another good row of the same date."""
    good = rows[is_good]
    repeated = good[good["session_date"].duplicated(keep=False)]
    different = repeated.drop_duplicates(["session_date", *names])["session_date"]
    contested = different[different.duplicated()]
    return is_good & rows["session_date"].isin(contested).to_numpy()


def _quarantined(
    symbol: str, rows: pd.DataFrame, codes: npt.NDArray[np.object_], fault: _WholeDownloadFault | None
) -> tuple[QuarantinedRow, ...]:
    sentences = SENTENCES if fault is None else {**SENTENCES, fault.code: fault.reason}
    is_quarantined = codes != ""
    chosen = rows[is_quarantined]
    values = zip(
        *(chosen["date_text"], _days(chosen), codes[is_quarantined], chosen[NUMBERS].to_numpy().tolist()),
        strict=True,
    )
    return tuple(
        QuarantinedRow(
            symbol=symbol,
            date_text=str(text),
            session_date=day,
            code=QuarantineCode(code),
            reason=sentences[QuarantineCode(code)],
            row=row_as_json(dict(zip(NUMBERS, numbers, strict=True))),
        )
        for text, day, code, numbers in values
    )


def _bars(symbol: str, rows: pd.DataFrame) -> Bars:
    prices = rows[PRICES].to_numpy()
    return Bars(
        symbol=symbol,
        session_dates=_days(rows),
        open=prices[:, 0].copy(),
        high=prices.max(axis=1),
        low=prices.min(axis=1),
        close=prices[:, 3].copy(),
        volume=np.nan_to_num(rows["volume"].to_numpy(), nan=0.0),
    )


def _actions(symbol: str, rows: pd.DataFrame) -> tuple[CorporateAction, ...]:
    dates, found = _days(rows), []
    for kind, name in EVENTS.items():
        values = rows[name].to_numpy()
        is_event = np.isfinite(values) & (values > 0.0) & ((values != 1.0) | (kind is ActionKind.DIVIDEND))
        found += [
            CorporateAction(symbol, dates[row], kind, float(values[row])) for row in np.flatnonzero(is_event)
        ]
    return tuple(found)


def _announced(symbol: str, raw: RawPrices) -> tuple[CorporateAction, ...]:
    found = _actions(symbol, raw.rows[raw.rows["session_date"].notna()])
    return tuple(dict.fromkeys(one for one in found if one.kind is ActionKind.SPLIT))


def _days(rows: pd.DataFrame) -> DateArray:
    return rows["session_date"].to_numpy().astype("datetime64[D]")
