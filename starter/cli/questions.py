"""What is asked of the subject before the answer: identity, clarification, the fee."""

from typing import Annotated

import typer

from schemas.errors import BadInput
from starter.cli import files
from starter.cli.acting import take
from starter.cli.words import (
    By,
    FeeAnswer,
    FeeChoice,
    Id,
    Json,
    Number,
    Question,
    Reason,
    ReasonFile,
)


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
