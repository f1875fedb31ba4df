"""Is everything there? The engine's own parts, and the declared systems. Nothing is changed."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
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
    return [*signs, *await _systems(settings, None, connection)]


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
    return await _served(connection, settings.task_queue, "python worker.py")


async def _served(connection: "Connection", queue: str, start: str) -> str:
    """How many workers ask for the activities of a queue, which every worker does."""
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
    from temporalio.converter import DataConverter

    from starter.temporal import connected_client

    question = DescribeTaskQueueRequest(
        namespace=connection.temporal_namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    async with connected_client(connection, DataConverter.default) as client:
        answer = await client.workflow_service.describe_task_queue(question)
    since = datetime.now(UTC) - ASKED_LATELY
    asking = [p for p in answer.pollers if p.last_access_time.ToDatetime(UTC) > since]
    if not asking:
        raise Unreachable(f"No worker serves the queue {queue}. Start one: {start}")
    return f"{len(asking)} serve the queue {queue}"


async def _systems(
    settings: "Settings", name: str | None, connection: "Connection | None" = None
) -> list[Sign]:
    """`connection`: of a running engine, of which is asked who serves separated networks."""
    import asyncio

    from connectors.stand_ins import NO_STAND_INS
    from starter.configuration import load
    from starter.connection import last_written
    from starter.open import declared_systems

    configuration = load(settings.config)
    written = connection or last_written(settings)
    queues = {one.name: one.facts.queue for one in configuration.manifests}
    if name is not None and name not in queues:
        raise BadInput(f"No system {name} is declared. Declared: {', '.join(queues)}.")
    # A system can be reached while the engine is not. One that is named is looked at from its own
    # network: whoever names it is there.
    systems = declared_systems(configuration, written, queues[name] if name else None)
    taken = written.stand_ins() if written else NO_STAND_INS
    stand_ins = {n: h.url_env for n, h in configuration.partners.items() if taken.replace(h)}
    names = [name] if name else list(queues)
    looks = (_system(systems, one, stand_ins.get(one)) if name or queues[one] is None else
             _separated(one, str(queues[one]), connection) for one in names)  # fmt: skip
    try:
        signs = list(await asyncio.gather(*looks))
    finally:
        await systems.close()
    left_alone = await _left_alone(settings)
    return [
        replace(sign, ok=False, state=f"{sign.state}. {left_alone[sign.name]}")
        if sign.name in left_alone
        else sign
        for sign in signs
    ]


async def _separated(name: str, queue: str, connection: "Connection | None") -> Sign:
    """In a network of its own: only its workers reach it."""
    if connection is None:
        return Sign(name, True, f"not looked at: its network is that of the queue {queue}")
    return await _looked(name, _served(connection, queue, f"python worker.py --queue {queue}"))


async def _left_alone(settings: "Settings") -> dict[str, str]:
    """What fails for every case, as far as there is an engine that knows."""
    from starter.cli.show import left_alone
    from starter.connection import resolve
    from storage.database import connect
    from storage.lines import pauses
    from storage.migrate import refuse_unless_current

    try:
        engine = connect(resolve(settings).database_url, pool_size=1)
    except DsrError:
        return {}
    try:
        await refuse_unless_current(engine)
        async with engine.connect() as conn:
            return {one.system: left_alone(one) for one in await pauses(conn)}
    except DsrError:
        return {}
    finally:
        await engine.dispose()


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
