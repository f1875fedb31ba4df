"""One system's part of a case: asked by its connector, or by a task where a person has to do it.

The findings are sealed in the case file in the same transaction as outcome and audit entry. A
system that cannot be reached raises, and the retry policy asks again.
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities import restrictions
from activities.desk import Desk, step_key
from activities.system_steps import (
    Write,
    answer_of,
    handed_over,
    keep_found,
    lag_of,
    misdeclared,
    write_outcome,
)
from activities.turns import in_turn
from connectors.contract import Choice, Person, SystemMisdeclared
from rules.recipients import SUPERSEDED
from rules.status import move
from schemas.case import ANSWERED, Status, SystemOutcome
from schemas.events import Event
from schemas.request import Kind, RequestForm
from schemas.steps import (
    LIFT_RESTRICTION,
    RECORD_CONSENT,
    RESTRICT,
    SEARCH,
    SUPPRESS,
    OpenTask,
    SystemAnswer,
    SystemCall,
)
from schemas.systems import Duty, Reach, SystemFacts
from storage import tables as t
from storage.case_step import CaseStep
from storage.locks import lock_person
from storage.together import Together


class SystemActivities:
    """Search, suppress, restrict, record consent."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._together = Together()

    @activity.defn(name=SEARCH.name)
    @in_turn
    async def search(self, call: SystemCall) -> SystemAnswer:
        """Find what the system holds; seal it; a doubtful match becomes a task, never a guess."""
        if self._desk.facts(call.system).reach is Reach.MANUAL:
            return await self._hand_over(call, SystemOutcome.PENDING)
        with self._together.announced(call.case):
            try:
                found = await self._desk.systems.connector(call.system).find(
                    await self._desk.person(call.case)
                )
            except SystemMisdeclared:
                return misdeclared(call)
        return await self._once(call, partial(keep_found, found=found))

    @activity.defn(name=SUPPRESS.name)
    @in_turn
    async def suppress(self, call: SystemCall) -> SystemAnswer:
        """Stop the purposes for the person's addresses (Art. 21(3)); the lag is recorded."""
        return await self._choose(call, given=False)

    @activity.defn(name=RECORD_CONSENT.name)
    @in_turn
    async def record_consent(self, call: SystemCall) -> SystemAnswer:
        """Record consent given or withdrawn (Art. 7), as of its receipt."""
        form = await self._desk.form(call.case)
        return await self._choose(call, given=form.consent is not None and form.consent.given)

    async def _choose(self, call: SystemCall, *, given: bool) -> SystemAnswer:
        if self._desk.facts(call.system).reach is Reach.MANUAL:
            return await self._hand_over(call, SystemOutcome.NOTIFIED)
        try:
            records = await self._apply_unless_superseded(call, given=given)
        except SystemMisdeclared:
            return misdeclared(call)
        return await self._once(call, partial(_chosen, records=records, given=given))

    async def _apply_unless_superseded(self, call: SystemCall, *, given: bool) -> int | None:
        """Under the person's lock, so that the later receipt wins inside the system, too.

        None: a later choice stands, nothing was changed.
        """
        form, person = await self._desk.form(call.case), await self._desk.person(call.case)
        hashes = self._desk.hashes(person)
        choice = choice_of(self._desk.facts(call.system), form, given)
        async with self._desk.case_file.engine.begin() as conn:
            await lock_person(conn, hashes)
            if await is_superseded(conn, hashes, choice):
                return None
            return await self._apply(call, person, choice)

    async def _apply(self, call: SystemCall, person: Person, choice: Choice) -> int:
        connector = self._desk.systems.connector(call.system)
        if call.duty is Duty.RECORD_CONSENT:
            return await connector.record_consent(person, choice)
        return await connector.suppress(person, choice)

    @activity.defn(name=RESTRICT.name)
    @in_turn
    async def restrict(self, call: SystemCall) -> SystemAnswer:
        """Restrict processing while the objection is balanced (Art. 18(1)(d))."""
        return await self._mark(call, restricted=True)

    @activity.defn(name=LIFT_RESTRICTION.name)
    @in_turn
    async def lift_restriction(self, call: SystemCall) -> SystemAnswer:
        """The restriction ends: our grounds override (Art. 18(3), 21(1))."""
        return await self._mark(call, restricted=False)

    async def _mark(self, call: SystemCall, *, restricted: bool) -> SystemAnswer:
        facts = self._desk.facts(call.system)
        if facts.reach is Reach.MANUAL or not facts.restricts:
            return await self._mark_by_hand(call, restricted=restricted)
        try:
            if restricted:
                records = await self._restrict(call)
            else:
                records = await restrictions.unmark(self._desk, call)
        except SystemMisdeclared:
            return misdeclared(call)
        return await self._once(call, partial(_marked, records=records, restricted=restricted))

    async def _mark_by_hand(self, call: SystemCall, *, restricted: bool) -> SystemAnswer:
        if restricted:
            await restrictions.begin(self._desk, call)
            return await self._hand_over(call, SystemOutcome.NOTIFIED)
        if await restrictions.end_by_people(self._desk, call):
            return await self._hand_over(call, SystemOutcome.NOTIFIED)
        return await self._once(call, restrictions.left_to_another_case)

    async def _restrict(self, call: SystemCall) -> int:
        await restrictions.begin(self._desk, call)
        person = await self._desk.person(call.case)
        return await self._desk.systems.connector(call.system).restrict(person, True)

    async def _hand_over(self, call: SystemCall, outcome: SystemOutcome) -> SystemAnswer:
        """A person has to do it: a task for the system's role. A task opened is a dispatch."""
        role = self._desk.facts(call.system).role or "handler"
        return await self._once(call, partial(handed_over, role=role, outcome=outcome))

    async def _once(self, call: SystemCall, write: Write) -> SystemAnswer:
        """Record an outcome, once; the answer is what the case row has then."""

        async def record(step: CaseStep) -> SystemAnswer:
            if not step.repeated:
                await write(step, call)
                if call.review is not None:
                    await review_if_last(step, call.review)
            return await answer_of(step, call)

        beside = call.beside if activity.info().attempt == 1 else 1
        return await self._together.step(
            self._desk.case_file, call.case, step_key(), call.at, call.by.account, record,
            beside=beside,
        )  # fmt: skip


