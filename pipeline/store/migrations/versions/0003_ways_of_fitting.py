"""Which way a fit went, and the leads it chose. Every fit stored before started anew.

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
    for name in ("start_hash", "leads"):
        op.add_column("fits", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    # In place: forecasts refer to the table, so it cannot be made anew.
    for name in ("way", "start_hash", "leads"):
        op.drop_column("fits", name)
