"""Handing requests in: as a file, from stdin, or for convenience as options."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from schemas.errors import BadInput, DsrError, Unreachable
from starter.cli import files
from starter.cli.console import give, remark, say, with_engine
from starter.cli.words import Channel, Json, Kind, Language

if TYPE_CHECKING:
    from schemas.case import CaseView
    from starter.client import DsrClient
    from starter.intake import Receipt
    from starter.open import Engine

WAIT_SECONDS: Final = 120.0
"""How long `--wait` waits; a case may wait for a partner longer than anybody at a terminal."""


def register(app: typer.Typer) -> None:
    """Adds `dsr submit`."""
    app.command(rich_help_panel="Intake")(submit)


def submit(
    file: Annotated[
        str | None, typer.Option(metavar="F|-", help="The RequestForm as JSON. Nothing of it is "
                                 "visible to others.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="K", help="Idempotency key: the same key again gives the "
                                 "same case.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it waits for a person or is closed.")
    ] = False,
    as_json: Json = False,
    kind: Annotated[Kind | None, typer.Option(help="What is asked, without a file.")] = None,
    channel: Annotated[Channel | None, typer.Option(help="How it arrived.")] = None,
    language: Annotated[Language | None, typer.Option(help="The subject's.")] = None,
    received_at: Annotated[
        str | None, typer.Option(metavar="ISO", help="When it arrived; without it now.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="The subject's name.")] = None,
    email: Annotated[list[str] | None, typer.Option(metavar="ADDRESS")] = None,
    phone: Annotated[list[str] | None, typer.Option(metavar="NUMBER")] = None,
    identifier: Annotated[
        list[str] | None, typer.Option(metavar="TYPE=VALUE", help="For example customer_number=17.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(metavar="PART", help="Part of the register; all of it.")
    ] = None,
    purpose: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="Of an objection or a consent.")
    ] = None,
    signed: Annotated[bool, typer.Option("--signed", help="The letter is signed.")] = False,
    identified: Annotated[
        str | None, typer.Option(metavar="WORD=ACTOR", help="Of a visit: what was shown, and who "
                                 "checked it, for example passport=maija.")
    ] = None,
    consent: Annotated[
        str | None, typer.Option(metavar="given|withdrawn:TEXT_VERSION:MEANS", help="Of a consent.")
    ] = None,
    message_file: Annotated[
        str | None, typer.Option(metavar="F|-", help="What the sender wrote.")
    ] = None,
) -> None:  # fmt: skip
    """Take a request in: by --file, or by the options below it.

    Options are arguments, and arguments are visible to others on this machine: personal data is
    safe in a file or on stdin (--file -). Examples:
    dsr submit --file request.json --wait
    dsr submit --kind access --channel email --language fi --name NAME --email ADDRESS
    """
    given = {
        "kind": kind, "channel": channel, "language": language, "received_at": received_at,
        "name": name, "email": email, "phone": phone, "identifier": identifier, "scope": scope,
        "purpose": purpose, "signed": signed, "identified": identified, "consent": consent,
        "message_file": message_file,
    }  # fmt: skip
    options = {option: value for option, value in given.items() if value}
    document = _form_of_file(file, options) if file else _form_of_options(options)
    _add_key(document, key)
    files.refuse_broken_text(document)
    with_engine(lambda engine: _submit(engine, document, wait=wait, as_json=as_json))


async def _submit(engine: "Engine", form: dict[str, Any], *, wait: bool, as_json: bool) -> None:
    receipt = await engine.client.submit(form)
    view, stopped = await _waited(engine.client, receipt) if wait else (None, None)
    if as_json:
        shown = receipt.model_dump(mode="json", include={"number", "kind", "created"})
        where = view.model_dump(mode="json") if view else receipt.model_dump(mode="json")
        due = where["clock"]["due_date"] if view else where["due_date"]
        give(shown | {"status": where["status"], "due_date": due})
    else:
        _tell(receipt, view)
    if stopped:
        raise stopped


def _tell(receipt: "Receipt", view: "CaseView | None") -> None:
    from starter.cli.console import day
    from starter.cli.next_steps import standing

    if receipt.created:
        say(f"Received as {receipt.number} ({receipt.kind}).")
    else:
        say(f"{receipt.number} answers this already: no new case.")
    if view is not None:
        say(standing(view))
    else:
        due = day(receipt.due_date) if receipt.due_date else "not known while a question is open"
        say(f"Due: {due}. Next: dsr show {receipt.number}")


async def _waited(
    client: "DsrClient", receipt: "Receipt"
) -> tuple["CaseView", DsrError | None]:  # fmt: skip
    """The case once it waits for a person; else as it stands, with the sentence to end with."""
    from starter.cli.next_steps import settled, waits_for_a_person

    view = await settled(client, await client.show(receipt.number), WAIT_SECONDS)
    if waits_for_a_person(view):
        return view, None
    return view, Unreachable(
        f"{receipt.number} is received, and still {view.status} after {WAIT_SECONDS:.0f} s. Does "
        "a worker run, do the systems answer? See: dsr health"
    )


def _form_of_file(file: str, options: dict[str, Any]) -> dict[str, Any]:
    if options:
        names = ", ".join(f"--{option.replace('_', '-')}" for option in options)
        raise BadInput(f"Give the request by --file or by options, not both: leave out {names}.")
    return files.read_object(file)


def _add_key(form: dict[str, Any], key: str | None) -> None:
    if key is None:
        return
    if form.get("idempotency_key") not in (None, key):
        raise BadInput("--key differs from the idempotency_key of the file: leave one out.")
    form["idempotency_key"] = key


def _form_of_options(options: dict[str, Any]) -> dict[str, Any]:
    needed = ("kind", "channel", "language", "name")
    if missing := [f"--{option}" for option in needed if option not in options]:
        raise BadInput(f"Missing --file F, or else {', '.join(missing)}. See: dsr submit --help")
    remark("Note: arguments are visible to others on this machine; --file F or --file - is not.")
    form = {
        "kind": options["kind"],
        "channel": options["channel"],
        "language": options["language"],
        "received_at": _received_at(options.get("received_at")),
        "scope": options.get("scope", ["register"]),
        "subject": {"name": options["name"], "identifiers": _identifiers(options)},
        "evidence": _evidence(options),
        "purposes": options.get("purpose", []),
    }
    if "consent" in options:
        form["consent"] = _consent(options["consent"])
    if "message_file" in options:
        form["message"] = files.read_text(options["message_file"])
    return form


def _received_at(text: str | None) -> str:
    from datetime import UTC, datetime

    at = files.instant(text, "--received-at") if text else datetime.now(UTC)
    return at.isoformat()


def _identifiers(options: dict[str, Any]) -> list[dict[str, str]]:
    pairs = [("email", value) for value in options.get("email", [])]
    pairs += [("phone", value) for value in options.get("phone", [])]
    pairs += [_pair(text, "--identifier") for text in options.get("identifier", [])]
    return [{"type": kind, "value": value} for kind, value in pairs]


def _evidence(options: dict[str, Any]) -> dict[str, Any]:
    evidence: dict[str, Any] = {"signed": options.get("signed", False)}
    if "identified" in options:
        kind, checked_by = _pair(options["identified"], "--identified")
        evidence["identification"] = {"kind": kind, "checked_by": checked_by}
    return evidence


def _consent(text: str) -> dict[str, Any]:
    given, _, rest = text.partition(":")
    version, _, means = rest.partition(":")
    if given not in ("given", "withdrawn") or not version or not means:
        raise BadInput(
            "--consent is given or withdrawn, with text version and means, for example "
            "given:2027-01:web_form."
        )
    return {"given": given == "given", "text_version": version, "means": means}


def _pair(text: str, option: str) -> tuple[str, str]:
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        example = "passport=maija" if option == "--identified" else "customer_number=17"
        raise BadInput(f"{option} has two parts, for example {example}.")
    return left, right
