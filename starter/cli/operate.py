"""Running the engine: servers and worker, the demo, migration, reconciliation."""

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import CheckFailed
from starter.cli.console import give, remark, run, say, with_engine
from starter.cli.words import Json

if TYPE_CHECKING:
    from starter.configuration import Configuration
    from starter.connection import Connection
    from starter.open import Engine
    from starter.settings import Settings

PANEL = "Operation"


def register(app: typer.Typer) -> None:
    """Adds what operators use."""
    for command in (up, demo, serve, migrate, reconcile, pause, resume):
        app.command(rich_help_panel=PANEL)(command)


def up() -> None:
    """Run the engine of this folder: servers, tables, worker. Ctrl-C stops it; its state stays.

    Servers that the environment names (TEMPORAL_ADDRESS, DATABASE_URL, those of registers and
    partners) are used; missing ones are embedded: empty registers, and stand-ins for partners.
    """
    run(_up(process_settings()))


async def _up(settings: "Settings") -> None:
    from starter.configuration import load
    from starter.embedded import stack
    from starter.signals import stop_on_signals

    with stop_on_signals() as stop:
        remark("Starting the servers ...")
        configuration = load(settings.config)
        async with stack(settings, configuration) as connection:
            await _empty_registers(configuration, connection)
            # The worker puts procedures and activities together: known here by name only.
            await import_module("worker").run_worker(
                settings, connection, stop,
                started=lambda: _say_that_it_runs(settings, configuration, connection),
            )  # fmt: skip
    remark(f"Stopped. The state stays in {settings.data}: dsr up goes on with it.")


def _say_that_it_runs(
    settings: "Settings", configuration: "Configuration", connection: "Connection"
) -> None:
    """Once its worker works: a start that is refused has run nothing."""
    say(f"The engine of {settings.data.resolve()} runs; Ctrl-C stops it.")
    for name, address in connection.web.items():
        say(f"{name}: {address}")
    _say_stand_ins(configuration, connection)
    say("In another terminal, in this folder: dsr submit --help, dsr tasks, dsr overview")


def _say_stand_ins(configuration: "Configuration", connection: "Connection") -> None:
    """So that nobody takes their answers for those of the real partners."""
    taken = connection.stand_ins()
    for name, http in configuration.partners.items():
        if taken.replace(http):
            say(
                f"{name}: a STAND-IN of this engine, not the real partner. It holds nothing and "
                f"answers at once. The real one: set {http.url_env} and {http.ca_env}"
            )


async def _empty_registers(configuration: "Configuration", connection: "Connection") -> None:
    """Embedded databases of shipped systems get their tables; others are their owner's matter."""
    from starter.registers import REGISTERS, create_registers

    embedded = {
        declared.name: connection.registers[declared.url_env]
        for declared in configuration.manifests
        if declared.url_env in connection.registers and not os.environ.get(declared.url_env)
    }
    shipped = {name: url for name, url in embedded.items() if name in REGISTERS}
    await create_registers(shipped, people=0)


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="End when all are answered; 1 if one is not as expected.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write expected and actual there.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the engine's state in this folder.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Play this scenario only; may be "
                                       "repeated. Their names: docs/demo.md.")
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Other people, times and order; the same endings.")
    ] = 7,
) -> None:  # fmt: skip
    """Answer the demonstration's requests on embedded servers, with registers and partners."""
    playing = import_module("starter.demo").run(
        process_settings(), leave=leave, report=report, keep=keep, only=only or (), seed=seed
    )
    if not run(playing):
        raise CheckFailed("The demonstration did not go as expected: see the table above.")


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen at. Another than loopback is open to a network.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port; a busy one gives the next free one.")
    ] = 8600,
) -> None:
    """Take the callbacks of partners that answer over HTTP. Ctrl-C stops it."""
    with_engine(lambda engine: _serve(engine, host, port), temporal=False)


async def _serve(engine: "Engine", host: str, port: int) -> None:
    from starter.api import CALLBACKS, http_api
    from starter.serving import listen
    from starter.serving import serve as serving
    from starter.signals import stop_on_signals

    with stop_on_signals() as stop, listen(host, port) as listening:
        at, free = listening.getsockname()[:2]
        say(f"Partners call back at http://{at}:{free}{CALLBACKS}; Ctrl-C stops it.")
        if engine.settings.callback_url is None:
            remark("They are told of it once DSR_CALLBACK_URL names it; workers need a restart.")
        await serving(http_api(engine.systems, engine.case_file.engine), listening, stop)


def migrate() -> None:
    """Bring the case database to the tables of this program. Safe to repeat."""
    before = run(_migrate(process_settings()))
    if before == "current":
        say("The database is up to date: nothing to do.")
    else:
        say(f"The database was {before} and is migrated. Next: dsr health")


async def _migrate(settings: "Settings") -> str:
    from starter.connection import resolve
    from storage.database import connect
    from storage.migrate import state, upgrade

    configured = settings.database_url
    url = configured.get_secret_value() if configured else resolve(settings).database_url
    engine = connect(url, application="dsr migrate", pool_size=1)
    try:
        before = await state(engine)
    finally:
        await engine.dispose()
    await upgrade(url)
    return str(before)


