"""Certificates of partners, as a worker that reaches them has found them good.

Callbacks are judged by these: whoever calls us never makes us call somebody.
"""

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import tables as t


class KeptCertificates:
    """In the case database, for all processes."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keep(self, system: str, chain: bytes) -> None:
        """The PEM chain that an authority of the manifest vouches for now."""
        row = upsert(t.certificates).values(system=system, chain=chain)
        newer = {"chain": chain, "kept_at": func.clock_timestamp()}
        async with self._engine.begin() as conn:
            await conn.execute(row.on_conflict_do_update(index_elements=["system"], set_=newer))

    async def kept(self, system: str) -> bytes | None:
        """The chain that was kept last; None: no worker has reached the partner yet."""
        query = select(t.certificates.c.chain).where(t.certificates.c.system == system)
        async with self._engine.connect() as conn:
            chain: bytes | None = await conn.scalar(query)
        return chain
