"""What each letter says: one model per letter, filled by the activities that write them.

Instants appear as local dates of `zone`. No name and no free text shows in a `repr`. Replies and
refusals: `activities.reply_content`.
"""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from schemas.base import Instant, Model
from schemas.case import Ground, LetterKind, Outcome
from schemas.policy import Controller, FeePolicyName
from schemas.recipients import RecipientLine
from schemas.request import Kind
from schemas.systems import LocalText


class Part(StrEnum):
    """A section that a letter must not lack; the value is its `id` in the page."""

    DONE = "done"  # what was done, also where something was not
    REASONS = "reasons"  # what was not done, in fact and provision, Art. 12(4)
    COMPLAINT = "complaint"  # to the supervisory authority, Art. 12(4), 77
    REMEDY = "remedy"  # the court, Art. 12(4), 79


class Party(Model):
    """Somebody with a name and, where known, a postal address."""

    name: str = Field(repr=False)
    address: str | None = Field(None, repr=False)


class LetterContent(Model):
    """What every letter has. It goes to the submitter, where somebody acts for the subject."""

    kinds: ClassVar[frozenset[LetterKind]]
    template: ClassVar[str]

    controller: Controller
    zone: str = Field(description="IANA zone of every date in the letter")
    written_at: Instant
    subject: Party | None = None
    submitter: Party | None = None

    @property
    def addressee(self) -> Party | None:
        """Whose name stands on the letter."""
        return self.submitter or self.subject

    @property
    def parts(self) -> frozenset[Part]:
        """The sections that this letter must not lack."""
        return frozenset()

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Why something was not done; each is named with its provision."""
        return ()


class Acknowledgement(LetterContent):
    """Receipt of a message. Neutral: no number, no kind, the same for a merged request (law.md 3).

    The sender may be anybody, so it tells of no case and of no data.
    """

    kinds = frozenset({LetterKind.ACKNOWLEDGEMENT})
    template = "acknowledgement.html.j2"

    received_at: Instant


class CaseLetter(LetterContent):
    """A letter about one request."""

    number: str
    request: Kind
    received_at: Instant
    subject: Party


class IdentityQuestion(CaseLetter):
    """A reasonable doubt, and what would remove it (Art. 12(6)). Asks for no copy of a document."""

    kinds = frozenset({LetterKind.IDENTITY})
    template = "identity.html.j2"

    doubt: str = Field(min_length=1, repr=False)
    pauses: bool = Field(False, description="asked promptly: the time limit waits for the answer")


class ClarificationQuestion(CaseLetter):
    """What the request is about (recital 63)."""

    kinds = frozenset({LetterKind.CLARIFICATION})
    template = "clarification.html.j2"

    question: str = Field(min_length=1, repr=False)
    pauses: bool = Field(False, description="asked promptly: the time limit waits for the answer")


class FeeOffer(CaseLetter):
    """The amount first, with its grounds; the subject accepts or withdraws (Art. 12(5))."""

    kinds = frozenset({LetterKind.FEE})
    template = "fee.html.j2"

    amount_cents: int = Field(ge=1)
    currency: str
    rule: FeePolicyName
    free_after_months: int
    reason: str | None = Field(None, repr=False)

    @property
    def parts(self) -> frozenset[Part]:
        """A charge can be complained about."""
        return frozenset({Part.COMPLAINT})


class ExtensionNotice(CaseLetter):
    """One or two months more, with reasons (Art. 12(3)). `due_on` is the new due date."""

    kinds = frozenset({LetterKind.EXTENSION})
    template = "extension.html.j2"

    months: Literal[1, 2]
    due_on: date
    reason: str = Field(min_length=1, repr=False)

    @property
    def parts(self) -> frozenset[Part]:
        """The reasons stand in the text, the complaint beside them."""
        return frozenset({Part.COMPLAINT})


class RecipientList(CaseLetter):
    """To whom data was disclosed, and what they were told, on request of the subject (Art. 19)."""

    kinds = frozenset({LetterKind.RECIPIENTS})
    template = "recipients.html.j2"

    recipients: tuple[RecipientLine, ...] = ()


Ending = Literal[Outcome.WITHDRAWN, Outcome.NOT_A_REQUEST, Outcome.MISDIRECTED, Outcome.MERGED]


class Confirmation(CaseLetter):
    """The case ended without an answer on the merits. `into`: the number it was merged into.

    `done`: systems in which something had been erased or corrected before; that stays so. `rest`:
    those in which it was to be, and something remains as it was.
    """

    kinds = frozenset({LetterKind.CONFIRMATION})
    template = "confirmation.html.j2"

    ending: Ending
    into: str | None = None
    done: tuple[LocalText, ...] = ()
    rest: tuple[LocalText, ...] = ()
    reason: str | None = Field(None, repr=False)

    @property
    def parts(self) -> frozenset[Part]:
        """Only the subject's own withdrawal can do without the remedies, if it leaves no half."""
        if self.ending is Outcome.WITHDRAWN and not self.rest:
            return frozenset({Part.COMPLAINT})
        return frozenset({Part.COMPLAINT, Part.REMEDY})
