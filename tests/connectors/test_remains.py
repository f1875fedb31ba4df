"""The scan after an erasure sees what the plan missed, wherever a text names the person."""

import pytest

from tests.connectors.conftest import NewDatabase
from tests.connectors.erasing import erasing, kept
from tests.connectors.small import CUSTOMERS, person, small

AINO = person(
    "Aino Virtanen", email="aino@pöytä.example", phone="+358405550001", customer_number="k100001"
)
PEOPLE = """create table c (id int primary key, name text, email text);
    insert into c values (1, 'Aino Virtanen', 'Aino@Pöytä.example'), (2, 'B', 'b@b.example');"""
MANIFEST = small({"c": CUSTOMERS}, calling_code="358")


@pytest.mark.parametrize(
    ("column_type", "value"),
    [
        ("text", "Call AINO@pöytä.example, please."),
        ("text", "<a href='mailto:aino@xn--pyt-sla1g.example?subject=x'>"),
        ("varchar(80)", "tel. 040-555 0001 (home)"),
        ("char(40)", "00358405550001"),
        ("text", "customer K100001/2"),
        ("jsonb", '{"contact": {"mails": ["aino@pöytä.example"]}}'),
        ("json", '{"aino@pöytä.example": 1}'),
        ("text[]", '{x,"aino@pöytä.example"}'),
        ("text", "?to=aino@pöytä.example&cc='aino@pöytä.example'"),
    ],
)  # fmt: skip
async def test_an_identifier_in_any_text_is_seen_though_no_reference_leads_there(
    register_new: NewDatabase, column_type: str, value: str
) -> None:
    sql = PEOPLE + (
        f"create table log (id int primary key, said {column_type});"
        f"insert into log values (1, $q${value}$q$), (2, null)"
    )
    async with erasing(register_new, sql, MANIFEST, AINO) as one:
        await one.erase()

        (left,) = await one.remains()
        assert (left.schema_name, left.table, left.column, left.records) == (
            "public", "log", "said", 1,
        )  # fmt: skip


@pytest.mark.parametrize(
    "value",
    ["xaino@pöytä.example", "aino@pöytä.example.org", "K1000012", "AK100001", "1040555000123",
     "Aino Virtanen"],
)  # fmt: skip
async def test_what_only_resembles_an_identifier_is_somebody_elses(
    register_new: NewDatabase, value: str
) -> None:
    sql = PEOPLE + f"create table log (said text); insert into log values ('{value}')"
    async with erasing(register_new, sql, MANIFEST, AINO) as one:
        await one.erase()

        assert await one.remains() == ()


async def test_a_number_that_could_mean_anything_counts_only_where_such_numbers_are(
    register_new: NewDatabase,
) -> None:
    sql = """create table c (id int primary key, number text, said text);
        insert into c values (1, '77', '77 pieces'), (2, '78', '77')"""
    manifest = small({"c": {"id": "", "number": "customer_number", "said": ""}})
    async with erasing(register_new, sql, manifest, person("A B", customer_number="77")) as one:
        assert [(left.column, left.records) for left in await one.remains()] == [("number", 1)]


async def test_before_the_erasure_the_scan_sees_the_persons_own_rows_too(
    register_new: NewDatabase,
) -> None:
    async with erasing(register_new, PEOPLE, MANIFEST, AINO) as one:
        assert [(left.table, left.records) for left in await one.remains()] == [("c", 1)]


async def test_rows_that_the_plan_keeps_do_not_count_but_others_of_their_table_do(
    register_new: NewDatabase,
) -> None:
    sql = """create table v (id int primary key, email text, dated date, said text);
        insert into v values (1, 'aino@pöytä.example', '2025-01-01', null),
                             (2, null, '2025-01-01', 'for aino@pöytä.example')"""
    tables = {"v": {"id": "key", "email": "email", "dated": "", "said": ""}}
    async with erasing(register_new, sql, small(tables, erase={"v": kept()}), AINO) as one:
        plan = await one.plan()
        await one.erase()

        assert [(left.column, left.records) for left in await one.remains(plan)] == [("said", 1)]


async def test_somebody_elses_note_that_names_the_person_counts_a_shared_address_does_not(
    register_new: NewDatabase,
) -> None:
    sql = PEOPLE + (
        "alter table c add said text, add office text;"
        "insert into c values "
        "(3, 'Eero Virtanen', 'aino@pöytä.example', 'aino@pöytä.example', null),"
        "(4, 'Eero', 'e@e.example', 'friend of aino@pöytä.example', null),"
        "(5, 'Olavi', 'o@e.example', null, '040 555 0001')"
    )
    manifest = small({"c": {**CUSTOMERS, "said": "", "office": "phone shared"}}, calling_code="358")
    async with erasing(register_new, sql, manifest, AINO) as one:
        await one.erase()

        assert [(left.column, left.records) for left in await one.remains()] == [("said", 1)]


async def test_partitions_and_inheriting_tables_are_read_once(register_new: NewDatabase) -> None:
    sql = PEOPLE + (
        """create table p (y int, said text) partition by range (y);
        create table p1 partition of p for values from (0) to (10);
        create table base (said text); create table more (extra text) inherits (base);
        insert into p values (1, 'aino@pöytä.example');
        insert into more values ('aino@pöytä.example', 'aino@pöytä.example')"""
    )
    async with erasing(register_new, sql, MANIFEST, AINO) as one:
        await one.erase()

        assert [(left.table, left.column, left.records) for left in await one.remains()] == [
            ("base", "extra", 1), ("base", "said", 1), ("p", "said", 1),
        ]  # fmt: skip
