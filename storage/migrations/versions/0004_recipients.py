"""How partners ended requests, what is taken back for a hold, how often people were reminded."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """To this revision."""
    for column in (
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("stop_wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop", sa.Text(), nullable=True),
    ):
        op.add_column("dispatches", column, schema="dsr")
    op.create_index(
        "dispatches_to_stop",
        "dispatches",
        ["stop_wanted_at"],
        schema="dsr",
        postgresql_where=sa.text("stop_wanted_at is not null and stop is null"),
    )
    op.add_column(
        "tasks",
        sa.Column("reminders", sa.Integer(), server_default="0", nullable=False),
        schema="dsr",
    )
    op.add_column("erasures", sa.Column("dispatch_id", sa.Uuid(), nullable=True), schema="dsr")
    op.create_foreign_key(
        None, "erasures", "dispatches", ["dispatch_id"], ["id"], source_schema="dsr",
        referent_schema="dsr",
    )  # fmt: skip
