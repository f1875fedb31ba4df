"""Deletion in one system (Art. 17): planned, approved by two people, erased under the guard, read.

An approval covers what it named. Less may go (a hold came, a date was reached later): more never.
"""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import Executable, exists, select
from temporalio import activity

from activities import by_people, restrictions
from activities.carried_out import carried_out
from activities.desk import Desk, step_key
from activities.erasing import Erasing, Guard, Wanted
from activities.known_rows import KEYS, KnownRows, Rows, each_once, keys_of, texts_of
from activities.standstill import is_stopped, stopped
from activities.system_steps import (
    KEPT,
    Write,
    answer_of,
    keep_found,
    misdeclared,
    write_outcome,
    written_once,
)
from activities.turns import in_turn
from connectors.contract import (
    Erased,
    ErasurePlan,
    Found,
    Identity,
    Kept,
    Person,
    PlannedRow,
    PlannedTable,
    Remains,
    RowKey,
    SystemMisdeclared,
)
from rules.holds import held
from schemas.case import SystemOutcome
from schemas.events import Event, fact
from schemas.holds import Held
from schemas.messages import Choice
from schemas.retention import Origin
from schemas.steps import ERASE, PLAN_ERASURE, SystemAnswer, SystemCall
from schemas.systems import Reach
from storage import tables as t
from storage.case_step import CaseStep
from storage.holds import standing_holds
from storage.persons import hashes_of, remember
from storage.restrictions import end as end_restriction

PLAN_CHANGED: Final = "more would be erased than was approved"
NOT_APPROVED: Final = "not erased: no approval of two people stands"
SECOND_APPROVAL: Final = f"second_{Choice.APPROVE}"


class PlanChanged(Exception):
    """What would be erased now was not approved. `went`: by an earlier try that could not tell."""

    def __init__(self, went: Erased) -> None:
        super().__init__()
        self.went = went


class Done(NamedTuple):
    """What erasing one system came to: what it did, what still names the person, what was held.

    `left`: what names the rows that stay, for the day on which they may go: what named the person
    in them may be gone.
    """

    erased: Erased
    remains: tuple[Remains, ...]
    held: Held
    left: tuple[RowKey, ...] = ()
    restricted: int = 0


