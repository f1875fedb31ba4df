"""The recipients' ledger (Art. 19): who was told of what, and what came of it. No personal data.

It is read from the rows that there are: parts of systems, tasks, requests to partners, the record.
"""

from enum import StrEnum

from schemas.base import Instant, Model
from schemas.case import SystemOutcome
from schemas.partners import RequestResult, RequestStatus
from schemas.systems import Duty, Recipient


class RecipientState(StrEnum):
    """Where the communication to one recipient stands. Silence is never success."""

    NOT_TOLD = "not_told"  # it will be, once it is decided or can be reached
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"  # it says that it has the notice; nothing is done yet
    DONE = "done"
    FAILED = "failed"
    IMPOSSIBLE = "impossible"  # or disproportionate: closed by a person, with a reason
    NOT_DUE = "not_due"  # kept, refused, taken back or overtaken: there is nothing to tell


class Part(Model):
    """A system's part of a case as its row has it."""

    system: str
    duty: Duty
    outcome: SystemOutcome
    reason: str | None = None
    since: Instant


class Errand(Model):
    """One duty that was handed over: by a task to people, or by a request to a partner."""

    system: str
    duty: Duty
    at: Instant
    is_open: bool
    overtaken: bool = False  # ended by the engine before anybody did it
    is_request: bool = False
    heard: RequestStatus | None = None  # of a request: the partner's own status
    result: RequestResult | None = None


class Said(Model):
    """What the record says of one system: told, confirmed, overdue."""

    system: str
    duty: Duty | None = None  # earlier records do not say
    told_at: Instant | None = None
    acknowledged_at: Instant | None = None
    escalated_at: Instant | None = None


class RecipientRows(Model):
    """All that the ledger of one case is read from."""

    number: str
    over: bool  # closed or refused: what was not told will not be
    parts: tuple[Part, ...]
    errands: tuple[Errand, ...] = ()
    said: tuple[Said, ...] = ()
    reminders: dict[str, int] = {}  # by system


class RecipientLine(Model):
    """One recipient and one thing that it has to be told."""

    system: str
    recipient: Recipient
    duty: Duty
    state: RecipientState
    since: Instant
    told_at: Instant | None = None
    reason: str | None = None
    reminders: int = 0  # to the people who see to it, whatever of its duties
    escalated_at: Instant | None = None  # the dpo was told that it does not answer


class RecipientLedger(Model):
    """The recipients of one case, in declared order."""

    number: str
    recipients: tuple[RecipientLine, ...] = ()
