"""Stopping, restricting and recording consent in real registers: whom it reaches, and once only."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from connectors.contract import Choice, SystemMisdeclared
from connectors.registry import Systems
from starter.registers import DEMO_PEOPLE, REGISTERS
from tests.connectors.conftest import NewDatabase
from tests.connectors.small import asking, connector, person, small

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
Registers = tuple[Systems, str]


def stop(*purposes: str, at: datetime = AT) -> Choice:
    return Choice(purposes=purposes, received_at=at)


def consent(*purposes: str, given: bool, at: datetime = AT) -> Choice:
    return Choice(
        purposes=purposes, received_at=at, given=given, text_version="2026-1", means="web_form"
    )


async def rows(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


async def snapshot(url: str, register: str) -> list[str]:
    """Every row with its version: any write shows."""
    tables = await rows(
        url, "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = $1",
        register,
    )  # fmt: skip
    return [
        str(found)
        for (table,) in sorted(tables)
        for found in await rows(url, f"select ctid::text, xmin::text, t::text from {table} t")
    ]


@pytest.mark.parametrize("system", ["marketing", "customers", "leads", "events", "surveys"])
async def test_an_objection_to_marketing_stops_it_where_flags_are_held(
    register_writable: Registers, system: str
) -> None:
    systems, url = register_writable
    elli = DEMO_PEOPLE["ELLI"]
    table = {"marketing": "subscribers", "customers": "customers", "leads": "leads",
             "events": "registrations", "surveys": "respondents"}[system]  # fmt: skip

    stopped = await systems.connector(system).suppress(asking(elli), stop("marketing"))

    flags = await rows(
        url,
        "select marketing_allowed, marketing_as_of, surveys_allowed "
        f"from {system}.{table} where lower(email) = $1",
        elli.email,
    )
    assert flags == [(False, AT, True)]
    assert stopped == (3 if system == "marketing" else 1)  # and a prohibition per address
    others = await rows(url, f"select count(*) from {system}.{table} where marketing_as_of = $1",
                        AT)  # fmt: skip
    assert others == [(1,)]


async def test_the_address_is_stopped_whoever_shares_it(register_writable: Registers) -> None:
    systems, url = register_writable
    aino = DEMO_PEOPLE["AINO"]

    stopped = await systems.connector("customers").suppress(asking(aino), stop("marketing"))

    assert stopped == 2
    assert await rows(
        url, "select first_name from customers.customers where not marketing_allowed order by 1"
    ) == [("Aino",), ("Eero",)]


async def test_only_the_purposes_that_were_chosen_are_stopped(
    register_writable: Registers,
) -> None:
    systems, url = register_writable
    elli = asking(DEMO_PEOPLE["ELLI"])

    await systems.connector("customers").suppress(elli, stop("surveys"))

    sql = "select marketing_allowed, surveys_allowed from customers.customers where email = $1"
    assert await rows(url, sql, DEMO_PEOPLE["ELLI"].email) == [(True, False)]


async def test_somebody_unknown_has_nothing_to_stop(register_writable: Registers) -> None:
    systems, url = register_writable
    before = await snapshot(url, "leads")

    niklas = asking(DEMO_PEOPLE["NIKLAS"])

    assert await systems.connector("leads").suppress(niklas, stop("marketing")) == 0
    assert await snapshot(url, "leads") == before


@pytest.mark.parametrize("system", list(REGISTERS))
async def test_every_write_can_be_repeated_and_changes_nothing_then(
    register_writable: Registers, system: str
) -> None:
    systems, url = register_writable
    one = systems.connector(system)
    who = next(p for p in DEMO_PEOPLE.values() if system in p.holds)

    async def all_of_it(at: datetime) -> list[int]:
        return [
            await one.restrict(asking(who), True),
            await one.suppress(asking(who), stop("marketing", "surveys", at=at)),
            await one.record_consent(
                asking(who), consent("marketing", "surveys", given=False, at=at)
            ),
        ]

    first = await all_of_it(AT)
    after = await snapshot(url, system)

    assert await all_of_it(AT) == first
    assert await snapshot(url, system) == after
    assert first[0] > 0


async def test_consent_is_recorded_with_text_version_means_and_time(
    register_writable: Registers,
) -> None:
    systems, url = register_writable
    saga = DEMO_PEOPLE["SAGA"]

    await systems.connector("marketing").record_consent(
        asking(saga), consent("marketing", given=True)
    )

    found = await rows(
        url,
        "select name, email, phone, purpose, given, text_version, means, recorded_at "
        "from marketing.consents where name = $1 order by email nulls last",
        saga.name,
    )
    common = ("marketing", True, "2026-1", "web_form", AT)
    assert found == [(saga.name, saga.email, None, *common), (saga.name, None, saga.phone, *common)]
    flag = "select marketing_allowed, marketing_as_of from marketing.subscribers where email = $1"
    assert await rows(url, flag, saga.email) == [(True, AT)]


async def test_consent_given_speaks_for_the_person_and_withdrawn_for_the_address(
    register_writable: Registers,
) -> None:
    systems, url = register_writable
    customers, aino = systems.connector("customers"), asking(DEMO_PEOPLE["AINO"])
    sql = (
        "select first_name, marketing_allowed from customers.customers "
        "where email = $1 order by first_name"
    )
    email = DEMO_PEOPLE["AINO"].email

    await customers.suppress(aino, stop("marketing"))
    assert await customers.record_consent(aino, consent("marketing", given=True, at=AT + DAY)) == 1
    assert await rows(url, sql, email) == [("Aino", True), ("Eero", False)]

    withdrawn = consent("marketing", given=False, at=AT + 2 * DAY)
    assert await customers.record_consent(aino, withdrawn) == 2
    assert await rows(url, sql, email) == [("Aino", False), ("Eero", False)]


@pytest.mark.parametrize(
    ("first", "then", "allowed"),
    [
        (stop("marketing"), consent("marketing", given=True, at=AT + DAY), True),
        (stop("marketing"), consent("marketing", given=True, at=AT - DAY), False),
        (stop("marketing"), consent("marketing", given=True), False),
        (consent("marketing", given=True), stop("marketing", at=AT + DAY), False),
        (consent("marketing", given=True), stop("marketing", at=AT - DAY), True),
        (consent("marketing", given=True), stop("marketing"), False),
    ],
)
async def test_between_consent_and_objection_the_later_receipt_wins(
    register_writable: Registers, first: Choice, then: Choice, allowed: bool
) -> None:
    """Of equal receipts the objection stands."""
    systems, url = register_writable
    customers, elli = systems.connector("customers"), asking(DEMO_PEOPLE["ELLI"])

    for choice in (first, then):
        if choice.given:
            await customers.record_consent(elli, choice)
        else:
            await customers.suppress(elli, choice)

    sql = "select marketing_allowed from customers.customers where email = $1"
    assert await rows(url, sql, DEMO_PEOPLE["ELLI"].email) == [(allowed,)]


async def test_the_same_choice_at_the_same_moment_is_recorded_once(
    register_writable: Registers,
) -> None:
    systems, url = register_writable
    demo, marketing = DEMO_PEOPLE["NIKLAS"], systems.connector("marketing")

    counts = await asyncio.gather(
        *(marketing.suppress(asking(demo), stop("marketing")) for _ in range(8))
    )

    assert counts == [2] * 8  # e-mail and phone: also of somebody who is not in the register
    sql = "select count(*) from marketing.prohibitions where name = $1"
    assert await rows(url, sql, demo.name) == [(2,)]


async def test_a_restriction_marks_the_persons_rows_only_and_can_be_lifted(
    register_writable: Registers,
) -> None:
    systems, url = register_writable
    contracts = systems.connector("support_contracts")
    sql = 'select "Name" from support_contracts."ContactPerson" where "Restricted"'
    anna = DEMO_PEOPLE["ANNA_MAIJA"]

    assert await contracts.restrict(asking(anna), True) == 2
    assert await rows(url, sql) == [(anna.name,), (anna.name,)]
    assert await contracts.restrict(asking(anna), False) == 2
    assert await rows(url, sql) == []


async def test_a_family_members_record_is_not_restricted(register_writable: Registers) -> None:
    systems, url = register_writable

    await systems.connector("customers").restrict(asking(DEMO_PEOPLE["EERO"]), True)

    sql = "select first_name from customers.customers where restricted"
    assert await rows(url, sql) == [("Eero",)]


async def test_what_cannot_be_restricted_there_is_said(register_new: NewDatabase) -> None:
    system = connector(
        small({"c": {"email": "email"}}), await register_new("create table c (email text)")
    )

    with pytest.raises(SystemMisdeclared, match="declares nothing to restrict; do it by hand"):
        await system.restrict(person("A", email="a@b.example"), True)
    await system.close()


async def test_columns_of_every_type_can_be_set(register_new: NewDatabase) -> None:
    url = await register_new(
        """create type state as enum ('on', 'off');
        create table c (id int primary key, email text, flag boolean, n smallint, s varchar(9),
            code char(3), e state, why text, since date);
        insert into c values (1, 'a@b.example', true, 1, 'yes', 'y', 'on', 'x', null)"""
    )
    columns = {"flag": False, "n": 0, "s": "no", "code": "n", "e": "off", "why": None}
    update = {"identifiers": ["email"], "set": columns, "as_of": "since"}
    manifest = small(
        {"c": {"id": "", "email": "email", "since": "", **dict.fromkeys(columns, "")}},
        suppress=[{"purposes": ["marketing"], "table": "c", "update": update}],
    )
    system = connector(manifest, url)

    for _ in range(2):
        assert await system.suppress(person("A", email="A@B.example"), stop("marketing")) == 1
    await system.close()

    assert await rows(url, "select flag, n, s, code, e::text, why, since::text from c") == [
        (False, 0, "no", "n  ", "off", None, "2026-03-01")
    ]


async def test_a_write_that_fails_half_way_leaves_nothing(register_new: NewDatabase) -> None:
    url = await register_new(
        """create table a (email text, ok boolean default true);
        create table b (email text, ok boolean default true check (ok));
        insert into a values ('a@b.example'); insert into b values ('a@b.example')"""
    )
    update = {"identifiers": ["email"], "set": {"ok": False}}
    manifest = small(
        {"a": {"email": "email", "ok": ""}, "b": {"email": "email", "ok": ""}},
        suppress=[
            {"purposes": ["marketing"], "table": table, "update": update} for table in ("a", "b")
        ],
    )
    system = connector(manifest, url)

    with pytest.raises(SystemMisdeclared, match="SQLSTATE 23514"):
        await system.suppress(person("A", email="a@b.example"), stop("marketing"))
    await system.close()

    assert await rows(url, "select ok from a") == [(True,)]