class ErasureActivities:
    """Plan and erase one system's part of a deletion."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _known(self, call: SystemCall) -> KnownRows:
        return KnownRows(self._desk.case_file, call.case, call.system)

    @activity.defn(name=PLAN_ERASURE.name)
    @in_turn
    async def plan(self, call: SystemCall) -> SystemAnswer:
        """What erasing would do, sealed; counted, and named by a keyed digest. Changes nothing.

        What could be another person's is a question to a person first, and planned as they answer.
        """
        try:
            plan = await self._planned(call)
            found = await self._in_question(call) if plan.doubtful else None
        except SystemMisdeclared:
            return misdeclared(call)
        if found is not None:
            return await self._once(call, partial(keep_found, found=found))
        return await self._once(call, partial(self._keep_plan, plan=plan))

    async def _in_question(self, call: SystemCall) -> Found | None:
        """What the register holds, if nobody has said yet whose its doubtful records are.

        Of a relation that ended nobody asked for more than what is surely the person's.
        """
        found = await self._desk.systems.connector(call.system).find(
            await self._desk.person(call.case)
        )
        async with self._desk.case_file.reading.connect() as conn:
            of_request, is_open = (await conn.execute(_asks(call))).one()
        seen = set(texts_of(row.row_key for row in (await self._known(call).found()).doubtful))
        news = not seen.issuperset(texts_of(row.row_key for row in found.doubtful))
        return found if of_request and (is_open or news) else None

    async def _planned(self, call: SystemCall) -> ErasurePlan:
        """As people may know it: a secret hold does not show in a plan."""
        person, chosen = await self._desk.person(call.case), await self._known(call).chosen()
        await self._learn(call, person, chosen)
        async with self._desk.case_file.reading.connect() as conn:
            holds = await standing_holds(conn, await hashes_of(conn, call.case))
        known = [hold for hold in holds if not hold.secret]
        categories = self._desk.facts(call.system).categories
        return await self._desk.systems.connector(call.system).plan_erasure(
            person, call.at, held(known, call.system, categories, call.at), chosen
        )

    async def _learn(self, call: SystemCall, person: Person, chosen: Rows = ()) -> None:
        """By what the register names the person: a hold may know them by that alone."""
        found = await self._desk.systems.connector(call.system).known_as(person, chosen)
        async with self._desk.case_file.engine.begin() as conn:
            await remember(conn, call.case, call.system, self._desk.digests(found))

    async def _keep_changed_plan(
        self, step: CaseStep, call: SystemCall, *, plan: ErasurePlan, went: Erased
    ) -> None:
        """What went before is on no record yet, unless another try has told of this system."""
        await self._keep_plan(step, call, plan=plan, reason=PLAN_CHANGED)
        step.record(Event.PLAN_CHANGED, system=call.system)
        if call.system not in await carried_out(step):
            _record_erased(step, call, went)

    async def _keep_plan(
        self, step: CaseStep, call: SystemCall, *, plan: ErasurePlan, reason: str | None = None
    ) -> None:
        goes, kept = _records(plan, goes=True), _records(plan, goes=False)
        content = plan.model_dump_json()
        await step.seal(f"plan:{call.system}", content.encode())
        outcome = SystemOutcome.NOTHING_HELD if not goes + kept else SystemOutcome.FOUND
        digest = self._desk.case_file.keyring.digest("plan", call.system, content).hex()[:16]
        await write_outcome(step, call, outcome, goes, reason, plan=digest)
        step.record(Event.ERASURE_PLANNED, system=call.system, records=goes, kept=kept)

    @activity.defn(name=ERASE.name)
    @in_turn
    async def erase(self, call: SystemCall) -> SystemAnswer:
        """Erase what was approved, under the guard, and read the system again. Safe to repeat.

        A system that people reach gets a task, unless it is held. Raises what makes the engine try
        again later.
        """
        if not await self._is_approved_by_two(call):
            return await self._once(call, _not_approved)
        if await is_stopped(self._desk, call.system):
            return (await self._once(call, stopped)).model_copy(update={"stopped": True})
        if self._desk.facts(call.system).reach is Reach.MANUAL:
            return await by_people.hand_over(self._desk, call)
        try:
            return await self._erase(call)
        except PlanChanged as changed:
            plan, went = await self._planned(call), changed.went
            return await self._once(call, partial(self._keep_changed_plan, plan=plan, went=went))
        except SystemMisdeclared:
            return misdeclared(call)

    async def _is_approved_by_two(self, call: SystemCall) -> bool:
        """Four eyes: decisions that became void meanwhile, or a refusal, let nothing more go."""
        standing = select(t.decisions.c.what).where(
            t.decisions.c.case_id == call.case, t.decisions.c.stands
        )
        async with self._desk.case_file.reading.connect() as conn:
            given = set(await conn.scalars(standing))
        return bool(given & {Choice.APPROVE, Choice.PARTIAL}) and SECOND_APPROVAL in given

    async def _erase(self, call: SystemCall) -> SystemAnswer:
        person = await self._desk.person(call.case)
        known = self._known(call)
        approved, left = await known.approved(), await known.left() if call.resumes else ()
        chosen = each_once((*keys_of(approved, goes=False), *left, *await known.chosen()))
        await self._learn(call, person, chosen)
        wanted = Wanted(
            case=call.case, system=call.system, at=call.at, key=step_key(),
            categories=self._desk.facts(call.system).categories,
            hashes=tuple(self._desk.hashes(person)),
        )  # fmt: skip
        guard = Guard(self._desk.case_file, self._desk.policy.holds.erase_within)
        async with guard.erasing(wanted) as erasing:
            done = await self._erase_held(call, person, approved, chosen, left, erasing)
            async with erasing.step(call.by.account) as step:
                if not step.repeated:
                    await _write_erased(step, call, done)
                    await _write_restricted(step, call, done, erasing)
                return await answer_of(step, call)

    async def _erase_held(
        self, call: SystemCall, person: Person, approved: ErasurePlan, chosen: Rows, left: Rows,
        erasing: Erasing,
    ) -> Done:  # fmt: skip
        """Erase in the system's own transaction, and read it again before the outcome is said."""
        connector = self._desk.systems.connector(call.system)
        if erasing.held.everything:
            restricted = await self._restrict(call, person)
            kept = await self._all_kept(call, person, approved, chosen, erasing)
            return Done(kept, (), erasing.held, left, restricted)
        seen = ErasurePlan()

        async def agree(plan: ErasurePlan, named_by: tuple[Identity, ...]) -> None:
            nonlocal seen
            seen = plan
            erasing.cover(self._desk.digests(named_by))
            if not _covers(approved, plan, left, resumes=call.resumes):
                repeated = await erasing.is_repeated()
                went = _with_what_went(Erased(), approved, plan) if repeated else Erased()
                raise PlanChanged(went)

        erased = await connector.erase(
            person, call.at, erasing.held, agree, erasing.prove,
            timedelta(seconds=erasing.seconds_left()), chosen,
        )  # fmt: skip
        if await erasing.is_repeated():
            erased = _with_what_went(erased, approved, seen)
        everyone = dict.fromkeys((*person.identities, *erased.identities))
        known = person.model_copy(update={"identities": tuple(everyone)})
        remains = await connector.remains(known, seen)
        return Done(erased, remains, erasing.held, keys_of(seen, goes=False))

    async def _restrict(self, call: SystemCall, person: Person) -> int:
        """All of it stays for now: processing is restricted (Art. 18).

        Where a part stays, its manifest says what marks it (`erase_to` of the column).
        """
        if not self._desk.facts(call.system).restricts:
            return 0
        await restrictions.begin(self._desk, call)
        return await self._desk.systems.connector(call.system).restrict(person, True)

    async def _all_kept(
        self, call: SystemCall, person: Person, approved: ErasurePlan, chosen: Rows,
        erasing: Erasing,
    ) -> Erased:  # fmt: skip
        """A hold keeps what is there: not what an earlier try erased before the hold came."""
        if not await erasing.is_repeated():
            return Erased(kept=_all_of(approved))
        connector = self._desk.systems.connector(call.system)
        there = await connector.plan_erasure(person, call.at, erasing.held, chosen)
        return _with_what_went(Erased(kept=_all_of(there)), approved, there)

    async def _once(self, call: SystemCall, write: Write) -> SystemAnswer:
        key, case_file = step_key(), self._desk.case_file
        async with case_file.step(call.case, key, call.at, call.by.account) as step:
            return await written_once(step, call, write)


