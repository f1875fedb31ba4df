"""What of a deletion or a correction was carried out, whatever has become of the case since.

A plan that changed, a complaint or a failure gives a system another outcome: what is gone is known
by the audit chain.
"""

from typing import Final

from sqlalchemy import select

from rules.outcome import owing
from schemas.case import SystemOutcome
from schemas.events import Event
from schemas.request import Kind
from schemas.steps import SystemChange
from schemas.systems import ERASE_BY_HAND
from storage import tables as t
from storage.case_step import CaseStep
from storage.views import case_view

BY_CONNECTOR: Final = (Event.ERASED, Event.CORRECTED)
BY_OTHERS: Final = {
    Kind.DELETE: (SystemOutcome.ERASED,),
    Kind.CORRECT: (SystemOutcome.CORRECTED, SystemOutcome.BY_HAND),
}
"""What people or a partner answered that they did."""

REFUSED: Final = "left as it is: the rest is refused"
SHOWS: Final = (
    SystemOutcome.ERASED, SystemOutcome.CORRECTED, SystemOutcome.RETAINED, SystemOutcome.BY_HAND,
)  # fmt: skip
"""Outcomes by which a reply tells that something was done there."""

WHOLE: Final = (
    SystemOutcome.ERASED, SystemOutcome.CORRECTED, SystemOutcome.BY_HAND,
    SystemOutcome.NOTHING_HELD,
)  # fmt: skip
"""Outcomes after which nothing of what was asked remains to be done."""


async def carried_out(step: CaseStep) -> frozenset[str]:
    """The systems in which something was erased or corrected for this case. It stays so."""
    kind = Kind(step.row["kind"])
    if kind not in BY_OTHERS:
        return frozenset()
    told = select(t.audit.c.event, t.audit.c.facts).where(
        t.audit.c.case_id == step.case, t.audit.c.event.in_((*BY_CONNECTOR, Event.SYSTEM_ANSWERED))
    )
    return frozenset(
        row.facts["system"]
        for row in await step.conn.execute(told)
        if _changed_something(Event(row.event), row.facts, kind)
    )


def _changed_something(event: Event, facts: dict[str, object], kind: Kind) -> bool:
    if event is Event.SYSTEM_ANSWERED:
        return facts["outcome"] in BY_OTHERS[kind]
    return event is Event.ERASED or bool(facts["changed"])  # a value may have stood so before


async def done_and_rest(step: CaseStep) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Systems in which something was carried out, and those where not all was; none if nothing."""
    done = await carried_out(step)
    if not done:
        return (), ()
    systems = (await case_view(step.conn, step.case)).systems
    return (
        tuple(system.name for system in systems if system.name in done),
        tuple(system.name for system in systems if system.outcome not in WHOLE),
    )


async def leave_the_rest(step: CaseStep) -> None:
    """Refused after a part was erased: who has not erased yet is not to. A partner was told."""
    if step.row["kind"] != Kind.DELETE:
        return
    told = (SystemOutcome.NOTIFIED, SystemOutcome.SILENT)
    for system in owing((await case_view(step.conn, step.case)).systems):
        by_people = await step.close_tasks(ERASE_BY_HAND, system=system.name)
        if by_people or system.outcome not in told:
            left = SystemChange(name=system.name, outcome=SystemOutcome.LEFT_OUT, reason=REFUSED)
            await step.system(left)
            await step.close_tasks("resolve_system", system=system.name)
