"""The latest choice about an address and a purpose, as keyed hashes; it survives every purge."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import literal, or_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import tables as t


async def choose(
    conn: AsyncConnection, hashes: Iterable[bytes], purpose: str, *, suppressed: bool,
    as_of: datetime, number: str,
) -> bool:  # fmt: skip
    """Record a choice, as of its receipt; the later receipt stands, on a tie the objection.

    Returns whether it stands for any of the addresses.
    """
    written = 0
    for value in hashes:
        row = upsert(t.suppressions).values(
            hash=value, purpose=purpose, suppressed=suppressed, as_of=as_of, number=number
        )
        newer = row.excluded.as_of > t.suppressions.c.as_of
        tie = (row.excluded.as_of == t.suppressions.c.as_of) & literal(suppressed)
        latest = row.on_conflict_do_update(
            index_elements=["hash", "purpose"],
            set_={name: row.excluded[name] for name in ("suppressed", "as_of", "number")},
            where=or_(newer, tie),
        )
        written += (await conn.execute(latest)).rowcount
    return written > 0
