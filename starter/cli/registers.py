"""A register from the command line: what it holds on a person, and what erasing would do there.

No case is touched, so nothing is recorded: for trying a manifest, and for checks by others.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from schemas.errors import BadInput, CheckFailed
from starter.cli import files
from starter.cli.console import give, remark, run, say, visible
from starter.cli.operate import process_settings
from starter.cli.words import Json

if TYPE_CHECKING:
    from connectors.contract import Person
    from connectors.manifest import Manifest
    from connectors.sql.connector import SqlConnector
    from starter.configuration import Configuration
    from starter.connection import Connection
    from starter.trial import Rehearsal

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="A configured system; or one of --manifest.",
                   show_default=False),
]  # fmt: skip
ManifestFile = Annotated[
    Path | None,
    typer.Option("--manifest", metavar="FILE", help="A manifest that is not configured."),
]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="The database of --manifest: postgresql://..."),
]
IdentityFile = Annotated[
    str | None,
    typer.Option("--identity-file", metavar="F|-",
                 help='Who: {"name": ..., "identifiers": [{"type": ..., "value": ...}]}; the name '
                 "may be left out."),
]  # fmt: skip
IdentityOption = Annotated[
    list[str] | None,
    typer.Option("--identity", metavar="TYPE=VALUE", help="The same, repeatable. Arguments are "
                 "visible to others on this machine."),
]  # fmt: skip

ROWS_SHOWN: Final = 20
SYSTEM_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Asked:
    """Which register, and who is looked for there."""

    configuration: "Configuration"
    connection: "Connection | None"
    declared: "Manifest"
    url: str | None
    person: "Person"


def register(systems: typer.Typer) -> None:
    """Adds `dsr systems find`, `erase`, `rehearse`, `scaffold` and `indexes`."""
    systems.command()(find)
    systems.command()(erase)
    systems.command()(rehearse)
    systems.command()(scaffold)
    systems.command()(indexes)


def find(
    name: Name = None, manifest: ManifestFile = None, url: Url = None,
    identity_file: IdentityFile = None, identity: IdentityOption = None, as_json: Json = False,
) -> None:  # fmt: skip
    """What a register holds on a person: tables and keys, and how each row was reached."""
    from starter.trial import found_document

    asked = _asked(name, manifest, url, identity_file, identity)
    found = _on(asked, lambda connector: connector.find(asked.person))
    document = found_document(asked.declared.name, found)
    if as_json:
        return give(document)
    _say_rows("", document["tables"])
    _say_rows("could be another person's: ", document["doubtful"])
    for row in document["third_party"]:
        say(f"{row['schema']}.{row['table']}  {_key(row['key'])}: {visible(row['reason'])}")
    say(*(f"assumed: {visible(text)}" for text in document["defaults_used"]))
    say(f"{len(found.rows)} row(s) of the person, {len(found.doubtful)} doubtful, "
        f"{len(found.third_party)} of others.")  # fmt: skip
    return None


def erase(
    name: Name = None, manifest: ManifestFile = None, url: Url = None,
    identity_file: IdentityFile = None, identity: IdentityOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show it: needed, erasing is a case's part.")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """What erasing a person would do in a register: nothing is changed."""
    from starter.trial import NO_HOLD, plan_document

    if not dry_run:
        raise BadInput(
            "Nothing is erased from here: a deletion is a case, with holds and two people (dsr "
            "submit). To see what it would do: --dry-run"
        )
    asked = _asked(name, manifest, url, identity_file, identity)
    now = datetime.now(UTC)
    plan = _on(asked, lambda connector: connector.plan_erasure(asked.person, now, NO_HOLD))
    document = plan_document(asked.declared.name, plan)
    if as_json:
        return give(document)
    _say_plan(document)
    if plan.changes_nothing and not plan.blocked:
        say("Nothing would be deleted or changed.")
    return None


def rehearse(
    manifest: ManifestFile = None, url: Url = None, name: Name = None,
    identity_file: IdentityFile = None, identity: IdentityOption = None,
    is_copy: Annotated[
        bool, typer.Option("--yes-this-is-a-copy", help="The data of the person is erased in it.")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Erase a person in a copy of a register, as a case would, and read it again."""
    from starter.trial import rehearsal_document

    if manifest is None or url is None:
        raise BadInput("Name what to erase in: --manifest FILE --url URL, the URL of a copy.")
    if not is_copy:
        raise BadInput("This erases. If the database is a copy, say so: --yes-this-is-a-copy")
    asked = _asked(name, manifest, url, identity_file, identity)
    rehearsal = run(_rehearsed(asked, url))
    document = rehearsal_document(asked.declared.name, rehearsal)
    if as_json:
        give(document)
    else:
        _say_rehearsal(document)
    if not rehearsal.verified:
        left = sum(one.records for one in rehearsal.remains)
        raise CheckFailed(f"{left} record(s) still name the person: see what remains.")


def scaffold(
    url: Annotated[str, typer.Option("--url", metavar="URL", help="postgresql://...")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What the system is called.")
    ] = "register",
) -> None:
    """Write a first manifest of a database to stdout: tables, keys, references, guesses."""
    from starter import trial

    if not SYSTEM_NAME.fullmatch(name):
        raise BadInput("--name is a word of small letters, digits and _: customers.")
    say(run(trial.scaffolded(url, name)).rstrip("\n"))


