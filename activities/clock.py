"""The law's dates of one case: computed by `rules.deadlines`, recorded here, nowhere else."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from temporalio import activity

from activities.closing import close, ending_of
from activities.desk import Desk
from rules import calendars, deadlines, escalation, reckoning
from rules.outcome import NOTICE_LATE
from rules.reckoning import Notice
from schemas.case import (
    REPLIES,
    Clock,
    ClockState,
    Escalation,
    Extension,
    ExtensionState,
    LetterKind,
    Pause,
    Status,
)
from schemas.events import Event, Scalar
from schemas.steps import (
    FIRE,
    LETTER_GONE,
    RECOMPUTE,
    Fire,
    LetterGone,
    OpenTask,
    Recompute,
    Recorded,
)
from storage import tables as t
from storage.case_step import CaseStep

TOLD: dict[Escalation, str] = {
    Escalation.HANDLER: "handler",
    Escalation.APPROVER: "approver",
    Escalation.DPO: "dpo",
    Escalation.BREACH: "management",
}
"""Who gets the notification of a step of the ladder."""

_NOTICED: Final = (
    update(t.letters)
    .where(t.letters.c.case_id == bindparam("mine"), t.letters.c.id == bindparam("letter"))
    .where(t.letters.c.kind == bindparam("of_kind"), t.letters.c.left_at == bindparam("left"))
    .values(noticed_at=bindparam("at"))
)


class ClockActivities:
    """Steps that compute dates or fire the ladder."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @activity.defn(name=RECOMPUTE.name)
    async def recompute(self, change: Recompute) -> Recorded:
        """A fact moves dates: a pause, an extension, a corrected receipt. Safe to repeat."""

        async def write(step: CaseStep) -> None:
            for fact in change.facts:
                step.record(fact.event, **fact.facts)
            for part, text in change.texts.items():
                await step.seal(part, text.encode())
            await self._move_dates(step, change)

        return await self._desk.record(change, write)

    async def _move_dates(self, step: CaseStep, change: Recompute) -> None:
        received_at: datetime = step.row["received_at"]
        if change.pause_opened is not None:
            await step.conn.execute(
                insert(t.pauses).values(
                    case_id=step.case, reason=change.pause_opened, asked_at=change.at,
                    counted=deadlines.asked_promptly(change.at, step.clock),
                )
            )  # fmt: skip
        if change.pause_closed is not None:
            await step.conn.execute(
                update(t.pauses)
                .where(t.pauses.c.case_id == step.case, t.pauses.c.answered_at.is_(None))
                .where(t.pauses.c.reason == change.pause_closed)
                .values(answered_at=change.answered_at)
            )
        if change.received_at is not None:
            step.record(
                Event.RECEIPT_CORRECTED,
                before=received_at.isoformat(),
                after=change.received_at.isoformat(),
            )
            received_at = change.received_at
            step.set(received_at=received_at)
            await self._judge_again(step, received_at)
        extension = step.clock.extension
        if change.extension_decided is not None:
            extension = Extension(
                months=change.extension_decided, state=ExtensionState.DECIDED, decided_at=change.at
            )
        corrected = change.received_at is not None
        await self._recompute(step, received_at, extension, corrected=corrected)

    async def _judge_again(self, step: CaseStep, received_at: datetime) -> None:
        """Whether a question was asked promptly goes by the day of receipt (Art. 12(6))."""
        policy = self._desk.policy
        if calendars.local_date(received_at, policy.calendar) == step.clock.receipt_date:
            return
        days = policy.time_limits.ask_within_working_days
        before = deadlines.prompt_before(received_at, policy.calendar, days)
        mine = update(t.pauses).where(t.pauses.c.case_id == step.case)
        await step.conn.execute(mine.values(counted=t.pauses.c.asked_at < before))

    async def _recompute(
        self, step: CaseStep, received_at: datetime, extension: Extension | None,
        *, corrected: bool = False, told: bool = False,
    ) -> None:  # fmt: skip
        """`told`: a letter has left, and what happened is not refused for its instant."""
        rows = await step.conn.execute(
            select(t.pauses).where(t.pauses.c.case_id == step.case).order_by(t.pauses.c.id)
        )
        pauses = tuple(
            Pause(
                reason=row["reason"], asked_at=row["asked_at"], answered_at=row["answered_at"],
                counted=row["counted"],
            )
            for row in rows.mappings()
        )  # fmt: skip
        notice = Notice(extension.months, extension.notified_at) if extension else None
        if not told:
            reckoning.check_facts(received_at, pauses, notice)
        clock = deadlines.clock(
            received_at, self._desk.policy, pauses=pauses, extension=extension, set_at=step.at,
            before=step.clock, revision=step.clock.revision + corrected,
        )  # fmt: skip
        step.set_clock(clock)
        step.record(Event.DATES_COMPUTED, **dates_fact(clock))

    @activity.defn(name=FIRE.name)
    async def fire(self, fire: Fire) -> Recorded:
        """A step of the ladder: recorded, told to its role, once per schedule. Safe to repeat."""

        async def write(step: CaseStep) -> None:
            await fire_step(step, fire.step, fire.revision, fire.cause)

        return await self._desk.record(fire, write)

    @activity.defn(name=LETTER_GONE.name)
    async def letter_gone(self, gone: LetterGone) -> Recorded:
        """A letter was handed over: what that means for the dates, and whether it is the end.

        Nothing, if it has not left as is said. Safe to repeat.
        """

        async def write(step: CaseStep) -> None:
            said = {"letter": gone.letter, "of_kind": gone.kind, "left": gone.left_at}
            noticed = await step.conn.execute(_NOTICED, {"mine": gone.case, "at": gone.at, **said})
            if noticed.rowcount == 0:
                return
            if gone.kind in REPLIES:
                await self._replied(step, gone)
            if gone.kind is LetterKind.EXTENSION:
                await self._extension_told(step, gone.left_at)
            if gone.closes:
                step.set(outcome=await ending_of(step))
                step.record(Event.CLOSED, outcome=step.outcome)
                await close(step)

        return await self._desk.record(gone, write)

    async def _replied(self, step: CaseStep, gone: LetterGone) -> None:
        await step.close_tasks("send_reply")
        step.tell_ledger(delivered_at=gone.left_at)
        if step.clock.replied_at is not None:
            return  # a supplement, or an answer after a complaint: the clock stopped before
        step.record(Event.REPLY_LEFT, letter=gone.letter)
        clock = deadlines.stopped(step.clock, gone.left_at)
        cause = _lateness(step, clock, gone)
        if cause is not None:
            clock = _breached(step, clock, cause)
        step.set_clock(clock)

    async def _extension_told(self, step: CaseStep, left_at: datetime) -> None:
        await step.close_tasks("send_extension")
        decided = step.clock.extension
        if decided is None or step.clock.replied_at is not None:
            return
        told = decided.model_copy(update={"notified_at": left_at})
        await self._recompute(step, step.row["received_at"], told, told=True)
        if step.clock.extension and step.clock.extension.state is ExtensionState.VALID:
            step.record(Event.EXTENDED, months=told.months)
            return
        step.record(Event.EXTENSION_VOID, last_day=str(step.clock.notice_due_date))
        if NOTICE_LATE not in step.clock.breach_causes:  # else the breach was told when it fell due
            step.set_clock(_breached(step, step.clock, NOTICE_LATE))


