"""Settings of when bars count as final, and of how prices are downloaded."""

from datetime import date

from pydantic import Field

from pipeline.settings.base import FrozenModel


class SettleSettings(FrozenModel):
    """When a session's bar counts as final. Before that, no run uses it."""

    exchange_minutes: int = Field(default=30, ge=0)
    """Minutes after an exchange's close."""
    continuous_minutes: int = Field(default=180, ge=0)
    """Minutes after midnight UTC, for assets with the calendar 24/7."""


class DownloadSettings(FrozenModel):
    """How prices are downloaded, and how patiently."""

    history_start: date = date(2015, 1, 1)
    """First session date that is asked for."""
    overlap_sessions: int = Field(default=20, ge=10)
    """Stored sessions that are downloaded again with the new ones, to see whether they have been revised."""
    timeout_seconds: float = Field(default=10.0, gt=0.0)
    """Seconds until a request without an answer counts as failed."""
    tries: int = Field(default=3, ge=1, le=10)
    """Attempts at one download, in all, when the failure may pass (broken connection, time-out, HTTP 5xx)."""
    backoff_seconds: float = Field(default=10.0, ge=0.0)
    """Pause before the second attempt; each further pause is twice as long, with some jitter."""
    seconds_between_requests: float = Field(default=1.0, ge=0.0)
    """Pause between two requests to Yahoo; jitter makes it up to half longer."""
    rate_limit_seconds: float = Field(default=60.0, ge=0.0)
    """A run's first pause after the source has reported a rate limit; each further one is twice as long."""
    rate_limit_pauses: int = Field(default=3, ge=0, le=10)
    """Pauses after which a run that is still rate-limited asks for no more downloads."""
