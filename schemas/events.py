"""What the audit chain records: one event per fact, with the sentence that a person reads.

A part of a sentence in brackets stands only where its facts are known.

Facts are enums, numbers, dates and ids, never personal data (law.md 6). Free text of staff is
sealed in the case file; the chain names the sealed part (`text`).
"""

import re
from enum import StrEnum
from string import Formatter
from typing import Final

from schemas.base import Model

Scalar = str | int | float | bool | None


class Event(StrEnum):
    """Names are kept for ever: they stand in signed records."""

    RECEIVED = "received"
    ATTACHED = "attached"
    FEE_ASSESSED = "fee_assessed"
    DATES_COMPUTED = "dates_computed"
    POSSIBLY_SAME_PERSON = "possibly_same_person"
    DUPLICATE_ANSWERED = "duplicate_answered"
    ACKNOWLEDGED = "acknowledged"
    MOVED = "moved"
    IDENTITY_SUFFICIENT = "identity_sufficient"
    IDENTITY_DOUBTED = "identity_doubted"
    CLARIFICATION_ASKED = "clarification_asked"
    ANSWERED = "answered"
    ANSWER_OVERDUE = "answer_overdue"
    MANDATE_CHECKED = "mandate_checked"
    FEE_QUESTION = "fee_question"
    FEE_SETTLED = "fee_settled"
    FEE_ANSWERED = "fee_answered"
    MERGED = "merged"
    SEARCHED = "searched"
    SEARCH_CLOSED = "search_closed"
    SYSTEM_UNREACHABLE = "system_unreachable"
    SYSTEM_PAUSED = "system_paused"
    SYSTEM_RESOLVED = "system_resolved"
    SYSTEM_ANSWERED = "system_answered"
    MATCH_DOUBTFUL = "match_doubtful"
    REVIEWED = "reviewed"
    WITHHELD = "withheld"
    DECIDED = "decided"
    DECISION_TAKEN_BACK = "decision_taken_back"
    SIGNAL_IGNORED = "signal_ignored"
    SECOND_DECIDED = "second_decided"
    ERASURE_PLANNED = "erasure_planned"
    PLAN_CHANGED = "plan_changed"
    ERASED = "erased"
    RETAINED = "retained"
    ERASURE_WAITS = "erasure_waits"
    PARKED = "parked"
    RELEASED = "released"
    VERIFIED = "verified"
    REMAINS = "remains"
    CORRECTED = "corrected"
    CORRECTION_LEFT = "correction_left"
    STATEMENT_ADDED = "statement_added"
    EXTENSION_DECIDED = "extension_decided"
    EXTENDED = "extended"
    EXTENSION_VOID = "extension_void"
    SUPPRESSION_ADDED = "suppression_added"
    SUPPRESSED = "suppressed"
    SUPERSEDED = "superseded"
    RESTRICTED = "restricted"
    RESTRICTION_LIFTED = "restriction_lifted"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_RECORDED = "consent_recorded"
    RECIPIENT_NOTIFIED = "recipient_notified"
    RECIPIENT_ACKNOWLEDGED = "recipient_acknowledged"
    RECIPIENT_OVERDUE = "recipient_overdue"
    PARTNER_ASKED = "partner_asked"
    PARTNER_SILENT = "partner_silent"
    PARTNER_FAILED = "partner_failed"
    PARTNER_TAKEN_BACK = "partner_taken_back"
    PARTNER_NOT_TAKEN_BACK = "partner_not_taken_back"
    LETTER_WRITTEN = "letter_written"
    LETTER_LEFT = "letter_left"
    LETTER_WITHDRAWN = "letter_withdrawn"
    LETTER_FETCHED = "letter_fetched"
    REPLY_COMPILED = "reply_compiled"
    REPLY_LEFT = "reply_left"
    TASK_OPENED = "task_opened"
    TASK_DONE = "task_done"
    ESCALATED = "escalated"
    BREACHED = "breached"
    WARNED = "warned"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    REOPENED = "reopened"
    RECLASSIFIED = "reclassified"
    RELATION_ENDED = "relation_ended"
    CONCLUDED = "concluded"
    RECEIPT_CORRECTED = "receipt_corrected"
    NOTED = "noted"
    REASSIGNED = "reassigned"
    LOOKED = "looked"
    EXPORTED = "exported"
    RECONCILED = "reconciled"
    RESUMED = "resumed"
    LETTER_RECOVERED = "letter_recovered"
    RETENTION_APPLIED = "retention_applied"
    HOLD_PLACED = "hold_placed"
    HOLD_CONFIRMED = "hold_confirmed"
    HOLD_REVIEWED = "hold_reviewed"
    HOLD_REVIEW_DUE = "hold_review_due"
    HOLD_RELEASED = "hold_released"
    HOLD_LAPSED = "hold_lapsed"
    HOLD_EXPIRED = "hold_expired"
    HOLD_ANSWERED = "hold_answered"


