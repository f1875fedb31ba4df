"""An erasure has the plan with it that it carries out, until its end is known."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    """To this revision."""
    op.add_column("erasures", sa.Column("plan", sa.LargeBinary(), nullable=True), schema="dsr")