def indexes(name: Name = None, manifest: ManifestFile = None, url: Url = None) -> None:
    """SQL for the indexes by which a search finds a person in large tables; runs nothing."""
    from starter import trial
    from starter.configuration import load
    from starter.connection import last_written

    settings = process_settings()
    configuration, connection = load(settings.config), last_written(settings)
    declared, url = _register_of(name, manifest, url, configuration, connection)

    async def statements() -> tuple[str, ...]:
        async with trial.register(declared, url) as connector:
            return await connector.indexes()

    say(*run(statements()))


async def _rehearsed(asked: Asked, url: str) -> "Rehearsal":
    from starter import trial

    await trial.refuse_configured(url, asked.configuration, asked.connection)
    limit = asked.configuration.policy.holds.erase_within
    async with trial.register(asked.declared, url) as connector:
        return await trial.rehearse(connector, asked.person, datetime.now(UTC), limit)


def _on(asked: Asked, work: "Callable[[SqlConnector], Awaitable[Any]]") -> Any:
    async def on_register() -> Any:
        from starter import trial

        async with trial.register(asked.declared, asked.url) as connector:
            return await work(connector)

    return run(on_register())


def _asked(
    name: str | None, manifest: Path | None, url: str | None, identity_file: str | None,
    identity: list[str] | None,
) -> Asked:  # fmt: skip
    from starter import trial
    from starter.configuration import load
    from starter.connection import last_written

    settings = process_settings()
    configuration, connection = load(settings.config), last_written(settings)
    declared, url = _register_of(name, manifest, url, configuration, connection)
    person = trial.sought(_who(identity_file, identity or [])).person(configuration.policy)
    return Asked(configuration, connection, declared, url, person)


def _register_of(
    name: str | None, manifest: Path | None, url: str | None, configuration: "Configuration",
    connection: "Connection | None",
) -> "tuple[Manifest, str | None]":  # fmt: skip
    from starter import trial

    if (manifest is None) != (url is None):
        raise BadInput("--manifest and --url belong together: give both, or a configured NAME.")
    if manifest is not None:
        return trial.declared_in(manifest, name, configuration.policy), url
    declared = trial.configured(configuration, name)
    return declared, _configured_url(declared, connection)


def _configured_url(declared: "Manifest", connection: "Connection | None") -> str | None:
    import os

    environment = connection.environment() if connection else os.environ
    return environment.get(declared.url_env or "")


def _who(identity_file: str | None, identity: list[str]) -> dict[str, Any]:
    if (identity_file is None) == (not identity):
        raise BadInput("Say who: --identity-file F|-, or --identity TYPE=VALUE.")
    if identity_file is not None:
        document = files.read_object(identity_file)
        files.refuse_broken_text(document)
        return document
    remark("Note: arguments are visible to others on this machine; use --identity-file.")
    files.refuse_broken_text(identity)
    pairs = [one.partition("=") for one in identity]
    if not all(type_ and sign and value for type_, sign, value in pairs):
        raise BadInput("--identity is TYPE=VALUE, for example email=name@example.fi.")
    return {"identifiers": [{"type": type_, "value": value} for type_, _, value in pairs]}


# -- for people ----------------------------------------------------------------------------------


def _say_rows(what: str, tables: list[dict[str, Any]]) -> None:
    for table in tables:
        rows = table["rows"]
        say(f"{what}{table['schema']}.{table['table']}: {len(rows)} row(s)")
        for row in rows[:ROWS_SHOWN]:
            via = f"  by {' / '.join(row['path'])}" if row["path"] else ""
            say(f"    {_key(row['key'])}{visible(via) if via else ''}")
        _say_more(rows)


def _say_plan(document: dict[str, Any]) -> None:
    for table in document["plan"]:
        rows = table["rows"]
        say(f"{table['action']} {table['schema']}.{table['table']}: {len(rows)} row(s)")
        for row in rows[:ROWS_SHOWN]:
            columns = f"  {', '.join(row['columns'])}" if "columns" in row else ""
            until = f" until {row['until']}" if "until" in row else ""
            why = f"  {row['reason']}{until}" if "reason" in row else ""
            say(f"    {_key(row['key'])}{columns}{why}")
        _say_more(rows)
    say(*(f"blocked: {visible(sentence)}" for sentence in document["blocked"]))
    if document["doubtful"]:
        say(f"{document['doubtful']} row(s) could be another person's: left alone.")


def _say_rehearsal(document: dict[str, Any]) -> None:
    _say_plan(document)
    say(f"Deleted {document['deleted']}, changed {document['changed']} row(s).")
    for one in document["remains"]:
        say(f"remains: {one['schema']}.{one['table']}.{one['column']}: {one['records']}")
    if document["verified"]:
        say("Read again: nothing but what is kept is left.")


def _say_more(rows: list[Any]) -> None:
    if len(rows) > ROWS_SHOWN:
        say(f"    ... and {len(rows) - ROWS_SHOWN} more; all: --json")


def _key(key: dict[str, Any]) -> str:
    return visible(", ".join(f"{column}={value}" for column, value in key.items()))
