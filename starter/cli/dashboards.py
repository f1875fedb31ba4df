"""Reading cases: from PostgreSQL, also while Temporal is away."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import BadInput
from starter.cli import files
from starter.cli.console import give, remark, say, with_engine
from starter.cli.words import Json, Kind, Number, Onlooker, Status

if TYPE_CHECKING:
    from connectors.contract import ErasurePlan, Found
    from schemas.case import CaseView
    from schemas.lines import Pause
    from schemas.request import Subject
    from starter.asked import CorrectionsAsked
    from starter.client import DsrClient
    from starter.dashboard import TaskLine

PANEL = "Dashboards"


def register(app: typer.Typer) -> None:
    """Adds every command that looks."""
    app.command("list", rich_help_panel=PANEL)(list_cases)
    for command in (show, timeline, tasks, found, plan, overview):
        app.command(rich_help_panel=PANEL)(command)


def list_cases(
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
    due_before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Due before this local date.")
    ] = None,
    person_file: Annotated[
        str | None,
        typer.Option(
            metavar="F|-",
            help="Only cases of a person with one of these identifiers: a JSON file "
            '{"identifiers": [{"type": "email", "value": ...}]}.',
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Cases by safe date, the most urgent first."""
    from schemas.case import Status as CaseStatus
    from schemas.request import Kind as CaseKind
    from starter.cli import show as render

    before = _date(due_before)
    person = _person(person_file)
    lines = with_engine(
        lambda engine: engine.client.cases(
            status=CaseStatus(status) if status else None,
            kind=CaseKind(kind) if kind else None,
            due_before=before,
            person=person,
        ),
        temporal=False,
    )
    give(lines) if as_json else render.cases(lines)


def show(number: Number, as_json: Json = False) -> None:
    """One case: status, dates with their reasons, what is awaited, systems, letters, decisions."""
    from starter.cli import show as render

    view = with_engine(lambda engine: engine.client.show(number), temporal=False)
    give(view) if as_json else render.case(view)


def timeline(number: Number, as_json: Json = False) -> None:
    """What happened to a case, from its audit chain."""
    from starter.cli import show as render

    entries = with_engine(lambda engine: engine.client.timeline(number), temporal=False)
    give(entries) if as_json else render.timeline(entries)


def tasks(
    role: Annotated[
        str | None, typer.Option(metavar="R", help="Only of this role: handler, archivist, ...")
    ] = None,
    as_json: Json = False,
) -> None:
    """What needs a person now, by safe date, with the command that does it."""
    from starter.cli import show as render

    lines, holds, pauses = with_engine(lambda engine: _tasks(engine.client, role), temporal=False)
    give(lines) if as_json else render.tasks(lines)
    for pause in pauses:
        remark(render.left_alone(pause))
    if holds:
        remark(f"{holds} hold(s) need somebody: dsr hold list --as ACTOR")


async def _tasks(
    client: "DsrClient", role: str | None
) -> "tuple[list[TaskLine], int, tuple[Pause, ...]]":
    """The tasks, how many holds wait for DPO or approver, and what fails for every case.

    Of secret holds nothing is said.
    """
    lines, holds = await client.tasks(role), 0
    pauses = await client.pauses() if role in (None, "handler") else ()
    if role in (None, "dpo", "approver"):
        holds = sum(hold.needs is not None for hold in await client.holds.known_to(None))
    return lines, holds, pauses


def found(
    number: Number,
    save_files: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the files that people handed in there."),
    ] = None,
    as_json: Json = False,
    by: Onlooker = None,
) -> None:
    """What was found, per system: personal data. The look is recorded."""
    from starter.cli import show as render

    if save_files is not None:
        return _save_files(number, save_files, by)
    view, parts, asked = with_engine(
        lambda engine: _found(engine.client, number, by), temporal=False
    )
    if as_json:
        return give(parts)
    if asked is not None:
        render.asked(asked)
    return render.found(parts, view)


async def _found(
    client: "DsrClient", number: str, by: str | None
) -> "tuple[CaseView, dict[str, Found], CorrectionsAsked | None]":
    view, by = await client.show(number), onlooker(client, by)
    parts = await client.found(number, by=by)
    if view.kind != "correct" or view.purged:
        return view, parts, None
    return view, parts, await client.corrections(number, by=by)


def plan(number: Number, as_json: Json = False, by: Onlooker = None) -> None:
    """What a deletion would erase and keep, with reasons and dates. The look is recorded."""
    from starter.cli import show as render

    view, parts = with_engine(lambda engine: _plan(engine.client, number, by), temporal=False)
    if as_json:
        return give({"digest": view.plan, "systems": parts})
    return render.plan(parts, view)


async def _plan(
    client: "DsrClient", number: str, by: str | None
) -> "tuple[CaseView, dict[str, ErasurePlan]]":
    view = await client.show(number)
    return view, await client.plan(number, by=onlooker(client, by))


def _save_files(number: str, folder: Path, by: str | None) -> None:
    from activities.package import safe_name

    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder: name one that exists.")
    handed_in = with_engine(
        lambda engine: engine.client.files(number, by=onlooker(engine.client, by)), temporal=False
    )
    for system, file in handed_in:
        path = folder / f"{system}-{safe_name(file.name)}"
        files.write_fetched(str(path), lambda content=file.base64: content)  # type: ignore[misc]
        say(f"{system}: {path}")
    if not handed_in:
        say(f"Nobody has handed in a file for {number}.")


def overview(as_json: Json = False) -> None:
    """Open by status and kind, overdue and breached by cause, load per person."""
    from starter.cli import show as render

    counts = with_engine(lambda engine: engine.client.overview(), temporal=False)
    give(counts) if as_json else render.overview(counts)


def onlooker(client: "DsrClient", by: str | None) -> str:
    """Who looks or fetches: a member of staff, else the user of the operating system."""
    from starter.client import system_user

    return system_user() if by is None else client.actor(by).account


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text.strip())
    except ValueError:
        raise BadInput("--due-before is a local date, for example 2027-09-30.") from None


def _person(file: str | None) -> "Subject | None":
    from pydantic import ValidationError

    from schemas.request import Subject

    if file is None:
        return None
    document = files.read_object(file)
    try:
        person = Subject.model_validate({"name": "-", **document})
    except ValidationError as fault:
        from starter.intake import first_fault

        raise BadInput(f"{file}: {first_fault(fault, Subject)}.") from None
    if not person.identifiers:
        raise BadInput(f"{file}: identifiers are missing: nobody is looked up by name alone.")
    return person
