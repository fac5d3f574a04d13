"""Steps that score the stored forecasts of an asset, and judge the series of all assets."""

from collections.abc import Sequence

from pipeline.job.context import Job, StepResult
from pipeline.lag import judge_records
from pipeline.learn.adjust import adjusted
from pipeline.score.score import measure, score_forecasts
from pipeline.settings import AssetSettings
from pipeline.store import Connection, read, reading, write, writing
from pipeline.timings import timed
from pipeline.types import Bars, TrackRecord, Work


@timed(Work.STORE)
def score(job: Job, asset: AssetSettings) -> StepResult:
    """Score every forecast of the asset whose target has settled."""
    with writing(job.store) as connection:
        pending = read.pending_forecasts(connection, asset.symbol, job.newest_settled(asset))
        scores = score_forecasts(pending)
        return StepResult(write.store_scores(connection, scores, job.run_id, job.started_at))


@timed(Work.JUDGE)
def judge(job: Job, assets: Sequence[AssetSettings]) -> StepResult:
    """Compute metrics and verdicts of every series of the assets, and store those that have changed.

    Every configured asset is judged with them: skill has to stand out among all that is tried, however the
    schedule splits it into runs.
    """
    others = [asset for asset in job.settings.assets if asset not in assets]
    with reading(job.store) as connection:
        own = [found for asset in assets for found in _records(job, connection, asset)]
        rest = [found for asset in others for found in _records(job, connection, asset)]
    metrics = [value for record, _ in own for value in measure(record)]
    verdicts = judge_records([*own, *rest])
    with timed(Work.STORE), writing(job.store) as connection:
        write.store_metrics(connection, metrics, job.run_id, job.as_of, job.started_at)
        return StepResult(write.store_verdicts(connection, verdicts, job.run_id, job.as_of, job.started_at))


def _records(job: Job, connection: Connection, asset: AssetSettings) -> list[tuple[TrackRecord, Bars]]:
    newest = job.newest_settled(asset)
    prices = read.prices(connection, asset.symbol, newest)
    records = read.track_records(connection, asset.symbol, newest)
    return [(record, adjusted(prices, record.adjustment)) for record in records]
