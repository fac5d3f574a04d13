"""What was asked for, what a person decided on doubtful rows, doubtful events and re-based histories.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assets", sa.Column("asked_from_date", sa.Date(), nullable=True))
    op.add_column("rejected_bars", sa.Column("session_date", sa.Date(), nullable=True))
    op.add_column("rejected_bars", sa.Column("decision", sa.Text(), nullable=True))
    op.add_column("rejected_bars", sa.Column("decided_at_utc", sa.DateTime(), nullable=True))
    op.add_column("rejected_bars", sa.Column("resolved_at_utc", sa.DateTime(), nullable=True))
    # A date that could be read was stored as it is written here.
    op.execute("UPDATE rejected_bars SET session_date = date_text WHERE date_text LIKE '____-__-__'")
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


def downgrade() -> None:
    op.drop_column("fits", "adjustment")
    op.drop_table("rebasings")
    op.drop_column("corporate_actions", "missing_since_utc")
    for name in ("resolved_at_utc", "decided_at_utc", "decision", "session_date"):
        op.drop_column("rejected_bars", name)
    op.drop_column("assets", "asked_from_date")