def _asks(call: SystemCall) -> Executable:
    """Whether somebody asked for this deletion, and whether a person still has to choose."""
    is_open = exists().where(
        t.tasks.c.case_id == call.case, t.tasks.c.system == call.system,
        t.tasks.c.what == "choose_match", t.tasks.c.done_at.is_(None),
    )  # fmt: skip
    return select(t.cases.c.origin == Origin.REQUEST, is_open).where(t.cases.c.id == call.case)


async def _not_approved(step: CaseStep, call: SystemCall) -> None:
    await write_outcome(step, call, SystemOutcome.PENDING, 0, NOT_APPROVED)


async def _write_erased(step: CaseStep, call: SystemCall, done: Done) -> None:
    """`erased` only if the system was read again and nothing but what is kept remains."""
    erased, kept = done.erased, _told(done)
    await step.seal(f"kept:{call.system}", KEPT.dump_json(kept))
    await step.seal(f"left:{call.system}", KEYS.dump_json(done.left))
    _record_erased(step, call, erased)
    if not kept:
        await end_restriction(step.conn, step.case, call.system, step.at)
    for one in kept:
        until = one.until.isoformat() if one.until else None
        step.record(
            Event.RETAINED, system=call.system, records=one.records, reason=one.reason, until=until
        )
    records, reason = erased.deleted + erased.changed, ""
    if done.remains:
        left = sum(one.records for one in done.remains)
        step.record(Event.REMAINS, system=call.system, records=left)
        reason = f"{left} record(s) still name the person: dsr systems check {call.system}"
        return await write_outcome(step, call, SystemOutcome.FAILED, records, reason)
    step.record(Event.VERIFIED, system=call.system)
    outcome = SystemOutcome.ERASED if records else SystemOutcome.NOTHING_HELD
    if kept:
        outcome = SystemOutcome.RETAINED
        reason = f"{sum(one.records for one in kept)} record(s) kept"
    return await write_outcome(
        step, call, outcome, records, reason or None,
        kept_until=min((one.until for one in kept if one.until), default=None),
        held=any(one.reason == "legal_hold" for one in erased.kept),
    )  # fmt: skip


