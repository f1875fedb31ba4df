"""The activities that procedures call: name, argument and result of each, by value.

Workflows know activities by these signatures only; `activities/` implements them, and a test
compares the two. Arguments and results hold ids, enums, instants and counts, never personal data
(a free text of staff travels encrypted and is sealed on arrival).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, TypeVar
from uuid import UUID

from pydantic import Field

from schemas.base import Instant, Model
from schemas.case import (
    Awaited,
    CaseView,
    DecisionView,
    Escalation,
    FeeState,
    IdentityView,
    LetterKind,
    Outcome,
    PauseReason,
    Status,
    SystemOutcome,
    TimelineEntry,
)
from schemas.events import Fact
from schemas.messages import Withheld
from schemas.request import Kind
from schemas.retention import Origin
from schemas.staff import ENGINE, Actor
from schemas.systems import Duty, SystemPlan

A = TypeVar("A", bound=Model)
R = TypeVar("R", bound=Model)


@dataclass(frozen=True)
class Step(Generic[A, R]):
    """The signature of one activity."""

    name: str
    takes: type[A]
    gives: type[R]


class CaseRef(Model):
    """The argument of every case workflow."""

    case: UUID
    number: str
    kind: Kind
    run: int = 1  # a case opened again after closing, or whose run was lost, gets another run
    reopened: bool = False
    resumed: bool = False  # the run before was lost: this one goes on from the case row
    released: bool = False  # a deletion whose kept part may go now
    reviews: bool = False  # that has no date: the person is told only if something goes
    origin: Origin = Origin.REQUEST
    ended_in: str | None = None  # the system whose relation ended


class StepInput(Model):
    """What every step has: the case, the business time, who acts.

    The step's key against repetition is `workflow id/activity id`, taken by the activity itself.
    """

    case: UUID
    at: Instant
    by: Actor = ENGINE


class Opening(StepInput):
    """The first step of a run. `acknowledge`: the sender has not been told of the receipt yet.

    `begins`: the procedure starts from its beginning.
    """

    acknowledge: bool = True
    begins: bool = True
    only: str | None = None  # the one system that it concerns
    resumed: bool = False


class Pacing(Model):
    """How fast the engine goes; recorded with the run, from the policy's `pace`."""

    retry_first: timedelta
    retry_most: timedelta
    step_timeout: timedelta
    system_timeout: timedelta
    tell_after_tries: int = 3
    partner_silence: timedelta = timedelta(days=7)


class Silences(Model):
    """After how long an unanswered question becomes a task."""

    identity: timedelta
    clarification: timedelta
    fee: timedelta


class Recorded(Model):
    """The case after a step, and what the step wrote to the audit chain."""

    view: CaseView
    entries: tuple[TimelineEntry, ...] = ()


class Opened(Recorded):
    """What a run needs to know once, recorded at its start."""

    plan: tuple[SystemPlan, ...]
    absolute: bool = False  # an objection to marketing or surveys, Art. 21(2)-(3)
    has_submitter: bool = False  # somebody acts for the subject: the mandate is checked first
    unattended: bool = False  # policy: a reply with nothing to withhold needs no person
    search_window: int = 50
    max_extension_months: int = 2
    max_age: timedelta = timedelta(days=730)  # of a receipt, also of a corrected one
    corrections: int = 0  # how many values a correction asks for
    fee_cents: int = 1_500  # told when nobody names another amount
    taken_back: bool = False  # of a resumed run: a decision was taken back before
    restricts: bool = False  # likewise: records are restricted for this case
    chosen_items: dict[
        str, tuple[str, ...]
    ] = {}  # likewise: doubtful records that are the subject's
    pacing: Pacing
    silences: Silences


class OpenTask(Model):
    """A task to open, once per `what` and `system` while open."""

    what: str
    role: str
    due: Instant | None = None
    system: str | None = None


class FeeChange(Model):
    """The fee question's new state."""

    state: FeeState
    amount: int | None = None


class SystemChange(Model):
    """A system's new outcome."""

    name: str
    outcome: SystemOutcome
    records: int | None = None
    reason: str | None = None


