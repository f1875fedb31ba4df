"""One letter of each sort about nobody: written at start to prove templates and words."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final, get_args

from activities.letter_content import (
    Acknowledgement,
    ClarificationQuestion,
    Confirmation,
    Ending,
    ExtensionNotice,
    FeeOffer,
    IdentityQuestion,
    LetterContent,
    Party,
    RecipientList,
)
from activities.reply_content import (
    AccessReply,
    Changed,
    ConsentReply,
    CorrectReply,
    DataTable,
    DeleteReply,
    KeptPart,
    ObjectionReply,
    Refusal,
    SystemCopy,
    SystemPart,
    Unapplied,
)
from schemas.case import Ground, LetterKind, SystemOutcome, SystemView
from schemas.messages import Withheld
from schemas.policy import Controller, FeePolicyName
from schemas.recipients import RecipientLine, RecipientState
from schemas.request import Consent, Kind, Language
from schemas.systems import Duty, Reach, Recipient, SystemFacts

AT: Final = datetime(2026, 4, 5, 12, tzinfo=UTC)


def _each(text: str) -> dict[Language, str]:
    return dict.fromkeys(Language, text)


FRAME: Final = {
    "controller": Controller(
        name="Controller", address="Street 1", contact="Desk", authority=_each("Authority"),
        court=_each("Court"),
    ),
    "zone": "Europe/Helsinki",
    "written_at": AT,
    "received_at": AT,
    "subject": Party(name="Subject", address="Street 2"),
}  # fmt: skip
FACTS: Final = SystemFacts(
    name="system", title=_each("System"), register_part="part", reach=Reach.MANUAL,
    recipient=Recipient(
        name="Recipient", relation="processor", country="US", safeguard=_each("Clauses")
    ),
    categories=("user.contact.email",), purposes=("marketing",), sources=_each("Source"),
    retention=_each("Retention"), automated_decisions=_each("Automated"),
)  # fmt: skip


def _part(outcome: SystemOutcome, *grounds: Ground) -> SystemPart:
    return SystemPart(
        facts=FACTS,
        view=SystemView(name="system", outcome=outcome, records=len(grounds), since=AT),
        withheld=tuple(Withheld(system="system", item="1", code=ground) for ground in grounds),
        third_party=len(grounds),
        reason="Left out",
    )


SAMPLE_COPY: Final = tuple(
    SystemCopy(
        part=_part(SystemOutcome.FOUND, Ground.RIGHTS_OF_OTHERS),
        tables=(DataTable("part.table", columns, [("value",) * len(columns)]),),
        files=(("files/system/name", "text/plain"),),
    )
    for columns in ((("one", "kind"),), (("many", ""),) * 8)
)
KEPT: Final = tuple(
    KeptPart(facts=FACTS, records=1, ground=ground, **details)
    for ground in (Ground.LEGAL_OBLIGATION, Ground.LEGAL_HOLD)
    for details in (
        {},
        {"explanation": _each("Reason"), "provision": "Act", "until": date(2031, 12, 31)},
    )
)
CHANGES: Final = tuple(
    Changed(field="table.column", system=FACTS, before=before, after="new")
    for before in ((), ("old", "older"))
)
UNAPPLIED: Final = (
    Unapplied(field="user.name", system=FACTS, held="held", wanted="new", why="differs"),
    Unapplied(field="user.name", field_title="Title", system=FACTS, held="held", wanted="new",
              why="refused"),
)  # fmt: skip


RECIPIENTS: Final = tuple(
    RecipientLine(
        system="system", recipient=FACTS.recipient, duty=duty, state=state, since=AT, told_at=AT
    )
    for duty in Duty
    for state in RecipientState
)


def samples() -> Iterator[tuple[LetterKind, LetterContent]]:
    """Every letter, in every variant that changes which sections it has."""
    yield LetterKind.ACKNOWLEDGEMENT, Acknowledgement.model_validate(FRAME)
    for request in Kind:
        case = FRAME | {"number": "2026-0001", "request": request}
        yield from _questions(case | {"submitter": Party(name="Agent")})
        yield from _endings(case)
        for told in ((), RECIPIENTS):
            listed = RecipientList.model_validate(case | {"recipients": told})
            yield LetterKind.RECIPIENTS, listed
        for ground in Ground:
            systems = (_part(SystemOutcome.FOUND), _part(SystemOutcome.PENDING))
            refused = case | {"ground": ground, "reason": "Reason", "systems": systems}
            yield LetterKind.REFUSAL, Refusal.model_validate(refused)
    yield from _replies(FRAME | {"number": "2026-0001"})
    yield from _refusals_of_the_rest(FRAME | {"number": "2026-0001"})


def _questions(case: dict[str, object]) -> Iterator[tuple[LetterKind, LetterContent]]:
    identity = case | {"doubt": "Doubt", "pauses": True}
    yield LetterKind.IDENTITY, IdentityQuestion.model_validate(identity)
    clarification = case | {"question": "Question", "pauses": True}
    yield LetterKind.CLARIFICATION, ClarificationQuestion.model_validate(clarification)
    for rule in FeePolicyName:
        fee = {"amount_cents": 1500, "currency": "EUR", "rule": rule, "free_after_months": 12}
        yield LetterKind.FEE, FeeOffer.model_validate(case | fee | {"reason": "Reason"})
    for months in (1, 2):
        extension = case | {"months": months, "due_on": date(2026, 6, 5), "reason": "Reason"}
        yield LetterKind.EXTENSION, ExtensionNotice.model_validate(extension)


def _endings(case: dict[str, object]) -> Iterator[tuple[LetterKind, LetterContent]]:
    for ending in get_args(Ending):
        for into, done in ((None, ()), ("2026-0002", (dict.fromkeys(Language, "Register"),))):
            ended = case | {"ending": ending, "into": into, "done": done, "rest": done}
            ended |= {"reason": "Reason"}
            yield LetterKind.CONFIRMATION, Confirmation.model_validate(ended)


def _replies(case: dict[str, object]) -> Iterator[tuple[LetterKind, LetterContent]]:
    consent = Consent(given=True, text_version="1", means="form")
    outcomes = tuple(_part(outcome) for outcome in SystemOutcome)
    withheld = (_part(SystemOutcome.FOUND, Ground.RIGHTS_OF_OTHERS),)
    for systems in ((_part(SystemOutcome.NOTHING_HELD),), outcomes, withheld):
        answer = case | {"systems": systems, "reason": "Reason", "purposes": ("marketing",)}
        answer |= {"recipients": RECIPIENTS}
        supplement = answer | {"supplement_to_at": AT, "superseded_at": AT}
        for kind, values in ((LetterKind.REPLY, answer), (LetterKind.SUPPLEMENT, supplement)):
            yield kind, AccessReply.model_validate(values | {"request": Kind.ACCESS})
            for kept, ground in (((), None), (KEPT, None), ((), Ground.LEGAL_CLAIMS)):
                deletion = {
                    "request": Kind.DELETE,
                    "kept": kept,
                    "ground": ground,
                    "doubtful": bool(kept),
                }
                yield kind, DeleteReply.model_validate(values | deletion)
            for changes, unapplied in (((), ()), (CHANGES, ()), (CHANGES, UNAPPLIED)):
                correction = {
                    "request": Kind.CORRECT, "changes": changes, "unapplied": unapplied
                }  # fmt: skip
                yield kind, CorrectReply.model_validate(values | correction)
            for ground in (None, Ground.COMPELLING_GROUNDS):
                objection = {"request": Kind.OBJECTION, "absolute": not ground, "ground": ground}
                yield kind, ObjectionReply.model_validate(values | objection)
            for given in (True, False):
                choice = consent.model_copy(update={"given": given})
                said = {"request": Kind.CONSENT, "consent": choice}
                yield kind, ConsentReply.model_validate(values | said)


def _refusals_of_the_rest(case: dict[str, object]) -> Iterator[tuple[LetterKind, LetterContent]]:
    left = (_part(SystemOutcome.LEFT_OUT),)
    rest = case | {"systems": left, "done_before": left, "rest_refused": True}
    deletion = {"request": Kind.DELETE, "ground": Ground.LEGAL_CLAIMS}
    yield LetterKind.REFUSAL, DeleteReply.model_validate(rest | deletion)
    correction = {"request": Kind.CORRECT, "ground": Ground.FACT_DISPUTED}
    yield LetterKind.REFUSAL, CorrectReply.model_validate(rest | correction)
