"""How the database is reached, and what is said when it is not."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.errors import BadInput, Unreachable
from storage.database import connect, ping


async def test_a_socket_url_reaches_the_server(engine: AsyncEngine) -> None:
    await ping(engine)
    async with engine.connect() as conn:
        name = await conn.scalar(text("show application_name"))
    assert name == "dsr test"


@pytest.mark.parametrize("driver", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_each_spelling_of_the_url_is_taken(driver: str) -> None:
    assert connect(f"{driver}://u@h/d?sslmode=require").url.query == {"ssl": "require"}


@pytest.mark.parametrize("url", ["mysql://u:geheim@h/d", "geheim", "postgresql+psycopg://h/geheim"])
def test_another_url_is_bad_input_and_is_not_repeated(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        connect(url)
    assert "geheim" not in str(refused.value)


async def test_a_server_that_is_away_is_said_in_a_sentence_without_the_password() -> None:
    engine = connect("postgresql://dsr:geheim@127.0.0.1:1/case_file")
    with pytest.raises(Unreachable) as away:
        await ping(engine)
    assert str(away.value) == (
        "The database at 127.0.0.1:1/case_file cannot be reached, nothing listens there: "
        "start it or correct DATABASE_URL"
    )
    assert away.value.__cause__ is None


async def test_a_missing_database_is_said_as_such(database_url: str) -> None:
    engine = connect(database_url.replace("/test_", "/no_"))
    with pytest.raises(Unreachable, match="there is no such database"):
        await ping(engine)


async def test_a_connection_lost_midway_is_unreachable_and_the_next_one_works(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as conn:
        with pytest.raises(Unreachable, match="went away"):
            await conn.execute(text("select pg_terminate_backend(pg_backend_pid())"))
    await ping(engine)


async def test_a_connection_lost_while_it_rests_goes_unnoticed(engine: AsyncEngine) -> None:
    async with engine.connect() as one, engine.connect() as other:
        pid = await other.scalar(text("select pg_backend_pid()"))
        await other.close()
        await one.execute(text("select pg_terminate_backend(:pid)"), {"pid": pid})
    async with engine.connect(), engine.connect():
        await ping(engine)


async def test_parameters_never_show_in_an_error(engine: AsyncEngine) -> None:
    async with engine.connect() as conn:
        with pytest.raises(DBAPIError) as failed:
            await conn.execute(
                text("select 1 / cast(:zero as int), :name"), {"zero": 0, "name": "Aino"}
            )
    assert "Aino" not in str(failed.value)


async def test_when_every_connection_is_taken_for_too_long_that_is_a_sentence(
    database_url: str,
) -> None:
    """A burst beyond what intake can take: who waited in vain tries again."""
    engine = connect(database_url, pool_size=1)
    engine.pool._timeout = 0.01  # type: ignore[attr-defined]  # seconds
    async with engine.connect():
        with pytest.raises(Unreachable, match="All 1 connections of this process"):
            await ping(engine)
    await engine.dispose()
