"""A case as everybody sees it: status, outcome, clock, what is awaited. No personal data."""

from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

from pydantic import Field

from schemas.base import Instant, Model
from schemas.request import Channel, Kind
from schemas.retention import Origin

CaseNumber = Annotated[str, Field(pattern=r"^\d{4}-\d{4,9}$")]
"""The number that people use: year of receipt and series."""


class Status(StrEnum):
    """Where a case stands. Moves between them: `rules.status`."""

    RECEIVED = "received"
    IDENTIFYING = "identifying"
    CLARIFYING = "clarifying"
    QUOTING = "quoting"
    SEARCHING = "searching"
    REVIEWING = "reviewing"
    DECIDING = "deciding"
    FULFILLING = "fulfilling"
    REPLYING = "replying"
    FOLLOWING_UP = "following_up"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How a case ended, beside its status."""

    FULFILLED = "fulfilled"
    PARTIAL = "partial"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    NOTHING_HELD = "nothing_held"
    NOT_A_REQUEST = "not_a_request"
    MISDIRECTED = "misdirected"


class SystemOutcome(StrEnum):
    """What came of one system's part. Silence is never success."""

    PENDING = "pending"
    FOUND = "found"
    NOTHING_HELD = "nothing_held"
    SUPPRESSED = "suppressed"
    CORRECTED = "corrected"
    ERASED = "erased"
    RETAINED = "retained"
    NOTIFIED = "notified"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    FAILED = "failed"
    BY_HAND = "by_hand"
    LEFT_OUT = "left_out"


ANSWERED: Final = frozenset(
    {
        SystemOutcome.FOUND,
        SystemOutcome.NOTHING_HELD,
        SystemOutcome.SUPPRESSED,
        SystemOutcome.CORRECTED,
        SystemOutcome.ERASED,
        SystemOutcome.RETAINED,
        SystemOutcome.BY_HAND,
        SystemOutcome.LEFT_OUT,
    }
)
"""Outcomes after which a system owes nothing any more. One that was only told still does."""


class Ground(StrEnum):
    """Why something is not done (law.md 4)."""

    CANNOT_IDENTIFY = "cannot_identify"  # Art. 11(2), 12(2)
    UNFOUNDED = "unfounded"  # Art. 12(5)
    EXCESSIVE = "excessive"  # Art. 12(5)
    RIGHTS_OF_OTHERS = "rights_of_others"  # Art. 15(4)
    FACT_DISPUTED = "fact_disputed"
    NO_ERASURE_GROUND = "no_erasure_ground"  # Art. 17(1)
    LEGAL_OBLIGATION = "legal_obligation"  # Art. 17(3)(b)
    LEGAL_HOLD = "legal_hold"
    LEGAL_CLAIMS = "legal_claims"  # Art. 17(3)(e)
    COMPELLING_GROUNDS = "compelling_grounds"  # Art. 21(1)


class ClockState(StrEnum):
    """How the time limit stands. `breached` stays: a breach is a fact."""

    RUNNING = "running"
    SUSPENDED = "suspended"
    EXTENDED = "extended"
    BREACHED = "breached"
    STOPPED = "stopped"


class Escalation(StrEnum):
    """The highest step of the ladder that has fired."""

    NONE = "none"
    HANDLER = "handler"
    APPROVER = "approver"
    DPO = "dpo"
    BREACH = "breach"

    @property
    def rank(self) -> int:
        """0 for none to 4 for breach."""
        return list(Escalation).index(self)


class PauseReason(StrEnum):
    """What was asked of the subject."""

    IDENTITY = "identity"
    CLARIFICATION = "clarification"
    FEE = "fee"


class Explanation(Model):
    """One sentence about one date: "5 April is Easter Sunday"."""

    date: date
    sentence: str


class Pause(Model):
    """A question to the subject. `counted` if it was asked promptly: then the due date moves."""

    reason: PauseReason
    asked_at: Instant
    answered_at: Instant | None = None
    counted: bool


class ExtensionState(StrEnum):
    """An extension counts only once its notice has left in time (Art. 12(3))."""

    DECIDED = "decided"
    VALID = "valid"
    VOID = "void"


class Extension(Model):
    """An extension by `months` (1 or 2), as one period from receipt (Art. 12(3))."""

    months: int
    state: ExtensionState
    decided_at: Instant
    notified_at: Instant | None = None


class LadderStep(Model):
    """One step of the ladder: who is told, and when (UTC)."""

    step: Escalation
    at: Instant


