"""Correction in one system (Art. 16): contested, then corrected, or a statement added to the data.

What is found is sealed before anything is changed, and names the rows: a step that is repeated
after a crash meets the same rows, whatever of them it has changed, and knows what stood there.
"""

import json
from collections import Counter
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from temporalio import activity

from activities import restrictions
from activities.desk import Desk, step_key
from activities.disputes import (
    CONTEST_BY_HAND,
    DIFFERS,
    STATEMENT_BY_HAND,
    Wanted,
    ask_people,
    end_tasks,
    lift_by_people,
    role_of,
    wanted_of,
)
from activities.known_rows import KnownRows
from activities.standstill import is_stopped, stopped
from activities.system_steps import (
    Write,
    keep_found,
    misdeclared,
    write_outcome,
    written_once,
)
from activities.turns import in_turn
from connectors.contract import (
    Connector,
    Corrected,
    CorrectedColumn,
    Found,
    FoundRow,
    Person,
    RowKey,
    SystemMisdeclared,
)
from schemas.case import SystemOutcome
from schemas.events import Event
from schemas.steps import (
    ADD_STATEMENT,
    CONTEST,
    CORRECT,
    END_CONTEST,
    OpenTask,
    SystemAnswer,
    SystemCall,
)
from schemas.systems import Reach
from storage import tables as t
from storage.case_step import CaseStep

UNREACHED: Final = (SystemOutcome.UNREACHABLE, SystemOutcome.FAILED)


