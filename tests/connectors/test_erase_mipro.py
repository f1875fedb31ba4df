"""The demonstration's registers are erased as their manifests say."""

from collections import Counter

import pytest

from connectors.contract import Connector, Erased, Held, Person
from connectors.registry import Systems
from starter.registers import DEMO_PEOPLE, REGISTERS
from tests.connectors.erasing import AT, LIMIT, NO_HOLD, agreed, noon, planned, proven
from tests.connectors.small import asking
from tests.connectors.test_writes import rows, snapshot

Registers = tuple[Systems, str]


async def erase(system: Connector, who: Person, held: Held = NO_HOLD) -> Erased:
    return await system.erase(who, AT, held, agreed, proven, LIMIT)


@pytest.mark.parametrize("system", list(REGISTERS))
async def test_what_was_found_of_each_demo_person_is_gone_or_kept_and_the_scan_finds_nothing(
    register_writable: Registers, system: str
) -> None:
    one = register_writable[0].connector(system)
    for called, who in DEMO_PEOPLE.items():
        person = asking(who)
        plan = await one.plan_erasure(person, AT, NO_HOLD)
        assert plan.blocked == (), called
        planned: Counter[str] = Counter()
        for table in plan.tables:
            planned[table.table] += len(table.rows)
        assert planned == Counter(who.holds.get(system, {})), called
        erased = await erase(one, person)
        everything = person.model_copy(update={"identities": erased.identities})
        assert await one.remains(everything, plan) == (), called
        assert (await one.plan_erasure(person, AT, NO_HOLD)).changes_nothing, called


async def test_an_invoice_whose_time_has_passed_goes_and_the_others_stay_without_its_debtor(
    register_writable: Registers,
) -> None:
    """Vouchers stay six years and name their buyer themselves."""
    systems, url = register_writable
    one, juhani = systems.connector("group_invoicing"), DEMO_PEOPLE["JUHANI"]

    erased = await erase(one, asking(juhani))

    assert (erased.deleted, erased.changed) == (1, 1)
    kept = {(k.table, k.until, k.provision) for k in erased.kept}
    assert {table for table, _, _ in kept} == {"agreements", "invoices"}
    assert {str(until) for _, until, _ in kept} <= {"2030-12-31", "2031-12-31"}
    sql = """select d.name, d.company, d.email, d.address, d.restricted
        from group_invoicing.debtors d join group_invoicing.invoices i on i.debtor_id = d.id
        where i.buyer = $1 group by d.id"""
    assert await rows(url, sql, juhani.name) == [("-", None, None, None, True)]


async def test_whom_an_erased_customer_recommended_stays_and_only_the_reference_goes(
    register_writable: Registers,
) -> None:
    systems, url = register_writable
    one = systems.connector("customers")
    veera = "select referred_by, email from customers.customers where customer_number = 'K100008'"
    (before,) = await rows(url, veera)
    assert before[0] == "K100007"

    plan = await one.plan_erasure(asking(DEMO_PEOPLE["MIKKO"]), AT, NO_HOLD)
    await erase(one, asking(DEMO_PEOPLE["MIKKO"]))

    assert "K100008" not in [key for row in planned(plan) for key in row]
    assert [(d.column, d.records) for d in plan.detached] == [("referred_by", 1)]
    assert await rows(url, veera) == [(None, before[1])]


async def test_the_wife_is_erased_and_the_husband_at_the_same_address_is_not(
    register_writable: Registers,
) -> None:
    systems, _ = register_writable
    one, eero = systems.connector("customers"), asking(DEMO_PEOPLE["EERO"])
    before = (await one.find(eero)).rows

    await erase(one, asking(DEMO_PEOPLE["AINO"]))

    after = await one.find(eero)
    assert [row.values for row in after.rows] == [row.values for row in before]
    assert after.doubtful == ()


async def test_bookkeeping_is_planned_away_on_the_day_after_its_last(
    register_systems: Systems,
) -> None:
    one, anna = register_systems.connector("group_invoicing"), asking(DEMO_PEOPLE["BIRGITTA"])
    plan = await one.plan_erasure(anna, AT, NO_HOLD)
    (until,) = {r.until for t in plan.tables if t.table == "invoices" for r in t.rows}
    assert until is not None

    on_it = await one.plan_erasure(anna, noon(f"{until.year}-12-31"), NO_HOLD)
    after = await one.plan_erasure(anna, noon(f"{until.year + 1}-01-01"), NO_HOLD)

    assert ("invoices", "keep") in [(t.table, t.action) for t in on_it.tables]
    assert ("invoices", "delete") in [(t.table, t.action) for t in after.tables]


@pytest.mark.parametrize("system", list(REGISTERS))
async def test_no_row_is_touched_that_the_plan_does_not_name(
    register_writable: Registers, system: str
) -> None:
    systems, url = register_writable
    one = systems.connector(system)
    for called in ("BIRGITTA", "AINO", "MIKKO", "ASA"):
        who, before = asking(DEMO_PEOPLE[called]), set(await snapshot(url, system))
        plan = await one.plan_erasure(who, AT, NO_HOLD)

        await erase(one, who)

        after = set(await snapshot(url, system))
        rows_of = dict.fromkeys(("delete", "change", "keep"), 0)
        for table in plan.tables:
            rows_of[table.action] += len(table.rows)
        cut = sum(detached.records for detached in plan.detached)
        assert len(before - after) == rows_of["delete"] + rows_of["change"] + cut, called
        assert len(after - before) == rows_of["change"] + cut, called


async def test_a_hold_leaves_a_register_as_it_is(register_writable: Registers) -> None:
    systems, url = register_writable
    before = await snapshot(url, "customers")

    erased = await erase(
        systems.connector("customers"), asking(DEMO_PEOPLE["BIRGITTA"]), Held(everything=True)
    )

    assert await snapshot(url, "customers") == before
    assert sum(kept.records for kept in erased.kept) == DEMO_PEOPLE["BIRGITTA"].rows("customers")
