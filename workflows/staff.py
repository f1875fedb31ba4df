"""The messages of staff and programs: each is checked before it costs an event, then recorded.

Handlers record facts and set what the procedure waits for; only the procedure moves the status.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.case import (
    Case,
    Ended,
    Interrupt,
    Refused,
    Reopened,
    TakenBack,
    reason_of,
)
from workflows.systems import FanOut

with workflow.unsafe.imports_passed_through():
    from rules.staff import Matched, open_questions, refusal
    from schemas import messages as m
    from schemas.base import Model
    from schemas.case import (
        CaseView,
        DecisionView,
        FeeState,
        Ground,
        IdentityState,
        IdentityView,
        LetterKind,
        Outcome,
        PauseReason,
        Status,
        SystemOutcome,
        TimelineEntry,
    )
    from schemas.events import Event, Fact, fact
    from schemas.request import Kind
    from schemas.staff import ENGINE, Actor
    from schemas.steps import (
        LETTER_GONE,
        RECOMPUTE,
        WRITE_LETTER,
        CaseRef,
        FeeChange,
        LetterGone,
        OpenTask,
        Recompute,
        SystemChange,
        WriteLetter,
    )
    from schemas.systems import Duty

M = TypeVar("M", bound=m.StaffAction)
R = TypeVar("R", bound=Model)

MAX_REMARKS: Final = 200
"""Notes, reassignments and wrong signals of one run: a decision must always fit into Temporal's
limits."""

DONE_BY_HAND: Final = {
    Kind.ACCESS: (SystemOutcome.FOUND, SystemOutcome.NOTHING_HELD),
    Kind.OBJECTION: (SystemOutcome.SUPPRESSED, SystemOutcome.SUPPRESSED),
    Kind.CONSENT: (SystemOutcome.BY_HAND, SystemOutcome.BY_HAND),
}
"""What a manual task that is done with records, or without any, makes of its system."""


class StaffActions(Case):
    """Updates, signals and queries that every kind has."""

    def __init__(self, ref: CaseRef) -> None:
        super().__init__(ref)
        self.systems = FanOut(self)
        self.chosen: m.Choice | None = None
        self.taken_back = False  # then a person decides, whatever the policy lets go unattended
        self.reply_left = False
        self.reviewed = False
        self._matched: dict[str, Matched] = {}
        self._remarks = 0
        self._letters_gone: set[str] = set()
        self._signals: set[UUID] = set()
        self._acting = asyncio.Lock()

    # -- queries ---------------------------------------------------------------------------------

    @workflow.query
    def status(self) -> CaseView:
        """The case as last recorded by this run."""
        return self.view

    @workflow.query
    def timeline(self) -> list[TimelineEntry]:
        """What this run has recorded so far."""
        return self.entries

    # -- how the case stands ---------------------------------------------------------------------

    def asked(self) -> Status | None:
        """Where a case stands while the subject owes an answer."""
        questions = open_questions(self.view)
        doubtful = self.view.identity.state in (
            IdentityState.ASKED,
            IdentityState.NOT_ESTABLISHED,
        )
        if PauseReason.IDENTITY in questions or doubtful:
            return Status.IDENTIFYING
        return Status.CLARIFYING if PauseReason.CLARIFICATION in questions else None

    def owed(self) -> bool:
        """Whether somebody still owes an answer after the reply (Art. 19)."""
        return not self.systems.answered()

    def decider(self) -> str:
        """Who decides this kind."""
        return "approver"

    def decision_task(self) -> OpenTask:
        """What waits while the decision is due."""
        return OpenTask(what="decide", role=self.decider())

    def _turned(self) -> bool:
        """Whether a person has turned the procedure, which has not gone there yet."""
        return self.interrupt is not None or self.chosen is not None or self.asked() is not None

    # -- how an action is taken ------------------------------------------------------------------

    def refuses(self, action: m.StaffAction) -> str | None:
        """The sentence with which the action is refused now, None if it is taken."""
        if self._remarks >= MAX_REMARKS and isinstance(action, m.Note | m.Reassign):
            return f"Not done: this run of {self.ref.number} has {MAX_REMARKS} notes already."
        if isinstance(action, m.Decide) and self.chosen is not None:
            return (
                f"Not decided: {self.ref.number} is decided already ({self.chosen}). Before the "
                f"reply leaves: dsr take-back {self.ref.number}"
            )
        if isinstance(action, m.CorrectReceipt) and self._is_too_old(action.received_at):
            days = self.opened.max_age.days
            return f"Not corrected: the receipt would lie more than {days} days back (policy)."
        most = self.opened.max_extension_months
        if isinstance(action, m.Extend) and action.months > most:
            return f"Not extended: the policy allows {most} month(s) at most."
        return refusal(
            self.view,
            action,
            workflow.now(),
            automatic=self.opened.absolute or self.ref.kind is Kind.CONSENT,
            has_submitter=self.opened.has_submitter,
            matched=self._matched,
        )

    def _is_too_old(self, received_at: datetime) -> bool:
        """As at intake; a case that grew old meanwhile keeps its own receipt within bounds."""
        return received_at < min(workflow.now() - self.opened.max_age, self.view.received_at)

    def _validate(self, action: m.StaffAction) -> None:
        """Before the update is accepted: a refusal here costs no event.

        While a step is being recorded the state is about to change: then the handler decides.
        """
        if not isinstance(action, m.StaffAction):  # null is decoded whatever the type
            raise ApplicationError("Not done: no action is given.", type="BadInput")
        if not self.is_settled or self._may_be_news(action):
            return
        if sentence := self.refuses(action):
            raise ApplicationError(sentence, type="RefusedByRule", non_retryable=True)

    def _may_be_news(self, action: m.StaffAction) -> bool:
        """Whether the action is about a task that a system's step has just opened on the row."""
        return (
            isinstance(action, m.CompleteTask)
            and self.systems.trying()
            and all(awaited.task != action.task for awaited in self.view.awaiting)
        )

    async def _act(self, action: M, do: Callable[[M], Awaitable[None]]) -> CaseView:
        """Take the action alone, on the state that it finds when its turn comes."""
        async with self._acting:
            await workflow.wait_condition(lambda: self.is_settled)
            if self._may_be_news(action):
                await self.record()  # nothing: it brings the case row as it stands
            if sentence := self.refuses(action):
                raise ApplicationError(sentence, type="RefusedByRule", non_retryable=True)
            try:
                await do(action)
            except ActivityError as error:
                raise ApplicationError(
                    reason_of(error), type="RefusedByRule", non_retryable=True
                ) from error
        return self.view

    def _interrupted_by(self, interrupt: Interrupt) -> None:
        self.interrupt = interrupt

    # -- identity and questions ------------------------------------------------------------------

    @workflow.update
    async def verify_identity(self, action: m.VerifyIdentity) -> CaseView:
        """Identity checked, how and by whom; never a copy of the document (law.md 3)."""
        return await self._act(action, self._verify_identity)

    async def _verify_identity(self, action: m.VerifyIdentity) -> None:
        facts = [fact(Event.IDENTITY_SUFFICIENT, how=action.how)]
        if self.opened.has_submitter:
            facts.append(fact(Event.MANDATE_CHECKED, relation="submitter"))
        if PauseReason.IDENTITY in open_questions(self.view):
            await self._close_pause(PauseReason.IDENTITY, action, None)
        await self.record(
            *facts,
            by=action.by,
            identity=IdentityView(state=IdentityState.SUFFICIENT, how=action.how),
            closes=("verify_identity", "check_mandate", "identity_unanswered"),
        )

    @workflow.update
    async def ask_identity(self, action: m.AskIdentity) -> CaseView:
        """Ask on a reasonable doubt, which is recorded (Art. 12(6))."""
        return await self._act(action, self._ask_identity)

    async def _ask_identity(self, action: m.AskIdentity) -> None:
        await self._ask(PauseReason.IDENTITY, Event.IDENTITY_DOUBTED, action, action.doubt)
        await self.record(
            by=action.by,
            identity=IdentityView(state=IdentityState.ASKED),
            opens=(OpenTask(what="answer_identity", role="subject"),),
        )
        await self._letter(LetterKind.IDENTITY, action, "identity")

    @workflow.update
    async def ask_clarification(self, action: m.AskClarification) -> CaseView:
        """Ask what the request is about (recital 63)."""
        return await self._act(action, self._ask_clarification)

    async def _ask_clarification(self, action: m.AskClarification) -> None:
        await self._ask(
            PauseReason.CLARIFICATION, Event.CLARIFICATION_ASKED, action, action.question
        )
        await self.record(
            by=action.by, opens=(OpenTask(what="answer_clarification", role="subject"),)
        )
        await self._letter(LetterKind.CLARIFICATION, action, "clarification")

    async def _ask(
        self, reason: PauseReason, event: Event, action: m.StaffAction, text: str
    ) -> None:
        prompt = workflow.now() < self.view.clock.prompt_before_utc
        await self.step(
            RECOMPUTE,
            Recompute(
                case=self.ref.case, at=workflow.now(), by=action.by, pause_opened=reason,
                facts=(fact(event, counted=prompt),),
                texts={_text_part(reason, action): text},
            ),
        )  # fmt: skip

    async def _letter(self, kind: LetterKind, action: m.StaffAction, reason: str) -> None:
        await self.step(
            WRITE_LETTER,
            WriteLetter(
                case=self.ref.case, at=workflow.now(), by=action.by, kind=kind,
                text_part=_text_part(reason, action),
            ),
        )  # fmt: skip

    @workflow.update
    async def record_answer(self, action: m.RecordAnswer) -> CaseView:
        """The subject's answer ends the pause on the local date of its arrival."""
        return await self._act(action, self._record_answer)

    async def _record_answer(self, action: m.RecordAnswer) -> None:
        asked = [q for q in open_questions(self.view) if q is not PauseReason.FEE]
        reason = action.to or asked[0]
        await self._close_pause(reason, action, action.text)
        closes = (f"answer_{reason}", f"{reason}_unanswered")
        if reason is not PauseReason.IDENTITY:
            await self.record(by=action.by, closes=closes)
        elif action.sufficient:
            await self.record(
                fact(Event.IDENTITY_SUFFICIENT, how="answer"),
                by=action.by,
                identity=IdentityView(state=IdentityState.SUFFICIENT, how="answer"),
                closes=(*closes, "verify_identity"),
            )
        else:
            await self.record(
                by=action.by,
                identity=IdentityView(state=IdentityState.NOT_ESTABLISHED),
                closes=closes,
                opens=(OpenTask(what="verify_identity", role="handler"),),
            )

    async def _close_pause(
        self, reason: PauseReason, action: m.StaffAction, text: str | None
    ) -> None:
        arrived = action.answered_at if isinstance(action, m.RecordAnswer) else None
        await self.step(
            RECOMPUTE,
            Recompute(
                case=self.ref.case, at=workflow.now(), by=action.by, pause_closed=reason,
                answered_at=arrived or workflow.now(),
                facts=(fact(Event.ANSWERED, reason=reason),),
                texts={_text_part(f"answer-{reason}", action): text} if text else {},
            ),
        )  # fmt: skip

    # -- fee -------------------------------------------------------------------------------------

    @workflow.update
    async def settle_fee(self, action: m.SettleFee) -> CaseView:
        """Charge, waive or refuse as excessive: a person decides, with the grounds (Art. 12(5))."""
        return await self._act(action, self._settle_fee)

    async def _settle_fee(self, action: m.SettleFee) -> None:
        part = _text_part("fee", action)
        state = {
            m.FeeChoice.CHARGE: FeeState.TOLD,
            m.FeeChoice.WAIVE: FeeState.WAIVED,
            m.FeeChoice.REFUSE: FeeState.REFUSED,
        }[action.choice]
        told = state is FeeState.TOLD
        amount = (action.amount or self.opened.fee_cents) if told else None
        opens = (OpenTask(what="answer_fee", role="subject"),) if told else ()
        refused = DecisionView(
            what=m.Choice.REFUSE, by=action.by.account, at=workflow.now(), ground=Ground.EXCESSIVE
        )
        await self.record(
            fact(Event.FEE_SETTLED, choice=action.choice, amount=amount),
            by=action.by,
            fee=FeeChange(state=state, amount=amount),
            decision=refused if state is FeeState.REFUSED else None,
            opens=opens,
            closes=("settle_fee", "answer_fee", "fee_unanswered"),
            texts={part: action.reason} if action.reason else {},
        )
        if told:
            await self.step(
                WRITE_LETTER,
                WriteLetter(
                    case=self.ref.case, at=workflow.now(), by=action.by, kind=LetterKind.FEE,
                    facts={"amount": self.view.fee.amount}, text_part=part,
                ),
            )  # fmt: skip

    @workflow.update
    async def answer_fee(self, action: m.AnswerFee) -> CaseView:
        """The subject accepts the amount, or withdraws."""
        return await self._act(action, self._answer_fee)

    async def _answer_fee(self, action: m.AnswerFee) -> None:
        accepted = action.choice == "accept"
        await self.record(
            fact(Event.FEE_ANSWERED, choice=action.choice),
            by=action.by,
            fee=FeeChange(state=FeeState.ACCEPTED if accepted else FeeState.WITHDRAWN),
            closes=("answer_fee", "fee_unanswered"),
        )
        if not accepted:
            self._interrupted_by(Ended(Outcome.WITHDRAWN))

    # -- review and decision ---------------------------------------------------------------------

    @workflow.update
    async def review(self, action: m.Review) -> CaseView:
        """What was found has been looked at; what is withheld, and why (Art. 15(4))."""
        return await self._act(action, self._review)

    async def _review(self, action: m.Review) -> None:
        facts = tuple(
            fact(Event.WITHHELD, system=w.system, item=w.item, code=w.code) for w in action.withhold
        )
        done = fact(Event.REVIEWED, withheld=len(action.withhold))
        # The decision is due now: said in the same step, which a step of its own would double.
        due: dict[str, Any] = (
            {} if self._turned() else {"move": Status.DECIDING, "opens": (self.decision_task(),)}
        )
        await self.record(
            *facts, done, by=action.by, withheld=action.withhold, closes=("review",), **due
        )
        self.reviewed = True

    @workflow.update
    async def decide(self, action: m.Decide) -> CaseView:
        """The decision; a refusal approves nothing and states its ground (Art. 12(4))."""
        return await self._act(action, self._decide)

    async def _decide(self, action: m.Decide) -> None:
        early = self.view.status is not Status.DECIDING
        await self.record(
            fact(Event.DECIDED, choice=action.choice, ground=action.ground),
            by=action.by,
            decision=DecisionView(
                what=action.choice, by=action.by.account, at=workflow.now(), ground=action.ground
            ),
            closes=("decide",),
            texts={_text_part("decision", action): action.reason} if action.reason else {},
        )
        self.chosen = action.choice
        if early:
            self._interrupted_by(Refused())

    @workflow.signal
    async def decision(self, *given: Any) -> None:
        """The same for programs that cannot wait: ids and codes only; a wrong one is recorded."""
        signal = _read(m.DecisionSignal, given)
        if signal is None:
            return await self._ignore("it cannot be read", ENGINE)
        if signal.id in self._signals:
            return None
        self._signals.add(signal.id)
        action = m.Decide.model_validate(signal, from_attributes=True)
        try:
            await self._act(action, self._decide)
        except ApplicationError as refused:
            await self._ignore(refused.message, signal.by)
        return None

    async def _ignore(self, why: str, by: Actor) -> None:
        if self._remarks < MAX_REMARKS:
            self._remarks += 1
            await workflow.wait_condition(lambda: self.is_settled)
            await self.record(fact(Event.SIGNAL_IGNORED, why=why), by=by)

    @workflow.update
    async def take_back(self, action: m.TakeBack) -> CaseView:
        """Take the decision back before the reply has left."""
        return await self._act(action, self._take_back)

    async def _take_back(self, action: m.TakeBack) -> None:
        part = _text_part("take-back", action)
        await self.record(
            fact(Event.DECISION_TAKEN_BACK),
            by=action.by,
            take_back=True,
            closes=("send_reply",),
            texts={part: action.reason} if action.reason else {},
        )
        self.chosen, self.taken_back = None, True
        self._interrupted_by(TakenBack())

    # -- time ------------------------------------------------------------------------------------

    @workflow.update
    async def extend(self, action: m.Extend) -> CaseView:
        """Decide an extension; it counts once its notice has left in time (Art. 12(3))."""
        return await self._act(action, self._extend)

    async def _extend(self, action: m.Extend) -> None:
        part = _text_part("extension", action)
        await self.step(
            RECOMPUTE,
            Recompute(
                case=self.ref.case, at=workflow.now(), by=action.by,
                extension_decided=action.months, texts={part: action.reason},
                facts=(fact(Event.EXTENSION_DECIDED, months=action.months),),
            ),
        )  # fmt: skip
        await self.step(
            WRITE_LETTER,
            WriteLetter(
                case=self.ref.case, at=workflow.now(), by=action.by, kind=LetterKind.EXTENSION,
                facts={"months": action.months}, text_part=part,
            ),
        )  # fmt: skip
        await self.record(opens=(OpenTask(what="send_extension", role="handler"),))

    @workflow.update
    async def correct_receipt(self, action: m.CorrectReceipt) -> CaseView:
        """The receipt was recorded wrongly: a new schedule."""
        return await self._act(action, self._correct_receipt)

    async def _correct_receipt(self, action: m.CorrectReceipt) -> None:
        await self.step(
            RECOMPUTE,
            Recompute(
                case=self.ref.case, at=workflow.now(), by=action.by,
                received_at=action.received_at,
                texts={_text_part("receipt", action): action.reason},
            ),
        )  # fmt: skip

    @workflow.signal
    async def letter_left(self, *given: Any) -> None:
        """A letter was handed over: a reply stops the clock, a notice makes an extension count."""
        gone = _read(m.LetterLeft, given)
        if gone is None or gone.letter in self._letters_gone:
            return
        self._letters_gone.add(gone.letter)
        async with self._acting:
            await workflow.wait_condition(lambda: self.is_settled)
            answers = gone.kind in (LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT)
            awaited = self.view.status is Status.REPLYING and self.interrupt is None
            await self.step(
                LETTER_GONE,
                LetterGone(
                    case=self.ref.case, at=workflow.now(), letter=gone.letter, kind=gone.kind,
                    left_at=gone.at, closes=answers and awaited and not self.owed(),
                ),
            )  # fmt: skip
        self.reply_left = self.reply_left or answers

    # -- systems and tasks -----------------------------------------------------------------------

    @workflow.update
    async def complete_task(self, action: m.CompleteTask) -> CaseView:
        """A manual task is done; its file was sealed before."""
        return await self._act(action, self._complete_task)

    async def _complete_task(self, action: m.CompleteTask) -> None:
        task = next(a for a in self.view.awaiting if a.task == action.task)
        part = _text_part("task", action)
        texts = {part: action.note} if action.note else {}
        systems: tuple[SystemChange, ...] = ()
        facts: tuple[Fact, ...] = ()
        if task.system is not None:
            change = self._answer_by_hand(task.what, task.system, action)
            if task.what == "choose_match":
                texts[f"chosen:{task.system}"] = ",".join(action.items)
                own = (change.records or 0) - len(action.items)
                self._matched[task.system] = Matched(own, action.items)
            systems = (change,)
            facts = (
                fact(
                    Event.SYSTEM_ANSWERED,
                    system=change.name,
                    outcome=change.outcome,
                    records=change.records,
                ),
            )
        await self.record(
            *facts,
            by=action.by,
            closes=(task.task,),
            systems=systems,
            texts=texts,
            keeps={f"upload:{action.id}": f"file:{task.task}"} if action.has_file else {},
        )

    def _answer_by_hand(self, what: str, name: str, action: m.CompleteTask) -> SystemChange:
        records = action.records or (1 if action.has_file else 0)
        if what == "choose_match":
            system = self.view.system(name)
            records = (system.records if system else 0) + len(action.items)
        some, none = DONE_BY_HAND[self.ref.kind]
        if what == f"{Duty.LIFT_RESTRICTION}_by_hand":
            some = none = SystemOutcome.RETAINED
        return SystemChange(name=name, outcome=some if records else none, records=records)

    @workflow.update
    async def resolve_system(self, action: m.ResolveSystem) -> CaseView:
        """A person decides about a system that does not answer."""
        return await self._act(action, self._resolve_system)

    async def _resolve_system(self, action: m.ResolveSystem) -> None:
        name, how = action.system, action.how
        opens: tuple[OpenTask, ...] = ()
        outcome, reason = SystemOutcome.PENDING, None
        if how is m.SystemResolution.BY_HAND:
            opens = (OpenTask(what=f"{self._duty(name)}_by_hand", role="handler", system=name),)
        if how is m.SystemResolution.LEAVE_OUT:
            outcome, reason = SystemOutcome.LEFT_OUT, "left out by a person, with a reason on file"
        open_tasks = tuple(a.task for a in self.view.awaiting if a.system == name)
        self.systems.leave(name)  # before it is recorded: one more failure would undo the decision
        await self.record(
            fact(Event.SYSTEM_RESOLVED, system=name, how=how),
            by=action.by,
            systems=(SystemChange(name=name, outcome=outcome, reason=reason),),
            closes=open_tasks,
            opens=opens,
            texts={_text_part(f"resolve-{name}", action): action.reason},
        )
        if how is m.SystemResolution.RETRY:
            self.systems.ask_again(name)

    def _duty(self, name: str) -> str:
        return next(p.duty for p in self.opened.plan if p.name == name)

    # -- ends and remarks ------------------------------------------------------------------------

    @workflow.update
    async def withdraw(self, action: m.Withdraw) -> CaseView:
        """The subject withdraws, at any time before the reply has left."""
        return await self._act(action, self._withdraw)

    async def _withdraw(self, action: m.Withdraw) -> None:
        part = _text_part("withdrawal", action)
        await self.record(
            fact(Event.WITHDRAWN),
            by=action.by,
            take_back=True,
            texts={part: action.reason} if action.reason else {},
        )
        self._interrupted_by(Ended(Outcome.WITHDRAWN))

    @workflow.update
    async def close_as(self, action: m.CloseAs) -> CaseView:
        """End what is no request, is meant for somebody else, or is a double found by hand."""
        return await self._act(action, self._close_as)

    async def _close_as(self, action: m.CloseAs) -> None:
        facts = (fact(Event.MERGED, into=action.into),) if action.ending == "merged" else ()
        part = _text_part("ending", action)
        await self.record(
            *facts,
            by=action.by,
            take_back=True,
            link=action.into,
            texts={part: action.reason} if action.reason else {},
        )
        self._interrupted_by(Ended(Outcome(action.ending)))

    @workflow.update
    async def reassign(self, action: m.Reassign) -> CaseView:
        """Hand the case to another handler."""
        return await self._act(action, self._reassign)

    async def _reassign(self, action: m.Reassign) -> None:
        self._remarks += 1
        await self.record(
            fact(Event.REASSIGNED, to=action.to.account), by=action.by, assignee=action.to.account
        )

    @workflow.update
    async def reopen(self, action: m.Reopen) -> CaseView:
        """After a complaint, while a recipient still owes an answer: answer again."""
        return await self._act(action, self._reopen)

    async def _reopen(self, action: m.Reopen) -> None:
        await self.record(
            fact(Event.REOPENED),
            by=action.by,
            answer_again=True,
            texts={_text_part("complaint", action): action.reason},
        )
        self._interrupted_by(Reopened())

    @workflow.update
    async def note(self, action: m.Note) -> CaseView:
        """A note for the file, sealed."""
        return await self._act(action, self._note)

    async def _note(self, action: m.Note) -> None:
        self._remarks += 1
        await self.record(
            fact(Event.NOTED), by=action.by, texts={_text_part("note", action): action.text}
        )


def _read(model: type[R], given: tuple[Any, ...]) -> R | None:
    """A signal's message, None if it is none: an error here would stop the run for ever."""
    try:
        (message,) = given
        return model.model_validate_json(json.dumps(message))
    except ValueError:
        return None


def _text_part(what: str, action: m.StaffAction) -> str:
    """The sealed part in which an action's free text is kept."""
    return f"text:{what}:{action.id}"


def _check_before_acceptance(update: Any) -> None:
    """Give an update the common validator, with its own argument type as the SDK wants it."""

    def validate(self: StaffActions, action: m.StaffAction) -> None:
        self._validate(action)

    validate.__annotations__ = {"action": update.__annotations__["action"]}
    update.validator(validate)


for _action in m.ACTIONS:
    _check_before_acceptance(getattr(StaffActions, _action.name))
