"""What staff and programs send to a running case: one model per action of contracts.md.

Free text travels encrypted by the payload codec and is sealed in the case file on arrival.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from schemas.base import Instant, Model
from schemas.case import CaseNumber, Ground, LetterKind, PauseReason
from schemas.request import Kind, Text
from schemas.staff import Actor, Name

Reason = Annotated[Text, Field(min_length=1, max_length=2_000)]


class StaffAction(Model):
    """A staff action. `id` makes it safe to repeat: it is the update's id."""

    name: ClassVar[str]
    id: UUID
    by: Actor


class VerifyIdentity(StaffAction):
    """Identity is sufficient: how it was checked, never a copy of the document."""

    name = "verify_identity"
    how: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")] = "checked_by_handler"
    mandate_checked: bool = False


class AskIdentity(StaffAction):
    """Ask the sender to show who they are, on a reasonable doubt that is recorded (Art. 12(6))."""

    name = "ask_identity"
    doubt: Reason = Field(repr=False)


class AskClarification(StaffAction):
    """Ask what the request is about (recital 63)."""

    name = "ask_clarification"
    question: Reason = Field(repr=False)


class RecordAnswer(StaffAction):
    """The subject answered the open question. `sufficient`: the identity is now shown."""

    name = "record_answer"
    to: PauseReason | None = None  # None: the only open question
    sufficient: bool = True
    answered_at: Instant | None = None  # arrival of the answer; None = now
    text: Annotated[Text, Field(max_length=10_000)] | None = Field(None, repr=False)


class FeeChoice(StrEnum):
    """A person's answer to a fee question (Art. 12(5))."""

    CHARGE = "charge"
    WAIVE = "waive"
    REFUSE = "refuse"


class SettleFee(StaffAction):
    """Charge, waive or refuse as excessive, with the grounds (the controller's burden of proof)."""

    name = "settle_fee"
    choice: FeeChoice
    amount: Annotated[int, Field(ge=1, le=100_000)] | None = None  # cents; None = the policy's
    reason: Reason | None = Field(None, repr=False)


class AnswerFee(StaffAction):
    """The subject accepts the amount or withdraws."""

    name = "answer_fee"
    choice: Literal["accept", "withdraw"]


class Withheld(Model):
    """One found item that is not given out, with the reason code."""

    system: Name
    item: Name
    code: Ground


class Review(StaffAction):
    """The handler has looked at what was found; what is withheld, and why."""

    name = "review"
    withhold: tuple[Withheld, ...] = Field((), max_length=500)


class Choice(StrEnum):
    """A decision. A refusal is a decision that approves nothing."""

    APPROVE = "approve"
    PARTIAL = "partial"
    REFUSE = "refuse"


class Decide(StaffAction):
    """The decision. `digest` names the plan that is approved, where the kind has one.

    `disputed`: of a partial correction, the numbers of what is not corrected, see `dsr found`.
    """

    name = "decide"
    choice: Choice
    ground: Ground | None = None
    digest: Name | None = None
    disputed: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field((), max_length=100)
    reason: Reason | None = Field(None, repr=False)


class SecondDecision(StaffAction):
    """The second person's decision about a deletion. `digest` names the plan that is approved."""

    name = "second_decision"
    choice: Literal[Choice.APPROVE, Choice.REFUSE]
    digest: Name | None = None
    reason: Reason | None = Field(None, repr=False)


class TakeBack(StaffAction):
    """Take a decision back before the reply has left."""

    name = "take_back"
    reason: Reason | None = Field(None, repr=False)


class Extend(StaffAction):
    """Extend by one or two months; valid once the notice has left in time (Art. 12(3))."""

    name = "extend"
    months: Literal[1, 2]
    reason: Reason = Field(repr=False)


class CompleteTask(StaffAction):
    """A manual task is done. Its file was sealed before (`has_file`), under the action's id.

    `items`: of a task `choose_match`, the records that are the person's. `left`: of a task to
    destroy that was called back, something is there still; `records` of it were destroyed before.
    """

    name = "complete_task"
    task: Name
    has_file: bool = False
    items: tuple[Name, ...] = Field((), max_length=1_000)
    records: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    left: bool = False
    note: Reason | None = Field(None, repr=False)


class SystemResolution(StrEnum):
    """What a person does about a system that has not answered."""

    RETRY = "retry"
    BY_HAND = "by-hand"
    LEAVE_OUT = "leave-out"


class NotTold(StrEnum):
    """Why a recipient is left out, Art. 19."""

    IMPOSSIBLE = "impossible"
    DISPROPORTIONATE = "disproportionate"


class ResolveSystem(StaffAction):
    """Resolve a system that does not answer."""

    name = "resolve_system"
    system: Name
    how: SystemResolution
    reason: Reason = Field(repr=False)
    because: NotTold | None = None


class Withdraw(StaffAction):
    """The subject withdraws the request."""

    name = "withdraw"
    reason: Reason | None = Field(None, repr=False)


class CloseAs(StaffAction):
    """End what is no request, is meant for somebody else, or is a double found by hand."""

    name = "close_as"
    ending: Literal["not_a_request", "misdirected", "merged"]
    into: CaseNumber | None = None  # the number that it is merged into
    reason: Reason | None = Field(None, repr=False)


class Reassign(StaffAction):
    """Hand the case to another member of staff."""

    name = "reassign"
    to: Actor


class Reclassify(StaffAction):
    """The request is of another kind: the right procedure takes over, the receipt is unchanged.

    The form of the new kind was sealed before, under the action's id.
    """

    name = "reclassify"
    to: Kind
    reason: Reason = Field(repr=False)


class CorrectReceipt(StaffAction):
    """The receipt was recorded wrongly: dates are computed again."""

    name = "correct_receipt"
    received_at: Instant
    reason: Reason = Field(repr=False)


class Reopen(StaffAction):
    """Answer again, after a complaint."""

    name = "reopen"
    reason: Reason = Field(repr=False)


class Note(StaffAction):
    """A note for the file."""

    name = "note"
    text: Annotated[Text, Field(min_length=1, max_length=10_000, repr=False)]


class DecisionSignal(Model):
    """The signal `decision`, for programs that cannot wait: ids and codes only, no free text."""

    id: UUID
    by: Actor
    choice: Choice
    ground: Ground | None = None
    digest: Name | None = None
    disputed: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field((), max_length=100)


class LetterLeft(Model):
    """The signal `letter_left`: a letter was handed over. It counts if the case row says so too."""

    letter: Name
    kind: LetterKind
    at: Instant
    by: Name


ACTIONS: tuple[type[StaffAction], ...] = (
    VerifyIdentity, AskIdentity, AskClarification, RecordAnswer, SettleFee, AnswerFee, Review,
    Decide, SecondDecision, TakeBack, Extend, CompleteTask, ResolveSystem, Withdraw, CloseAs,
    Reassign, Reclassify, CorrectReceipt, Reopen, Note,
)  # fmt: skip
"""Every staff action; the update of each has its `name`."""
