"""One transaction: nothing is erased unless the caller agrees, proves its guard, and it commits."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from connectors.contract import CommitInDoubt, ErasurePlan, SystemMisdeclared, SystemUnreachable
from connectors.sql.erase import bound
from tests.connectors.conftest import NewDatabase
from tests.connectors.erasing import AT, LIMIT, NO_HOLD, Erasing, agreed, erasing, limited, proven
from tests.connectors.small import CUSTOMERS, small

SQL = """create table c (id int primary key, name text, email text);
    create table o (id int primary key, c_id int references c);
    insert into c values (1, 'Aino Virtanen', 'aino@posti.example');
    insert into o values (10, 1)"""
MANIFEST = small({"c": CUSTOMERS, "o": {"id": "", "c_id": "<- c.id"}})


class PlanChanged(ValueError):
    """The caller's own error, of a kind that a database's driver raises too."""


async def test_the_plan_that_is_agreed_is_the_plan_that_was_shown(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        shown, asked = await one.plan(), []

        async def agree(plan: ErasurePlan, _: object) -> None:
            asked.append(plan.model_dump_json())

        await one.system.erase(one.who, AT, NO_HOLD, agree, proven, LIMIT)

        assert asked == [shown.model_dump_json()]


async def test_a_caller_that_does_not_agree_gets_its_own_error_and_nothing_is_erased(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:

        async def refuse(plan: ErasurePlan, _: object) -> None:
            raise PlanChanged

        with pytest.raises(PlanChanged):
            await one.system.erase(one.who, AT, NO_HOLD, refuse, proven, LIMIT)
        assert await _left(one) == 2


async def test_without_the_proof_before_the_commit_nothing_is_erased(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:

        async def guard_is_gone() -> None:
            assert await _left(one) == 2  # applied, and nobody else sees it yet
            raise ConnectionError

        with pytest.raises(ConnectionError):
            await one.system.erase(one.who, AT, NO_HOLD, agreed, guard_is_gone, LIMIT)
        assert await _left(one) == 2
        assert (await one.erase()).deleted == 2  # the connection serves again


async def test_what_the_database_checks_last_is_checked_before_the_proof_and_told_without_values(
    register_new: NewDatabase,
) -> None:
    """After the proof nothing is left that could fail for a reason of its own."""
    sql = SQL + (
        "; create function no() returns trigger language plpgsql as "
        "$$begin raise exception 'not %', old.email; end$$;"
        "create constraint trigger t after delete on c deferrable initially deferred "
        "for each row execute function no()"
    )
    async with erasing(register_new, sql, MANIFEST) as one:
        proofs: list[int] = []

        async def prove() -> None:
            proofs.append(1)

        with pytest.raises(SystemMisdeclared) as told:
            await one.system.erase(one.who, AT, NO_HOLD, agreed, prove, LIMIT)

        assert proofs == []
        assert "aino" not in str(told.value)
        assert (told.value.__cause__, told.value.__context__) == (None, None)


async def test_a_reference_from_a_table_that_may_not_be_seen_is_a_persons_matter(
    register_new: NewDatabase,
) -> None:
    sql = SQL + (
        "; create schema hidden; create table hidden.o (c_id int references c);"
        "insert into hidden.o values (1)"
    )
    async with limited(register_new, sql, MANIFEST, "grant all on c, o") as one:
        with pytest.raises(SystemMisdeclared, match=r"hidden\.o refers to its rows"):
            await one.erase()


async def test_the_erasure_itself_is_bounded_on_the_server(register_new: NewDatabase) -> None:
    sql = SQL + (
        "; create table bounds (name text, setting text);"
        "create function tell() returns trigger language plpgsql as $$begin "
        "insert into bounds select name, setting from pg_settings where name like '%_timeout'; "
        "return null; end$$;"
        "create trigger t after delete on c execute function tell()"
    )
    async with erasing(register_new, sql, MANIFEST) as one:
        await one.erase()

        bounds = dict(await one.rows("select * from bounds"))
        for name in ("transaction", "statement", "lock", "idle_in_transaction_session"):
            assert bounds[f"{name}_timeout"] == "20000"


async def test_a_cancelled_erasure_erases_nothing(register_new: NewDatabase) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        waiting = asyncio.Event()

        async def wait() -> None:
            waiting.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(
            one.system.erase(one.who, AT, NO_HOLD, agreed, wait, LIMIT)
        )  # fmt: skip
        await waiting.wait()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert await _left(one) == 2


async def test_an_erasure_ends_within_its_limit_and_erases_nothing_then(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:

        async def wait() -> None:
            await asyncio.Event().wait()

        with pytest.raises(SystemUnreachable):
            await one.system.erase(
                one.who, AT, NO_HOLD, agreed, wait, timedelta(milliseconds=300)
            )  # fmt: skip
        assert await _left(one) == 2


async def test_the_server_ends_the_transaction_too_if_we_are_gone(
    register_new: NewDatabase,
) -> None:
    connection = await asyncpg.connect(await register_new())
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    await connection.execute("begin")

    await bound(connection, timedelta(milliseconds=100))  # type: ignore[arg-type]

    async with asyncio.timeout(10):
        await ended.wait()


async def test_a_connection_that_breaks_at_the_commit_leaves_doubt_and_says_so(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:

        async def cut() -> None:
            await one.run(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'dsr' and datname = current_database()"
            )

        with pytest.raises(CommitInDoubt, match="search it to see what was done"):
            await one.system.erase(one.who, AT, NO_HOLD, agreed, cut, LIMIT)
        assert await _left(one) == 2


@pytest.mark.parametrize(
    "meanwhile", ["insert into o values (11, 1)", "update c set name = 'Aino V' where id = 1"]
)
async def test_a_plan_that_is_overtaken_is_tried_again_later_and_erases_nothing(
    register_new: NewDatabase, meanwhile: str
) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:

        async def agree(plan: ErasurePlan, _: object) -> None:
            await one.run(meanwhile)

        with pytest.raises(SystemUnreachable):
            await one.system.erase(one.who, AT, NO_HOLD, agree, proven, LIMIT)
        assert await _left(one) >= 2


async def test_two_erasures_of_one_person_at_once_erase_once(register_new: NewDatabase) -> None:
    async with erasing(register_new, SQL, MANIFEST) as one:
        both = await asyncio.gather(one.erase(), one.erase())

        assert sorted(erased.deleted for erased in both) == [0, 2]


async def _left(one: Erasing) -> int:
    (count,) = await one.rows("select (select count(*) from c) + (select count(*) from o)")
    return int(count)
