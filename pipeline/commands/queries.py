"""What the commands ask the store, and the rows that come back."""

from collections.abc import Collection

from pipeline.errors import PricecastError
from pipeline.report import Rows

LATEST_FORECASTS = "SELECT * FROM latest_forecasts ORDER BY symbol, horizon, model"
SCOREBOARD = "SELECT * FROM model_scoreboard ORDER BY symbol, horizon, model, kind"

_CURRENT_MODELS = """
WITH current AS (
    SELECT symbol, model, config_hash FROM fits
    WHERE fit_id IN (SELECT max(fit_id) FROM fits GROUP BY symbol, model)
)
"""
LEAD_LAGS = "SELECT * FROM lead_lags ORDER BY symbol, model, p_value IS NULL, p_value, lead"
QUARANTINE = "SELECT * FROM quarantine ORDER BY symbol, session_date, id"
REJECTED = """
SELECT rejected_id AS id, symbol, session_date, date_text, reason, "row", first_seen_at_utc, decision,
    decided_at_utc, resolved_at_utc
FROM rejected_bars ORDER BY symbol, session_date, rejected_id
"""
VERDICTS = "SELECT * FROM model_verdicts ORDER BY symbol, horizon, model"


def read_rows(database: str, sql: str) -> Rows:
    """The answer of the existing database to one statement that reads."""
    from pipeline.store import disposing, open_read_only, read, reading

    with disposing(open_read_only(database)) as engine, reading(engine) as connection:
        columns, values = read.query(connection, sql)
    return Rows(columns, tuple(values))


def only_symbols(rows: Rows, symbols: Collection[str]) -> Rows:
    """The rows of `symbols`, or all when none is named; an error names those that have no rows."""
    if not symbols:
        return rows
    there = {record["symbol"] for record in rows.records()}
    absent = [symbol for symbol in symbols if symbol not in there]
    if absent:
        known = f"There is {', '.join(sorted(there))}." if there else "Run 'pricecast run' first."
        raise PricecastError(f"nothing is stored of {', '.join(absent)}", known)
    return rows.where("symbol", symbols)


def forecasts_of(symbol: str, horizon: int) -> str:
    """SQL for every forecast of one asset as issued, with its bands, scored or not, in order of target."""
    return f"""{_CURRENT_MODELS}
SELECT f.model, f.kind, f.origin_date, f.target_date, f.last_close, f.forecast_close,
    f.lower_80, f.upper_80, f.lower_95, f.upper_95
FROM current AS c
JOIN forecasts AS f ON f.symbol = c.symbol AND f.model = c.model AND f.config_hash = c.config_hash
WHERE f.symbol = {_quoted(symbol)} AND f.horizon = {horizon:d} AND f.kind <> 'audit'
ORDER BY f.model, f.target_date, f.forecast_id
"""  # noqa: S608 - the symbol is quoted


def prices_of(symbol: str) -> str:
    """SQL for the prices of one asset as they are now, in order of time."""
    names = "symbol, session_date, open, high, low, close, adj_close, volume"
    return f"SELECT {names} FROM prices WHERE symbol = {_quoted(symbol)} ORDER BY session_date"  # noqa: S608


def closes_of(symbol: str) -> str:
    """SQL for the closes of one asset, in order of time."""
    return f"SELECT session_date, close FROM prices WHERE symbol = {_quoted(symbol)} ORDER BY session_date"  # noqa: S608


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
