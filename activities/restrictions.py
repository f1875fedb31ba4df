"""The end of one case's restriction looks at the others: the last unmarks the records (Art. 18).

An objection and a correction of one person can restrict the same records at a time, and a deletion
those that a hold keeps.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from activities.desk import Desk
from activities.known_rows import KnownRows
from activities.system_steps import write_outcome
from schemas.case import SystemOutcome
from schemas.steps import SystemCall
from storage import restrictions as stored
from storage.case_step import CaseStep
from storage.locks import lock_restrictions


async def begin(desk: Desk, call: SystemCall) -> None:
    """On record before the records are marked: from then on nobody else's end unmarks them."""
    hashes = desk.hashes(await desk.person(call.case))
    async with desk.case_file.engine.begin() as conn:
        await lock_restrictions(conn, hashes)
        await stored.begin(conn, call.case, call.system, call.at)


@asynccontextmanager
async def ending(desk: Desk, call: SystemCall) -> AsyncIterator[list[UUID]]:
    """Unmark inside, for these cases: none while another case restricts the same records.

    Under the lock of the person's restrictions: who marks them next does it afterwards.
    """
    hashes = desk.hashes(await desk.person(call.case))
    async with desk.case_file.engine.begin() as conn:
        await lock_restrictions(conn, hashes)
        await stored.end(conn, call.case, call.system, call.at)
        cases = list[UUID]()
        if not await stored.standing(conn, call.case, call.system, hashes):
            cases = await stored.marked(conn, call.case, call.system, hashes)
        yield cases
        await stored.lifted(conn, cases, call.system, call.at)


async def end_by_people(desk: Desk, call: SystemCall) -> bool:
    """This case restricts no more: whether people are to unmark the records, or another does."""
    async with ending(desk, call) as cases:
        return bool(cases)


async def unmark(desk: Desk, call: SystemCall) -> int:
    """How many records of this case are restricted no more; 0 while another case's are."""
    connector, records = desk.systems.connector(call.system), 0
    async with ending(desk, call) as cases:
        for case in cases:
            rows = await KnownRows(desk.case_file, case, call.system).rows()
            keys = tuple(row.row_key for row in rows)
            unmarked = await connector.restrict(await desk.person(case), False, keys)
            records += unmarked if case == call.case else 0
    return records


async def left_to_another_case(step: CaseStep, call: SystemCall) -> None:
    """It restricts the same records: people are told to end it when that case does."""
    await write_outcome(step, call, SystemOutcome.RETAINED, 0, "restricted for another reason, too")