class Clock(Model):
    """Every date of a case, computed once and recorded. Dates are local to the controller."""

    state: ClockState
    receipt_date: date
    due_date: date | None  # None while suspended
    due_before_utc: Instant | None  # exclusive
    refusal_due_date: date | None
    refusal_due_before_utc: Instant | None
    safe_date: date
    target_date: date  # internal: closes the search
    target_at: Instant
    prompt_before_utc: Instant  # a question asked before this pauses the clock
    notice_due_date: date  # last day for the notice of an extension
    notice_due_before_utc: Instant
    extension: Extension | None = None
    pauses: tuple[Pause, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    ladder: tuple[LadderStep, ...] = ()  # still to fire, in order
    escalation: Escalation = Escalation.NONE
    next_step_at: Instant | None = None
    revision: int = 1  # of the schedule: each step fires once per revision
    breach_causes: tuple[str, ...] = ()
    replied_at: Instant | None = None  # the reply has left: the clock stopped
    policy_version: str
    calendar_version: str


class IdentityState(StrEnum):
    """How far we know who asks."""

    UNCHECKED = "unchecked"
    ASKED = "asked"
    SUFFICIENT = "sufficient"
    NOT_ESTABLISHED = "not_established"


class IdentityView(Model):
    """Identity of the sender: the state, and how it was shown ("signed_letter")."""

    state: IdentityState
    how: str | None = None


class FeeAssessment(StrEnum):
    """Result of the 12-month rule (law.md 2)."""

    FREE = "free"
    CHARGEABLE = "chargeable"
    REVIEW = "review"
    MERGE = "merge"


class FeeState(StrEnum):
    """What became of a fee question. Nothing is ever charged automatically."""

    NONE = "none"
    QUESTION = "question"
    TOLD = "told"
    ACCEPTED = "accepted"
    WAIVED = "waived"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class FeeView(Model):
    """`amount` in cents of the policy's currency, once told."""

    assessment: FeeAssessment
    state: FeeState = FeeState.NONE
    amount: int | None = None
    merge_into: str | None = None  # the number that it only repeats (policy gdpr)


class Awaited(Model):
    """What a case waits for, from whom. `task` is its id in `dsr tasks` and `complete-task`."""

    what: str
    role: str
    since: Instant
    due: Instant | None = None
    task: str
    system: str | None = None


class DecisionView(Model):
    """A decision that stands or stood."""

    what: str
    by: str
    at: Instant
    ground: Ground | None = None
    person: str | None = None  # who it is, whatever the account: two decisions need two people


class SystemView(Model):
    """One system's part. `lag_seconds`: from intake to effect, for suppressions.

    `plan`: keyed digest of what a deletion would erase here.
    """

    name: str
    outcome: SystemOutcome
    records: int = 0
    withheld: int = 0
    reason: str | None = None
    since: Instant
    lag_seconds: float | None = None
    plan: str | None = None


class LetterState(StrEnum):
    """A letter leaves when it is first fetched; a withdrawn one never leaves."""

    READY = "ready"
    LEFT = "left"
    WITHDRAWN = "withdrawn"


class LetterKind(StrEnum):
    """What a letter is for."""

    ACKNOWLEDGEMENT = "acknowledgement"
    IDENTITY = "identity"
    CLARIFICATION = "clarification"
    FEE = "fee"
    EXTENSION = "extension"
    REPLY = "reply"
    REFUSAL = "refusal"
    SUPPLEMENT = "supplement"
    RECIPIENTS = "recipients"  # the list that the subject may ask for, Art. 19
    CONFIRMATION = "confirmation"  # of a withdrawal, or of an end that is no answer on the merits


REPLIES: Final = (LetterKind.REPLY, LetterKind.REFUSAL, LetterKind.SUPPLEMENT)
"""Letters that answer."""


class LetterView(Model):
    """A letter in the outbox."""

    id: str
    kind: LetterKind
    state: LetterState
    left_at: Instant | None = None


class CaseView(Model):
    """A case without personal data: what `dsr show --json` and the query `status` give."""

    number: str
    kind: Kind
    channel: Channel
    scope: tuple[str, ...]
    purposes: tuple[str, ...] = ()
    status: Status
    outcome: Outcome | None = None
    received_at: Instant
    clock: Clock
    identity: IdentityView
    fee: FeeView
    awaiting: tuple[Awaited, ...] = ()
    decisions: tuple[DecisionView, ...] = ()
    systems: tuple[SystemView, ...] = ()
    letters: tuple[LetterView, ...] = ()
    linked: tuple[str, ...] = ()
    purged: bool = False
    parked: bool = False  # a partial deletion that goes on by itself once what it keeps may go
    resumes_on: date | None = None  # not before; None where no date says when
    origin: Origin = Origin.REQUEST
    batch: str | None = None  # of relations that ended, decided together
    assignee: str | None = None
    revision: int = 0  # rises with every recorded step

    @property
    def plan(self) -> str | None:
        """Names the whole plan of a deletion as it stands: what an approval approves."""
        parts = [f"{s.name}:{s.plan}" for s in self.systems if s.plan is not None]
        return sha256("\n".join(parts).encode()).hexdigest()[:16] if parts else None

    def system(self, name: str) -> SystemView | None:
        """The part of the named system."""
        return next((s for s in self.systems if s.name == name), None)


class TimelineEntry(Model):
    """One entry of the audit chain as a person reads it."""

    at: Instant
    recorded_at: Instant
    actor: str
    event: str
    text: str
