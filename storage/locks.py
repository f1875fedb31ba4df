"""One lock per person: serialises the ledger, doubles, choices, and holds against erasures.

Transaction-level advisory locks over every keyed identifier hash, in sorted order, so that two
transactions that share any identifier follow one another and never wait for each other in a circle.
A system has a lock, too: a hold on everybody in it takes that.
"""

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from time import monotonic
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK: Final = text("select pg_advisory_xact_lock(:key)")
_SHARED: Final = text("select pg_advisory_xact_lock_shared(:key)")
_WAIT: Final = text("select set_config('lock_timeout', :wait, true)")
_LOCK_NOT_AVAILABLE: Final = "55P03"


class LockBusy(Exception):
    """The lock was not free within the time given: this transaction is over."""


async def lock_person(conn: AsyncConnection, hashes: Iterable[bytes]) -> None:
    """Hold the person's lock until this transaction ends."""
    for key in _keys(hashes):
        await conn.execute(_LOCK, {"key": key})


async def lock_restrictions(conn: AsyncConnection, hashes: Iterable[bytes]) -> None:
    """Hold what marks and unmarks the person's records (Art. 18) until this transaction ends.

    A lock of its own: an erasure, which holds the person's, can mark what it has to keep.
    """
    for key in _keys(sha256(b"dsr-restriction-lock/" + value).digest() for value in hashes):
        await conn.execute(_LOCK, {"key": key})


async def lock_to_erase(
    conn: AsyncConnection, hashes: Iterable[bytes], systems: Iterable[str], wait: timedelta
) -> None:
    """Hold the locks of person and systems with other erasures: no hold comes between.

    Raises `LockBusy`.
    """
    await _take_within(conn, _SHARED, _keys([*hashes, *map(_of_system, systems)]), wait)


async def lock_to_hold(
    conn: AsyncConnection, hashes: Iterable[bytes], systems: Iterable[str], wait: timedelta
) -> None:
    """Hold the person's lock alone; without a person the systems'. Raises `LockBusy`."""
    keys = _keys(hashes) or _keys(_of_system(system) for system in systems)
    await _take_within(conn, _LOCK, keys, wait)


def _of_system(name: str) -> bytes:
    return sha256(f"dsr-system-lock/{name}".encode()).digest()


def _keys(hashes: Iterable[bytes]) -> list[int]:
    return sorted({int.from_bytes(value[:8], "big", signed=True) for value in hashes})


async def _take_within(
    conn: AsyncConnection, lock: TextClause, keys: list[int], wait: timedelta
) -> None:
    """All locks within the time given; what is waited for afterwards has no such bound."""
    ends = monotonic() + wait.total_seconds()
    try:
        for key in keys:
            milliseconds = max(1, round((ends - monotonic()) * 1000))
            await conn.execute(_WAIT, {"wait": f"{milliseconds}ms"})
            await conn.execute(lock, {"key": key})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise LockBusy from None
    await conn.execute(_WAIT, {"wait": "0"})
