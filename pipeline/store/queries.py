"""The queries of commands and flows: each takes the address of a database and returns rows."""

from typing import Any

from sqlalchemy import text

from pipeline.store import read
from pipeline.store.engine import open_read_only, reading
from pipeline.types import Rows

LATEST_FORECASTS = "SELECT * FROM latest_forecasts ORDER BY symbol, horizon, model"
SCOREBOARD = "SELECT * FROM model_scoreboard ORDER BY symbol, horizon, model, kind"
LEAD_LAGS = "SELECT * FROM lead_lags ORDER BY symbol, model, p_value IS NULL, p_value, lead"
VERDICTS = "SELECT * FROM model_verdicts ORDER BY symbol, horizon, model"
QUARANTINE = "SELECT * FROM quarantine ORDER BY symbol, session_date, id"
EVERY_QUARANTINED_ROW = """
SELECT rejected_id AS id, symbol, session_date, date_text, reason, "row", first_seen_at_utc, decision,
    decided_at_utc, resolved_at_utc
FROM rejected_bars ORDER BY symbol, session_date, rejected_id
"""
_FORECASTS_OF = """
WITH current AS (
    SELECT symbol, model, config_hash FROM fits
    WHERE fit_id IN (SELECT max(fit_id) FROM fits GROUP BY symbol, model)
)
SELECT f.model, f.kind, f.origin_date, f.target_date, f.last_close, f.forecast_close,
    f.lower_80, f.upper_80, f.lower_95, f.upper_95
FROM current AS c
JOIN forecasts AS f ON f.symbol = c.symbol AND f.model = c.model AND f.config_hash = c.config_hash
WHERE f.symbol = :symbol AND f.horizon = :horizon AND f.kind <> 'audit'
ORDER BY f.model, f.target_date, f.forecast_id
"""
_PRICES_OF = """
SELECT symbol, session_date, open, high, low, close, adj_close, volume
FROM prices WHERE symbol = :symbol ORDER BY session_date
"""


def read_rows(database: str, sql: str) -> Rows:
    """Run one SELECT on an existing database and return its rows.

    Raises StoreError as `read.query` does.
    """
    with open_read_only(database) as engine, reading(engine) as connection:
        columns, values = read.query(connection, sql)
    return Rows(columns, tuple(values))


def forecasts_of(database: str, symbol: str, horizon: int) -> Rows:
    """Return every live and backtest forecast of one asset and horizon as issued, with its bands.

    Forecasts are those of each model's current configuration, scored or not, sorted by model and target date.
    """
    return _rows(database, _FORECASTS_OF, symbol=symbol, horizon=horizon)


def prices_of(database: str, symbol: str) -> Rows:
    """Return the current prices of one asset, oldest first."""
    return _rows(database, _PRICES_OF, symbol=symbol)


def _rows(database: str, sql: str, **values: Any) -> Rows:
    with open_read_only(database) as engine, reading(engine) as connection:
        result = connection.execute(text(sql), values)
        return Rows(tuple(result.keys()), tuple(tuple(row) for row in result))
