"""The program's tables and the database's are the same, or the program does not start."""

import asyncio
import logging
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import migrate
from storage.database import connect
from storage.migrate import NotCurrent, State, refuse_unless_current, state, upgrade
from storage.tables import metadata


async def _differences(engine: AsyncEngine) -> list[Any]:
    def compare(conn: Connection) -> list[Any]:
        context = MigrationContext.configure(conn, opts=migrate.OPTIONS)
        return list(compare_metadata(context, metadata))

    async with engine.connect() as conn:
        return await conn.run_sync(compare)


async def _says(engine: AsyncEngine) -> str:
    with pytest.raises(NotCurrent) as refused:
        await refuse_unless_current(engine)
    return str(refused.value)


async def test_the_migrations_make_the_tables_that_the_program_declares(
    engine: AsyncEngine,
) -> None:
    assert await _differences(engine) == []


async def test_the_comparison_sees_a_missing_column(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("alter table dsr.letters drop column noticed_at"))
    assert await _differences(engine) != []


async def test_a_database_without_tables_is_refused(empty_database_url: str) -> None:
    engine = connect(empty_database_url)
    assert await state(engine) is State.UNMIGRATED
    assert await _says(engine) == "The database is not migrated: run dsr migrate"
    await engine.dispose()


async def test_what_only_reads_keys_may_go_before_the_migration_but_not_without_tables(
    engine: AsyncEngine, empty_database_url: str
) -> None:
    """An image that is about to be deployed replays open runs first: dsr replay."""
    async with engine.begin() as conn:
        await conn.execute(text("update dsr.alembic_version set version_num = '0001'"))
    empty = connect(empty_database_url)

    await refuse_unless_current(engine, behind=True)
    assert "is behind this program" in await _says(engine)
    with pytest.raises(NotCurrent, match="not migrated"):
        await refuse_unless_current(empty, behind=True)
    await empty.dispose()


async def test_a_migrated_database_is_current_and_migrating_again_changes_nothing(
    database_url: str, engine: AsyncEngine
) -> None:
    await upgrade(database_url)
    assert await state(engine) is State.CURRENT
    await refuse_unless_current(engine)


async def test_processes_may_migrate_at_the_same_moment(empty_database_url: str) -> None:
    await asyncio.gather(*(upgrade(empty_database_url) for _ in range(3)))
    engine = connect(empty_database_url)
    assert await state(engine) is State.CURRENT
    await engine.dispose()


async def test_a_newer_database_is_refused_and_left_alone(
    database_url: str, engine: AsyncEngine
) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("update dsr.alembic_version set version_num = '9007'"))
    sentence = await _says(engine)
    assert sentence.startswith("The database is newer (9007) than this program (0")
    assert sentence.endswith("deploy the newer program")
    with pytest.raises(NotCurrent):
        await upgrade(database_url)


async def test_a_database_behind_the_program_is_refused(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_head", lambda: "9999")
    assert await state(engine) is State.BEHIND
    assert "behind this program (9999): run dsr migrate" in await _says(engine)


async def test_migrating_is_silent(
    empty_database_url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    await upgrade(empty_database_url)
    assert [r for r in caplog.records if r.name.startswith(("alembic", "sqlalchemy"))] == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "change", ["update dsr.audit set actor = 'x'", "delete from dsr.audit", "truncate dsr.audit"]
)
async def test_the_audit_takes_no_change_not_even_an_empty_one(
    engine: AsyncEngine, change: str
) -> None:
    async with engine.connect() as conn:
        with pytest.raises(Exception, match=r"dsr\.audit is append-only"):
            await conn.execute(text(change))
