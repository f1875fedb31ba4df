"""To whom what was done with a case is communicated (Art. 19)."""

from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from schemas.errors import BadInput
from starter.cli.console import give, moment, say, table, with_engine
from starter.cli.words import Id, Json, Number

if TYPE_CHECKING:
    from schemas.recipients import RecipientLedger
    from starter.client import DsrClient


def register(app: typer.Typer) -> None:
    """Adds `dsr recipients`."""
    app.command(rich_help_panel="Dashboards")(recipients)


def recipients(
    number: Number,
    letter: Annotated[
        bool, typer.Option("--letter", help="Write the list as a letter to the subject, who may "
                           "ask for it; needs --as.")
    ] = False,
    acknowledged: Annotated[
        str | None, typer.Option(metavar="NAME", help="This recipient has confirmed to a person "
                                 "that it was told; needs --as.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--as", metavar="ACTOR", help="Account of the staff directory.")
    ] = None,
    id: Id = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Who was told of a correction, deletion or restriction, and what came of it, Art. 19."""
    if (letter or acknowledged) and by is None:
        raise BadInput("Say who acts: --as ACTOR.")
    if letter and acknowledged:
        raise BadInput("Give --letter or --acknowledged, not both.")
    said: list[str] = []

    async def act(client: "DsrClient") -> "RecipientLedger":
        if letter and by is not None:
            written = await client.write_recipients(number, by=by, id=id or uuid4())
            said.append(f"The list is letter {written}: dsr letter {number} {written} --out FILE")
        if acknowledged and by is not None:
            return await client.acknowledge(number, acknowledged, by=by, id=id or uuid4())
        return await client.recipients(number)

    ledger = with_engine(lambda engine: act(engine.client), temporal=False)
    if as_json:
        return give(ledger)
    _tell(ledger)
    say(*said)
    return None


def _tell(ledger: "RecipientLedger") -> None:
    if not ledger.recipients:
        return say(f"{ledger.number} has nothing to tell to any recipient.")
    table(
        ("recipient", "relation", "country", "system", "duty", "state", "since", "told",
         "reminders", "reason"),
        [
            (line.recipient.name, line.recipient.relation, line.recipient.country, line.system,
             line.duty, line.state, moment(line.since),
             moment(line.told_at) if line.told_at else None, line.reminders, line.reason)
            for line in ledger.recipients
        ],
    )  # fmt: skip
    if any(line.state in ("notified", "acknowledged", "failed") for line in ledger.recipients):
        say(
            "", "Closed with a reason: dsr resolve-system "
            f"{ledger.number} SYSTEM leave-out --because impossible --reason-file F --as ACTOR",
        )  # fmt: skip
    return None
