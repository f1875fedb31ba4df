"""At start: do the secrets outside belong to the data inside?

A known value under each secret lies in the database. Whoever starts with another key-encryption
key or pepper is refused before anything is written that nobody could read or find again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.audit import head_is_signed
from storage.secrets import KeyEncryption, Pepper, SecretRefused, Secrets
from storage.signing import Signer
from storage.tables import audit_heads, key_checks

KNOWN: Final = b"dsr knows this value: 32 bytes.."
FIRST_START: Final = 0x6473720002  # advisory lock: two processes may start on an empty database


async def open_secrets(engine: AsyncEngine, folder: Path, *, may_make: bool = True) -> Secrets:
    """The secrets of a folder, checked against a migrated database.

    Fresh files are made only if the database holds nothing yet, and only if this process
    `may_make` them: one in another network would make others. Raises `SecretRefused` with the
    file that is missing or wrong, `Unreachable`.
    """
    async with engine.connect() as conn:
        fresh = await conn.scalar(select(func.count()).select_from(key_checks)) == 0
    make = fresh and may_make
    secrets = Secrets.load_or_create(folder) if make else Secrets.load(folder)
    await check_secrets(engine, secrets.kek, secrets.pepper)
    await check_signer(engine, secrets.signer)
    return secrets


async def check_secrets(engine: AsyncEngine, kek: KeyEncryption, pepper: Pepper) -> None:
    """Raises `SecretRefused` unless both fit the data; an empty database takes them as its own."""
    async with engine.begin() as conn:
        await conn.execute(text(f"select pg_advisory_xact_lock({FIRST_START})"))
        checks = await standing_checks(conn)
        for check in checks:
            await _compare(check, kek, pepper)
        if checks:
            kek.use(checks[-1].kek_id)
        else:
            await adopt(conn, kek, pepper)


async def standing_checks(conn: AsyncConnection) -> Sequence[Row[Any]]:
    """Of every key-encryption key that the data needs; the last one is the one that wraps."""
    standing = select(key_checks).where(key_checks.c.retired_at.is_(None))
    return (await conn.execute(standing.order_by(key_checks.c.registered_at))).all()


async def check_signer(engine: AsyncEngine, signer: Signer) -> None:
    """Raises `SecretRefused` if the heads of the audit were signed with another key."""
    async with engine.connect() as conn:
        head = (await conn.execute(select(audit_heads).limit(1))).one_or_none()
    if head is not None and not head_is_signed(head, signer.public):
        raise SecretRefused(
            "The audit signing key is not the one that signed the evidence so far: "
            "restore its file, or run dsr audit verify if it was not changed"
        )


async def _compare(check: Row[Any], kek: KeyEncryption, pepper: Pepper) -> None:
    if await kek.unwrap(check.wrapped, check.kek_id) != KNOWN:
        raise SecretRefused("The key-encryption key is not the one of this data: restore its file")
    if pepper.digest("key_check", check.kek_id) != check.pepper_check:
        raise SecretRefused("The pepper is not the one of this data: restore its file")


async def adopt(conn: AsyncConnection, kek: KeyEncryption, pepper: Pepper) -> None:
    """The key that wraps now belongs to this data from now on."""
    values = {
        "kek_id": kek.key_id,
        "wrapped": await kek.wrap(KNOWN),
        "pepper_check": pepper.digest("key_check", kek.key_id),
    }
    await conn.execute(insert(key_checks).values(values))
