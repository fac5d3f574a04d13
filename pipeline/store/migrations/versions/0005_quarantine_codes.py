"""Add the reason for a quarantined row as a code, next to the reason in words.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CODES = {
    "date cannot be read": "unreadable-date",
    "not a session of the calendar": "no-session",
    "all prices missing": "no-prices",
    "a price is missing": "missing-price",
    "a price is not finite": "not-finite",
    "a price is not positive": "not-positive",
    "high is below low": "high-below-low",
    "open or close lies outside low to high": "outside-range",
    "volume is negative or not finite": "bad-volume",
    "conflicting rows for one date": "conflict",
    "in %, where the asset is configured in %": "wrong-currency",
    "dated in %, where the calendar %": "wrong-time-zone",
    "about 100 times too %": "hundredfold",
    "a jump like a split of %": "unapplied-split",
}
"""The code by the stored reason, as a LIKE pattern."""
OTHER = "price-jump"
"""The code of any other reason: the whole bar jumps, and no usual split explains it."""


def upgrade() -> None:
    op.add_column("rejected_bars", sa.Column("code", sa.Text(), nullable=False, server_default=""))
    rows = sa.table("rejected_bars", sa.column("reason", sa.Text()), sa.column("code", sa.Text()))
    for sentence, code in CODES.items():
        op.execute(sa.update(rows).where(rows.c.reason.like(sentence)).values(code=code))
    op.execute(sa.update(rows).where(rows.c.code == "").values(code=OTHER))


def downgrade() -> None:
    op.drop_column("rejected_bars", "code")
