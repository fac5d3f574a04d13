"""Add the evidence of each verdict; in verdicts stored before, the new columns are NULL.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTS = ("n_live", "n_left_out")
DATES = ("first_origin_date", "last_origin_date")
FIGURES = (
    "skill_low",
    "skill_high",
    "skill_as_issued",
    "size",
    "slope",
    "p_skill",
    "p_skill_adjusted",
    "p_anti",
    "p_shape",
    "p_no_skill",
    "p_worse",
    "p_better",
    "hit_rate",
    "p_direction",
    "tracking",
    "filter_r2",
    "power",
    "min_detectable_r2",
    "e_value",
)


def upgrade() -> None:
    for name in COUNTS:
        op.add_column("verdicts", sa.Column(name, sa.Integer(), nullable=True))
    for name in DATES:
        op.add_column("verdicts", sa.Column(name, sa.Date(), nullable=True))
    for name in FIGURES:
        op.add_column("verdicts", sa.Column(name, sa.Float(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("verdicts") as table:
        for name in (*COUNTS, *DATES, *FIGURES):
            table.drop_column(name)
