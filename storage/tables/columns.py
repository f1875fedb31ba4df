"""What the tables share: one `MetaData`, and the column of an instant."""

from sqlalchemy import Column, DateTime, MetaData, func

metadata = MetaData()


def at(name: str, *, null: bool = False, now: bool = False) -> Column[object]:
    """An instant. `now`: the database's clock gives it."""
    default = func.clock_timestamp() if now else None
    return Column(name, DateTime(timezone=True), nullable=null, server_default=default)