def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, change nothing.")] = False,
    end_orphans: Annotated[
        bool, typer.Option("--end-orphans", help="Terminate runs that belong to no case.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find where runs and case file differ, after a crash or a restore, and mend what can be.

    A case without a run gets one; a run that knows another past than its case is ended, and another
    one goes on from the case file; letters that left are told. Case numbers go on after the last
    that the checkpoint file knows. What cannot be mended is reported, one sentence each: then the
    exit code is 1.
    """
    done = with_engine(lambda engine: _reconcile(engine, dry_run=dry_run, end_orphans=end_orphans))
    if as_json:
        give(done)
    else:
        _say_reconciled(done, "would be " if dry_run else "", end_orphans=end_orphans)
    if done["findings"]:
        raise CheckFailed("Not everything could be mended: see the sentences above.")


def _say_reconciled(done: dict[str, list[str]], would: str, *, end_orphans: bool) -> None:
    fate = f"{would}ended" if end_orphans else "left alone; end them: dsr reconcile --end-orphans"
    _say_names("Cases without a run", done["restarted"], f"{would}started")
    _say_names("Runs of another past", done["differing"], f"{would}ended")
    _say_names("Cases that go on with another run", done["resumed"], f"{would}started")
    _say_names("Letters that had left unnoticed", done["letters"], f"{would}told")
    _say_names("Runs without a case", done["orphans"], fate)
    _say_names("Numbers that were given already", done["numbers"], f"{would}left out")
    for sentence in (*done["differences"], *done["findings"]):
        say(f"- {sentence}")


async def _reconcile(
    engine: "Engine", *, dry_run: bool, end_orphans: bool
) -> dict[str, list[str]]:  # fmt: skip
    from activities.differences import Differences

    numbers = await _numbers(engine, dry_run=dry_run)
    runs, now = engine.runs, engine.client.now()
    missing = await runs.missing(now)
    comparing = Differences(engine.temporal, engine.case_file, runs)
    differing, keyless = await comparing.find(now), await comparing.keyless()
    if not dry_run:
        for row in missing:
            await runs.mend(row, now)
        for difference in differing:
            await comparing.mend(difference, now)
    letters = await runs.untold_letters()
    if not dry_run:
        for row, letter in letters:
            await runs.tell_letter(row, letter)
    orphans = await runs.orphans()
    ended = orphans if end_orphans and not dry_run else []
    for orphan in ended:
        await runs.end(orphan)
    return {
        "restarted": [row["number"] for row in missing],
        "resumed": sorted({d.number for d in differing if d.is_followed}),
        "differing": [d.run for d in differing],
        "differences": [d.sentence for d in differing],
        "letters": [f"{row['id']}/{letter.letter}" for row, letter in letters],
        "numbers": numbers,
        "orphans": orphans,
        "ended": ended,
        "findings": [
            *(sentence for d in differing for sentence in d.findings),
            *(_is_keyless(number) for number in keyless),
            *(_is_orphaned(orphan) for orphan in orphans),
        ],
    }


async def _numbers(engine: "Engine", *, dry_run: bool) -> list[str]:
    """The last number of each year that was given after the backup; the next one follows it."""
    from storage.checkpoints import numbers_behind, raise_numbers

    path, public = engine.settings.audit_log_path(), engine.secrets.signer.public
    async with engine.case_file.engine.begin() as conn:
        behind = await numbers_behind(conn, path, public)
        if not dry_run:
            await raise_numbers(conn, behind)
    return [f"up to {year}-{last:04d}" for year, last in behind]


def _is_keyless(number: str) -> str:
    return (
        f"{number}: its key is missing, nobody can read it. Restore the schema vault of the same "
        "backup, or of a later one, then: dsr reconcile"
    )


def _is_orphaned(run: str) -> str:
    return (
        f"{run}: its case is not in the case file: its request came in after the backup. Take it "
        "in again from where it came, then: dsr reconcile --end-orphans"
    )


def _say_names(what: str, names: list[str], fate: str) -> None:
    say(f"{what}: {', '.join(names)} ({fate})." if names else f"{what}: none.")


def process_settings() -> "Settings":
    """The settings of this process; its logs follow them."""
    from starter.logs import configure
    from starter.settings import from_environment

    settings = from_environment()
    configure(settings.log_level)
    return settings


System = Annotated[
    str | None,
    typer.Argument(metavar="[SYSTEM]", help="Without it: every system.", show_default=False),
]


def pause(
    system: System = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Stop nothing: show what stands still.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop what cannot be undone (erasing, correcting, purging); searching goes on."""
    from starter.cli.show import standstills
    from starter.client import system_user

    if listed:
        standing = with_engine(lambda engine: engine.client.standstills.standing(), temporal=False)
        mine = [one for one in standing if system in (None, one.system)]
        return give(mine) if as_json else standstills(mine)

    with_engine(
        lambda engine: engine.client.standstills.pause(system, by=system_user()), temporal=False
    )
    which = system or "every system"
    say(
        f"Nothing is erased or corrected in {which} from now on; what has begun ends within "
        f"minutes. To go on: dsr resume{f' {system}' if system else ''}"
    )
    return None


def resume(system: System = None) -> None:
    """Let what dsr pause has stopped go on; call a system again that was left alone as it fails."""
    from starter.client import system_user

    async def let_go_on(engine: "Engine") -> list[str | None]:
        await engine.client.standstills.resume(system, by=system_user())
        return [one.system for one in await engine.client.standstills.standing()]

    standing = with_engine(let_go_on, temporal=False)
    if system is not None and None in standing:
        return say(f"{system} stands still no more by itself, but every system does. To let all go "
                   "on: dsr resume")  # fmt: skip
    say(f"{system or 'Every system'} goes on; waiting cases do so by themselves.")
    if system is None and standing:
        say(f"But for what stands still by itself: {', '.join(str(one) for one in standing)}. See: "
            "dsr pause --list")  # fmt: skip
    return None