class Change(StepInput):
    """One business step on the case row: facts, and what they change, in one transaction."""

    facts: tuple[Fact, ...] = ()
    move: Status | None = None
    outcome: Outcome | None = None
    identity: IdentityView | None = None
    fee: FeeChange | None = None
    decision: DecisionView | None = None
    opens: tuple[OpenTask, ...] = ()
    closes: tuple[str, ...] = ()  # tasks by `what` (all of them), or by task id
    done: str | None = None  # a task that people did: refused if a system's step has ended it
    systems: tuple[SystemChange, ...] = ()
    withheld: tuple[Withheld, ...] | None = None  # replaces the whole list
    take_back: bool = False  # decisions so far no longer stand; letters not yet left are withdrawn
    answer_again: bool = False  # after a complaint: decisions and findings so far no longer stand
    assignee: str | None = None
    link: str | None = None
    texts: dict[str, str] = Field({}, repr=False)  # sealed under these names
    keeps: dict[str, str] = {}  # uploads that are taken: the part they were sealed as -> kept as


class Recompute(StepInput):
    """A fact that moves dates: exactly one of the groups is given."""

    facts: tuple[Fact, ...] = ()
    pause_opened: PauseReason | None = None
    pause_closed: PauseReason | None = None
    answered_at: Instant | None = None
    extension_decided: int | None = None  # months; counts once its notice has left
    extension_told_at: Instant | None = None  # the notice has left: valid or void
    received_at: Instant | None = None  # a corrected receipt
    texts: dict[str, str] = Field({}, repr=False)


class Fire(StepInput):
    """A step of the ladder whose time has come."""

    step: Escalation
    revision: int
    cause: str | None = None  # of a breach


class WriteLetter(StepInput):
    """A letter to render, seal and put into the outbox."""

    kind: LetterKind
    facts: dict[str, str | int | None] = {}  # amount, months, ending
    text_part: str | None = None  # sealed free text that goes into it (a question, reasons)


class SystemCall(StepInput):
    """One system's part of a case.

    `review`: the task that is due if this answer is the last of a search that found something. It
    is said with the answer, in one transaction; a step of its own would cost another round.
    `restricts`: see `SystemPlan`. `tries`: after so many in vain the activity gives up itself, so
    that those which only waited for their turn do not count; 0: the retry policy counts.
    `beside`: so many are asked with it, whose answers may share a transaction.
    """

    system: str
    duty: Duty
    review: OpenTask | None = None
    resumes: bool = False  # a deletion: what its approved plan kept may go, too
    restricts: bool = False
    tries: int = 0
    beside: int = 1
    waits: bool = False  # that the system is paused is on the case: wait until it is not


class SystemAnswer(Model):
    """What came of it. The findings themselves are sealed in the case file.

    One without a revision does not stand on the case row: the system was asked in vain.
    """

    system: str
    outcome: SystemOutcome
    records: int = 0
    reason: str | None = None
    at: Instant | None = None
    lag_seconds: float | None = None
    opened: tuple[Awaited, ...] = ()  # tasks of this system, and the review that is due with it
    moved: Status | None = None  # where the case went with it
    plan: str | None = None  # keyed digest of what would be erased here
    stopped: bool = False  # an operator has: nothing was done
    by_people: bool = False  # a partner does not take it: people tell it, by a task
    paused: bool = False  # it fails, for all cases: nobody calls it for a while
    revision: int = 0  # of the case row that has this answer


class CompileReply(StepInput):
    """Render the reply (a refusal, too) and its package; a rule decides the outcome."""

    refused: bool = False
    supplement: bool = False


class Reclassification(StepInput):
    """The case takes another kind; its form was sealed under the action's id."""

    action: UUID
    texts: dict[str, str] = Field({}, repr=False)


class OpenAccess(Model):
    """Numbers of the person's access requests whose package is not compiled yet."""

    numbers: tuple[str, ...] = ()


class LetterGone(StepInput):
    """A letter has left: a reply stops the clock, and it is recorded if it was late.

    `closes`: nobody owes anything after it, so the case is closed in the same step.
    """

    letter: str
    kind: LetterKind
    left_at: Instant
    closes: bool = False


class SweepInput(Model):
    """A scheduled sweep, at a business time."""

    at: Instant


class SweepReport(Model):
    """What a sweep did and found; numbers of cases only."""

    escalated: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()  # runs without a case
    troubled: tuple[str, ...] = ()  # runs whose tasks fail, or that ended before their case
    reminded: int = 0
    overdue: int = 0  # recipients that have not answered long after the reply, Art. 19
    holds_ended: int = 0  # lapsed or expired; of secret holds nothing is counted
    holds_due: int = 0  # to be reviewed
    doubts: int = 0  # erasures whose end was read again in their system
    in_doubt_elsewhere: tuple[str, ...] = ()  # queues of separated networks with such erasures
    resumed: tuple[str, ...] = ()  # deletions whose kept part may go now
    purged: int = 0  # closed cases whose time is over; of those that a hold keeps nothing is said
    ended: int = 0  # deletions begun for relations that ended
    checkpoint: int | None = None


