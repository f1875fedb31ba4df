"""How a case ended, and why a time limit was missed: decided from what was done, never chosen."""

from collections.abc import Iterable
from typing import Final

from schemas.case import (
    ANSWERED,
    CaseView,
    Clock,
    ExtensionState,
    Outcome,
    Status,
    SystemOutcome,
    SystemView,
)
from schemas.request import Kind

BREACH_CAUSES: Final = {
    Status.RECEIVED: "not_acknowledged",
    Status.IDENTIFYING: "identity_not_established",
    Status.CLARIFYING: "clarification_open",
    Status.QUOTING: "fee_question_open",
    Status.SEARCHING: "search_not_finished",
    Status.REVIEWING: "not_reviewed",
    Status.DECIDING: "not_decided",
    Status.FULFILLING: "not_carried_out",
    Status.REPLYING: "reply_not_sent",
}


NOTICE_LATE: Final = "extension_notice_late"
"""The extension was decided in time, and its notice did not leave in time (Art. 12(3))."""


def breach_cause(status: Status, clock: Clock) -> str:
    """Why the time limit was missed: the notice that has not left, or what the case waited for."""
    if clock.extension is not None and clock.extension.state is ExtensionState.DECIDED:
        return NOTICE_LATE
    return BREACH_CAUSES.get(status, "not_answered")


def owing(systems: Iterable[SystemView]) -> tuple[SystemView, ...]:
    """The systems and recipients that still owe an answer. Silence is never success."""
    return tuple(system for system in systems if system.outcome not in ANSWERED)


def outcome_of(view: CaseView, *, refused: bool, limited: bool, done: bool = False) -> Outcome:
    """The outcome that a reply states.

    `limited`: a person decided to answer in part. `done`: something was erased or corrected before
    it was refused. A system that was left out, has not answered or failed makes it partial; a
    recipient that was told, other than of a search, does not.
    """
    if refused:
        return ended_as(Outcome.REFUSED, done=done)
    told = {SystemOutcome.NOTIFIED} if view.kind is not Kind.ACCESS else set()
    kept = any(s.outcome is SystemOutcome.RETAINED for s in view.systems)
    if view.kind in (Kind.DELETE, Kind.CORRECT) and kept:
        return Outcome.PARTIAL
    missing = [s for s in owing(view.systems) if s.outcome not in told]
    left_out = any(s.outcome is SystemOutcome.LEFT_OUT for s in view.systems)
    if limited or missing or left_out or any(s.withheld for s in view.systems):
        return Outcome.PARTIAL
    held = any(s.outcome is not SystemOutcome.NOTHING_HELD for s in view.systems)
    if view.kind in (Kind.ACCESS, Kind.DELETE, Kind.CORRECT) and not held:
        return Outcome.NOTHING_HELD
    return Outcome.FULFILLED


def ended_as(outcome: Outcome, *, done: bool) -> Outcome:
    """How a case ends that is not carried out: in part, if some of it was (`done`) before."""
    return Outcome.PARTIAL if done else outcome


def closed_as(told: Outcome, *, left_out: bool) -> Outcome:
    """How a case is closed whose reply told so: never better.

    In part if a person has `left_out` since whom it told of: nobody knows what came of it there.
    """
    return Outcome.PARTIAL if told is Outcome.FULFILLED and left_out else told


NOT_INQUIRIES: Final = (Outcome.MERGED, Outcome.MISDIRECTED, Outcome.NOT_A_REQUEST)
"""Endings of what was no inquiry to us: the ledger of the 12-month rule forgets them."""
