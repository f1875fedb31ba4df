"""What must be true when a run has come to rest: nothing lost, nothing stuck, nothing twice.

Each check reads the evidence that a run leaves behind and gives one sentence for each finding.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.case import CaseView, LetterKind, LetterState, Status, SystemOutcome
from schemas.partners import RequestStatus
from schemas.request import Kind
from starter.partners.process import Behaviour
from starter.registers.people import Registered
from tests.chaos.effects import Effect
from tests.chaos.plan import Request, corrected, part_of

Check = Callable[["Evidence"], Iterator[str]]
CHECKS: Final[list[Check]] = []
NEVER_DONE: Final = tuple(
    part_of(behaviour) for behaviour in (Behaviour.SILENT, Behaviour.LYING, Behaviour.BEGUN)
)


@dataclass(frozen=True)
class Sent:
    """A request that a partner was sent, as the partner has it."""

    system: str
    id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Dispatch:
    """The same as the case file has it."""

    id: str
    number: str
    system: str
    duty: str
    settled: bool
    state: str | None = None  # what the partner said when it was asked


@dataclass(frozen=True)
class Evidence:
    """What a run has left behind."""

    everybody: tuple[Registered, ...]
    planned: Mapping[str, Request]  # by key
    accepted: Mapping[str, frozenset[str]]  # key -> numbers that were answered
    cases: Mapping[str, CaseView]  # by number
    requests: Mapping[str, Request]  # by number
    running: frozenset[str]  # numbers of cases with a run
    troubled: tuple[str, ...]  # runs whose tasks fail
    reconcile: Mapping[str, list[str]]
    audit: tuple[str, ...]  # findings of the verification
    effects: tuple[Effect, ...]
    customers: tuple[Mapping[str, Any], ...]  # rows at the end
    subscribers: tuple[Mapping[str, Any], ...]
    protected: Mapping[str, tuple[str, ...]]  # number -> systems that a hold protects
    sent: tuple[Sent, ...]
    dispatches: tuple[Dispatch, ...]
    answers: Mapping[str, int]  # number -> replies and refusals that have left


def findings(evidence: Evidence) -> list[str]:
    """All of it."""
    return [finding for check in CHECKS for finding in check(evidence)]


def check(function: Check) -> Check:
    CHECKS.append(function)
    return function


# -- lost ----------------------------------------------------------------------------------------


@check
def every_accepted_submission_has_a_case(evidence: Evidence) -> Iterator[str]:
    """An answer was given: then the case is there."""
    for key, numbers in evidence.accepted.items():
        for number in sorted(numbers - evidence.cases.keys()):
            yield f"lost: {key} was accepted as {number}, which is not there"


@check
def every_request_was_taken_in(evidence: Evidence) -> Iterator[str]:
    """Who tried until there was an answer was answered."""
    for key, request in evidence.planned.items():
        if key not in evidence.accepted and not request.gives_up:
            yield f"lost: {key} was never accepted"


# -- stuck ---------------------------------------------------------------------------------------


@check
def everything_came_to_rest(evidence: Evidence) -> Iterator[str]:
    """Staff did whatever waited for them: what is open all the same waits in vain."""
    for number, view in evidence.cases.items():
        if not is_over(view):
            waits = ", ".join(task.what for task in view.awaiting) or "nothing"
            yield f"stuck: {number} is {view.status} at the end, and waits for {waits}"


@check
def no_run_is_in_trouble(evidence: Evidence) -> Iterator[str]:
    """No workflow task fails again and again."""
    for run in evidence.troubled:
        yield f"stuck: the run {run} reports problems"


@check
def every_open_case_has_its_run_and_no_other(evidence: Evidence) -> Iterator[str]:
    """As `dsr reconcile --dry-run` sees it, and as Temporal lists it."""
    for what, names in evidence.reconcile.items():
        for name in names:
            yield f"stuck: reconcile, {what}: {name}"
    for number, view in evidence.cases.items():
        is_open = not is_over(view)
        if is_open != (number in evidence.running):
            run = "is missing" if is_open else "runs on"
            yield f"stuck: {number} is {view.status}, and its run {run}"


# -- twice ---------------------------------------------------------------------------------------


@check
def a_key_gives_one_case(evidence: Evidence) -> Iterator[str]:
    """However often it is submitted, and nothing else makes one."""
    for key, numbers in evidence.accepted.items():
        if len(numbers) > 1:
            yield f"twice: {key} became {', '.join(sorted(numbers))}"
    known = {number for numbers in evidence.accepted.values() for number in numbers}
    senders = sum(1 for key in evidence.planned if key not in evidence.accepted)
    if len(evidence.cases.keys() - known) > senders:
        yield f"twice: {len(evidence.cases)} cases for {len(evidence.planned)} requests"


@check
def a_case_is_answered_once(evidence: Evidence) -> Iterator[str]:
    """One reply or refusal leaves; what comes after it is a supplement."""
    for number, count in evidence.answers.items():
        if count > 1:
            yield f"twice: {number} was answered {count} times"
    for number, view in evidence.cases.items():
        for what, count in Counter(decision.what for decision in view.decisions).items():
            if count > 1:
                yield f"twice: {number} has {count} standing decisions {what}"


@check
def a_register_is_changed_once(evidence: Evidence) -> Iterator[str]:
    """Each change of a value, and each entry, is there once for each person."""
    counted: Counter[tuple[str, str]] = Counter()
    for effect in evidence.effects:
        who = _named(effect)
        if effect.op == "UPDATE":
            counted.update(
                (who, f"{effect.place} {name} -> {(effect.after or {})[name]}")
                for name in effect.changed()
                if not name.endswith("_as_of")
            )
        else:
            purpose = effect.row.get("purpose", "")
            counted[who, f"{effect.place} {effect.op} {purpose}"] += 1
    for (who, what), count in counted.items():
        if count > 1:
            yield f"twice: {what} happened {count} times for {who}"


@check
def a_partner_has_each_request_once(evidence: Evidence) -> Iterator[str]:
    """One id for a case, system and duty until it is answered; the same body under the same id."""
    known = {dispatch.id for dispatch in evidence.dispatches}
    bodies: dict[str, set[bytes]] = {}
    for sent in evidence.sent:
        bodies.setdefault(sent.id, set()).add(sent.body)
        if sent.id not in known:
            yield f"twice: {sent.system} was sent {sent.id}, which no case knows"
    for id, different in bodies.items():
        if len(different) > 1:
            yield f"twice: {id} was sent with {len(different)} different bodies"
    unsettled = Counter((d.number, d.system, d.duty) for d in evidence.dispatches if not d.settled)
    for (number, system, duty), count in unsettled.items():
        if count > 1:
            yield f"twice: {number} asks {system} to {duty} under {count} ids at a time"


# -- right ---------------------------------------------------------------------------------------


@check
def the_evidence_verifies(evidence: Evidence) -> Iterator[str]:
    """`dsr audit verify`: chains, signed ends, checkpoints."""
    for finding in evidence.audit:
        yield f"audit: {finding}"


@check
def nobody_else_is_touched(evidence: Evidence) -> Iterator[str]:
    """A row changes only of who asked, and goes only of whom a deletion was approved."""
    asked: dict[str, set[Kind]] = {}
    approved: set[str] = set()
    for number, request in evidence.requests.items():
        view, person = evidence.cases.get(number), evidence.everybody[request.person]
        if view is None:
            continue
        names = _names(request.person, person)
        for name in names:
            asked.setdefault(name, set()).add(view.kind)
        if any(decision.what == "second_approve" for decision in view.decisions):
            approved |= names
    unanswered = [r for key, r in evidence.planned.items() if key not in evidence.accepted]
    for request in unanswered:  # its answer was lost, its case may be there
        for name in _names(request.person, evidence.everybody[request.person]):
            asked.setdefault(name, set()).add(Kind(request.form["kind"]))
            approved.add(name)
    for effect in evidence.effects:
        who = _named(effect)
        if who not in asked:
            yield f"wrong: {effect.place} {effect.op} of {who}, who asked for nothing"
        elif effect.op == "DELETE" and who not in approved:
            yield f"wrong: {effect.place} lost a row of {who}, whose deletion nobody approved"


@check
def what_a_case_says_was_done_is_done(evidence: Evidence) -> Iterator[str]:
    """Erased is gone, suppressed is off, corrected is changed, in the register itself."""
    customers = {row["customer_number"]: row for row in evidence.customers}
    for number, view in evidence.cases.items():
        request = evidence.requests.get(number)
        system = view.system("customers")
        if request is None or system is None:
            continue
        row = customers.get(evidence.everybody[request.person].customer_number)
        if system.outcome is SystemOutcome.ERASED and row is not None:
            yield f"wrong: {number} says erased, and customers has the row"
        if row is None:
            continue
        marketing = request.kind == "objection" and system.outcome is SystemOutcome.SUPPRESSED
        if marketing and row["marketing_allowed"]:
            yield f"wrong: {number} says suppressed, and customers allows marketing"
        if system.outcome is SystemOutcome.CORRECTED and request.kind == "correct":
            if row["phone"] != corrected(request.person):
                yield f"wrong: {number} says corrected, and customers has another number"
            if view.status is Status.CLOSED and row["restricted"]:
                yield f"wrong: {number} is closed, and customers is still restricted"


@check
def a_hold_keeps_what_it_covers(evidence: Evidence) -> Iterator[str]:
    """What was called protected is not deleted; what was gone before is not called so."""
    for number, systems in evidence.protected.items():
        request = evidence.requests[number]
        names = _names(request.person, evidence.everybody[request.person])
        for effect in evidence.effects:
            covered = effect.place.partition(".")[0] in systems and _named(effect) in names
            if covered and effect.op == "DELETE":
                yield f"hold: {number} was protected, and {effect.place} lost a row"


@check
def silence_is_never_success(evidence: Evidence) -> Iterator[str]:
    """A partner that never says that it is done has never been heard to be."""
    for dispatch in evidence.dispatches:
        if dispatch.system in NEVER_DONE and dispatch.state == RequestStatus.COMPLETED:
            yield f"wrong: {dispatch.number} counts {dispatch.system} as done, which never was"


def _names(n: int, person: Registered) -> set[str]:
    """How rows name the n-th person."""
    return {person.customer_number, _digits(str(person.phone)), _digits(corrected(n))}


def _named(effect: Effect) -> str:
    """Who a row is about: the number of a customer, else the telephone."""
    return str(effect.row.get("customer_number") or _digits(str(effect.row.get("phone"))))


def _digits(phone: str) -> str:
    """What all ways of writing a telephone number have in common."""
    return "".join(sign for sign in phone if sign.isdigit())[-9:]


def is_over(view: CaseView) -> bool:
    """Whether a case has come to an end, or waits for its date or hold without a run."""
    return view.status is Status.CLOSED or view.parked


REPLIES: Final = (LetterKind.REPLY, LetterKind.REFUSAL)


def answers_of(view: CaseView) -> int:
    """Replies and refusals that have left."""
    return sum(x.state is LetterState.LEFT and x.kind in REPLIES for x in view.letters)