OPEN: Final = Step("case.open", Opening, Opened)
RECORD: Final = Step("case.record", Change, Recorded)
RECOMPUTE: Final = Step("clock.recompute", Recompute, Recorded)
FIRE: Final = Step("clock.fire", Fire, Recorded)
LETTER_GONE: Final = Step("clock.letter_gone", LetterGone, Recorded)
WRITE_LETTER: Final = Step("letter.write", WriteLetter, Recorded)
COMPILE_REPLY: Final = Step("reply.compile", CompileReply, Recorded)
SEARCH: Final = Step("system.search", SystemCall, SystemAnswer)
SUPPRESS: Final = Step("system.suppress", SystemCall, SystemAnswer)
RESTRICT: Final = Step("system.restrict", SystemCall, SystemAnswer)
LIFT_RESTRICTION: Final = Step("system.lift_restriction", SystemCall, SystemAnswer)
RECORD_CONSENT: Final = Step("system.record_consent", SystemCall, SystemAnswer)
PLAN_ERASURE: Final = Step("system.plan_erasure", SystemCall, SystemAnswer)
ERASE: Final = Step("system.erase", SystemCall, SystemAnswer)
CONCLUDE: Final = Step("case.conclude", CompileReply, Recorded)
OPEN_ACCESS: Final = Step("person.open_access", StepInput, OpenAccess)
AWAIT_ACCESS: Final = Step("person.await_access", StepInput, OpenAccess)
RECLASSIFY: Final = Step("case.reclassify", Reclassification, Recorded)
PARK: Final = Step("case.park", StepInput, Recorded)
CONTEST: Final = Step("system.contest", SystemCall, SystemAnswer)
END_CONTEST: Final = Step("system.end_contest", SystemCall, SystemAnswer)
CORRECT: Final = Step("system.correct", SystemCall, SystemAnswer)
ADD_STATEMENT: Final = Step("system.add_statement", SystemCall, SystemAnswer)
ASK_PARTNER: Final = Step("partner.ask", SystemCall, SystemAnswer)
HEAR_PARTNER: Final = Step("partner.hear", SystemCall, SystemAnswer)
TAKE_BACK: Final = Step("partner.take_back", SystemCall, SystemAnswer)
SWEEP_DEADLINES: Final = Step("sweep.deadlines", SweepInput, SweepReport)
SWEEP_RECONCILE: Final = Step("sweep.reconcile", SweepInput, SweepReport)
SWEEP_HOLDS: Final = Step("sweep.holds", SweepInput, SweepReport)
SWEEP_DOUBTS: Final = Step("sweep.doubts", SweepInput, SweepReport)
SWEEP_RESUME: Final = Step("sweep.resume", SweepInput, SweepReport)
SWEEP_PURGE: Final = Step("sweep.purge", SweepInput, SweepReport)
AWAIT_RESUMED: Final = Step("system.await_resumed", SystemCall, SystemAnswer)
SWEEP_ENDED: Final = Step("sweep.ended", SweepInput, SweepReport)
SWEEP_CHECKPOINT: Final = Step("sweep.checkpoint", SweepInput, SweepReport)

ACCESS_REQUEST: Final = "AccessRequest"
OBJECTION_REQUEST: Final = "ObjectionRequest"
CONSENT_REQUEST: Final = "ConsentRequest"
DELETE_REQUEST: Final = "DeleteRequest"
CORRECT_REQUEST: Final = "CorrectRequest"
HOURLY_SWEEP: Final = "HourlySweep"

WORKFLOW_OF: Final = {
    Kind.ACCESS: ACCESS_REQUEST,
    Kind.OBJECTION: OBJECTION_REQUEST,
    Kind.CONSENT: CONSENT_REQUEST,
    Kind.DELETE: DELETE_REQUEST,
    Kind.CORRECT: CORRECT_REQUEST,
}
TASK_QUEUE: Final = "dsr"


def workflow_id(kind: Kind, case: UUID, run: int = 1) -> str:
    """Opaque: nothing of the subject in it. A second run has its own id."""
    return f"dsr-{kind}-{case}" if run == 1 else f"dsr-{kind}-{case}-{run}"
