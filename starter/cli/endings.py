"""How a case ends, changes hands, is put right, and is noted."""

from typing import Annotated

import typer

from starter.cli import files
from starter.cli.acting import done, take
from starter.cli.words import By, Ending, Id, Json, Kind, Number, Reason, ReasonFile


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


def reclassify(
    number: Number, by: By,
    to: Annotated[Kind, typer.Option("--to", metavar="KIND", help="What the person asked for.")],
    id: Id = None, as_json: Json = False,
    file: Annotated[
        str | None, typer.Option("--file", metavar="F|-", help="JSON with what the form says for "
                                 "that kind: scope, purposes, consent, corrections, message.")
    ] = None,
    reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """The request is of another kind: the right procedure takes over, the receipt is unchanged."""
    from schemas import request

    text = files.required_text(reason, reason_file)
    parts = files.read_object(file) if file else {}
    done(
        lambda client: client.reclassify(
            number, to=request.Kind(to), by=by, reason=text, parts=parts, id=id
        ),
        as_json,
        f"Reclassified to {to}; the receipt and its dates are unchanged.",
    )


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