async def _chosen(step: CaseStep, call: SystemCall, *, records: int | None, given: bool) -> None:
    """`records` None: a later choice stands."""
    outcome = SystemOutcome.CORRECTED if given else SystemOutcome.SUPPRESSED
    event = Event.SUPPRESSED if call.duty is Duty.SUPPRESS else Event.CONSENT_RECORDED
    if records is None:
        outcome, event = SystemOutcome.LEFT_OUT, Event.SUPERSEDED
    elif not records:
        outcome = SystemOutcome.NOTHING_HELD
    lag = await lag_of(step)
    reason = SUPERSEDED if records is None else None
    await write_outcome(step, call, outcome, records or 0, reason, lag_seconds=lag)
    purposes = ", ".join(step.row["purposes"])
    step.record(event, system=call.system, purpose=purposes, lag_seconds=lag, records=records)


async def _marked(step: CaseStep, call: SystemCall, *, records: int, restricted: bool) -> None:
    outcome = SystemOutcome.SUPPRESSED if restricted else SystemOutcome.RETAINED
    if not records:
        outcome = SystemOutcome.NOTHING_HELD
    await write_outcome(step, call, outcome, records, lag_seconds=await lag_of(step))
    event = Event.RESTRICTED if restricted else Event.RESTRICTION_LIFTED
    step.record(event, system=call.system, records=records)


def choice_of(facts: SystemFacts, form: RequestForm, given: bool) -> Choice:
    """What the person chose, as far as it concerns the system."""
    here = facts.records_consent if form.kind is Kind.CONSENT else facts.suppresses
    return Choice(
        purposes=tuple(p for p in form.purposes if p in here),
        received_at=form.received_at,
        text_version=form.consent.text_version if form.consent else None,
        means=form.consent.means if form.consent else None,
        given=given,
    )


async def is_superseded(conn: AsyncConnection, hashes: Sequence[bytes], choice: Choice) -> bool:
    """Whether a later choice of the person stands: nothing is to be changed then."""
    standing = select(func.count()).where(
        t.suppressions.c.hash.in_(hashes),
        t.suppressions.c.purpose.in_(choice.purposes),
        t.suppressions.c.suppressed == choice.given,
    )
    return bool(await conn.scalar(standing))


async def superseded(step: CaseStep, call: SystemCall) -> None:
    """A later choice of the person stands."""
    await _chosen(step, call, records=None, given=False)


async def review_if_last(step: CaseStep, review: OpenTask) -> None:
    """The review is due once every system has answered and something was found."""
    if step.status is not Status.SEARCHING:
        return
    parts = (await step.parts()).values()
    if all(p["outcome"] in ANSWERED for p in parts) and any(p["records"] for p in parts):
        step.move(Status.REVIEWING, move(step.status, Status.REVIEWING))
        await step.open_task(review)
