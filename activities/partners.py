"""Partners that answer over HTTP: a request is handed over once, then heard until it is answered.

Handed over is not done: the outcome is what the partner's own status says when it is asked. A
callback only makes us ask: one that claims more than the status (a lying partner) gains nothing.
Silence is never success.
"""

from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from temporalio import activity

from activities import partner_answers as answers
from activities import partner_corrections as corrections
from activities.desk import Desk, step_key
from activities.disputes import as_sent, role_of, wanted_of
from activities.erasing import Erasing, Guard, Wanted, is_held
from activities.standstill import is_stopped, stopped
from activities.stopping import Stopping
from activities.system_steps import Write, handed_over, held_back, misdeclared, written_once
from activities.systems import choice_of, is_superseded, review_if_last, superseded
from activities.turns import NotItsTurn, comes_again, patient, tries_so_far, turn
from connectors.contract import Choice, Found, SystemMisdeclared
from connectors.partner import Order, Partner, PartnerAway, PartnerWrong, Right, Told
from rules.partners import asks_at, wait_after
from schemas.case import SystemOutcome
from schemas.errors import RefusedByRule
from schemas.events import Event
from schemas.holds import Held
from schemas.partners import PartnerFault, RequestResult, RequestStatus
from schemas.request import RequestForm
from schemas.steps import ASK_PARTNER, HEAR_PARTNER, TAKE_BACK, SystemAnswer, SystemCall
from schemas.systems import Duty
from storage.case_step import CaseStep
from storage.dispatches import Dispatch, failed, heard, open_dispatch, settle, unsettled
from storage.persons import hashes_of
from storage.stops import was_sent, was_taken_back

RIGHTS: Final = {
    Duty.SEARCH: Right.ACCESS,
    Duty.ERASE: Right.ERASURE,
    Duty.SUPPRESS: Right.OBJECTION,
    Duty.RESTRICT: Right.RESTRICTION,
    Duty.LIFT_RESTRICTION: Right.RESTRICTION_LIFT,
    Duty.RECORD_CONSENT: Right.CONSENT,
    Duty.CONTEST: Right.RESTRICTION,
    Duty.END_CONTEST: Right.RESTRICTION_LIFT,
    Duty.CORRECT: Right.CORRECTION,
}
RESTRICTS: Final = (Duty.RESTRICT, Duty.LIFT_RESTRICTION)
OPEN: Final = (RequestStatus.PENDING, RequestStatus.IN_PROGRESS)