async def _write_restricted(step: CaseStep, call: SystemCall, done: Done, erasing: Erasing) -> None:
    """Only a hold restricts what a deletion leaves: of a secret one the case tells nothing."""
    if not done.restricted:
        return None
    if done.held.secret:
        restricted = fact(Event.RESTRICTED, system=call.system, records=done.restricted)
        return await erasing.tell_secret_holds(restricted)
    return step.record(Event.RESTRICTED, system=call.system, records=done.restricted)


def _record_erased(step: CaseStep, call: SystemCall, erased: Erased) -> None:
    if erased.deleted or erased.changed:
        step.record(
            Event.ERASED, system=call.system, deleted=erased.deleted, changed=erased.changed
        )


def _with_what_went(erased: Erased, approved: ErasurePlan, seen: ErasurePlan) -> Erased:
    """An earlier try committed and could not tell: what was approved and is there no more is told.

    Otherwise what went would be on no record, and the person be told of less.
    """
    there = {_row(table, row) for table in seen.tables for row in table.rows}
    went = Counter(
        table.action
        for table in approved.tables
        for row in table.rows
        if _row(table, row) not in there
    )
    return erased.model_copy(
        update={
            "deleted": erased.deleted + went["delete"],
            "changed": erased.changed + went["change"],
        }
    )


def _row(table: PlannedTable, row: PlannedRow) -> str:
    key = RowKey(schema_name=table.schema_name, table=table.table, key=row.key)
    return key.model_dump_json()


def _told(done: Done) -> tuple[Kept, ...]:
    """What is kept, as everybody may know it: of a secret hold only that the law obliges us."""
    if not done.held.secret:
        return done.erased.kept
    return tuple(
        Kept(schema_name=one.schema_name, table=one.table, records=one.records,
             reason="legal_obligation")
        if one.reason == "legal_hold" else one
        for one in done.erased.kept
    )  # fmt: skip


def _records(plan: ErasurePlan, *, goes: bool) -> int:
    return sum(len(table.rows) for table in plan.tables if (table.action != "keep") is goes)


def _goes(plan: ErasurePlan) -> set[str]:
    """Everything that the plan deletes or changes, row by row."""
    return {
        f"{table.schema_name}.{table.table} {table.action} {row.model_dump_json()}"
        for table in plan.tables
        if table.action != "keep"
        for row in table.rows
    }


def _covers(
    approved: ErasurePlan, plan: ErasurePlan, left: tuple[RowKey, ...], *, resumes: bool
) -> bool:
    """Whether a plan does nothing that was not approved.

    `resumes`: what the approved plan or a hold kept may go, too: its time has come.
    """
    if not resumes:
        return _goes(plan) <= _goes(approved)
    known = (*keys_of(approved, goes=True), *keys_of(approved, goes=False), *left)
    return set(texts_of(keys_of(plan, goes=True))) <= set(texts_of(known))


def _all_of(plan: ErasurePlan) -> tuple[Kept, ...]:
    """Everything that was planned, kept: a hold covers the whole system."""
    return tuple(
        Kept(schema_name=one.schema_name, table=one.table, records=len(one.rows),
             reason="legal_hold")
        for one in plan.tables
    )  # fmt: skip
