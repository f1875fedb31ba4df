"""Relations that ended: what the daily sweep would find, its batches, and how they are decided."""

from typing import TYPE_CHECKING, Annotated

import typer

from starter.cli import files
from starter.cli.console import give, say, with_engine
from starter.cli.words import By, Ground, Json, Reason, ReasonFile, SecondChoice

if TYPE_CHECKING:
    from schemas.retention import BatchDecision, RetentionSweep
    from starter.open import Engine


def register(app: typer.Typer) -> None:
    """Adds `dsr retention`."""
    retention = typer.Typer(no_args_is_help=True, help="People whose relation has ended.")
    retention.command()(report)
    retention.command("list")(list_batches)
    retention.command()(decide)
    app.add_typer(retention, name="retention", rich_help_panel="Staff actions")


def report(as_json: Json = False) -> None:
    """Dry run: whom each system no longer needs to know. Counts only; changes nothing."""

    async def look(engine: "Engine") -> "RetentionSweep":
        from starter.ended import dry_run

        return await dry_run(engine.case_file, engine.configuration, engine.systems,
                             engine.client.now())  # fmt: skip

    swept = with_engine(look, temporal=False)
    if as_json:
        return give(swept)
    for one in swept.systems:
        say(one.trouble or (
            f"{one.system}: {one.found} found; {one.taken} would begin (of them {one.held} held), "
            f"{one.waiting} wait already, {one.refused_before} refused before, {one.unnamed} "
            "without an identifier of their own"
        ))  # fmt: skip
    if not swept.systems:
        say("No manifest says when a relation is over (ended: {column, period}).")
    return None


def list_batches(as_json: Json = False) -> None:
    """Batches with an open case, and what they wait for."""
    batches = with_engine(lambda engine: engine.client.retention.batches(), temporal=False)
    if as_json:
        return give(batches)
    for one in batches:
        say(
            f"{one.batch}: {one.open} of {one.cases} open, {one.first_decision} wait for a first "
            f"and {one.second_decision} for a second decision; {one.records} record(s) planned"
        )
    if not batches:
        say("No batch is open.")
    return None


def decide(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="See dsr retention list.")],
    choice: Annotated[SecondChoice, typer.Argument(show_default=False)],
    by: By, as_json: Json = False,
    ground: Annotated[Ground | None, typer.Option(help="Of a refusal, Art. 17.")] = None,
    reason: Reason = None, reason_file: ReasonFile = None,
) -> None:  # fmt: skip
    """Decide every case of a batch, each by its own plan: the first person, then the second."""
    text = files.free_text(reason, reason_file)

    async def take(engine: "Engine") -> "BatchDecision":
        from schemas import case, messages

        return await engine.client.retention.decide(
            batch, messages.Choice(choice), by=by, ground=case.Ground(ground) if ground else None,
            reason=text,
        )  # fmt: skip

    done = with_engine(take)
    if as_json:
        return give(done)
    say(f"{len(done.decided)} first decision(s), {len(done.seconded)} second decision(s) by {by}.")
    for number, sentence in done.not_decided.items():
        say(f"{number}: {sentence}")
    return None
