"""Add first requested dates, decisions on quarantined rows, missing corporate actions and re-basings.

Revision ID: 0004
Revises: 0003
"""

from datetime import date, datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DATE_FORMATS = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S%z", "%Y/%m/%d", "%Y%m%d"),
    *("%m/%d/%Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y", "%d-%b-%Y"),
)


def upgrade() -> None:
    op.add_column("assets", sa.Column("asked_from_date", sa.Date(), nullable=True))
    op.add_column("rejected_bars", sa.Column("session_date", sa.Date(), nullable=True))
    op.add_column("rejected_bars", sa.Column("decision", sa.Text(), nullable=True))
    op.add_column("rejected_bars", sa.Column("decided_at_utc", sa.DateTime(), nullable=True))
    op.add_column("rejected_bars", sa.Column("resolved_at_utc", sa.DateTime(), nullable=True))
    _date_rejected_rows()
    op.add_column("corporate_actions", sa.Column("missing_since_utc", sa.DateTime(), nullable=True))
    op.create_table(
        "rebasings",
        sa.Column("rebasing_id", sa.Integer(), primary_key=True),
        sa.Column("symbol", sa.Text(), sa.ForeignKey("assets.symbol"), nullable=False),
        sa.Column("through_date", sa.Date(), nullable=False),
        sa.Column("ratio", sa.Float(), nullable=False),
        sa.Column("n_bars", sa.Integer(), nullable=False),
        sa.Column("first_seen_at_utc", sa.DateTime(), nullable=False),
        sa.Column("run_id", sa.Integer(), sa.ForeignKey("runs.run_id"), nullable=False),
    )
    op.add_column("fits", sa.Column("adjustment", sa.Text(), nullable=False, server_default="splits"))


def _date_rejected_rows() -> None:
    """Fill session_date of the stored rows whose date text has one of the DATE_FORMATS of the sources."""
    rows = sa.table(
        "rejected_bars",
        *(sa.column("rejected_id", sa.Integer()), sa.column("date_text", sa.Text())),
        sa.column("session_date", sa.Date()),
    )
    connection = op.get_bind()
    for rejected_id, date_text in connection.execute(sa.select(rows.c.rejected_id, rows.c.date_text)).all():
        session = _session(date_text)
        if session is not None:
            dating = sa.update(rows).where(rows.c.rejected_id == rejected_id)
            connection.execute(dating.values(session_date=session))


def _session(text: str) -> date | None:
    for date_format in DATE_FORMATS:
        try:
            return datetime.strptime(text.strip(), date_format).date()  # noqa: DTZ007 - a date has no time zone
        except ValueError:
            continue
    return None


def downgrade() -> None:
    op.drop_column("fits", "adjustment")
    op.drop_table("rebasings")
    op.drop_column("corporate_actions", "missing_since_utc")
    for name in ("resolved_at_utc", "decided_at_utc", "decision", "session_date"):
        op.drop_column("rejected_bars", name)
    op.drop_column("assets", "asked_from_date")