class PartnerActivities:
    """Ask a partner, and hear what it answers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._stopping = Stopping(desk.case_file, desk.systems.partner)

    # -- asking ----------------------------------------------------------------------------------

    @activity.defn(name=ASK_PARTNER.name)
    @patient
    async def ask(self, call: SystemCall) -> SystemAnswer:
        """Hand the request over under the id of its row, once, however often it is tried.

        Then a recipient of an objection, a consent, a correction or a deletion is `notified`
        (Art. 19). About a correction, or the restriction meanwhile, that the partner takes no
        requests of, people talk to it.
        """
        if await self._desk.case_file.is_done(call.case, step_key()):
            return await self._once(call, answers.nothing)
        facts = self._desk.facts(call.system)
        if call.duty in RESTRICTS and not facts.restricts:
            role = facts.role or "handler"
            by_hand = partial(handed_over, role=role, outcome=SystemOutcome.NOTIFIED)
            return await self._once(call, by_hand)
        try:
            async with turn(self._desk, call, asking=True):
                if call.duty is Duty.ERASE:
                    return await self._ask_to_erase(call)
                if call.duty is Duty.CORRECT:
                    return await self._ask_to_correct(call)
                return await self._once(call, await self._ask(call))
        except PartnerWrong as wrong:
            if wrong.fault is PartnerFault.UNSUPPORTED and call.duty in corrections.BY_PEOPLE:
                return await self._by_people(call)
            return answers.in_vain(call, SystemOutcome.FAILED, wrong.fault)
        except SystemMisdeclared:
            return misdeclared(call)

    async def _ask(self, call: SystemCall) -> Write:
        """Unless a later choice of the person stands; what is to be recorded then."""
        choice = self._choice(call, await self._desk.form(call.case))
        if call.duty in (Duty.SUPPRESS, Duty.RECORD_CONSENT):
            hashes = self._desk.hashes(await self._desk.person(call.case))
            async with self._desk.case_file.reading.connect() as conn:
                if await is_superseded(conn, hashes, choice):
                    return superseded
        await self._partner(call).ask(await self._order(call, choice))
        return answers.taken

    async def _ask_to_correct(self, call: SystemCall) -> SystemAnswer:
        """What was approved and may be sent; who `restricts` no longer is told so with it."""
        wanted, facts = await wanted_of(self._desk, call), self._desk.facts(call.system)
        sent = as_sent(wanted, facts, self._desk.systems.facts)
        if not sent:
            return await self._by_people(call)
        if await is_stopped(self._desk, call.system):
            return (await self._once(call, stopped)).model_copy(update={"stopped": True})
        order = await self._order(call, None)
        ends = call.restricts and not wanted.disputed
        await self._partner(call).ask(
            order.model_copy(update={"corrections": sent, "ends_restriction": ends})
        )
        role = role_of(facts)
        return await self._once(
            call, partial(corrections.taken, disputed=wanted.disputed, role=role)
        )

    async def _by_people(self, call: SystemCall) -> SystemAnswer:
        told = await self._once(call, await corrections.by_people(self._desk, call))
        return told.model_copy(update={"by_people": True})

    async def _ask_to_erase(self, call: SystemCall) -> SystemAnswer:
        """To a partner the dispatch is the point of no return: it goes out under the guard.

        A hold on the person, on the partner or on a category of its keeps all from being told.
        """
        if await is_stopped(self._desk, call.system):
            return (await self._once(call, stopped)).model_copy(update={"stopped": True})
        order = await self._order(call, None)
        guard = Guard(self._desk.case_file, self._desk.policy.holds.erase_within)
        try:
            async with guard.erasing(await self._wanted(call, order.request)) as erasing:
                write: Write = partial(held_back, held=erasing.held)
                if not (erasing.held.everything or erasing.held.categories):
                    await erasing.prove()
                    await self._partner(call).ask(order)
                    write = answers.taken
                elif await self._has_it(call, order.request, erasing):
                    write = answers.taken  # the hold came later: it is heard on
                async with erasing.step(call.by.account) as step:
                    return await written_once(step, call, write)
        except RefusedByRule:  # nobody is erased by a name alone
            return answers.in_vain(call, SystemOutcome.FAILED, PartnerFault.NOBODY)

    async def _has_it(self, call: SystemCall, request: UUID, erasing: Erasing) -> bool:
        """Whether an earlier try has told the partner. Nobody knows: the partner is asked.

        Raises what a partner raises: asked again later, never said to be kept from it.
        """
        async with self._desk.case_file.reading.connect() as conn:
            if await was_sent(conn, request):
                return True
        in_doubt = await erasing.is_repeated()
        return in_doubt and await has_been_told(self._desk, call.case, call.system)

    async def _wanted(self, call: SystemCall, request: UUID) -> Wanted:
        person = await self._desk.person(call.case)
        return Wanted(
            case=call.case, system=call.system, at=call.at, key=step_key(),
            categories=self._desk.facts(call.system).categories,
            hashes=tuple(self._desk.hashes(person)), dispatch=request,
        )  # fmt: skip

    async def _order(self, call: SystemCall, choice: Choice | None) -> Order:
        """Its row is committed before it can be sent."""
        form = await self._desk.form(call.case)
        async with self._desk.case_file.engine.begin() as conn:
            dispatch = await open_dispatch(conn, call.case, call.system, call.duty)
        return Order(
            request=dispatch.id,
            right=RIGHTS[call.duty],
            submitted_at=form.received_at,
            person=await self._desk.person(call.case),
            employer=form.subject.employer,
            address=form.subject.address,
            choice=choice if choice and choice.purposes else None,
        )

    # -- hearing ---------------------------------------------------------------------------------

    @activity.defn(name=HEAR_PARTNER.name)
    async def hear(self, call: SystemCall) -> SystemAnswer:
        """One look: at our row, and at the partner's status where that is due. Safe to repeat.

        Not answered: raises, and the engine looks again. An answer without a revision: the
        partner was asked in vain several times in a row, and a person should know.
        """
        look, pace = tries_so_far(), self._desk.policy.pace
        async with self._desk.case_file.reading.connect() as conn:
            dispatch = await unsettled(conn, call.case, call.system, call.duty)
        if dispatch is None:  # an earlier try wrote the answer
            return await self._once(call, answers.nothing)
        if dispatch.is_to_stop:  # of a deletion: a hold came after it
            await self._stopping.work(_looked_at(), dispatch.id)
            dispatch = dispatch.model_copy(update={"news": True})
        if not (dispatch.news or dispatch.failures or asks_at(look, pace)):
            raise answers.not_yet(wait_after(look, pace))
        try:
            async with turn(self._desk, call, asking=False):
                told, found = await self._status(call, dispatch)
        except NotItsTurn as busy:
            raise comes_again(busy.wait) from None
        except (PartnerAway, PartnerWrong) as fault:
            return await self._asked_in_vain(call, dispatch, fault)
        if told.status in OPEN:
            raise answers.not_yet(wait_after(look, pace))
        return await self._once(call, self._settled(dispatch, told, found))

    async def _status(self, call: SystemCall, dispatch: Dispatch) -> tuple[Told, Found]:
        """Where the partner stands, and what it found if it has searched."""
        partner, found = self._partner(call), Found()
        told = await partner.status(dispatch.id)
        searched = call.duty is Duty.SEARCH and told.status is RequestStatus.COMPLETED
        if searched and told.result is not RequestResult.DENIED:
            found = await partner.results(told)
        async with self._desk.case_file.engine.begin() as conn:
            await heard(conn, dispatch.id, told.status)
        return told, found

    async def _asked_in_vain(
        self, call: SystemCall, dispatch: Dispatch, fault: PartnerAway | PartnerWrong
    ) -> SystemAnswer:
        """Later again; after several times in a row staff are told, and it is asked on."""
        pace = self._desk.policy.pace
        async with self._desk.case_file.engine.begin() as conn:
            failures = await failed(conn, dispatch.id)
        if failures < pace.tell_after_tries:
            wished = fault.retry_after if isinstance(fault, PartnerAway) else None
            raise answers.again(fault, wished or wait_after(failures, pace)) from None
        if isinstance(fault, PartnerWrong):
            return answers.in_vain(call, SystemOutcome.FAILED, fault.fault)
        return answers.in_vain(call, SystemOutcome.UNREACHABLE, "cannot be reached")

    def _settled(self, dispatch: Dispatch, told: Told, found: Found) -> Write:
        """The answer on the case row, and the row of the request settled with it."""

        async def write(step: CaseStep, call: SystemCall) -> None:
            done = told.status is RequestStatus.COMPLETED
            await settle(step.conn, dispatch.id, step.at, told.result if done else None)
            if not done and await was_taken_back(step.conn, dispatch.id):
                return await held_back(step, call, held=await self._held(step, call))
            form = await self._desk.form(call.case)
            given = call.duty is Duty.RECORD_CONSENT and self._choice(call, form).given
            await answers.answered(step, call, told, found, given=given)
            if call.review is not None:
                await review_if_last(step, call.review)
            return None

        return write

    async def _held(self, step: CaseStep, call: SystemCall) -> Held:
        """What keeps a request that was taken back; ended since: nothing is said of a hold."""
        hashes = await hashes_of(step.conn, call.case)
        categories = self._desk.facts(call.system).categories
        now = await is_held(step.conn, hashes, call.system, categories, step.at)
        still = now.everything or bool(now.categories)
        return now.model_copy(update={"secret": now.secret or not still})

    # -- taking back -----------------------------------------------------------------------------

    @activity.defn(name=TAKE_BACK.name)
    @patient
    async def take_back(self, call: SystemCall) -> SystemAnswer:
        """The case does without the partner: a request that it has not begun is cancelled.

        Its row is settled either way, so that a later wish of the person is a new request.
        """
        async with self._desk.case_file.reading.connect() as conn:
            dispatch = await unsettled(conn, call.case, call.system, call.duty)
        if dispatch is None:
            return await self._once(call, answers.nothing)
        try:
            async with turn(self._desk, call, asking=False):
                cancelled = await self._partner(call).cancel(dispatch.id)
        except PartnerWrong:
            cancelled = False
        return await self._once(call, _taken_back(dispatch, cancelled=cancelled))

    # -- what all need ---------------------------------------------------------------------------

    def _partner(self, call: SystemCall) -> Partner:
        return self._desk.systems.partner(call.system)

    def _choice(self, call: SystemCall, form: RequestForm) -> Choice:
        facts = self._desk.facts(call.system)
        given = form.consent is not None and form.consent.given
        choice = choice_of(facts, form, given)
        if call.duty not in RESTRICTS:
            return choice
        concerned = tuple(purpose for purpose in form.purposes if purpose in facts.purposes)
        return choice.model_copy(update={"purposes": concerned})

    async def _once(self, call: SystemCall, write: Write) -> SystemAnswer:
        """One step of the case, at the time of this look, which may come weeks after the call."""
        key, case_file = step_key(), self._desk.case_file
        async with case_file.step(call.case, key, _looked_at(), call.by.account) as step:
            return await written_once(step, call, write)


def _taken_back(dispatch: Dispatch, *, cancelled: bool) -> Write:
    async def write(step: CaseStep, call: SystemCall) -> None:
        if cancelled:
            await heard(step.conn, dispatch.id, RequestStatus.CANCELLED)
        await settle(step.conn, dispatch.id, step.at)
        event = Event.PARTNER_TAKEN_BACK if cancelled else Event.PARTNER_NOT_TAKEN_BACK
        step.record(event, system=call.system)

    return write


async def has_been_told(desk: Desk, case: UUID, system: str) -> bool:
    """Whether a partner has the request to erase, where an interrupted dispatch left it in doubt.

    A request that is settled was answered for. Raises what a partner raises: still in doubt.
    """
    async with desk.case_file.reading.connect() as conn:
        dispatch = await unsettled(conn, case, system, Duty.ERASE)
    if dispatch is None:
        return True
    try:
        await desk.systems.partner(system).status(dispatch.id)
    except PartnerWrong as wrong:
        if wrong.fault is PartnerFault.UNKNOWN_REQUEST:
            return False
        raise
    return True


def _looked_at() -> datetime:
    """The case's own time: Temporal's, which tests and a year of waiting move alike."""
    return activity.info().current_attempt_scheduled_time
