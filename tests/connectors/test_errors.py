"""What goes wrong with a database is told without a value of it, nor of the person."""

import asyncio
import socket
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from connectors.contract import Choice, SystemMisdeclared, SystemUnreachable
from connectors.registry import Systems
from schemas.errors import BadInput
from schemas.systems import Reach
from tests.connectors.conftest import NewDatabase
from tests.connectors.small import connector, person, small

CANARY = "canary-9137@posti.example"
TABLE = "create table c (id int primary key, name text, email text, ok boolean default true);"
MANIFEST = small(
    {"c": {"id": "", "name": "name", "email": "email", "ok": ""}},
    suppress=[
        {"purposes": ["marketing"], "table": "c",
         "update": {"identifiers": ["email"], "set": {"ok": False}}}
    ],
)  # fmt: skip
WHO = person("Canary Person", email=CANARY)
STOP = Choice(purposes=("marketing",), received_at=datetime(2026, 3, 1, tzinfo=UTC))


async def told(work: Awaitable[object], kind: type[Exception]) -> str:
    """The error with everything that could be printed of it."""
    with pytest.raises(kind) as caught:
        await work
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    return str(error) + repr(error) + "".join(traceback.format_exception(error))


async def test_a_row_that_breaks_a_rule_of_the_database_does_not_show(
    register_new: NewDatabase,
) -> None:
    url = await register_new(f"{TABLE} insert into c values (1, 'N', '{CANARY}', true);"
                             "alter table c add constraint k check (ok)")  # fmt: skip
    system = connector(MANIFEST, url)

    text = await told(system.suppress(WHO, STOP), SystemMisdeclared)
    await system.close()

    assert "small refused what its manifest declares (SQLSTATE 23514)" in text
    assert "canary" not in text.lower()


async def test_a_statement_that_takes_too_long_counts_as_unreachable(
    register_new: NewDatabase,
) -> None:
    url = await register_new(f"{TABLE} insert into c values (1, 'Canary', '{CANARY}', true)")
    system = connector(MANIFEST, url, seconds=0.3)
    holder = await asyncpg.connect(url)
    await holder.execute("begin; lock table c in access exclusive mode")

    for work in (system.find(WHO), system.suppress(WHO, STOP)):
        text = await told(work, SystemUnreachable)
        assert "small cannot be reached." in text
        assert "canary" not in text.lower()

    await holder.execute("rollback")
    assert len((await system.find(WHO)).rows) == 1
    await holder.close()
    await system.close()


def _nobody_listens() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"postgresql://u:canary@127.0.0.1:{free.getsockname()[1]}/canary"


@pytest.mark.parametrize(
    "url",
    [_nobody_listens(), "canary://x", "postgresql://u@/db?host=/canary/nowhere"],
    ids=["refused", "no database", "no socket"],
)
async def test_an_address_where_nobody_answers_is_told_by_the_systems_name_only(
    url: str,
) -> None:
    system = connector(MANIFEST, url)

    calls: list[Callable[[], Awaitable[object]]] = [system.check, lambda: system.find(WHO)]
    for call in calls:
        text = await told(call(), SystemUnreachable)
        assert "small cannot be reached." in text
        assert "canary" not in text.lower().replace("test_errors", "")
    await system.close()


async def test_a_database_that_is_not_there_counts_as_unreachable(
    register_new: NewDatabase,
) -> None:
    url = (await register_new()).replace("/r", "/gone")
    system = connector(MANIFEST, url)

    assert "small cannot be reached." in await told(system.check(), SystemUnreachable)


async def test_a_connection_that_was_cut_is_opened_again(register_new: NewDatabase) -> None:
    url = await register_new(f"{TABLE} insert into c values (1, 'Canary Person', '{CANARY}')")
    system = connector(MANIFEST, url)
    await system.find(WHO)
    other = await asyncpg.connect(url)
    await other.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and application_name = 'dsr'"
    )
    await other.close()
    await asyncio.sleep(0.1)

    assert len((await system.find(WHO)).rows) == 1
    await system.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("alter table c rename to d", "there is no table public.c"),
        ("alter table c drop column ok", "public.c has no column ok"),
        ("alter table c drop column ok, add column ok boolean generated always as (true) stored",
         "public.c.ok is generated and cannot be set"),
        ("alter table c alter column email type json using null",
         "public.c.email is json and cannot be compared"),
        ("drop table c; create view c as select 1 as id", "there is no table public.c"),
    ],
)  # fmt: skip
async def test_a_database_that_is_not_as_declared_is_told_with_table_and_column(
    register_new: NewDatabase, change: str, sentence: str
) -> None:
    system = connector(MANIFEST, await register_new(f"{TABLE} {change}"))

    for work in (system.check(), system.find(WHO), system.suppress(WHO, STOP)):
        text = await told(work, SystemMisdeclared)
        assert sentence in text
        assert "Correct the manifest or the database." in text
    await system.close()


async def test_rights_that_the_engine_lacks_are_told_by_a_check(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        f"{TABLE} drop role if exists reader_only; create role reader_only login; "
        "grant select on c to reader_only"
    )
    system = connector(MANIFEST, url.replace("postgres@", "reader_only@"))

    assert "public.c may not be written; grant update on it" in await told(
        system.check(), SystemMisdeclared
    )
    assert (await system.find(WHO)).rows == ()  # reading goes on
    await system.close()


async def test_a_search_takes_no_part_in_any_write(register_new: NewDatabase) -> None:
    """It runs in a read-only transaction: no transaction number is ever given to it."""
    url = await register_new(f"{TABLE} insert into c values (1, 'N', '{CANARY}', true)")
    system = connector(MANIFEST, url)
    other = await asyncpg.connect(url)
    before = await other.fetchval("select pg_current_xact_id()::text::bigint")

    await system.find(WHO)

    assert await other.fetchval("select pg_current_xact_id()::text::bigint") == before + 1
    await other.close()
    await system.close()


async def test_systems_are_built_without_connecting_and_known_by_name(
    register_systems: Systems,
) -> None:
    by_hand = {f.name for f in register_systems.facts if f.reach is Reach.MANUAL}

    assert len(register_systems.facts) == 14
    assert "paper_archive" in by_hand
    await register_systems.check("paper_archive")
    with pytest.raises(SystemMisdeclared, match="paper_archive"):
        register_systems.connector("paper_archive")
    with pytest.raises(BadInput, match="No system payroll is declared"):
        await register_systems.check("payroll")


async def test_a_missing_url_is_no_reason_not_to_start_and_told_by_its_variable() -> None:
    systems = Systems([MANIFEST], {})

    with pytest.raises(SystemUnreachable, match="small cannot be reached: DSR_SMALL_URL is not"):
        await systems.check("small")
    await systems.close()
