"""Art. 19: to whom what was done is communicated, where that stands, and when the DPO is told.

A recipient is whoever else holds the data for us or from us (Art. 4(9)), processors included. An
access request communicates nothing to anybody.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from schemas.case import SystemOutcome
from schemas.partners import RequestResult, RequestStatus
from schemas.policy import RecipientPolicy
from schemas.recipients import (
    Errand,
    Part,
    RecipientLine,
    RecipientRows,
    RecipientState,
    Said,
)
from schemas.systems import Duty, SystemFacts

LOOKS: Final = (Duty.SEARCH, Duty.PLAN_ERASURE)
"""Duties that ask and tell nothing."""

SUPERSEDED: Final = "a later choice of the person stands"
KEPT: Final = (Duty.ERASE, Duty.CORRECT)
"""Where `retained` means that it was not done."""

STATES: Final = {
    SystemOutcome.PENDING: RecipientState.NOT_TOLD,
    SystemOutcome.NOTIFIED: RecipientState.NOTIFIED,
    SystemOutcome.SILENT: RecipientState.NOTIFIED,
    SystemOutcome.UNREACHABLE: RecipientState.FAILED,
    SystemOutcome.FAILED: RecipientState.FAILED,
    SystemOutcome.LEFT_OUT: RecipientState.IMPOSSIBLE,
}
"""Of outcomes that mean the same for every duty; any other one is done."""


def is_recipient(system: SystemFacts) -> bool:
    """Whether somebody else than the controller holds what is in the system."""
    return system.recipient.relation != "controller"


def ledger(rows: RecipientRows, systems: Iterable[SystemFacts]) -> tuple[RecipientLine, ...]:
    """A line for each recipient and duty, in the order of `systems`."""
    parts = {part.system: part for part in rows.parts}
    return tuple(
        line
        for system in systems
        if is_recipient(system) and system.name in parts
        for line in _of_one(rows, system, parts[system.name])
    )


def _of_one(rows: RecipientRows, system: SystemFacts, part: Part) -> Iterator[RecipientLine]:
    errands = [one for one in rows.errands if one.system == system.name and one.duty not in LOOKS]
    latest = {one.duty: one for one in sorted(errands, key=lambda one: one.at)}
    now = max(latest.values(), key=lambda one: one.at).duty if latest else part.duty
    for duty in dict.fromkeys((part.duty, *latest)):
        if duty in LOOKS:
            continue
        errand = latest.get(duty)
        said = _said(rows.said, system.name, duty)
        state = _now(part, duty, errand) if duty is now else _before(errand)
        if state is RecipientState.NOTIFIED and _is_confirmed(said):
            state = RecipientState.ACKNOWLEDGED
        if state is RecipientState.NOT_TOLD and rows.over:
            state = RecipientState.NOT_DUE
        yield RecipientLine(
            system=system.name, recipient=system.recipient, duty=duty, state=state,
            since=part.since if duty is now or errand is None else errand.at,
            told_at=said.told_at, reason=part.reason if duty is now else None,
            reminders=rows.reminders.get(system.name, 0), escalated_at=said.escalated_at,
        )  # fmt: skip


def _now(part: Part, duty: Duty, errand: Errand | None) -> RecipientState:
    """Where the duty stands that the system's outcome is about."""
    if part.outcome is SystemOutcome.LEFT_OUT and part.reason == SUPERSEDED:
        return RecipientState.NOT_DUE
    if part.outcome is SystemOutcome.RETAINED and duty in KEPT:
        return RecipientState.NOT_DUE
    if part.outcome is SystemOutcome.FOUND and duty in KEPT:
        return RecipientState.NOT_TOLD
    state = STATES.get(part.outcome, RecipientState.DONE)
    if state is RecipientState.NOTIFIED and errand is not None and errand.heard is not None:
        return RecipientState.ACKNOWLEDGED
    if state is RecipientState.NOT_TOLD and errand is not None and errand.is_open:
        return _before(errand)
    return state


def _before(errand: Errand | None) -> RecipientState:
    """Where a duty stands from which the system's outcome has gone on."""
    if errand is None:
        return RecipientState.NOT_TOLD
    if errand.is_open:
        return RecipientState.ACKNOWLEDGED if errand.heard else RecipientState.NOTIFIED
    if errand.result not in (None, RequestResult.DONE):
        return RecipientState.FAILED
    unheard = errand.is_request and errand.heard is not RequestStatus.COMPLETED
    return RecipientState.NOT_DUE if errand.overtaken or unheard else RecipientState.DONE


def _said(said: Iterable[Said], system: str, duty: Duty) -> Said:
    mine = [one for one in said if one.system == system and one.duty in (None, duty)]
    told = [one.told_at for one in mine if one.told_at]
    acknowledged = [one.acknowledged_at for one in mine if one.acknowledged_at]
    escalated = [one.escalated_at for one in mine if one.escalated_at]
    return Said(
        system=system,
        duty=duty,
        told_at=max(told, default=None),
        acknowledged_at=max(acknowledged, default=None),
        escalated_at=max(escalated, default=None),
    )


def _is_confirmed(said: Said) -> bool:
    """Whether a person recorded that the recipient has this very notice."""
    at, told = said.acknowledged_at, said.told_at
    return at is not None and (told is None or at >= told)


def is_overdue(
    told_at: datetime | None, replied_at: datetime, escalated_at: datetime | None, now: datetime,
    policy: RecipientPolicy,
) -> bool:  # fmt: skip
    """Whether the DPO is told, again, that a recipient does not answer after the reply has left.

    `told_at`: when it was told last; None: it could not be, so the reply counts.
    """
    since = max(told_at or replied_at, escalated_at or replied_at)
    return now >= since + policy.escalate_after
