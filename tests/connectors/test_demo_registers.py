"""The demonstration's registers hold what is said of them, and a search finds just that."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

import asyncpg
import pytest

from connectors.registry import Systems
from schemas.errors import BadInput
from starter.registers import DEMO_PEOPLE, REGISTERS, DemoPerson, create_registers, demo_people
from tests.connectors.conftest import NewDatabase
from tests.connectors.small import asking


@pytest.mark.parametrize("system", list(REGISTERS))
async def test_a_search_finds_what_each_register_holds_on_each_demo_person(
    register_systems: Systems, system: str
) -> None:
    for called, who in DEMO_PEOPLE.items():
        found = await register_systems.connector(system).find(asking(who))

        assert Counter(row.table for row in found.rows) == Counter(who.holds.get(system, {})), (
            called
        )
        assert len(found.doubtful) == who.doubtful.get(system, 0), called
        assert len(found.third_party) == who.third_party.get(system, 0), called


@pytest.mark.parametrize("system", list(REGISTERS))
async def test_every_register_is_as_its_manifest_says(
    register_systems: Systems, system: str
) -> None:
    await register_systems.check(system)


async def _content(url: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables "
            "where schemaname = any($1) order by 1",
            list(REGISTERS),
        )
        return {
            t["name"]: [
                row["text"]
                for row in await connection.fetch(f"select t::text as text from {t['name']} t")
            ]
            for t in tables
        }
    finally:
        await connection.close()


async def test_the_same_seed_makes_the_same_registers_and_another_seed_others(
    register_new: NewDatabase,
) -> None:
    one, same, other = [await register_new() for _ in range(3)]
    await create_registers(dict.fromkeys(REGISTERS, one), people=60)
    await create_registers(dict.fromkeys(REGISTERS, same), people=60)
    await create_registers(dict.fromkeys(REGISTERS, other), people=60, seed=8)

    first, again, different = await asyncio.gather(_content(one), _content(same), _content(other))

    assert first == again
    assert first != different


async def test_empty_registers_have_every_table_and_no_row(register_new: NewDatabase) -> None:
    url = await register_new()

    await create_registers(dict.fromkeys(REGISTERS, url), people=0)

    content = await _content(url)
    assert len(content) > 25
    assert not any(content.values())


async def test_a_register_that_is_there_is_left_as_it_is(register_new: NewDatabase) -> None:
    url = await register_new()
    await create_registers({"leads": url}, people=40)
    before = await _content(url)

    await create_registers({"leads": url}, people=80)

    assert await _content(url) == before


async def test_five_thousand_people_take_seconds(register_new: NewDatabase) -> None:
    url = await register_new()
    start = time.monotonic()

    await create_registers(dict.fromkeys(REGISTERS, url))

    assert time.monotonic() - start < 30
    content = await _content(url)
    assert len(content["customers.customers"]) > 2500
    assert sum(map(len, content.values())) > 30_000


async def test_a_register_that_nobody_makes_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="No register is made for payroll"):
        await create_registers({"payroll": "postgresql://nowhere.example/x"})


def test_the_demo_has_the_people_that_it_promises() -> None:
    emails = Counter(p.email for p in DEMO_PEOPLE.values() if p.email)
    names = Counter(p.name for p in DEMO_PEOPLE.values())

    assert len(DEMO_PEOPLE) >= 20
    assert sorted(emails.values(), reverse=True)[:3] == [2, 2, 1]  # two families
    assert names["Matti Korhonen"] == 2
    assert [p.first_name for p in DEMO_PEOPLE.values() if not p.holds and not p.on_paper] == [
        "Niklas", "Pirkko", "Kerttu",
    ]  # fmt: skip
    assert [p.first_name for p in DEMO_PEOPLE.values() if not p.holds and p.on_paper] == ["Hilkka"]
    assert all(email.endswith(".example") for email in emails)


def test_another_seed_gives_other_people_with_the_same_holdings_and_the_same_families() -> None:
    others = demo_people(11)

    assert others == demo_people(11) != demo_people(12)
    assert {*others} == {*DEMO_PEOPLE}
    for who, known in DEMO_PEOPLE.items():
        one = others[who]
        assert one.name != known.name
        assert (one.holds, one.doubtful, one.third_party) == (
            known.holds, known.doubtful, known.third_party,
        )  # fmt: skip
        assert [kind for kind, _ in one.identifiers] == [kind for kind, _ in known.identifiers]
    for part in ("email", "phone", "name", "last_name", "customer_number"):
        assert _alike(others, part) == _alike(DEMO_PEOPLE, part), part


def _alike(people: Mapping[str, DemoPerson], part: str) -> list[tuple[str, ...]]:
    """Who shares it with whom."""
    by_value: dict[object, list[str]] = {}
    for who, one in people.items():
        by_value.setdefault(getattr(one, part), []).append(who)
    return [tuple(whos) for whos in by_value.values()]
