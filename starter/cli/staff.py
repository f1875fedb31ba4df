"""What staff do to a case: one command for each action, named like the update that it sends."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import BadInput
from starter.cli import files
from starter.cli.console import give, say, with_engine
from starter.cli.words import (
    By,
    Choice,
    Ending,
    FeeAnswer,
    FeeChoice,
    Ground,
    Id,
    Json,
    Number,
    Question,
    Reason,
    ReasonFile,
    Resolution,
)

if TYPE_CHECKING:
    from schemas.case import CaseView
    from schemas.messages import StaffAction, Withheld
    from schemas.request import Attachment

PANEL = "Staff actions"


def register(app: typer.Typer) -> None:
    """Adds every staff action."""
    for command in (
        verify_identity, ask_identity, ask_clarification, record_answer, settle_fee, answer_fee,
        review, decide, take_back, extend, complete_task, resolve_system, withdraw, close_as,
        reassign, correct_receipt, reopen, note,
    ):  # fmt: skip
        app.command(command.__name__.replace("_", "-"), rich_help_panel=PANEL)(command)


def take(
    number: str, action: "type[StaffAction]", by: str, id: Id, as_json: bool, said: str,
    **fields: Any,
) -> None:  # fmt: skip
    """Send an action; tell what happened and what comes next."""
    _tell(
        with_engine(lambda engine: engine.client.act(number, action, by=by, id=id, **fields)),
        as_json,
        said,
    )


def _tell(view: "CaseView", as_json: bool, said: str) -> None:
    from starter.cli.next_steps import standing

    if as_json:
        give(view)
    else:
        say(said, standing(view))


def verify_identity(
    number: Number, by: By, id: Id = None, as_json: Json = False,
    how: Annotated[
        str, typer.Option(metavar="WORD", help="How it was checked, for example passport_shown; "
                          "never a copy of the document.")
    ] = "checked_by_handler",
    mandate_checked: Annotated[
        bool, typer.Option("--mandate-checked", help="Of one who acts for the subject.")
    ] = False,
) -> None:  # fmt: skip
    """The identity is sufficient: record how it was checked, Art. 12(6)."""
    from schemas.messages import VerifyIdentity

    said = f"Identity recorded as sufficient by {by}: {how}."
    take(number, VerifyIdentity, by, id, as_json, said, how=how, mandate_checked=mandate_checked)


def ask_identity(
    number: Number, by: By, id: Id = None, as_json: Json = False,
    doubt: Annotated[
        str | None, typer.Option("--doubt", "--reason", metavar="TEXT", help="The reasonable "
                                 "doubt. Others on this machine see arguments: --doubt-file.")
    ] = None,
    doubt_file: Annotated[
        str | None, typer.Option("--doubt-file", "--reason-file", metavar="F|-",
                                 help="The same text from a file or stdin.")
    ] = None,
) -> None:  # fmt: skip
    """Ask the sender to show who they are, on a reasonable doubt, Art. 12(6)."""
    from schemas.messages import AskIdentity

    text = files.required_text(doubt, doubt_file, "--doubt")
    said = "Identity asked; the letter with the question is in the outbox."
    take(number, AskIdentity, by, id, as_json, said, doubt=text)


def ask_clarification(
    number: Number, by: By, id: Id = None, as_json: Json = False,
    question: Annotated[
        str | None, typer.Option("--question", "--reason", metavar="TEXT", help="What is asked. "
                                 "Others on this machine see arguments: --question-file.")
    ] = None,
    question_file: Annotated[
        str | None, typer.Option("--question-file", "--reason-file", metavar="F|-",
                                 help="The same text from a file or stdin.")
    ] = None,
) -> None:  # fmt: skip
    """Ask what the request is about, recital 63."""
    from schemas.messages import AskClarification

    text = files.required_text(question, question_file, "--question")
    said = "Clarification asked; the letter with the question is in the outbox."
    take(number, AskClarification, by, id, as_json, said, question=text)


def record_answer(
    number: Number, by: By, id: Id = None, as_json: Json = False,
    to: Annotated[
        Question | None, typer.Option(help="Which question; without it the only open one.")
    ] = None,
    insufficient: Annotated[
        bool, typer.Option("--insufficient", help="The answer does not show who asks.")
    ] = False,
    answered_at: Annotated[
        str | None, typer.Option(metavar="ISO", help="When the answer arrived; without it now.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(metavar="F|-", help="The text of the answer.")
    ] = None,
) -> None:  # fmt: skip
    """The subject has answered the open question."""
    from schemas.messages import RecordAnswer

    at = files.instant(answered_at, "--answered-at") if answered_at else None
    text = files.free_text(None, file, "--file")
    said = "The answer is recorded" + (", as not sufficient." if insufficient else ".")
    take(
        number, RecordAnswer, by, id, as_json, said, to=to, sufficient=not insufficient,
        answered_at=at, text=text,
    )  # fmt: skip


def settle_fee(
    number: Number, choice: Annotated[FeeChoice, typer.Argument(show_default=False)], by: By,
    id: Id = None, as_json: Json = False,
    amount: Annotated[
        str | None, typer.Option(metavar="EUR", help="Without it the amount of the policy.")
    ] = None,
    reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """Charge, waive, or refuse as excessive, Art. 12(5). All but waiving states the grounds."""
    from schemas.messages import SettleFee

    if amount is not None and choice != "charge":
        raise BadInput("--amount belongs to charge: leave it out.")
    said = {
        "charge": "The amount is told to the subject first; nothing is charged yet.",
        "waive": "The fee is waived.",
        "refuse": "Refused as excessive, Art. 12(5)(b).",
    }[choice]
    take(
        number, SettleFee, by, id, as_json, said, choice=choice, amount=_cents(amount),
        reason=files.free_text(reason, reason_file),
    )  # fmt: skip


def answer_fee(
    number: Number, choice: Annotated[FeeAnswer, typer.Argument(show_default=False)], by: By,
    id: Id = None, as_json: Json = False,
) -> None:  # fmt: skip
    """The subject accepts the amount, or withdraws."""
    from schemas.messages import AnswerFee

    said = "The subject accepts the fee." if choice == "accept" else "The subject withdraws."
    take(number, AnswerFee, by, id, as_json, said, choice=choice)


def review(
    number: Number, by: By, id: Id = None, as_json: Json = False,
    withhold: Annotated[
        list[str] | None, typer.Option(metavar="SYSTEM:ITEM:CODE", help="An item of dsr found "
                                       "that is not given out, for example "
                                       "customers:3:rights_of_others. May be repeated.")
    ] = None,
) -> None:  # fmt: skip
    """What was found has been looked at; some of it is withheld, Art. 15(4)."""
    from schemas.messages import Review

    items = tuple(_withheld(text) for text in withhold or ())
    said = f"Reviewed by {by}, {len(items)} item(s) withheld."
    take(number, Review, by, id, as_json, said, withhold=items)


def decide(
    number: Number, choice: Annotated[Choice, typer.Argument(show_default=False)], by: By,
    id: Id = None, as_json: Json = False,
    ground: Annotated[
        Ground | None, typer.Option(help="Of a partial or whole refusal, Art. 12(4).")
    ] = None,
    reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """Decide: approve, partial or refuse. A no of any part states its ground."""
    from schemas.messages import Decide

    said = {"approve": "Approved", "partial": "Approved in part", "refuse": "Refused"}[choice]
    said += f" by {by}" + (f": {ground}." if ground else ".")
    take(
        number, Decide, by, id, as_json, said, choice=choice, ground=ground,
        reason=files.free_text(reason, reason_file),
    )  # fmt: skip


def take_back(
    number: Number, by: By, id: Id = None, as_json: Json = False, reason: Reason = None,
    reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """Take a decision back, before the reply has left."""
    from schemas.messages import TakeBack

    said = "The decision is taken back; letters that had not left are withdrawn."
    text = files.free_text(reason, reason_file)
    take(number, TakeBack, by, id, as_json, said, reason=text)


def extend(
    number: Number, by: By,
    months: Annotated[int, typer.Option(metavar="N", min=1, max=2, help="1 or 2.")],
    id: Id = None, as_json: Json = False, reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """Extend the time limit, with reasons. It counts once its notice has left, Art. 12(3)."""
    from schemas.messages import Extend

    text = files.required_text(reason, reason_file)
    said = f"Extension by {months} month(s) decided. It counts once its notice has left."
    take(number, Extend, by, id, as_json, said, months=months, reason=text)


def complete_task(
    number: Number,
    task: Annotated[str, typer.Argument(metavar="TASK", help="Its id, see dsr tasks.")], by: By,
    id: Id = None, as_json: Json = False,
    file: Annotated[
        str | None, typer.Option(metavar="F|-", help="What was found; sealed in the case file. Of "
                                 'choose_match: {"belongs": ["1", "3"]}, items of dsr found.')
    ] = None,
    records: Annotated[int, typer.Option(metavar="N", min=0, help="How many were found.")] = 0,
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Arguments are visible to others.")
    ] = None,
) -> None:  # fmt: skip
    """A manual task is done, with what was found as a file."""
    attachment = None if file is None else _attachment(file)
    view = with_engine(
        lambda engine: engine.client.complete_task(
            number, task, by=by, file=attachment, id=id, records=records, note=note
        )
    )
    _tell(view, as_json, f"Task {task} is done.")


def resolve_system(
    number: Number,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The system, see dsr show.")],
    how: Annotated[Resolution, typer.Argument(show_default=False)], by: By, id: Id = None,
    as_json: Json = False, reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """A system does not answer: try again, answer for it by hand, or leave it out, with reason."""
    from schemas.messages import ResolveSystem

    text = files.required_text(reason, reason_file)
    said = {
        "retry": f"{name} is asked again.",
        "by-hand": f"{name} is answered by hand: a task is open.",
        "leave-out": f"{name} is left out; the reply says so.",
    }[how]
    take(number, ResolveSystem, by, id, as_json, said, system=name, how=how, reason=text)


def withdraw(
    number: Number, by: By, id: Id = None, as_json: Json = False, reason: Reason = None,
    reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """The subject withdraws the request."""
    from schemas.messages import Withdraw

    text = files.free_text(reason, reason_file)
    take(number, Withdraw, by, id, as_json, "Withdrawn by the subject.", reason=text)


def close_as(
    number: Number, ending: Annotated[Ending, typer.Argument(show_default=False)], by: By,
    id: Id = None, as_json: Json = False,
    into: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="The case that answers it, if merged.")
    ] = None,
    reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """End what is no request, was meant for somebody else, or is a double found by hand."""
    from schemas.messages import CloseAs

    text = files.free_text(reason, reason_file)
    said = f"It ends as {ending}" + (f" into {into}." if into else ".")
    take(number, CloseAs, by, id, as_json, said, ending=ending, into=into, reason=text)


def reassign(
    number: Number, by: By,
    to: Annotated[str, typer.Option("--to", metavar="ACTOR", help="A handler or the DPO.")],
    id: Id = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Hand the case to another member of staff."""
    from schemas.messages import Reassign

    take(number, Reassign, by, id, as_json, f"Handed to {to}.", to=to)