SENTENCES: Final[dict[Event, str]] = {
    Event.RECEIVED: "{kind} request received by {channel}",
    Event.ATTACHED: "{count} attachment(s) sealed",
    Event.FEE_ASSESSED: "12-month rule: {assessment} under policy {rule}",
    Event.DATES_COMPUTED: "[due {due_date}, ]safe date {safe_date}[, refusal by "
    "{refusal_due_date}] ({state}, schedule {revision}, calendar {calendar})",
    Event.POSSIBLY_SAME_PERSON: "the same address with another name stands in {number}: not merged",
    Event.DUPLICATE_ANSWERED: "the same request came again: answered with this number",
    Event.ACKNOWLEDGED: "receipt acknowledged",
    Event.MOVED: "{before} -> {after}: {why}",
    Event.IDENTITY_SUFFICIENT: "identity sufficient: {how}",
    Event.IDENTITY_DOUBTED: "identity asked on reasonable doubt, Art. 12(6); counts: {counted}",
    Event.CLARIFICATION_ASKED: "clarification asked; clock counts it: {counted}",
    Event.ANSWERED: "the question of {reason} is answered",
    Event.ANSWER_OVERDUE: "the question of {reason} is unanswered: task for the {role}",
    Event.MANDATE_CHECKED: "mandate of the {relation} checked",
    Event.FEE_QUESTION: "fee question put to a person ({assessment})",
    Event.FEE_SETTLED: "fee question settled: {choice}[, {amount} cents]",
    Event.FEE_ANSWERED: "the subject answered the fee: {choice}",
    Event.MERGED: "merged into {into}",
    Event.SEARCHED: "{system} searched: {outcome}, {records} record(s)",
    Event.SEARCH_CLOSED: "search closed, {unanswered} system(s) have not answered",
    Event.SYSTEM_UNREACHABLE: "{system} cannot be reached after {tries} tries",
    Event.SYSTEM_PAUSED: "{system} fails for every case: it is left alone for a while",
    Event.SYSTEM_RESOLVED: "{system}: {how}",
    Event.SYSTEM_ANSWERED: "{system} answered: {outcome}, {records} record(s)",
    Event.MATCH_DOUBTFUL: "{system}: {count} record(s) could be another person's: a person chooses",
    Event.REVIEWED: "findings reviewed, {withheld} withheld",
    Event.WITHHELD: "{system} item {item} withheld: {code}",
    Event.DECIDED: "decided: {choice}[, ground {ground}]",
    Event.DECISION_TAKEN_BACK: "decision taken back before the reply left",
    Event.SIGNAL_IGNORED: "a signal was not followed: {why}",
    Event.SECOND_DECIDED: "decided by a second person: {choice}",
    Event.ERASURE_PLANNED: "{system}: {records} record(s) to erase, {kept} to keep",
    Event.PLAN_CHANGED: "{system}: more would be erased than was approved; decided anew",
    Event.ERASED: "{system}: {deleted} record(s) deleted, {changed} changed",
    Event.RETAINED: "{system}: {records} record(s) kept, {reason}[, until {until}]",
    Event.ERASURE_WAITS: "waits until what the person asked to see is compiled: {numbers}",
    Event.PARKED: "waits until what is kept may go[, looked at again on {resumes_on}]; its run "
    "has ended",
    Event.RELEASED: "the deletion goes on with what was kept",
    Event.VERIFIED: "{system}: read again, nothing of the person remains but what is kept",
    Event.REMAINS: "{system}: {records} record(s) still name the person",
    Event.CORRECTED: "{system}: {values} value(s) stand corrected, {changed} changed now",
    Event.CORRECTION_LEFT: "{system}: {values} value(s) left as they are ({why}): a person looks",
    Event.STATEMENT_ADDED: "{system}: the person's statement stands beside the data, Art. 16",
    Event.EXTENSION_DECIDED: "extension by {months} month(s) decided, once its notice has left",
    Event.EXTENDED: "extended by {months} month(s): the notice left in time, Art. 12(3)",
    Event.EXTENSION_VOID: "extension void: its notice left after {last_day}, Art. 12(3)",
    Event.SUPPRESSION_ADDED: "address suppressed for {purpose}",
    Event.SUPPRESSED: "{system}: {purpose} stopped after {lag_seconds} s",
    Event.SUPERSEDED: "[{system}: ]a later choice about {purpose} stands",
    Event.RESTRICTED: "{system}: processing restricted, {records} record(s), Art. 18",
    Event.RESTRICTION_LIFTED: "{system}: restriction lifted, {records} record(s)",
    Event.CONSENT_GIVEN: "consent given for {purpose}; its text and means are sealed",
    Event.CONSENT_WITHDRAWN: "consent withdrawn for {purpose}; its text and means are sealed",
    Event.CONSENT_RECORDED: "{system}: consent for {purpose} recorded after {lag_seconds} s",
    Event.RECIPIENT_NOTIFIED: "{system} told by a task, after {lag_seconds} s",
    Event.RECIPIENT_ACKNOWLEDGED: "{system} has confirmed that it was told",
    Event.RECIPIENT_OVERDUE: "{system} has not answered: the dpo is told, Art. 19",
    Event.PARTNER_ASKED: "{system} has taken the request, after {lag_seconds} s",
    Event.PARTNER_SILENT: "{system} took the request and has not answered[ for {days} day(s)]",
    Event.PARTNER_FAILED: "{system}: {reason}",
    Event.PARTNER_TAKEN_BACK: "{system}: the request was taken back before it was begun",
    Event.PARTNER_NOT_TAKEN_BACK: "{system}: the request could not be taken back",
    Event.LETTER_WRITTEN: "letter {letter} ({kind}) written",
    Event.LETTER_LEFT: "letter {letter} ({kind}) handed over",
    Event.LETTER_WITHDRAWN: "letter {letter} ({kind}) withdrawn before it left",
    Event.LETTER_FETCHED: "letter {letter} ({kind}) fetched again",
    Event.REPLY_COMPILED: "reply compiled: {outcome}",
    Event.REPLY_LEFT: "the reply has left: the clock stops",
    Event.TASK_OPENED: "task {task} for the {role}: {what}",
    Event.TASK_DONE: "task {task} done: {what}",
    Event.ESCALATED: "escalated to the {step}",
    Event.BREACHED: "time limit breached: {cause}",
    Event.WARNED: "warning: {what}",
    Event.WITHDRAWN: "withdrawn by the subject",
    Event.CLOSED: "closed: {outcome}",
    Event.REOPENED: "opened again after a complaint",
    Event.RECLASSIFIED: "reclassified from {before} to {after}; the receipt is unchanged",
    Event.RELATION_ENDED: "the relation in {system} is over, and its period, too: batch {batch}",
    Event.CONCLUDED: "concluded: {outcome}; nobody asked, so nobody is answered",
    Event.RECEIPT_CORRECTED: "receipt corrected from {before} to {after}",
    Event.NOTED: "note filed",
    Event.REASSIGNED: "handed to {to}",
    Event.LOOKED: "looked at {part}",
    Event.EXPORTED: "evidence exported",
    Event.RECONCILED: "a missing run was started again",
    Event.RESUMED: "its run was lost or knew another past: run {run} goes on from here",
    Event.LETTER_RECOVERED: "letter {letter} ({kind}) had left on {left_on}: its run tells so",
    Event.RETENTION_APPLIED: "retention applied: the key is destroyed, {parts} sealed part(s) and "
    "{hashes} keyed hash(es) are deleted[, {unsent} letter(s) that never left withdrawn]",
    Event.HOLD_PLACED: "hold placed on {scope}; it lapses at {lapses_at} unless confirmed, review "
    "on {review_on}[, until {until_on}]",
    Event.HOLD_CONFIRMED: "hold confirmed by a second person",
    Event.HOLD_REVIEWED: "hold reviewed and still needed: next review on {review_on}",
    Event.HOLD_REVIEW_DUE: "the hold's review was due on {review_on}: the dpo is told",
    Event.HOLD_RELEASED: "hold released; the reason is sealed",
    Event.HOLD_LAPSED: "hold lapsed: no second person confirmed it by {lapses_at}",
    Event.HOLD_EXPIRED: "hold ended: its last day was {until_on}",
    Event.HOLD_ANSWERED: "{system}: {fate}[, its stop {stop}]",
}


class Fact(Model):
    """An event with its facts, as the audit chain takes it."""

    event: Event
    facts: dict[str, Scalar] = {}


def fact(event: Event, **facts: Scalar) -> Fact:
    """A fact, as procedures write it."""
    return Fact(event=event, facts=facts)


def sentence(event: Event, facts: dict[str, Scalar]) -> str:
    """The event as a person reads it; a fact that is absent but not in brackets reads "-"."""
    template = _OPTIONAL.sub(
        lambda part: part[1] if _names(part[1]) <= _known(facts) else "", SENTENCES[event]
    )
    return template.format(
        **{name: "-" if facts.get(name) is None else facts[name] for name in _names(template)}
    )


_OPTIONAL: Final = re.compile(r"\[([^\]]*)\]")


def _names(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def _known(facts: dict[str, Scalar]) -> set[str]:
    return {name for name, value in facts.items() if value is not None}
