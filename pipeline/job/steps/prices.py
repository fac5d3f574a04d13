"""Steps that download and store the prices of an asset."""

from datetime import date

import numpy as np
import tenacity

from pipeline.errors import SourceError, TransientSourceError
from pipeline.ingest.first_date import first_date_to_ask
from pipeline.ingest.reconcile import MOST_CONTRADICTING, reconcile, restatement
from pipeline.ingest.validate import require_bars, validate
from pipeline.job.context import Job
from pipeline.settings import AssetSettings
from pipeline.store import read, read_known, reading, write_prices, writing
from pipeline.timings import timed
from pipeline.types import IngestSummary, PriceChanges, RawPrices, Restatement, Work


def first_date(job: Job, asset: AssetSettings) -> date:
    """Choose the first session date to ask the source for."""
    with reading(job.store) as connection:
        asked = read_known.download_history(connection, asset.symbol)
    calendar, settings = job.calendar(asset), job.settings.download
    return first_date_to_ask(
        asked, calendar, job.newest_settled(asset), settings.overlap_sessions, settings.history_start
    )


def whole_history(job: Job, _asset: AssetSettings) -> date:
    """Give the first date of the history, instead of `first_date`, so that every bar is compared again."""
    return job.settings.download.history_start


@timed(Work.LOAD)
def download(job: Job, asset: AssetSettings, start: date) -> RawPrices:
    """Download the prices of an asset, in one attempt; raises as `PriceSource.download` does."""
    return job.source.download(asset, start, job.as_of)


def download_patiently(job: Job, asset: AssetSettings, start: date) -> RawPrices:
    """Download the prices of an asset, with new attempts after transient errors (back-off with jitter).

    A rate limit is raised at once: the whole batch has to wait (`ingest.rate_limit`).
    """
    patience = job.settings.download
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientSourceError),
        stop=tenacity.stop_after_attempt(patience.tries),
        wait=tenacity.wait_exponential_jitter(
            multiplier=patience.backoff_seconds, jitter=min(1.0, patience.backoff_seconds)
        ),
        reraise=True,
    )
    return retrying(download, job, asset, start)


@timed(Work.STORE)
def ingest(job: Job, asset: AssetSettings, raw: RawPrices) -> IngestSummary | Restatement:
    """Validate a download, compare it with the stored prices, and store what has changed.

    Quarantined rows are stored with their reasons. If a part of the history shows that all of it has changed
    units, nothing is stored and a Restatement is given: the whole history has to be downloaded. Raises
    SourceError, after storing everything, if no row was accepted or many contradict stored bars.
    """
    with writing(job.store) as connection:
        with timed(Work.LOAD):
            known = read_known.known_prices(connection, asset.symbol)
            prices = validate(raw, asset, job.calendar(asset), job.as_of, known.decided)
        restated = restatement(prices, known) if raw.start > job.settings.download.history_start else None
        if restated is not None:
            return restated
        changes = reconcile(prices, known, job.started_at)
        summary = write_prices.store_changes(connection, changes, raw.start, job.run_id, job.started_at)
    require_bars(prices, raw, asset)
    _require_agreement(changes, raw, asset)
    return summary


def _require_agreement(changes: PriceChanges, raw: RawPrices, asset: AssetSettings) -> None:
    if changes.n_contradicting > MOST_CONTRADICTING:
        raise SourceError(
            asset.symbol,
            f"{changes.n_contradicting} bars of {raw.origin} contradict the stored ones, which stay: "
            f"{changes.quarantined[-1].reason}",
            "See 'pricecast quarantine list'; release the rows if they are right.",
        )


def has_newest_bar(job: Job, asset: AssetSettings) -> bool:
    """Is the bar of the newest settled session stored?"""
    return newest_bar(job, asset) == job.newest_settled(asset)


def newest_bar(job: Job, asset: AssetSettings) -> np.datetime64 | None:
    """Look up the session of the newest stored bar that has settled; None without any."""
    with reading(job.store) as connection:
        return read.newest_session(connection, asset.symbol, job.newest_settled(asset))