def correct_receipt(
    number: Number, by: By,
    received_at: Annotated[str, typer.Option(metavar="ISO", help="When it really arrived.")],
    id: Id = None, as_json: Json = False, reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """The receipt was recorded wrongly: every date is computed again."""
    from schemas.messages import CorrectReceipt

    at = files.instant(received_at, "--received-at")
    text = files.required_text(reason, reason_file)
    said = f"Receipt corrected to {at.isoformat()}; the dates are computed again."
    take(number, CorrectReceipt, by, id, as_json, said, received_at=at, reason=text)


def reopen(
    number: Number, by: By, id: Id = None, as_json: Json = False, reason: Reason = None,
    reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """Answer again, after a complaint."""
    from schemas.messages import Reopen

    text = files.required_text(reason, reason_file)
    take(number, Reopen, by, id, as_json, "Opened again.", reason=text)


def note(
    number: Number, by: By, id: Id = None, as_json: Json = False,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Arguments are visible to others on this "
                                 "machine: give personal data by --file.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "--text-file", metavar="F|-", help="From a file.")
    ] = None,
) -> None:  # fmt: skip
    """File a note, sealed in the case file."""
    from schemas.messages import Note

    written = files.required_text(text, file, "--text")
    take(number, Note, by, id, as_json, "The note is filed.", text=written)


def _cents(amount: str | None) -> int | None:
    from decimal import Decimal, InvalidOperation

    if amount is None:
        return None
    try:
        cents = Decimal(amount.replace(",", ".")) * 100
        if cents == int(cents):
            return int(cents)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    raise BadInput("--amount is an amount of money in EUR, for example 15 or 12.50.")


def _withheld(text: str) -> "Withheld":
    from schemas.case import Ground as GroundCode
    from schemas.messages import Withheld

    parts = text.split(":")
    codes = [code.value for code in GroundCode]
    if len(parts) != 3 or not all(parts) or parts[2] not in codes:
        raise BadInput(
            "--withhold is SYSTEM:ITEM:CODE, for example customers:3:rights_of_others. Codes: "
            f"{', '.join(codes)}."
        )
    return Withheld(system=parts[0], item=parts[1], code=GroundCode(parts[2]))


def _attachment(file: str) -> "Attachment":
    import base64
    import mimetypes
    from pathlib import Path

    from pydantic import ValidationError

    from schemas.request import MAX_ATTACHMENT_BYTES, Attachment

    content = files.read_bytes(file)
    if len(content) > MAX_ATTACHMENT_BYTES:
        raise BadInput(f"{file} is larger than {MAX_ATTACHMENT_BYTES // 1_000_000} MB.")
    name = "answer" if file == "-" else Path(file).name
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    try:
        return Attachment(name=name, media_type=kind, base64=base64.b64encode(content))
    except ValidationError:
        raise BadInput("The name of the file cannot be kept. Rename it, or use -.") from None
