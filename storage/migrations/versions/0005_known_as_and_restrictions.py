"""By what registers name the person of a deletion; which case restricts records where."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "known_as",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["dsr.cases.id"]),
        sa.PrimaryKeyConstraint("case_id", "system", "hash"),
        schema="dsr",
    )
    op.create_index("known_as_by_hash", "known_as", ["hash"], unique=False, schema="dsr")
    op.create_table(
        "restrictions",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["dsr.cases.id"]),
        sa.PrimaryKeyConstraint("case_id", "system"),
        schema="dsr",
    )
