"""An erasure has its plan with it until its end is known; what no date keeps is looked at again."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """To this revision."""
    op.add_column("erasures", sa.Column("plan", sa.LargeBinary(), nullable=True), schema="dsr")
    op.add_column(
        "cases",
        sa.Column("reviews", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="dsr",
    )
