"""A key of its own for each case: whoever destroys it destroys the case's content everywhere.

The keys lie wrapped in `vault.case_keys` and unwrapped in memory for a few minutes. What is sealed
says nothing without them: a dump of `dsr`, a workflow history, a backup.
"""

import asyncio
import os
import time
import zlib
from datetime import datetime
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from schemas.errors import CheckFailed, RefusedByRule
from storage.key_checks import standing_checks
from storage.secrets import KEY_BYTES, KeyEncryption, Pepper
from storage.tables import case_keys, key_checks

PLAIN: Final = b"\x01"
PACKED: Final = b"\x02"
NONCE_BYTES: Final = 12
WORTH_PACKING: Final = 1024  # bytes; below, packing costs more than it saves
WORTH_A_THREAD: Final = 256 * 1024  # bytes; above, the event loop would stand still


class KeyGone(RefusedByRule):
    """The key of a case was destroyed, or never was: its content cannot be read by anybody."""

    def __init__(self) -> None:
        super().__init__("The content of this case is gone: its key was destroyed")


class SealBroken(CheckFailed):
    """Sealed content was altered, or moved to another place."""

    def __init__(self, case_id: UUID, part: str) -> None:
        super().__init__(
            f"Sealed content of case {case_id} ({part}) was altered or moved: restore it from "
            "a backup and run dsr audit verify"
        )


class Keyring:
    """The keys of cases, and what is done with them.

    A destroyed key stays usable for `cache_seconds` at most, in a process that had just used it.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        kek: KeyEncryption,
        pepper: Pepper,
        cache_seconds: float = 300,
    ) -> None:
        self._engine = engine
        self._kek = kek
        self._cache_seconds = cache_seconds
        self._cached: dict[UUID, tuple[float, bytes]] = {}  # the oldest first
        self._looked_up: dict[UUID, asyncio.Task[bytes]] = {}
        self._pepper = pepper

    async def create(self, conn: AsyncConnection, case_id: UUID) -> None:
        """A fresh key for a new case, in the caller's transaction."""
        key = os.urandom(KEY_BYTES)
        while not await self._insert(conn, case_id, key):
            await self._follow_rotation(conn)
        self._remember(case_id, key)

    async def _insert(self, conn: AsyncConnection, case_id: UUID, key: bytes) -> bool:
        """False if the key-encryption key that this process knew was retired meanwhile."""
        kek_id, wrapped = self._kek.key_id, await self._kek.wrap(key)
        retired = (key_checks.c.kek_id == kek_id) & key_checks.c.retired_at.is_not(None)
        values = {"case_id": case_id, "kek_id": kek_id, "wrapped": wrapped}
        typed = (literal(value, case_keys.c[name].type) for name, value in values.items())
        row = select(*typed).where(~exists().where(retired))
        return (await conn.execute(insert(case_keys).from_select(list(values), row))).rowcount == 1

    async def _follow_rotation(self, conn: AsyncConnection) -> None:
        """Wrap with the key that the data wants now. Raises `SecretRefused` if it is not here."""
        self._kek.use((await standing_checks(conn))[-1].kek_id)

    async def destroy(self, conn: AsyncConnection, case_id: UUID, at: datetime) -> None:
        """Destroy a case's key, in the caller's transaction. Safe to repeat; there is no undoing.

        Whether it may be (no open run, no hold) is the caller's question.
        """
        gone = update(case_keys).where(
            case_keys.c.case_id == case_id, case_keys.c.wrapped.is_not(None)
        )
        await conn.execute(gone.values(wrapped=None, destroyed_at=at))
        self._cached.pop(case_id, None)

    async def key(self, case_id: UUID, conn: AsyncConnection | None = None) -> bytes:
        """The key of a case. Raises `KeyGone`.

        Inside a transaction hand in its connection: a second one, taken from a pool whose
        connections all wait for a second one, would never come.
        """
        expires, key = self._cached.get(case_id, (0.0, b""))
        if expires > time.monotonic():
            return key
        if conn is not None:
            return await self._read(conn, case_id)
        return await self._read_once(case_id)

    async def seal(
        self, case_id: UUID, part: str, plaintext: bytes, conn: AsyncConnection | None = None
    ) -> bytes:
        """Encrypt content that opens only as this part of this case. Raises `KeyGone`."""
        key = await self.key(case_id, conn)
        if len(plaintext) < WORTH_A_THREAD:
            return _seal(key, case_id, part, plaintext)
        return await asyncio.to_thread(_seal, key, case_id, part, plaintext)

    async def unseal(
        self, case_id: UUID, part: str, sealed: bytes, conn: AsyncConnection | None = None
    ) -> bytes:
        """The content again. Raises `KeyGone`, and `SealBroken` if it was altered or moved."""
        key = await self.key(case_id, conn)
        if len(sealed) < WORTH_A_THREAD:
            return _unseal(key, case_id, part, sealed)
        return await asyncio.to_thread(_unseal, key, case_id, part, sealed)

    def digest(self, kind: str, *values: str | bytes) -> bytes:
        """The keyed hash of identifiers, idempotency keys, bodies. See `Pepper.digest`."""
        return self._pepper.digest(kind, *values)

    async def _read_once(self, case_id: UUID) -> bytes:
        """One look-up, however many ask at the same moment."""
        task = self._looked_up.get(case_id)
        if task is None:
            task = asyncio.create_task(self._read_apart(case_id))
            self._looked_up[case_id] = task
            task.add_done_callback(lambda _: self._looked_up.pop(case_id, None))
        return await asyncio.shield(task)

    async def _read_apart(self, case_id: UUID) -> bytes:
        # A begin and a rollback around a single look would be two round trips of three.
        looking = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        async with looking.connect() as conn:
            return await self._read(conn, case_id)

    async def _read(self, conn: AsyncConnection, case_id: UUID) -> bytes:
        query = select(case_keys.c.wrapped, case_keys.c.kek_id)
        row = (await conn.execute(query.where(case_keys.c.case_id == case_id))).one_or_none()
        if row is None or row.wrapped is None:
            raise KeyGone
        key = await self._kek.unwrap(row.wrapped, row.kek_id)
        self._remember(case_id, key)
        return key

    def _remember(self, case_id: UUID, key: bytes) -> None:
        now = time.monotonic()
        self._cached.pop(case_id, None)
        self._cached[case_id] = (now + self._cache_seconds, key)
        while self._cached:
            oldest = next(iter(self._cached))
            if self._cached[oldest][0] > now:
                break
            del self._cached[oldest]


def _seal(key: bytes, case_id: UUID, part: str, plaintext: bytes) -> bytes:
    version, content = PLAIN, plaintext
    if len(plaintext) >= WORTH_PACKING:
        packed = zlib.compress(plaintext, 1)
        if len(packed) < len(plaintext):
            version, content = PACKED, packed
    nonce = os.urandom(NONCE_BYTES)
    return version + nonce + AESGCM(key).encrypt(nonce, content, _bound(version, case_id, part))


def _unseal(key: bytes, case_id: UUID, part: str, sealed: bytes) -> bytes:
    version, nonce, content = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        opened = AESGCM(key).decrypt(nonce, content, _bound(version, case_id, part))
    except (InvalidTag, ValueError):  # ValueError: cut down to less than a nonce
        raise SealBroken(case_id, part) from None
    return zlib.decompress(opened) if version == PACKED else opened


def _bound(version: bytes, case_id: UUID, part: str) -> bytes:
    """What the seal proves beside the content. The parts are of fixed length but the last."""
    return b"dsr-seal" + version + case_id.bytes + part.encode()
