"""The demonstration's registers are erased as their manifests say."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import Connector, Erased, ErasurePlan, Held, Person
from connectors.registry import Systems
from starter.registers import DEMO_PEOPLE, REGISTERS
from tests.connectors.small import asking

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
LIMIT = timedelta(seconds=20)
NO_HOLD = Held()
Registers = tuple[Systems, str]


async def agreed(plan: ErasurePlan) -> None:
    """Anything goes."""


async def proven() -> None:
    """The hold guard is alive."""


async def erase(system: Connector, who: Person, held: Held = NO_HOLD) -> Erased:
    return await system.erase(who, AT, held, agreed, proven, LIMIT)


def actions(plan: ErasurePlan) -> dict[tuple[str, str], int]:
    return {(table.table, table.action): len(table.rows) for table in plan.tables}


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
