"""Who is found as a relation that has ended, and from which day."""

import pytest

from connectors.registry import Systems
from starter.registers import DEMO_PEOPLE
from tests.connectors.conftest import NewDatabase
from tests.connectors.erasing import AT, Erasing, erasing, noon
from tests.connectors.small import small

SQL = """create table c (id int primary key, name text, email text, over date);
    insert into c values (1, 'Aino Virtanen', 'aino@posti.example', '2025-01-31'),
        (2, 'Eero Virtanen', 'eero@posti.example', null),
        (3, 'Ilmari', 'ilmari@posti.example', '2024-05-05'),
        (4, 'Ilmari', 'ilmari@posti.example', '2024-06-06')"""
MANIFEST = small(
    {"c": {"id": "key", "name": "name", "email": "email", "over": ""}},
    erase={"c": {"erase": "delete", "ended": {"column": "over", "period": "13 months"}}},
)


async def names(one: Erasing, day: str, limit: int = 10) -> list[str]:
    return [found.person.name for found in await one.system.ended(noon(day), limit)]


@pytest.mark.parametrize(
    ("day", "found"),
    [("2025-07-06", []), ("2025-07-07", ["Ilmari"]), ("2026-02-28", ["Ilmari"])],
)
async def test_a_relation_counts_from_the_day_after_its_period_with_all_its_rows(
    register_new: NewDatabase, day: str, found: list[str]
) -> None:
    """Somebody with two rows is over with the later one; the end of a month stays its end."""
    async with erasing(register_new, SQL, MANIFEST) as one:
        assert await names(one, day) == found
        assert await names(one, "2026-03-01") == ["Ilmari", "Aino Virtanen"]
        assert await names(one, "2026-03-01", limit=1) == ["Ilmari"]


async def test_nobody_is_over_whom_another_row_still_knows(register_new: NewDatabase) -> None:
    sql = SQL + "; insert into c values (5, 'Aino Virtanen', 'aino@posti.example', null)"
    async with erasing(register_new, sql, MANIFEST) as one:
        assert await names(one, "2026-03-01") == ["Ilmari"]


async def test_the_customer_register_knows_whose_relation_ended(
    register_systems: Systems,
) -> None:
    found = await register_systems.connector("customers").ended(AT, 1000)

    named = {i.value for one in found for i in one.person.identities}
    assert {DEMO_PEOPLE["TAUNO"].customer_number, "K100006"} <= named
    assert DEMO_PEOPLE["AINO"].customer_number not in named
    assert all("Heikkinen" not in repr(one) for one in found)
