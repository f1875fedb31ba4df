"""Legal holds, and what importers ask: is this address suppressed?"""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from schemas.errors import BadInput, CheckFailed
from starter.cli import files
from starter.cli.console import day, give, moment, remark, say, with_engine
from starter.cli.words import By, Id, Json, Reason, ReasonFile

if TYPE_CHECKING:
    from schemas.holds import HoldView, SystemFate
    from starter.client import DsrClient

HoldId = Annotated[
    UUID, typer.Argument(metavar="ID", help="The hold, as placing printed it.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Adds `dsr hold` and `dsr suppressed`."""
    hold = typer.Typer(no_args_is_help=True, help="Legal holds: what must not be erased, by order.")
    for command in (place, confirm, review, release):
        hold.command(command.__name__)(command)
    hold.command("list")(list_holds)
    app.add_typer(hold, name="hold", rich_help_panel="Staff actions")
    app.command(rich_help_panel="Dashboards")(suppressed)


def place(
    file: Annotated[
        str,
        typer.Option("--file", metavar="F|-", help='JSON: {"authority", "reference", "country", '
                     '"person": {"identifiers": [{"type", "value"}]}, "systems", "categories", '
                     '"from", "until", "review", "note"}. Without a person: everybody in the '
                     "systems."),
    ],
    by: By,
    secret: Annotated[
        bool, typer.Option("--secret", help="Nobody but the DPO is told that it exists.")
    ] = False,
    id: Id = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Put a hold into force at once; it lapses unless a second person confirms it in time.

    Waits for erasures at work, then says per system what it achieved: protected, gone, in doubt.
    """
    document = files.read_object(file)
    files.refuse_broken_text(document)
    _done(
        lambda c: c.holds.place(document, c.actor(by), secret=secret, id=id), as_json,
        "The hold is in force.",
    )  # fmt: skip


def confirm(hold: HoldId, by: By, as_json: Json = False) -> None:
    """A second person, not a second account, agrees."""
    _done(lambda c: c.holds.confirm(hold, c.actor(by)), as_json, "The hold is confirmed.")


def review(
    hold: HoldId, by: By,
    until: Annotated[str, typer.Option(metavar="DATE", help="When it is looked at again.")],
    as_json: Json = False,
) -> None:  # fmt: skip
    """The hold is still needed: it is looked at again on that date."""
    on = _date(until)
    said = f"The hold stands; it is looked at again on {day(on)}."
    _done(lambda c: c.holds.review(hold, c.actor(by), on), as_json, said)


def release(
    hold: HoldId, by: By, reason: Reason = None, reason_file: ReasonFile = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """End a hold: what waits for it goes on by itself. The reason is sealed with it."""
    text = files.required_text(reason, reason_file)
    _done(lambda c: c.holds.release(hold, c.actor(by), text), as_json, "The hold is released.")


def list_holds(
    by: Annotated[
        str | None,
        typer.Option("--as", metavar="ACTOR", help="Account of the staff directory. DPO and "
                     "approvers read who ordered a hold; secret holds are the DPO's alone."),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Holds, the newest first, and what somebody has to do about each."""
    holds = with_engine(
        lambda e: e.client.holds.known_to(None if by is None else e.client.actor(by)),
        temporal=False,
    )
    if as_json:
        return give(holds)
    for hold in holds:
        _tell(hold)
    if not holds:
        say("No hold that you may know of." if by else "No hold. Secret ones: --as ACTOR")
    return None


def suppressed(
    purpose: Annotated[str, typer.Option(metavar="P", help="marketing, surveys, ...")],
    email_file: Annotated[
        str | None,
        typer.Option(metavar="F|-", help="The address, from a file or stdin."),
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Arguments are visible to others on this machine: "
                     "give it by --email-file."),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """For importers: exit 0 if the address may be used for the purpose, 1 if it is suppressed.

    Any failure exits with another code: take an address in only on 0.
    """
    if (email is None) == (email_file is None):
        raise BadInput("Give the address by --email-file F|-.")
    if email is not None:
        remark("Note: arguments are visible to others on this machine; use --email-file.")
    address = email if email is not None else files.read_text(email_file or "-")
    files.refuse_broken_text(address)
    answer = with_engine(lambda e: e.client.suppressions.of(address, purpose), temporal=False)
    if as_json:
        give(answer)
    if answer.suppressed:
        raise CheckFailed(f"Suppressed for {', '.join(answer.purposes)}: do not take it in.")
    if not as_json:
        say(f"Not suppressed for {purpose}.")


def _done(
    act: "Callable[[DsrClient], Awaitable[HoldView]]", as_json: bool, said: str
) -> None:  # fmt: skip
    hold = with_engine(lambda engine: act(engine.client), temporal=False)
    if as_json:
        return give(hold)
    say(said)
    _tell(hold)
    return None


def _tell(hold: "HoldView") -> None:
    from rules.holds import scope

    secret = ", secret" if hold.secret else ""
    say(f"Hold {hold.id}: {hold.state}{secret}. {scope(hold)}.")
    if hold.order is not None:
        say(f"  {hold.order.authority}, {hold.order.reference} ({hold.order.country})")
    until = f", until {day(hold.until_on)}" if hold.until_on else ""
    say(
        f"  Placed by {hold.placed_by} at {moment(hold.placed_at)}, from {day(hold.begins_on)}"
        f"{until}; review on {day(hold.review_on)}."
    )
    say(*(f"  {_sentence(fate)}" for fate in hold.fates))
    if hold.needs:
        say(f"  {hold.needs}")


def _sentence(fate: "SystemFate") -> str:
    """What the hold achieved in one system; doubt is said to be doubt."""
    from schemas.holds import Fate

    if fate.with_people:
        return f"{fate.system}: {_of_people(fate)}"
    if fate.stop is not None:
        return f"{fate.system}: {_of_stop(fate)}"
    if fate.fate is Fate.GONE and fate.at:
        return f"{fate.system}: gone, erased at {moment(fate.at)}."
    if fate.fate is Fate.IN_DOUBT and fate.at:
        return (
            f"{fate.system}: in doubt, an erasure had begun; read again after {moment(fate.at)}: "
            "dsr hold list --as ACTOR"
        )
    if fate.erased_before and fate.at:
        return (
            f"{fate.system}: protected, what is there now; erased before: {fate.erased_before}, "
            f"the last at {moment(fate.at)}."
        )
    return f"{fate.system}: protected."


def _of_people(fate: "SystemFate") -> str:
    """Of a system in which people had been told to destroy, and have not answered."""
    from schemas.holds import Fate

    gone = ""
    if fate.fate is Fate.GONE and fate.at:
        gone = f"gone in part, erased at {moment(fate.at)}; the rest is "
    return (
        f"{gone}in doubt, people were told to destroy it before, and have not answered. Call them: "
        "what is there is to stay. Their task says so, too: dsr tasks"
    )


def _of_stop(fate: "SystemFate") -> str:
    """Of a partner that had been told to erase."""
    from schemas.holds import Fate, StopState

    if fate.stop is StopState.TOO_LATE and fate.at:
        told = moment(fate.at)
        return f"too late, told to erase at {told}; it had begun or was done. Call the partner."
    if fate.fate is Fate.PROTECTED:
        return "protected, told to erase before; it confirms that it took the request back."
    return (
        "in doubt, told to erase before; the stop is sent again until the partner answers. Call "
        "it, and see: dsr hold list --as ACTOR"
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BadInput("--until is a local date, for example 2027-09-30.") from None