def _lateness(step: CaseStep, clock: Clock, gone: LetterGone) -> str | None:
    """Why a reply that has left was late; None if it was in time (Art. 12(3)-(4))."""
    before = clock.due_before_utc
    if before is not None and gone.left_at >= before:
        return None if clock.breach_causes else "reply_late"
    refusing = gone.kind is LetterKind.REFUSAL or bool(step.row["withheld"])
    limit = clock.refusal_due_before_utc
    if refusing and limit is not None and gone.left_at >= limit:
        return "refusal_late"
    return None


def _breached(step: CaseStep, clock: Clock, cause: str) -> Clock:
    step.record(Event.BREACHED, cause=cause)
    return clock.model_copy(
        update={
            "state": ClockState.BREACHED,
            "escalation": Escalation.BREACH,
            "breach_causes": (*clock.breach_causes, cause),
        }
    )


async def fire_step(step: CaseStep, rung: Escalation, revision: int, cause: str | None) -> bool:
    """Fire one step of the schedule; False if it has fired, or the schedule has moved.

    The workflow and the sweep both come here: the key (case, revision, step) lets one in.
    """
    if revision != step.clock.revision or Status(step.row["status"]) is Status.CLOSED:
        return False
    if all(planned.step is not rung for planned in step.clock.ladder):
        return False
    first = await step.conn.execute(
        upsert(t.escalations)
        .values(case_id=step.case, revision=revision, step=rung, fired_at=step.at)
        .on_conflict_do_nothing()
    )
    clock = escalation.fired(step.clock, rung)
    if first.rowcount == 0:  # a pause after the breach sets it again: it stays a fact, told once
        step.set_clock(clock)
        return False
    if rung is Escalation.BREACH:
        clock = _breached(step, clock, cause or "not_answered")
    else:
        step.record(Event.ESCALATED, step=rung)
    step.set_clock(clock)
    await step.open_task(
        OpenTask(what=f"escalated_to_{rung}" if rung is not Escalation.BREACH else "breach",
                 role=TOLD[rung], due=clock.due_before_utc)
    )  # fmt: skip
    return True


def dates_fact(clock: Clock) -> dict[str, Scalar]:
    """The dates as the audit entry keeps them."""
    return {
        "due_date": str(clock.due_date) if clock.due_date else None,
        "safe_date": str(clock.safe_date),
        "refusal_due_date": str(clock.refusal_due_date) if clock.refusal_due_date else None,
        "target_date": str(clock.target_date),
        "state": clock.state,
        "revision": clock.revision,
        "calendar": clock.calendar_version,
    }
