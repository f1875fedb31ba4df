"""Is everything there? The engine's own parts, and the declared systems. Nothing is changed."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from schemas.errors import BadInput, CheckFailed, DsrError, Unreachable
from starter.cli import registers
from starter.cli.console import give, run, say, table
from starter.cli.operate import process_settings
from starter.cli.words import Json

if TYPE_CHECKING:
    from connectors.registry import Systems
    from starter.connection import Connection
    from starter.replaying import Replayed
    from starter.settings import Settings

PANEL = "Operation"

ASKED_LATELY: Final = timedelta(minutes=2)
"""A worker asks Temporal for work at least once a minute."""


@dataclass(frozen=True)
class Sign:
    """One thing that was looked at."""

    name: str
    ok: bool
    state: str
    away: bool = False


def register(app: typer.Typer) -> None:
    """Adds `dsr health` and `dsr systems`."""
    systems = typer.Typer(no_args_is_help=True, help="The declared systems.")
    systems.command("check")(check)
    registers.register(systems)
    app.command(rich_help_panel=PANEL)(health)
    app.command(rich_help_panel=PANEL)(replay)
    app.add_typer(systems, name="systems", rich_help_panel=PANEL)


def health(as_json: Json = False) -> None:
    """Database, keys, Temporal, worker and systems: is everything there?"""
    _show(run(_health(process_settings())), as_json)


def replay(as_json: Json = False) -> None:
    """Replay every open run with this program, before it is deployed. Nothing is changed."""
    done = run(_replay(process_settings()))
    if as_json:
        give(asdict(done))
    else:
        say(f"{done.checked} open run(s) replayed.")
        for run_id in done.differing:
            say(f"- {run_id}: this program takes another step than its history has")
        for run_id in done.failed:
            say(f"- {run_id}: its history cannot be replayed")
    if bad := len(done.differing) + len(done.failed):
        raise CheckFailed(
            f"{bad} of {done.checked} would not go on: do not deploy this program; what changed "
            "needs a patch (docs/deploying.md)."
        )


async def _replay(settings: "Settings") -> "Replayed":
    from importlib import import_module

    from schemas.steps import HOURLY_SWEEP, WORKFLOW_OF
    from starter.open import opened
    from starter.replaying import replay_open

    # Procedures are known here by name only.
    workflows = import_module("workflows.everything").EVERY_WORKFLOW
    kinds = (*WORKFLOW_OF.values(), HOURLY_SWEEP)
    async with opened(settings, behind=True) as engine:
        return await replay_open(engine.temporal, workflows, kinds)


def check(
    name: Annotated[str | None, typer.Argument(help="One system; without it all.")] = None,
    as_json: Json = False,
) -> None:
    """Reach the declared systems and compare them with their manifests."""
    _show(run(_systems(process_settings(), name)), as_json)


def _show(signs: list[Sign], as_json: bool) -> None:
    if as_json:
        give([{k: v for k, v in asdict(sign).items() if k != "away"} for sign in signs])
    else:
        table(("", "", ""), [("ok" if s.ok else "NOT OK", s.name, s.state) for s in signs])
    bad = [sign for sign in signs if not sign.ok]
    if bad:
        sentence = f"{len(bad)} of {len(signs)} not in order: {', '.join(s.name for s in bad)}."
        raise (Unreachable if any(s.away for s in bad) else CheckFailed)(sentence)


async def _health(settings: "Settings") -> list[Sign]:
    from starter.connection import resolve

    connection = resolve(settings)
    own: tuple[tuple[str, Callable[[Settings, Connection], Awaitable[str]]], ...] = (
        ("database", _database), ("keys", _keys), ("temporal", _temporal), ("worker", _worker),
    )  # fmt: skip
    signs = [await _looked(name, look(settings, connection)) for name, look in own]
    return [*signs, *await _systems(settings, None)]


async def _looked(name: str, look: Awaitable[str]) -> Sign:
    try:
        return Sign(name, True, await look)
    except DsrError as error:
        return Sign(name, False, str(error), away=isinstance(error, Unreachable))


async def _database(_settings: "Settings", connection: "Connection") -> str:
    from storage.database import connect
    from storage.migrate import refuse_unless_current

    engine = connect(connection.database_url, pool_size=1)
    try:
        await refuse_unless_current(engine)
    finally:
        await engine.dispose()
    return "answers, its tables are those of this program"


async def _keys(settings: "Settings", connection: "Connection") -> str:
    from storage.database import connect
    from storage.key_checks import check_secrets, check_signer
    from storage.secrets import Secrets

    secrets = Secrets.load(settings.keys_path())
    engine = connect(connection.database_url, pool_size=1)
    try:
        await check_secrets(engine, secrets.kek, secrets.pepper)
        await check_signer(engine, secrets.signer)
    finally:
        await engine.dispose()
    return "fit the data"


async def _temporal(_settings: "Settings", connection: "Connection") -> str:
    from temporalio.converter import DataConverter

    from starter.temporal import connected_client

    async with connected_client(connection, DataConverter.default):
        return f"answers at {connection.temporal_address}"


async def _worker(settings: "Settings", connection: "Connection") -> str:
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
    from temporalio.converter import DataConverter

    from starter.temporal import connected_client

    question = DescribeTaskQueueRequest(
        namespace=connection.temporal_namespace,
        task_queue=TaskQueue(name=settings.task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    async with connected_client(connection, DataConverter.default) as client:
        answer = await client.workflow_service.describe_task_queue(question)
    since = datetime.now(UTC) - ASKED_LATELY
    asking = [p for p in answer.pollers if p.last_access_time.ToDatetime(UTC) > since]
    if not asking:
        raise Unreachable(
            f"No worker serves the queue {settings.task_queue}. Start one: python worker.py"
        )
    return f"{len(asking)} serve the queue {settings.task_queue}"


async def _systems(settings: "Settings", name: str | None) -> list[Sign]:
    import asyncio

    from connectors.stand_ins import NO_STAND_INS
    from starter.configuration import load
    from starter.connection import last_written
    from starter.open import declared_systems

    configuration, connection = load(settings.config), last_written(settings)
    # A system can be reached while the engine is not: nothing of the engine is asked here.
    systems = declared_systems(configuration, connection)
    taken = connection.stand_ins() if connection else NO_STAND_INS
    stand_ins = {n: h.url_env for n, h in configuration.partners.items() if taken.replace(h)}
    names = [facts.name for facts in systems.facts]
    if name is not None and name not in names:
        raise BadInput(f"No system {name} is declared. Declared: {', '.join(names)}.")
    try:
        return list(
            await asyncio.gather(
                *(_system(systems, n, stand_ins.get(n)) for n in ([name] if name else names))
            )
        )
    finally:
        await systems.close()


async def _system(systems: "Systems", name: str, stand_in_for: str | None) -> Sign:
    """`stand_in_for`: the variable that would hold the URL of the real partner."""
    from connectors.contract import SystemMisdeclared, SystemUnreachable

    reach = next(facts.reach for facts in systems.facts if facts.name == name)
    try:
        await systems.check(name)
    except SystemUnreachable as error:
        return Sign(name, False, f"{error} Meanwhile it counts as not answering.", away=True)
    except SystemMisdeclared as error:
        return Sign(name, False, str(error))
    if stand_in_for is not None:
        return Sign(name, True, f"a stand-in of this engine; the real one: {stand_in_for}")
    return Sign(name, True, "reached by hand" if reach == "manual" else "answers as declared")
