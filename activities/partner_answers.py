"""What a partner's part makes of the case row: taken, held back, answered, asked in vain."""

from datetime import timedelta
from typing import Final

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.partner_corrections import after_restriction, with_statement
from activities.system_steps import keep_found, lag_of, write_outcome
from connectors.contract import Found
from connectors.partner import Told
from schemas.case import SystemOutcome
from schemas.events import Event
from schemas.partners import RequestResult, RequestStatus
from schemas.steps import OpenTask, SystemAnswer, SystemCall
from schemas.systems import Duty
from storage.case_step import CaseStep
from storage.dispatches import overtake

DONE: Final = {
    Duty.ERASE: SystemOutcome.ERASED,
    Duty.SUPPRESS: SystemOutcome.SUPPRESSED,
    Duty.RESTRICT: SystemOutcome.SUPPRESSED,
    Duty.LIFT_RESTRICTION: SystemOutcome.RETAINED,
    Duty.RECORD_CONSENT: SystemOutcome.SUPPRESSED,
    Duty.CONTEST: SystemOutcome.FOUND,
    Duty.END_CONTEST: SystemOutcome.RETAINED,
    Duty.CORRECT: SystemOutcome.CORRECTED,
}
ENDINGS: Final = (Duty.LIFT_RESTRICTION, Duty.END_CONTEST)
"""What a duty that the partner did makes of its system; a consent given is another."""

PART_ONLY: Final = "the partner gave a part only"
UNDONE: Final = {
    RequestResult.DENIED: "the partner denies the request",
    RequestResult.PARTIAL: "the partner did a part only",
}


async def nothing(_step: CaseStep, _call: SystemCall) -> None:
    """It is recorded already."""


async def taken(step: CaseStep, call: SystemCall) -> None:
    """The partner has the request: told, which is not done."""
    searching = call.duty is Duty.SEARCH
    lag = await lag_of(step)
    outcome = SystemOutcome.PENDING if searching else SystemOutcome.NOTIFIED
    await write_outcome(step, call, outcome, _records_meanwhile(call), lag_seconds=lag)
    step.record(Event.PARTNER_ASKED, system=call.system, duty=call.duty, lag_seconds=lag)


async def answered(
    step: CaseStep, call: SystemCall, told: Told, found: Found, *, given: bool
) -> None:
    """What it says that it did. A denial, a part and a cancellation go to a person."""
    if told.status is RequestStatus.CANCELLED:
        return await _to_a_person(step, call, "the partner cancelled the request")
    partly = told.result is RequestResult.PARTIAL
    if call.duty is Duty.SEARCH and told.result is not RequestResult.DENIED:
        return await keep_found(step, call, found=found, remark=PART_ONLY if partly else None)
    if told.result is not RequestResult.DONE:
        return await _to_a_person(step, call, UNDONE[told.result])
    outcome = SystemOutcome.CORRECTED if given else DONE[call.duty]
    if told.records == 0 and call.duty not in ENDINGS:
        outcome = SystemOutcome.NOTHING_HELD
    if call.duty in (Duty.CORRECT, Duty.END_CONTEST):
        await overtake(step.conn, call.case, call.system, Duty.CONTEST, step.at)
    if call.duty is Duty.CORRECT:
        outcome = await with_statement(step, call, outcome)
    records = told.records or 0
    if call.duty is Duty.END_CONTEST:
        outcome, records = await after_restriction(step, call)
    await write_outcome(step, call, outcome, records)
    return step.record(Event.SYSTEM_ANSWERED, system=call.system, outcome=outcome, records=records)


async def _to_a_person(step: CaseStep, call: SystemCall, reason: str) -> None:
    await write_outcome(step, call, SystemOutcome.FAILED, _records_meanwhile(call), reason)
    step.record(Event.PARTNER_FAILED, system=call.system, reason=reason)
    await step.open_task(OpenTask(what="resolve_system", role="handler", system=call.system))


def _records_meanwhile(call: SystemCall) -> int | None:
    """None, as they are: of a correction the end of a restriction changes nothing."""
    return None if call.duty is Duty.END_CONTEST else 0


def in_vain(call: SystemCall, outcome: SystemOutcome, reason: str) -> SystemAnswer:
    """Asked in vain: it stands on no row, and the procedure tells staff."""
    return SystemAnswer(system=call.system, outcome=outcome, reason=reason)


def not_yet(wait: timedelta) -> ApplicationError:
    """It has not answered: no error, it is looked again."""
    return ApplicationError(
        "not answered yet", type="NotYet", next_retry_delay=wait,
        category=ApplicationErrorCategory.BENIGN,
    )  # fmt: skip


def again(fault: Exception, wait: timedelta | None) -> ApplicationError:
    """Later, when the partner wished or the pace says."""
    return ApplicationError(str(fault), type=type(fault).__name__, next_retry_delay=wait)
