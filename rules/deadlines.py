"""The time limit of a request: every date of a case, computed once, with its reasons.

`time_limit` answers one question about facts (`dsr due`, the vectors); `clock` keeps a case's
dates as facts come in. Neither reads a clock. Source: law.md 1, Art. 12(3)-(6).
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from rules import calendars, escalation, explanations
from rules.reckoning import Notice, Reckoning, ReplyKind, is_fi, is_uk, reckon
from schemas.base import Instant, Model
from schemas.case import (
    Clock,
    ClockState,
    Escalation,
    Explanation,
    Extension,
    ExtensionState,
    LadderStep,
    Pause,
)
from schemas.policy import Calendar, Policy

JURISDICTIONS: Final = {
    "FI": Calendar(),
    "UK-ENG": Calendar(country="GB", region="ENG", zone="Europe/London"),
}
_RESPONSE: Final = ReplyKind.RESPONSE
_REFUSAL: Final = ReplyKind.REFUSAL


class TimeLimit(Model):
    """One time limit. Fields are named and defined as in the shared vectors (`meta.expected`)."""

    receipt_local_date: date
    pause_days: int
    state: ClockState  # running or suspended
    nominal_date: date | None  # None while suspended, as the three below
    due_date: date | None
    due_before_utc: Instant | None  # exclusive
    due_date_fi_150_1930: date | None  # Finland only: the eves as days off
    safe_date: date
    extension_valid: bool | None  # None without an extension
    extension_notice_due_date: date | None
    explanations: tuple[Explanation, ...]


def time_limit(
    received_at: datetime,
    calendar: Calendar,
    *,
    kind: ReplyKind = _RESPONSE,
    pauses: Sequence[Pause] = (),
    notice: Notice | None = None,
) -> TimeLimit:
    """The time limit of a reply or of a refusal, from the facts as they stand.

    `notice`: an extension, if there is one. Impossible facts are refused by
    `rules.reckoning.check_facts`, which is to be asked first.
    """
    reckoning = reckon(received_at, calendar, pauses=pauses, notice=notice)
    due = reckoning.due(kind)
    return TimeLimit(
        receipt_local_date=reckoning.receipt,
        pause_days=reckoning.pause_days,
        state=ClockState.SUSPENDED if reckoning.suspended else ClockState.RUNNING,
        nominal_date=reckoning.nominal(kind),
        due_date=due,
        due_before_utc=due and calendars.end_of(due, calendar),
        due_date_fi_150_1930=reckoning.due(kind, eves_off=True) if is_fi(calendar) else None,
        safe_date=reckoning.safe_date(kind),
        extension_valid=reckoning.notice_in_time,
        extension_notice_due_date=reckoning.notice_due if notice else None,
        explanations=tuple(explanations.of_limit(reckoning, kind, pauses)),
    )


def prompt_before(received_at: datetime, calendar: Calendar, working_days: int) -> datetime:
    """The exclusive end of the time in which a question pauses the clock (Art. 12(6)).

    That is the end of the local day `working_days` working days after the receipt date, the eves
    being working days.
    """
    receipt = calendars.local_date(received_at, calendar)
    return calendars.end_of(calendars.working_day_after(receipt, working_days, calendar), calendar)


def asked_promptly(asked_at: datetime, clock: Clock) -> bool:
    """Whether a question pauses the clock; to be recorded as `Pause.counted` when it is asked."""
    return asked_at < clock.prompt_before_utc


def clock(
    received_at: datetime,
    policy: Policy,
    *,
    pauses: Sequence[Pause] = (),
    extension: Extension | None = None,
    set_at: datetime,
    revision: int = 1,
    before: Clock | None = None,
) -> Clock:
    """Every date of a case. `before` is the clock on record, None at opening.

    All facts of the case are given each time, the new one among them; `set_at` is the business
    time at which it is recorded. An extension's `state` is decided here.

    The schedule has a number, its revision: 1 at opening; the next one when an extension becomes
    (or, by a corrected receipt, ceases to be) valid, and when the receipt date changes. A receipt
    corrected within the same local day is told by giving `revision`, which is otherwise only a
    minimum. A new number sets the ladder and computes the dates anew. Under the number on record
    the rungs still to fire, `safe_date` and the target stay as they are, and a pause moves the
    due dates and the breach. A newer calendar or policy alone moves nothing.

    Escalation, breach causes and the reply's instant are carried over from `before`.
    """
    reckoning = reckon(
        received_at,
        policy.calendar,
        pauses=pauses,
        notice=Notice(extension.months, extension.notified_at) if extension else None,
        notice_due=_notice_due_on_record(received_at, policy.calendar, pauses, before),
    )
    number = max(revision, _revision(reckoning, before))
    fresh = _computed(received_at, reckoning, policy, tuple(pauses), extension, number)
    dated = _as_recorded(fresh, before) if before else fresh
    steps = _schedule(dated, policy, set_at, before)
    upcoming = escalation.next_step(steps)
    return dated.model_copy(
        update={
            "ladder": steps,
            "next_step_at": upcoming.at if upcoming else None,
            "explanations": tuple(dict.fromkeys(_reasons(reckoning, dated, fresh))),
        }
    )


def stopped(clock: Clock, replied_at: datetime) -> Clock:
    """The clock after the reply has left: nothing of the ladder is left to fire."""
    return clock.model_copy(
        update={
            "state": ClockState.BREACHED if clock.breach_causes else ClockState.STOPPED,
            "replied_at": replied_at,
            "ladder": (),
            "next_step_at": None,
        }
    )


def breached(clock: Clock, cause: str) -> Clock:
    """The clock with a breach on record. A breach is a fact: its state stays."""
    causes = (*clock.breach_causes, cause)
    return clock.model_copy(update={"state": ClockState.BREACHED, "breach_causes": causes})


def _computed(
    received_at: datetime, reckoning: Reckoning, policy: Policy, pauses: tuple[Pause, ...],
    extension: Extension | None, revision: int,
) -> Clock:  # fmt: skip
    calendar, limits = policy.calendar, policy.time_limits
    due, refusal_due = reckoning.due(_RESPONSE), reckoning.due(_REFUSAL)
    safe_date = reckoning.safe_date(_RESPONSE)
    target = safe_date - timedelta(days=limits.target_days_before_safe_date)
    return Clock(
        state=_state(reckoning),
        receipt_date=reckoning.receipt,
        due_date=due,
        due_before_utc=due and calendars.end_of(due, calendar),
        refusal_due_date=refusal_due,
        refusal_due_before_utc=refusal_due and calendars.end_of(refusal_due, calendar),
        safe_date=safe_date,
        target_date=target,
        target_at=calendars.end_of(target, calendar),
        prompt_before_utc=prompt_before(received_at, calendar, limits.ask_within_working_days),
        notice_due_date=reckoning.notice_due,
        notice_due_before_utc=calendars.end_of(reckoning.notice_due, calendar),
        extension=extension and _judged(extension, reckoning),
        pauses=pauses,
        revision=revision,
        policy_version=policy.version,
        calendar_version=calendars.calendar_version(),
    )


def _state(reckoning: Reckoning) -> ClockState:
    if reckoning.suspended:
        return ClockState.SUSPENDED
    return ClockState.EXTENDED if reckoning.notice_in_time else ClockState.RUNNING


def _judged(extension: Extension, reckoning: Reckoning) -> Extension:
    if extension.notified_at is None:
        state = ExtensionState.DECIDED
    else:
        state = ExtensionState.VALID if reckoning.notice_in_time else ExtensionState.VOID
    return extension.model_copy(update={"state": state})


def _notice_due_on_record(
    received_at: datetime, calendar: Calendar, pauses: Sequence[Pause], before: Clock | None
) -> date | None:
    """The recorded last day for the notice, unless a fact has moved it."""
    if before is None or before.receipt_date != calendars.local_date(received_at, calendar):
        return None
    moved = is_uk(calendar) and before.pauses != tuple(pauses)
    return None if moved else before.notice_due_date


def _revision(reckoning: Reckoning, before: Clock | None) -> int:
    if before is None:
        return 1
    was_valid = before.extension is not None and before.extension.state is ExtensionState.VALID
    valid = bool(reckoning.notice_in_time)
    return before.revision + (before.receipt_date != reckoning.receipt or was_valid != valid)


def _as_recorded(fresh: Clock, before: Clock) -> Clock:
    """`fresh` with what stands on record: progress, and the dates that no fact has moved."""
    kept = {"escalation", "breach_causes", "replied_at"}
    if before.receipt_date == fresh.receipt_date:
        same_schedule, same_pauses = (
            before.revision == fresh.revision,
            before.pauses == fresh.pauses,
        )
        kept |= {"prompt_before_utc"}
        kept |= {"safe_date", "target_date", "target_at"} if same_schedule else set()
        kept |= {"refusal_due_date", "refusal_due_before_utc"} if same_pauses else set()
        kept |= {"due_date", "due_before_utc"} if same_schedule and same_pauses else set()
    recorded = fresh.model_copy(update={name: getattr(before, name) for name in kept})
    if recorded.breach_causes:
        return recorded.model_copy(update={"state": ClockState.BREACHED})
    if recorded.replied_at:
        return recorded.model_copy(update={"state": ClockState.STOPPED})
    return recorded


def _schedule(
    dated: Clock, policy: Policy, set_at: datetime, before: Clock | None
) -> tuple[LadderStep, ...]:
    if dated.replied_at:
        return ()
    if before is None or before.revision != dated.revision:
        return escalation.ladder(dated.safe_date, dated.due_before_utc, policy, set_at)
    awaited = any(step.step is Escalation.BREACH for step in before.ladder)
    breach_has_fired = before.due_before_utc is not None and not awaited
    due_before = None if breach_has_fired else dated.due_before_utc
    return escalation.with_breach(before.ladder, due_before, set_at)


def _reasons(reckoning: Reckoning, dated: Clock, fresh: Clock) -> Iterator[Explanation]:
    yield from explanations.of_receipt(reckoning)
    yield from explanations.of_pauses(reckoning, dated.pauses)
    yield from explanations.of_due(reckoning, _RESPONSE, dated.due_date)
    yield from explanations.of_due(reckoning, _REFUSAL, dated.refusal_due_date)
    yield from explanations.of_notice_due(reckoning)
    yield from explanations.of_notice(reckoning, _RESPONSE)
    yield from explanations.of_safe_date(reckoning, _RESPONSE, dated.safe_date)
    yield explanations.of_target(dated.target_date, dated.safe_date)
    yield explanations.of_prompt_day(
        calendars.local_date(dated.prompt_before_utc, reckoning.calendar) - calendars.DAY
    )
    for name in ("due_date", "refusal_due_date", "safe_date"):
        recorded = getattr(dated, name)
        if recorded != getattr(fresh, name):
            yield explanations.of_record(recorded)
