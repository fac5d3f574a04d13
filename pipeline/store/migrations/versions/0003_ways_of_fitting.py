"""Add whether a fit was cold or warm, and the leads of each fit; fits stored before were cold.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("fits", sa.Column("way", sa.Text(), nullable=False, server_default="cold"))
    op.add_column("fits", sa.Column("start_hash", sa.Text(), nullable=True))
    op.create_table(
        "fit_leads",
        sa.Column("fit_id", sa.Integer(), sa.ForeignKey("fits.fit_id"), primary_key=True),
        sa.Column("lead", sa.Text(), sa.ForeignKey("assets.symbol"), primary_key=True),
        sa.Column("sessions_ahead", sa.Integer(), nullable=False),
        sa.Column("correlation", sa.Float(), nullable=True),
        sa.Column("p_value", sa.Float(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("fit_leads")
    # Drop in place: forecasts refer to the table, so it cannot be recreated.
    for name in ("way", "start_hash"):
        op.drop_column("fits", name)
