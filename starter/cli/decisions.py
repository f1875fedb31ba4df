"""What staff find, decide and extend."""

from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import BadInput
from starter.cli import files
from starter.cli.acting import done, take
from starter.cli.words import (
    By,
    Choice,
    Digest,
    Ground,
    Id,
    Json,
    NotTold,
    Number,
    Reason,
    ReasonFile,
    Resolution,
    SecondChoice,
)

if TYPE_CHECKING:
    from schemas.messages import Withheld
    from schemas.request import Attachment


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
    disputed: Annotated[
        list[int] | None, typer.Option(metavar="N", min=1, max=100, help="Of a partial "
                                       "correction: its number in dsr found. May be repeated.")
    ] = None,
    digest: Digest = None, reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """Decide: approve, partial or refuse. A no of any part states its ground."""
    from schemas.messages import Decide

    said = {"approve": "Approved", "partial": "Approved in part", "refuse": "Refused"}[choice]
    said += f" by {by}" + (f": {ground}." if ground else ".")
    take(
        number, Decide, by, id, as_json, said, choice=choice, ground=ground,
        digest=digest, disputed=tuple(disputed or ()),
        reason=files.free_text(reason, reason_file),
    )  # fmt: skip


def second_decision(
    number: Number,
    choice: Annotated[SecondChoice, typer.Argument(show_default=False)],
    by: By,
    id: Id = None, as_json: Json = False, digest: Digest = None, reason: Reason = None,
    reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """The second person's decision about a deletion: approve or refuse."""
    from schemas.messages import SecondDecision

    said = {
        "approve": f"Approved by {by}, too: it is erased now, system by system.",
        "refuse": f"Not approved by {by}: nothing is erased; the first decision is void.",
    }[choice]
    text = files.free_text(reason, reason_file)
    take(number, SecondDecision, by, id, as_json, said, choice=choice, digest=digest, reason=text)


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
    left: Annotated[
        bool, typer.Option("--left", help="Of a task to destroy that was called back: something is "
                           "there still; --records of it were destroyed before.")
    ] = False,
    note: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Arguments are visible to others on this "
                                 "machine: --note-file.")
    ] = None,
    note_file: Annotated[
        str | None, typer.Option(metavar="F|-", help="The same text from a file or stdin.")
    ] = None,
) -> None:  # fmt: skip
    """A manual task is done, with what was found as a file."""
    attachment = None if file is None else _attachment(file)
    text = files.free_text(note, note_file, "--note")
    done(
        lambda client: client.complete_task(
            number, task, by=by, file=attachment, id=id, records=records, left=left, note=text
        ),
        as_json,
        f"Task {task} is done.",
    )


def resolve_system(
    number: Number,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The system, see dsr show.")],
    how: Annotated[Resolution, typer.Argument(show_default=False)], by: By, id: Id = None,
    as_json: Json = False, reason: Reason = None, reason_file: ReasonFile = None,
    because: Annotated[
        NotTold | None, typer.Option(help="Of a recipient that is left out: telling it is "
                                     "impossible, or a disproportionate effort, Art. 19.")
    ] = None,
) -> None:  # fmt: skip
    """A system does not answer: try again, answer for it by hand, or leave it out, with reason."""
    from schemas.messages import ResolveSystem

    text = files.required_text(reason, reason_file)
    said = {
        "retry": f"{name} is asked again.",
        "by-hand": f"{name} is answered by hand: a task is open.",
        "leave-out": f"{name} is left out; the reply says so.",
    }[how]
    take(
        number, ResolveSystem, by, id, as_json, said, system=name, how=how, reason=text,
        because=because,
    )  # fmt: skip


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
