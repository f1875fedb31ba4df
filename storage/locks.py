"""One lock per person: serialises the ledger, doubles, and choices about one address.

Transaction-level advisory locks over every keyed identifier hash, in sorted order, so that two
transactions that share any identifier follow one another and never wait for each other in a circle.
"""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = text("select pg_advisory_xact_lock(:key)")


async def lock_person(conn: AsyncConnection, hashes: Iterable[bytes]) -> None:
    """Hold the person's lock until this transaction ends."""
    keys = sorted({int.from_bytes(value[:8], "big", signed=True) for value in hashes})
    for key in keys:
        await conn.execute(_LOCK, {"key": key})
