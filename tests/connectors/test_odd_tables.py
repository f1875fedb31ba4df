"""A search in tables as they come: names, types, partitions, no keys, later changes."""

import asyncpg
import pytest

from connectors.contract import Found, SystemUnreachable
from tests.connectors.conftest import NewDatabase
from tests.connectors.small import AINO, CUSTOMERS, connector, find, keys, small


async def test_names_in_quotes_and_other_schemas_are_found(register_new: NewDatabase) -> None:
    url = await register_new(
        """create schema "Myynti 2"; create table "Myynti 2"."Asiakas Ä" (
            "Nro" int primary key, "Sähköposti" text, "select" text, "t" text);
        create table "Myynti 2"."order" ("Nro" int references "Myynti 2"."Asiakas Ä", "t" text);
        insert into "Myynti 2"."Asiakas Ä" values (1, 'aino@posti.example', 's', 'tt');
        insert into "Myynti 2"."order" values (1, 'x')"""
    )
    manifest = small({"Asiakas Ä": {"Nro": "", "Sähköposti": "email", "t": ""}}, schema="Myynti 2")

    found = await find(manifest, url, AINO)

    assert keys(found.rows) == [("Asiakas Ä", 1), ("order", 1, "x")]
    assert {row.schema_name for row in found.rows} == {"Myynti 2"}
    assert found.rows[0].values["t"] == "tt"
    assert found.rows[0].categories["Sähköposti"] == ("user.content",)


async def test_without_a_primary_key_the_whole_row_is_the_key_and_equal_rows_stay_two(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        create table log (c_id int references c, at date);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example');
        insert into log values (1, '2025-02-01'), (1, '2025-01-01'), (1, '2025-01-01')"""
    )

    found = await find(small({"c": CUSTOMERS}), url, AINO)

    assert keys(found.rows)[1:] == [
        ("log", 1, "2025-01-01"), ("log", 1, "2025-01-01"), ("log", 1, "2025-02-01"),
    ]  # fmt: skip


async def test_a_row_of_a_partition_or_inheriting_table_is_named_once_by_the_root(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        create table p (c_id int references c, y int, primary key (c_id, y))
            partition by range (y);
        create table p1 partition of p for values from (0) to (2025) partition by range (y);
        create table p1a partition of p1 for values from (0) to (2025);
        create table p2 partition of p for values from (2025) to (3000);
        create table person (id int primary key, email text);
        create table employee (salary int, boss text) inherits (person);
        create table paid (e_id int, sum int);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example');
        insert into p values (1, 2024), (1, 2025);
        insert into person values (1, 'aino@posti.example');
        insert into employee values (2, 'aino@posti.example', 100, 'Pomo')"""
    )
    tables = {"c": CUSTOMERS, "person": {"id": "", "email": "email"}, "p2": {"c_id": "", "y": ""},
              "employee": {"id": "", "email": "email", "salary": ""}}  # fmt: skip

    found = await find(small(tables), url, AINO)

    assert keys(found.rows) == [
        ("c", 1), ("p", 1, 2024), ("p", 1, 2025), ("person", 1), ("person", 2),
    ]  # fmt: skip
    assert found.rows[-1].values == {
        "id": 2, "email": "aino@posti.example", "salary": 100, "boss": "Pomo",
    }  # fmt: skip


async def test_views_are_never_listed(register_new: NewDatabase) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        create view v as select * from c; create materialized view m as select * from c;
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example')"""
    )

    assert keys((await find(small({"c": CUSTOMERS}), url, AINO)).rows) == [("c", 1)]


async def test_values_are_as_to_jsonb_renders_them(register_new: NewDatabase) -> None:
    """Only numbers that a float would change are texts."""
    url = await register_new(
        """create type colour as enum ('red');
        create table c (id uuid primary key, email text, b bytea, a int[], j jsonb, e colour,
            n numeric, big numeric, f float8, at timestamptz, d date, s char(4), nothing text,
            twice int generated always as (2) stored, r int4range);
        insert into c values ('00000000-0000-0000-0000-00000000000a', 'aino@posti.example',
            '\\x00ff', '{1,null}', '{"a": [1.5, {"b": null}]}', 'red', 1.50,
            12345678901234567890.12, 'infinity', '2026-01-01T10:00Z', '2026-02-03', 'ab')"""
    )
    found = await find(small({"c": {"id": "", "email": "email"}}), url, AINO)

    (row,) = found.rows
    at = row.values.pop("at")
    assert at.startswith("2026-01-01T1") or at.startswith("2026-01-01T0")
    assert row.values == {
        "id": "00000000-0000-0000-0000-00000000000a", "email": "aino@posti.example",
        "b": "\\x00ff", "a": [1, None], "j": {"a": [1.5, {"b": None}]}, "e": "red", "n": 1.5,
        "big": "12345678901234567890.12", "f": "Infinity", "d": "2026-02-03", "s": "ab  ",
        "nothing": None, "twice": 2, "r": None,
    }  # fmt: skip


async def test_a_json_column_that_no_text_could_hold_still_comes_along(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, email text, j json);
        insert into c values (1, 'aino@posti.example',
            '{"half": "\\ud83d", "nul": "a\\u0000b", "huge": 1e400}')"""
    )

    found = await find(small({"c": {"id": "", "email": "email", "j": ""}}), url, AINO)

    assert found.rows[0].values["j"]["huge"] == "1e400"
    assert Found.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("parent", "child", "values"),
    [("uuid", "text", "'00000000-0000-0000-0000-00000000000a'"), ("int", "bigint", "7"),
     ("text", "int", "'7'"), ("char(8)", "varchar(8)", "'k7'"), ("numeric", "int", "7"),
     ("timestamptz", "timestamptz", "'2026-03-29T03:30:00.123456Z'"), ("bytea", "bytea", "'x'")],
)  # fmt: skip
async def test_keys_of_every_type_are_followed(
    register_new: NewDatabase, parent: str, child: str, values: str
) -> None:
    url = await register_new(
        f"create table c (id {parent} primary key, name text, email text); "
        f"create table o (n int primary key, c_id {child}); "
        f"insert into c values ({values}, 'Aino Virtanen', 'aino@posti.example'); "
        f"insert into o values (1, {values}), (2, null)"
    )
    manifest = small({"c": CUSTOMERS, "o": {"n": "", "c_id": "<- c.id"}})

    assert keys((await find(manifest, url, AINO)).rows)[1:] == [("o", 1)]


async def test_a_row_in_a_partition_that_came_later_is_never_taken_unjudged(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, email text, friend int references c)
            partition by range (id);
        create table c1 partition of c for values from (0) to (10);
        insert into c values (1, 'aino@posti.example', null)"""
    )
    system = connector(small({"c": {"id": "", "email": "email"}}), url)
    await system.find(AINO)
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create table c2 partition of c for values from (10) to (20);"
        "insert into c values (11, 'other@posti.example', 1)"
    )
    await connection.close()

    with pytest.raises(SystemUnreachable):  # later, again
        await system.find(AINO)
    found = await system.find(AINO)
    await system.close()

    assert keys(found.rows) == [("c", 1)]
    assert [other.key for other in found.third_party] == [{"id": 11}]


async def test_a_search_sees_a_table_that_came_later(register_new: NewDatabase) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example')"""
    )
    system = connector(small({"c": CUSTOMERS}), url)
    before = await system.find(AINO)
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create table o (id int primary key, c_id int references c on delete cascade);"
        "insert into o values (1, 1)"
    )
    await connection.close()
    await system.check()

    after = await system.find(AINO)
    await system.close()

    assert (len(before.rows), len(after.rows)) == (1, 2)