class CorrectionActivities:
    """One system's part of a correction."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @activity.defn(name=CONTEST.name)
    @in_turn
    async def contest(self, call: SystemCall) -> SystemAnswer:
        """What the system holds, sealed; its processing is restricted meanwhile (Art. 18(1)(a)).

        A system that people reach is restricted by a task.
        """
        if self._desk.facts(call.system).reach is not Reach.SQL:
            await restrictions.begin(self._desk, call)
            return await self._ask_people(call, CONTEST_BY_HAND)
        try:
            person, connector = await self._reached(call)
            found = await connector.find(person)
            marked = None
            if call.restricts:
                await restrictions.begin(self._desk, call)
                marked = await connector.restrict(person, True)
        except SystemMisdeclared:
            return misdeclared(call)
        return await self._once(call, partial(_contested, found=found, restricted=marked))

    @activity.defn(name=CORRECT.name)
    @in_turn
    async def correct(self, call: SystemCall) -> SystemAnswer:
        """Correct what was approved wherever the old value still stands. Safe to repeat.

        A value that is neither the old nor the new one is left, and a person looks at it. The
        restriction ends with it unless something is left (Art. 18(3)).
        """
        wanted = await wanted_of(self._desk, call)
        if not wanted.approved or self._desk.facts(call.system).reach is not Reach.SQL:
            return await self._ask_people(call, *wanted.tasks)
        if await is_stopped(self._desk, call.system):
            return (await self._once(call, stopped)).model_copy(update={"stopped": True})
        try:
            done, lifted = await self._corrected(call, wanted)
        except SystemMisdeclared:
            return misdeclared(call)
        role = role_of(self._desk.facts(call.system))
        return await self._once(
            call,
            partial(_corrected, done=done, lifted=lifted, disputed=wanted.disputed, role=role),
        )

    @activity.defn(name=ADD_STATEMENT.name)
    async def add_statement(self, call: SystemCall) -> SystemAnswer:
        """The person's statement is put beside disputed data (Art. 16), by the system's people."""
        return await self._ask_people(call, STATEMENT_BY_HAND)

    @activity.defn(name=END_CONTEST.name)
    @in_turn
    async def end_contest(self, call: SystemCall) -> SystemAnswer:
        """The restriction ends (Art. 18(3)); what came of the system otherwise stays."""
        if self._desk.facts(call.system).reach is not Reach.SQL:
            role = role_of(self._desk.facts(call.system))
            if await restrictions.end_by_people(self._desk, call):
                return await self._once(call, partial(lift_by_people, role=role))
            return await self._once(call, _leave_lifting)
        try:
            records = await restrictions.unmark(self._desk, call)
        except SystemMisdeclared:
            return misdeclared(call)
        return await self._once(call, partial(_lifted, records=records))

    async def _corrected(self, call: SystemCall, wanted: Wanted) -> tuple[Corrected, int | None]:
        """In the system, by the rows that were sealed before; None: its restriction stays."""
        person, connector = await self._reached(call)
        rows = await self._rows(call, person, connector)
        done = Corrected()
        if rows:
            done = _with_before(await connector.correct(person, wanted.approved, _keys(rows)), rows)
        if not call.restricts or done.conflicts or wanted.disputed:
            return done, None
        return done, await restrictions.unmark(self._desk, call)

    async def _rows(
        self, call: SystemCall, person: Person, connector: Connector
    ) -> tuple[FoundRow, ...]:
        """The intent: what is to be changed is on file before it is."""
        if await self._desk.case_file.unseal(call.case, f"found:{call.system}") is None:
            found = await connector.find(person)
            await self._once(call, partial(keep_found, found=found), key=f"{step_key()}/found")
        return await KnownRows(self._desk.case_file, call.case, call.system).rows()

    async def _reached(self, call: SystemCall) -> tuple[Person, Connector]:
        connector = self._desk.systems.connector(call.system)
        return await self._desk.person(call.case), connector

    async def _ask_people(self, call: SystemCall, *tasks: str) -> SystemAnswer:
        role = role_of(self._desk.facts(call.system))
        return await self._once(call, partial(ask_people, tasks=tasks, role=role))

    async def _once(self, call: SystemCall, write: Write, key: str | None = None) -> SystemAnswer:
        case_file, at, by = self._desk.case_file, call.at, call.by.account
        async with case_file.step(call.case, key or step_key(), at, by) as step:
            return await written_once(step, call, write)


async def _leave_lifting(step: CaseStep, call: SystemCall) -> None:
    """Another case restricts the same records: what this one asked of people is over."""
    await step.close_tasks(CONTEST_BY_HAND, system=call.system)
    await restrictions.left_to_another_case(step, call)


async def _contested(
    step: CaseStep, call: SystemCall, *, found: Found, restricted: int | None
) -> None:
    """A case that is answered again begins anew."""
    await end_tasks(step, call)
    await step.seal(f"corrected:{call.system}", Corrected().model_dump_json().encode())
    await keep_found(step, call, found=found)
    if restricted:
        step.record(Event.RESTRICTED, system=call.system, records=restricted)


async def _corrected(
    step: CaseStep, call: SystemCall, *, done: Corrected, lifted: int | None, disputed: bool,
    role: str,
) -> None:  # fmt: skip
    """`corrected` only if nothing is left: a person looks at the rest, and the reply names it."""
    await end_tasks(step, call)
    await step.seal(f"corrected:{call.system}", done.model_dump_json().encode())
    values = sum(column.rows for column in done.applied)
    if done.applied:
        changed = sum(column.rows for column in done.applied if column.before)
        step.record(Event.CORRECTED, system=call.system, values=values, changed=changed)
    for why, left in sorted(Counter(one.why for one in done.conflicts).items()):
        step.record(Event.CORRECTION_LEFT, system=call.system, values=left, why=why)
    if lifted is not None:
        step.record(Event.RESTRICTION_LIFTED, system=call.system, records=lifted)
    is_open = bool(done.conflicts) or disputed or _is_doubtful(step, call)
    outcome = SystemOutcome.CORRECTED if values else SystemOutcome.NOTHING_HELD
    rest = f"{len(done.conflicts)} value(s) left as they are" if done.conflicts else None
    await write_outcome(step, call, SystemOutcome.PENDING if is_open else outcome, values, rest)
    if done.conflicts:
        await step.open_task(OpenTask(what=DIFFERS, role="handler", system=call.system))
    if disputed:
        await step.open_task(OpenTask(what=STATEMENT_BY_HAND, role=role, system=call.system))


async def _lifted(step: CaseStep, call: SystemCall, *, records: int) -> None:
    """It may have been away for a while: then it stands again as it did before."""
    step.record(Event.RESTRICTION_LIFTED, system=call.system, records=records)
    if await _outcome(step, call) not in UNREACHED:
        return
    done = Corrected.model_validate_json(await step.unseal(f"corrected:{call.system}") or b"{}")
    values = sum(column.rows for column in done.applied)
    whole = values and not done.conflicts
    outcome = SystemOutcome.CORRECTED if whole else SystemOutcome.RETAINED
    await write_outcome(step, call, outcome, values)


def _is_doubtful(step: CaseStep, call: SystemCall) -> bool:
    """Whether somebody still has to say which doubtful records are the person's."""
    return any((of.what, of.system) == ("choose_match", call.system) for of in step.open_tasks)


async def _outcome(step: CaseStep, call: SystemCall) -> Any:
    mine = select(t.system_tasks.c.outcome).where(
        t.system_tasks.c.case_id == step.case, t.system_tasks.c.name == call.system
    )
    return await step.conn.scalar(mine)


def _keys(rows: tuple[FoundRow, ...]) -> tuple[RowKey, ...]:
    return tuple(row.row_key for row in rows)


def _with_before(done: Corrected, rows: tuple[FoundRow, ...]) -> Corrected:
    """What an earlier try replaced is told as replaced: it stands in what was sealed before."""
    applied = tuple(
        column if column.before else column.model_copy(update={"before": _stood(column, rows)})
        for column in done.applied
    )
    return done.model_copy(update={"applied": applied})


def _stood(column: CorrectedColumn, rows: tuple[FoundRow, ...]) -> tuple[str, ...]:
    values = (
        row.values.get(column.column) for row in rows
        if (row.schema_name, row.table) == (column.schema_name, column.table)
    )  # fmt: skip
    texts = {v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values if v}
    return tuple(sorted(texts - {column.after}))
