"""The key-encryption key is exchanged while work goes on; killed anywhere, it goes on again."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.errors import RefusedByRule
from storage import rotation
from storage.key_checks import check_secrets, open_secrets
from storage.keyring import KeyGone, Keyring
from storage.rotation import NO_WRITERS, Rotated, rotate, unused
from storage.secrets import KEK, KeyFiles, SecretRefused, Secrets
from storage.tables import case_keys, key_checks
from tests.storage.conftest import AT

CONTENT = b"Aino Virtanen"

WAITING = text("select count(*) from pg_locks where locktype = 'relation' and not granted")


class Vault:
    """A database with sealed content, and processes that come with a folder of key files."""

    def __init__(self, engine: AsyncEngine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.sealed: dict[UUID, bytes] = {}

    def secrets(self, folder: Path | None = None) -> Secrets:
        """What a process reads from its folder."""
        return Secrets.load(folder or self.folder)

    async def starts(self, folder: Path | None = None, cache_seconds: float = 0) -> Keyring:
        """A process starts: its keys are checked."""
        secrets = self.secrets(folder)
        await check_secrets(self.engine, secrets.kek, secrets.pepper)
        return Keyring(self.engine, secrets.kek, secrets.pepper, cache_seconds)

    async def takes_in(self, ring: Keyring, cases: int = 1) -> None:
        """New cases with sealed content."""
        for case in [uuid4() for _ in range(cases)]:
            async with self.engine.begin() as conn:
                await ring.create(conn, case)
            self.sealed[case] = await ring.seal(case, "form", CONTENT)

    async def rotates(self) -> Rotated:
        """`dsr keys rotate`, as a process of its own."""
        secrets = self.secrets()
        await check_secrets(self.engine, secrets.kek, secrets.pepper)
        assert isinstance(secrets.kek, KeyFiles)
        return await rotate(self.engine, secrets.kek, secrets.pepper, AT)

    def new_key(self) -> Path:
        """`dsr keys new`."""
        kek = self.secrets().kek
        assert isinstance(kek, KeyFiles)
        return kek.new()

    async def opens_all(self, ring: Keyring) -> None:
        """Everything that was sealed, with these keys."""
        for case, sealed in self.sealed.items():
            assert await ring.unseal(case, "form", sealed) == CONTENT

    async def wrapped_by(self) -> Sequence[str]:
        """Which keys wrap what is there."""
        async with self.engine.connect() as conn:
            query = select(case_keys.c.kek_id).where(case_keys.c.wrapped.is_not(None))
            return sorted(set(await conn.scalars(query)))


def name_of(path: Path) -> str:
    return path.read_text().split()[0]


@pytest.fixture
async def vault(engine: AsyncEngine, tmp_path: Path) -> Vault:
    """Seven cases under the first key."""
    await open_secrets(engine, tmp_path / "keys")
    vault = Vault(engine, tmp_path / "keys")
    await vault.takes_in(await vault.starts(), 7)
    return vault


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)


async def test_afterwards_the_new_key_alone_opens_everything_and_wraps_what_is_new(
    vault: Vault,
) -> None:
    old, new = name_of(vault.folder / KEK), vault.new_key()

    done = await vault.rotates()

    assert done == Rotated(key=name_of(new), retired=(old,), rewrapped=7)
    (vault.folder / KEK).unlink()
    ring = await vault.starts()
    await vault.opens_all(ring)
    await vault.takes_in(ring)
    assert await vault.wrapped_by() == [done.key]


async def test_no_data_is_encrypted_again(vault: Vault) -> None:
    ring = await vault.starts()
    keys = [await ring.key(case) for case in vault.sealed]
    vault.new_key()

    await vault.rotates()

    again = await vault.starts()
    assert [await again.key(case) for case in vault.sealed] == keys


async def interrupted(vault: Vault, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """A rotation that is killed when so many keys of a batch or more are wrapped anew."""
    anew, left = rotation._anew, [after]

    async def killed(*args: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return await anew(*args)

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_anew", killed)
        with pytest.raises(KeyboardInterrupt):
            await vault.rotates()


@pytest.mark.parametrize("after", [0, 1, 3, 6])
async def test_killed_in_the_middle_both_keys_open_everything_and_it_goes_on_where_it_was(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    vault.new_key()
    await interrupted(vault, monkeypatch, after)

    ring = await vault.starts()
    await vault.opens_all(ring)
    await vault.takes_in(ring)
    done = await vault.rotates()

    assert done.rewrapped == 7 - after + after % 2  # a batch is done whole or not at all
    assert await vault.wrapped_by() == [done.key]
    await vault.opens_all(ring)


async def test_killed_before_the_old_key_is_retired_it_is_retired_by_the_next_one(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.new_key()

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_retire", killed)
        with pytest.raises(KeyboardInterrupt):
            await vault.rotates()

    done = await vault.rotates()
    assert (done.rewrapped, len(done.retired)) == (0, 1)


@pytest.mark.parametrize("missing", ["old", "new"])
async def test_in_the_middle_a_start_without_one_of_both_is_refused_in_one_sentence(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    paths = {"old": vault.folder / KEK, "new": vault.new_key()}
    await interrupted(vault, monkeypatch, 4)
    name = name_of(paths[missing])
    paths[missing].unlink()

    sentence = rf"^The data needs the key-encryption key {name}, .* restore the file of that key"
    with pytest.raises(SecretRefused, match=sentence):
        await vault.starts()


async def test_after_the_rotation_the_old_key_alone_is_refused(vault: Vault) -> None:
    new = vault.new_key()
    await vault.rotates()
    new.unlink()

    with pytest.raises(SecretRefused, match="The data needs the key-encryption key"):
        await vault.starts()


async def test_a_process_that_runs_meanwhile_reads_on_without_a_restart(vault: Vault) -> None:
    """It knew the old key only; the file of the new one lies in its folder since."""
    running = await vault.starts()
    vault.new_key()

    await vault.rotates()

    await vault.opens_all(running)


async def test_a_process_elsewhere_reads_on_as_soon_as_the_file_is_copied_there(
    vault: Vault, tmp_path: Path
) -> None:
    elsewhere = shutil.copytree(vault.folder, tmp_path / "elsewhere")
    running = await vault.starts(elsewhere)
    new = vault.new_key()
    await vault.rotates()
    with pytest.raises(SecretRefused, match=name_of(new)):
        await vault.opens_all(running)

    shutil.copy(new, elsewhere)

    await vault.opens_all(running)


async def test_what_a_process_wraps_with_the_old_key_meanwhile_is_wrapped_anew_as_well(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = await vault.starts()
    vault.new_key()
    rewrap_all = rotation._rewrap_all
    late = [1, 1]

    async def with_late_comers(*args: Any) -> int:
        done = await rewrap_all(*args)
        if late:
            await vault.takes_in(running, late.pop())
        return done

    monkeypatch.setattr(rotation, "_rewrap_all", with_late_comers)
    done = await vault.rotates()

    assert done.rewrapped == 9
    assert await vault.wrapped_by() == [done.key]
    await vault.opens_all(await vault.starts())


async def until_somebody_waits(engine: AsyncEngine) -> None:
    """For the lock of a table."""
    async with engine.connect() as conn, asyncio.timeout(10):
        while not await conn.scalar(WAITING):
            await asyncio.sleep(0)


async def test_a_case_that_is_not_committed_yet_holds_the_retirement_up(vault: Vault) -> None:
    running, case = await vault.starts(), uuid4()
    new = vault.new_key()
    async with vault.engine.begin() as conn:
        await running.create(conn, case)
        rotating = asyncio.create_task(vault.rotates())
        await until_somebody_waits(vault.engine)
    done = await rotating

    assert done.rewrapped == 8
    assert await vault.wrapped_by() == [name_of(new)]


async def test_a_process_that_knows_only_the_retired_key_follows_with_its_next_case(
    vault: Vault,
) -> None:
    running = await vault.starts()
    new = vault.new_key()
    await vault.rotates()

    await vault.takes_in(running, 2)

    assert await vault.wrapped_by() == [name_of(new)]
    await vault.opens_all(await vault.starts())


async def test_nor_does_one_slip_past_that_waits_while_the_key_is_retired(vault: Vault) -> None:
    running = await vault.starts()
    new = vault.new_key()
    await vault.rotates()
    retired = update(key_checks).where(key_checks.c.kek_id != name_of(new))
    async with vault.engine.begin() as conn:
        await conn.execute(retired.values(retired_at=None))
    async with vault.engine.begin() as conn:
        await conn.execute(NO_WRITERS)
        coming = asyncio.create_task(vault.takes_in(running))
        await until_somebody_waits(vault.engine)
        await conn.execute(retired.values(retired_at=AT))
    await coming

    assert await vault.wrapped_by() == [name_of(new)]


async def test_where_the_new_file_is_missing_nothing_new_is_wrapped_by_the_retired_key(
    vault: Vault, tmp_path: Path
) -> None:
    running = await vault.starts(shutil.copytree(vault.folder, tmp_path / "elsewhere"))
    new = vault.new_key()
    await vault.rotates()

    with pytest.raises(SecretRefused, match=f"needs the key-encryption key {name_of(new)}"):
        await vault.takes_in(running)


async def test_a_destroyed_key_stays_destroyed(vault: Vault) -> None:
    gone = next(iter(vault.sealed))
    ring = await vault.starts()
    async with vault.engine.begin() as conn:
        await ring.destroy(conn, gone, AT)
    vault.new_key()

    assert (await vault.rotates()).rewrapped == 6
    with pytest.raises(KeyGone):
        await (await vault.starts()).key(gone)


async def test_without_a_new_key_or_with_two_of_them_nothing_is_rotated(vault: Vault) -> None:
    with pytest.raises(RefusedByRule, match="there is no new key"):
        await vault.rotates()
    vault.new_key()
    vault.new_key()
    with pytest.raises(RefusedByRule, match="Leave one of their files"):
        await vault.rotates()
    assert len(await vault.wrapped_by()) == 1


async def test_a_copy_of_the_vault_from_before_opens_with_the_old_file_and_is_rotated_again(
    vault: Vault,
) -> None:
    """A restored backup knows nothing of the rotation."""
    async with vault.engine.connect() as conn:
        before = [dict(row._mapping) for row in await conn.execute(select(case_keys))]
    new = vault.new_key()
    await vault.rotates()
    async with vault.engine.begin() as conn:
        await conn.execute(case_keys.delete())
        await conn.execute(case_keys.insert(), before)
        await conn.execute(key_checks.delete().where(key_checks.c.kek_id == name_of(new)))
        await conn.execute(update(key_checks).values(retired_at=None))

    await vault.opens_all(await vault.starts())
    kek = vault.secrets().kek
    assert isinstance(kek, KeyFiles)
    assert await unused(vault.engine, kek) == [name_of(new)]
    assert (await vault.rotates()).key == name_of(new)


async def test_a_rotation_of_holds_keys_is_the_same_thing(vault: Vault) -> None:
    """Cases and holds keep their keys in one table."""
    ring, hold = await vault.starts(), uuid4()
    async with vault.engine.begin() as conn:
        await ring.create(conn, hold)
        order = await ring.seal(hold, "order", b"R 1/2026", conn)
    vault.new_key()
    await vault.rotates()

    assert await (await vault.starts()).unseal(hold, "order", order) == b"R 1/2026"
