"""Each case has a key of its own: what it seals opens only as that part of that case."""

import asyncio
import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.keyring import KeyGone, Keyring, SealBroken
from storage.secrets import SecretRefused, Secrets
from storage.tables import case_keys
from tests.storage.conftest import AT

LONG = b"Virtanen, Aino; " * 200


class Statements:
    """Counts the statements that reach the vault."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.count = 0
        event.listen(engine.sync_engine, "before_cursor_execute", self._seen)

    def _seen(self, _c: object, _k: object, statement: str, *_: object) -> None:
        self.count += "vault" in statement


@pytest.mark.parametrize(
    "content",
    [b"", b"short", LONG, LONG * 200, os.urandom(400_000)],
    ids=["empty", "short", "text", "long text", "long and random"],
)
async def test_what_was_sealed_opens_again(keyring: Keyring, case_id: UUID, content: bytes) -> None:
    sealed = await keyring.seal(case_id, "form", content)
    assert content not in sealed or content == b""
    assert await keyring.unseal(case_id, "form", sealed) == content


async def test_sealed_text_is_packed(keyring: Keyring, case_id: UUID) -> None:
    assert len(await keyring.seal(case_id, "form", LONG)) < len(LONG) // 10


async def test_the_same_content_is_sealed_differently_each_time(
    keyring: Keyring, case_id: UUID
) -> None:
    assert await keyring.seal(case_id, "form", b"x") != await keyring.seal(case_id, "form", b"x")


async def test_a_seal_opens_as_its_own_part_only(keyring: Keyring, case_id: UUID) -> None:
    sealed = await keyring.seal(case_id, "form", b"x")
    with pytest.raises(SealBroken):
        await keyring.unseal(case_id, "letter:L1", sealed)


async def test_a_seal_opens_for_its_own_case_only_even_under_the_same_key(
    engine: AsyncEngine, keyring: Keyring, case_id: UUID
) -> None:
    other = uuid4()
    async with engine.begin() as conn:
        row = (await conn.execute(select(case_keys))).one()
        await conn.execute(
            case_keys.insert().values(case_id=other, kek_id=row.kek_id, wrapped=row.wrapped)
        )
    with pytest.raises(SealBroken):
        await keyring.unseal(other, "form", await keyring.seal(case_id, "form", b"x"))


@pytest.mark.parametrize("at", [0, 5, 20, -1])
async def test_each_byte_of_a_seal_counts(keyring: Keyring, case_id: UUID, at: int) -> None:
    sealed = bytearray(await keyring.seal(case_id, "form", LONG))
    sealed[at] ^= 3
    with pytest.raises(SealBroken) as broken:
        await keyring.unseal(case_id, "form", bytes(sealed))
    assert "Aino" not in str(broken.value)


@pytest.mark.parametrize("length", [0, 1, 5, 13, 20])
async def test_a_cut_seal_is_a_broken_one(keyring: Keyring, case_id: UUID, length: int) -> None:
    sealed = await keyring.seal(case_id, "form", b"Aino Virtanen")
    with pytest.raises(SealBroken):
        await keyring.unseal(case_id, "form", sealed[:length])


async def test_the_database_holds_no_key_in_the_clear(
    engine: AsyncEngine, keyring: Keyring, case_id: UUID
) -> None:
    async with engine.connect() as conn:
        row = (await conn.execute(select(case_keys))).one()
    assert await keyring.key(case_id) not in row.wrapped
    assert row.kek_id.startswith("kek-")


async def test_the_key_is_created_in_the_callers_transaction(
    engine: AsyncEngine, secrets: Secrets, keyring: Keyring
) -> None:
    case_id = uuid4()
    async with engine.connect() as conn:
        await keyring.create(conn, case_id)
        sealed = await keyring.seal(case_id, "form", b"x", conn)
        fresh = Keyring(engine, secrets.kek, secrets.pepper)
        assert await fresh.unseal(case_id, "form", sealed, conn) == b"x"
        await conn.rollback()
    with pytest.raises(KeyGone):
        await Keyring(engine, secrets.kek, secrets.pepper).key(case_id)


async def test_a_destroyed_key_is_gone_for_good_and_says_no_more_than_that(
    engine: AsyncEngine, secrets: Secrets, keyring: Keyring, case_id: UUID
) -> None:
    sealed = await keyring.seal(case_id, "form", b"x")
    async with engine.begin() as conn:
        await keyring.destroy(conn, case_id, AT)
        await keyring.destroy(conn, case_id, AT)
    for ring in (keyring, Keyring(engine, secrets.kek, secrets.pepper)):
        with pytest.raises(KeyGone, match="The content of this case is gone"):
            await ring.unseal(case_id, "form", sealed)
    async with engine.connect() as conn:
        row = (await conn.execute(select(case_keys))).one()
    assert (row.wrapped, row.destroyed_at) == (None, AT)


async def test_a_key_is_looked_up_once_however_many_ask(
    engine: AsyncEngine, secrets: Secrets, case_id: UUID
) -> None:
    ring, seen = Keyring(engine, secrets.kek, secrets.pepper), Statements(engine)
    await asyncio.gather(*(ring.seal(case_id, "form", b"x") for _ in range(50)))
    await ring.key(case_id)
    assert seen.count == 1


async def test_a_look_up_survives_that_its_first_asker_gave_up(
    engine: AsyncEngine, secrets: Secrets, case_id: UUID
) -> None:
    ring = Keyring(engine, secrets.kek, secrets.pepper)
    first = asyncio.create_task(ring.key(case_id))
    await asyncio.sleep(0)
    second = asyncio.create_task(ring.key(case_id))
    first.cancel()
    assert len(await second) == 32


async def test_a_cached_key_expires(engine: AsyncEngine, secrets: Secrets, case_id: UUID) -> None:
    ring = Keyring(engine, secrets.kek, secrets.pepper, cache_seconds=0.05)
    await ring.key(case_id)
    async with engine.begin() as conn:
        await conn.execute(text("delete from vault.case_keys"))
    await asyncio.sleep(0.06)
    with pytest.raises(KeyGone):
        await ring.key(case_id)


async def test_without_a_cache_each_use_looks_the_key_up(
    engine: AsyncEngine, secrets: Secrets, case_id: UUID
) -> None:
    ring = Keyring(engine, secrets.kek, secrets.pepper, cache_seconds=0)
    seen = Statements(engine)
    await ring.key(case_id)
    await ring.key(case_id)
    assert seen.count == 2


async def test_expired_keys_leave_the_memory(
    engine: AsyncEngine, secrets: Secrets, case_id: UUID
) -> None:
    ring = Keyring(engine, secrets.kek, secrets.pepper, cache_seconds=0.01)
    await ring.key(case_id)
    await asyncio.sleep(0.02)
    async with engine.begin() as conn:
        await ring.create(conn, uuid4())
    assert case_id not in ring._cached


async def test_transactions_that_hand_in_their_connection_never_wait_for_a_second_one(
    engine: AsyncEngine, secrets: Secrets, keyring: Keyring, case_id: UUID
) -> None:
    async def step() -> bytes:
        async with engine.begin() as conn:
            await conn.execute(text("select 1"))
            await asyncio.sleep(0.01)
            ring = Keyring(engine, secrets.kek, secrets.pepper)
            return await ring.seal(case_id, "form", b"x", conn)

    async with asyncio.timeout(10):
        await asyncio.gather(*(step() for _ in range(60)))


async def test_a_key_wrapped_by_another_key_encryption_key_is_refused(
    engine: AsyncEngine, secrets: Secrets, case_id: UUID, tmp_path: Path
) -> None:
    other = Secrets.load_or_create(tmp_path / "other")
    with pytest.raises(SecretRefused, match="restore the file of that key"):
        await Keyring(engine, other.kek, secrets.pepper).key(case_id)


def test_digests_differ_by_kind_by_value_and_by_where_a_value_ends(secrets: Secrets) -> None:
    digest = secrets.pepper.digest
    digests = {
        digest("email", "ab", "c"),
        digest("email", "a", "bc"),
        digest("email", "abc"),
        digest("phone", "abc"),
        digest("emaila", "bc"),
        digest("email"),
        digest("email", ""),
    }
    assert len(digests) == 7
    assert digest("email", "ä") == digest("email", "ä".encode())


def test_digests_need_the_pepper(secrets: Secrets, tmp_path: Path) -> None:
    other = Secrets.load_or_create(tmp_path / "other")
    assert secrets.pepper.digest("email", "a") != other.pepper.digest("email", "a")
