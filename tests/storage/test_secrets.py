"""The secrets outside belong to the data inside, or the program does not start."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.errors import BadInput
from storage.key_checks import open_secrets
from storage.secrets import FILES, SecretRefused, Secrets
from storage.signing import PublicKey
from storage.tables import key_checks
from tests.storage.conftest import Desk


async def test_an_empty_database_gets_fresh_secrets_that_only_the_owner_reads(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await open_secrets(engine, tmp_path / "new")
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "new").iterdir()}
    assert modes == dict.fromkeys(FILES, 0o600)


async def test_the_same_secrets_open_the_database_again(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    first = await open_secrets(engine, tmp_path)
    again = await open_secrets(engine, tmp_path)
    assert (again.kek, again.pepper) == (first.kek, first.pepper)
    assert str(again.signer.public) == str(first.signer.public)


@pytest.mark.parametrize("name", FILES)
async def test_a_missing_secret_is_never_replaced_where_data_exists(
    engine: AsyncEngine, tmp_path: Path, name: str
) -> None:
    await open_secrets(engine, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(SecretRefused, match=f"{name} is missing: restore it"):
        await open_secrets(engine, tmp_path)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("key-encryption.key", "is installed: restore the file of that key"),
        ("pepper.key", "The pepper is not the one of this data: restore its file"),
        ("audit-signing.key", "The audit signing key is not the one that signed"),
    ],
)
async def test_a_wrong_secret_is_refused(
    engine: AsyncEngine, tmp_path: Path, name: str, sentence: str
) -> None:
    secrets = await open_secrets(engine, tmp_path)
    await Desk(engine, secrets, tmp_path / "file").opens("2027-0001")
    (tmp_path / name).unlink()
    Secrets.load_or_create(tmp_path)
    with pytest.raises(SecretRefused, match=sentence):
        await open_secrets(engine, tmp_path)


async def test_a_key_encryption_key_with_the_right_name_and_wrong_bytes_is_refused(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await open_secrets(engine, tmp_path)
    file = tmp_path / "key-encryption.key"
    name = file.read_text().split()[0]
    other = Secrets.load_or_create(tmp_path / "other")
    assert other
    file.write_text(f"{name} {(tmp_path / 'other' / file.name).read_text().split()[1]}\n")
    with pytest.raises(SecretRefused, match="does not open what it wrapped"):
        await open_secrets(engine, tmp_path)


async def test_two_processes_may_start_on_an_empty_database(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    await asyncio.gather(*(open_secrets(engine, tmp_path) for _ in range(5)))
    async with engine.connect() as conn:
        assert await conn.scalar(select(func.count()).select_from(key_checks)) == 1


async def test_of_two_folders_only_the_first_is_taken(engine: AsyncEngine, tmp_path: Path) -> None:
    await open_secrets(engine, tmp_path / "one")
    Secrets.load_or_create(tmp_path / "two")
    with pytest.raises(SecretRefused):
        await open_secrets(engine, tmp_path / "two")


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Secrets.load_or_create(tmp_path)
    (tmp_path / "pepper.key").chmod(0o640)
    with pytest.raises(SecretRefused, match=r"pepper.key can be read by others: chmod 600"):
        Secrets.load(tmp_path)


@pytest.mark.parametrize("content", ["", "one", "a b c", "name !!!!", "name QUJD", "name ä"])
def test_a_damaged_secret_is_refused_and_not_shown(tmp_path: Path, content: str) -> None:
    Secrets.load_or_create(tmp_path)
    (tmp_path / "pepper.key").write_text(content)
    with pytest.raises(SecretRefused, match=r"pepper.key is damaged: restore it") as refused:
        Secrets.load(tmp_path)
    assert "QUJD" not in str(refused.value)


def test_secrets_do_not_show_themselves(tmp_path: Path) -> None:
    secrets = Secrets.load_or_create(tmp_path)
    encoded = (tmp_path / "pepper.key").read_text().split()[1]
    for thing in (secrets, secrets.kek, secrets.pepper, secrets.signer):
        assert encoded not in repr(thing)
        assert "key=" not in repr(thing)


def test_the_public_key_can_be_written_down_and_read_again(secrets: Secrets) -> None:
    public = PublicKey.read(str(secrets.signer.public))
    assert public.signed(b"x", secrets.signer.sign(b"x"))
    assert not public.signed(b"y", secrets.signer.sign(b"x"))
    with pytest.raises(BadInput):
        PublicKey.read("QUJD")


async def test_the_check_says_nothing_of_the_secrets(engine: AsyncEngine, tmp_path: Path) -> None:
    await open_secrets(engine, tmp_path)
    async with engine.connect() as conn:
        row = (await conn.execute(text("select * from vault.key_checks"))).one()
    for name in FILES:
        key = (tmp_path / name).read_text().split()[1]
        assert key not in str(row)
