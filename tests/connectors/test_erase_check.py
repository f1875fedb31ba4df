"""`check` tells what in the database would stop an erasure, all of it at once."""

import pytest

from connectors.contract import SystemMisdeclared
from connectors.manifest import Manifest
from tests.connectors.conftest import NewDatabase
from tests.connectors.erasing import erasing, limited
from tests.connectors.small import CUSTOMERS, small

PEOPLE = "create table c (id int primary key, name text not null, email text);"
DELETED = small({"c": CUSTOMERS})
CHANGED = small(
    {"c": {"id": "key", "name": "name = null", "email": "email = null"}},
    erase={"c": {"erase": "change"}},
)


@pytest.mark.parametrize(
    ("manifest", "sql", "sentence"),
    [
        (CHANGED, PEOPLE, "public.c.name is not null and is erased to null; give it a constant"),
        (
            CHANGED,
            "create table c (id int primary key, email text, "
            "name text generated always as ('x') stored)",
            "public.c.name is generated and cannot be erased",
        ),
        (
            DELETED,
            PEOPLE + "create table o (c_id int references c)",
            "public.o refers to public.c, whose rows are deleted, and no erase is declared for it",
        ),
        (
            DELETED,
            PEOPLE + "create table o (c_id int references c on delete set null)",
            "public.o refers to public.c",
        ),
    ],
)
async def test_a_database_that_stops_the_erasure_is_told(
    register_new: NewDatabase, manifest: Manifest, sql: str, sentence: str
) -> None:
    async with erasing(register_new, sql, manifest) as one:
        with pytest.raises(SystemMisdeclared) as told:
            await one.system.check()

    assert sentence in str(told.value)


async def test_references_that_stop_nothing_are_no_fault(register_new: NewDatabase) -> None:
    sql = (
        "create table c (id int primary key, name text, email text, by_whom int references c);"
        "create table o (c_id int references c on delete cascade)"
    )
    async with erasing(register_new, sql, DELETED) as one:
        await one.system.check()


@pytest.mark.parametrize(
    ("manifest", "right"), [(DELETED, "grant delete on it"), (CHANGED, "grant update on it")]
)
async def test_a_missing_right_is_told(
    register_new: NewDatabase, manifest: Manifest, right: str
) -> None:
    sql = PEOPLE.replace("not null", "")
    async with limited(register_new, sql, manifest, "grant select on c") as one:
        with pytest.raises(SystemMisdeclared, match=right):
            await one.system.check()
