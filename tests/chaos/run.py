"""A run: everything is started, disturbed, let go quiet, looked at and ended."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from starter.connection import Connection, write
from starter.open import Engine, opened
from starter.partners.process import Behaviour
from starter.registers import create_registers
from starter.schedules import SCHEDULE
from starter.settings import Settings
from storage.migrate import upgrade
from tests.chaos import controller
from tests.chaos.checks import Dispatch, Evidence, Sent, answers_of, findings, is_over
from tests.chaos.effects import count_effects, effects, fill, standing
from tests.chaos.partner import received
from tests.chaos.people import Staff, Told, submit_all
from tests.chaos.plan import Act, Disturbance, Plan, part_of
from tests.chaos.servers import (
    ROOT,
    Postgres,
    Program,
    Temporal,
    free_port,
    keep_running,
    last_lines,
    python,
)

READY: Final = 120.0  # seconds until the first worker has made the keys
LOOK: Final = 2.0
SWEPT_EVERY: Final = 65.0
"""Beyond the minute in which a case may still be between its row and its run: then it is mended."""
LONGEST_REST: Final = 3_600.0  # seconds
LISTED: Final = 5.0
"""Seconds until a listing of Temporal shows what was last."""


@dataclass
class World:
    """What runs, and where."""

    folder: Path
    postgres: Postgres
    temporal: Temporal
    registers: str
    workers: list[Program] = field(default_factory=list)
    doors: list[Program] = field(default_factory=list)  # processes that take callbacks: one
    partners: list[Program] = field(default_factory=list)

    @property
    def programs(self) -> list[Program]:
        """Those that are started again when they end."""
        return [*self.workers, *self.doors, *self.partners]

    @property
    def certificates(self) -> Path:
        """Keys, certificates and journals of the partners."""
        return self.folder / "partners"


def say(line: str) -> None:
    """On stdout, at once."""
    print(line, flush=True)


async def run(plan: Plan, workers: int, quiet: float) -> bool:
    """True if nothing was found. `quiet`: seconds without any step that make a standstill."""
    folder = Path(tempfile.mkdtemp(prefix="dsr-chaos-"))
    kept = False
    try:
        async with AsyncExitStack() as running:
            world = await _world(folder, plan, workers, running)
            found = await _run(world, plan, quiet)
            kept = bool(found)
            return not found
    finally:
        if kept:
            say(f"Logs and data are kept in {folder}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)


# -- what runs -----------------------------------------------------------------------------------


async def _world(folder: Path, plan: Plan, workers: int, running: AsyncExitStack) -> World:
    for name in ("logs", "partners", "config"):
        (folder / name).mkdir()
    controller.write_controller(folder / "config")
    world = await _servers(folder, running)
    controller.write_certificates(world.certificates)
    await create_registers(dict.fromkeys(controller.REGISTERS, world.registers), people=0)
    await fill(world.registers, plan.everybody)
    await count_effects(world.registers)
    _programs(world, workers)
    running.push_async_callback(_stopped, world)
    for program in (*world.partners, world.workers[0]):
        program.start()
    await _keys(world)
    for program in world.programs:
        if program.process is None:
            program.start()
    return world


async def _servers(folder: Path, running: AsyncExitStack) -> World:
    """PostgreSQL and Temporal, with files, where every `dsr` of this folder finds them."""
    postgres, temporal = Postgres(folder), Temporal(folder)
    running.push_async_callback(postgres.stop)
    await postgres.start()
    running.push_async_callback(temporal.stop)
    await temporal.launch()
    database, registers = await postgres.database("dsr"), await postgres.database("registers")
    await upgrade(database)
    await temporal.ready()
    write(folder, Connection(
        temporal_address=temporal.address, database_url=database,
        registers={f"DSR_{name.upper()}_URL": registers for name in controller.REGISTERS},
    ))  # fmt: skip
    return World(folder, postgres, temporal, registers)


def _programs(world: World, workers: int) -> None:
    """Every process of ours; none is started."""
    folder, logs = world.folder, world.folder / "logs"
    ports = {behaviour: free_port() for behaviour in Behaviour}
    door = free_port()
    environment = controller.environment(world.certificates, ports) | {
        "DSR_DATA": str(folder), "DSR_CONFIG": str(folder / "config"),
        "DSR_CALLBACK_URL": f"http://127.0.0.1:{door}/opendsr/callbacks",
        "DSR_GRACEFUL_SHUTDOWN_SECONDS": "3",
    }  # fmt: skip
    os.environ.update(environment)  # for the commands and the client of this process, too
    for n in range(workers):
        world.workers.append(
            Program(f"worker {n}", python("worker.py"), environment, logs / f"worker-{n}.log")
        )
    dsr = [str(Path(sys.executable).with_name("dsr")), "serve", "--port", str(door)]
    world.doors.append(Program("door", dsr, environment, logs / "door.log"))
    for behaviour, port in ports.items():
        domain = controller.domain(behaviour)
        command = python(
            "-m", "tests.chaos.partner", behaviour, domain, str(world.certificates), str(port)
        )
        world.partners.append(Program(behaviour, command, {}, logs / f"partner-{behaviour}.log"))


async def _keys(world: World) -> None:
    """The first worker makes the keys."""
    end = time.monotonic() + READY
    while len(list((world.folder / "keys").glob("*.key"))) < 3:
        world.workers[0].look()
        if time.monotonic() > end:
            raise RuntimeError(f"no worker comes up: {last_lines(world.workers[0].log)}")
        await asyncio.sleep(0.1)


async def _stopped(world: World) -> None:
    await asyncio.gather(*(asyncio.to_thread(program.stop) for program in world.programs))


# -- what happens --------------------------------------------------------------------------------


async def _run(world: World, plan: Plan, quiet: float) -> list[str]:
    told = Told()
    async with opened(Settings(DSR_DATA=world.folder)) as engine, _kept_running(world):
        staff = asyncio.create_task(Staff(engine.client, told, plan.seed).work())
        try:
            began = time.monotonic()
            await asyncio.gather(
                submit_all(engine.client, plan, told, began), _disturbed(world, plan, began)
            )
            say(
                f"{time.monotonic() - began:6.1f} s  no more disturbances: everything comes to rest"
            )
            await _comes_to_rest(engine, quiet)
        finally:
            staff.cancel()
            await asyncio.gather(staff, return_exceptions=True)
        evidence = await _evidence(world, engine, plan, told)
    found = findings(evidence)
    _report(world, plan, told, evidence, found)
    return found


@asynccontextmanager
async def _kept_running(world: World) -> AsyncIterator[None]:
    keeping = asyncio.create_task(keep_running(world.programs))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def _disturbed(world: World, plan: Plan, began: float) -> None:
    """One disturbance after another, as planned; one that takes long delays the next."""
    for disturbance in plan.disturbances:
        await asyncio.sleep(max(0.0, began + disturbance.at - time.monotonic()))
        say(str(disturbance))
        await _disturb(world, disturbance)


async def _disturb(world: World, what: Disturbance) -> None:
    match what.act:
        case Act.KILL_WORKER:
            world.workers[what.which].kill(what.away)
        case Act.KILL_DOOR:
            world.doors[0].kill(what.away)
        case Act.POSTGRES_FAST:
            await world.postgres.restart(signal.SIGINT, what.away)
        case Act.POSTGRES_IMMEDIATE:
            await world.postgres.restart(signal.SIGQUIT, what.away)
        case Act.TEMPORAL_STOPPED | Act.TEMPORAL_KILLED:
            await world.temporal.restart(kill=what.act is Act.TEMPORAL_KILLED, away=what.away)
        case Act.PARTNER_KILLED:
            world.partners[what.which].kill(what.away)
        case Act.PARTNER_HANGS:
            world.partners[what.which].hang(signal.SIGSTOP)
            await asyncio.sleep(what.away)
            world.partners[what.which].hang(signal.SIGCONT)


async def _comes_to_rest(engine: Engine, quiet: float) -> None:
    """Staff work on, the hourly sweep runs more often, until every case has ended.

    Or nothing has moved for `quiet` seconds: a slow machine is no finding, standing still is one.
    """
    began = moved = time.monotonic()
    swept, before = 0.0, (-1, -1)
    while moved + quiet > time.monotonic() < began + LONGEST_REST:
        if time.monotonic() - swept > SWEPT_EVERY:
            with suppress(Exception):  # it runs already
                await engine.temporal.get_schedule_handle(SCHEDULE).trigger()
            swept = time.monotonic()
        now = await _standing(engine)
        if now[0] == 0:
            return
        if now != before:
            moved, before = time.monotonic(), now
        await asyncio.sleep(LOOK)
    say(f"Not at rest: {before[0]} case(s) are open after {time.monotonic() - began:.0f} s.")


async def _standing(engine: Engine) -> tuple[int, int]:
    """Cases that have not ended, and a number that grows with every step of any case."""
    query = (
        "select count(*) filter (where status <> 'closed' and parked_at is null), "
        "coalesce(sum(revision), 0) from dsr.cases"
    )
    async with engine.case_file.reading.connect() as conn:
        unended, steps = (await conn.execute(text(query))).one()
    return int(unended), int(steps)


# -- what is left --------------------------------------------------------------------------------


async def _evidence(world: World, engine: Engine, plan: Plan, told: Told) -> Evidence:
    await asyncio.sleep(LISTED)
    lines = await engine.client.cases()
    cases = {line.number: await engine.client.show(line.number) for line in lines}
    running = await engine.runs.running()
    async with engine.case_file.reading.connect() as conn:
        ids = {
            row.id: row.number
            for row in await conn.execute(text("select id, number from dsr.cases"))
        }
        rows = (await conn.execute(text(
            "select d.id, c.number, d.system, d.duty, d.settled_at is not null as settled, d.state "
            "from dsr.dispatches d join dsr.cases c on c.id = d.case_id"
        ))).all()  # fmt: skip
    return Evidence(
        everybody=plan.everybody,
        planned={request.key: request for request in plan.requests},
        accepted={key: frozenset(numbers) for key, numbers in told.numbers.items()},
        cases=cases,
        requests=told.requests,
        running=frozenset(ids[case] for case in running.values() if case in ids),
        troubled=tuple(await engine.runs.troubled()),
        reconcile=_reconciled(world),
        audit=_verified(world),
        effects=await effects(world.registers),
        customers=await standing(world.registers, "customers.customers"),
        subscribers=await standing(world.registers, "marketing.subscribers"),
        protected=told.protected,
        sent=tuple(_sent(world)),
        dispatches=tuple(
            Dispatch(str(r.id), r.number, r.system, r.duty, r.settled, r.state) for r in rows
        ),
        answers={number: answers_of(view) for number, view in cases.items()},
    )  # fmt: skip


def _reconciled(world: World) -> dict[str, list[str]]:
    """What `dsr reconcile --dry-run` finds."""
    found: dict[str, list[str]] = json.loads(_dsr("reconcile", "--dry-run", "--json"))
    return {what: names for what, names in found.items() if what != "ended"}


def _verified(world: World) -> tuple[str, ...]:
    """What `dsr audit verify` finds."""
    report: dict[str, Any] = json.loads(_dsr("audit", "verify", "--json"))
    say(f"{report['checked']} audit entries of {report['cases']} case(s) checked")
    return tuple(report["findings"])


def _dsr(*words: str) -> str:
    dsr = Path(sys.executable).with_name("dsr")
    return subprocess.run([dsr, *words], capture_output=True, text=True, cwd=ROOT).stdout


def _sent(world: World) -> list[Sent]:
    sent = []
    for behaviour in Behaviour:
        journal = world.certificates / f"{controller.domain(behaviour)}.received"
        for body in received(journal):
            request = json.loads(body)["subject_request_id"]
            sent.append(Sent(part_of(behaviour), request, body))
    return sent


# -- what is told --------------------------------------------------------------------------------


def _report(world: World, plan: Plan, told: Told, evidence: Evidence, found: list[str]) -> None:
    happened = Counter(disturbance.act for disturbance in plan.disturbances)
    kinds = Counter(view.kind for view in evidence.cases.values())
    endings = Counter(str(view.outcome or view.status) for view in evidence.cases.values())
    over = sum(is_over(view) for view in evidence.cases.values())
    resubmitted = sum(request.repeats for request in plan.requests)
    say(f"done: {_counted(happened)}")
    say(
        f"programs started: {_counted({p.name: p.starts for p in world.workers})}; ended by "
        f"themselves: {_counted({p.name: p.ended_by_itself for p in world.programs})}"
    )
    say(
        f"requests: {len(plan.requests)} and {resubmitted} again under their keys, "
        f"{len(told.numbers)} accepted, {len(told.abandoned)} given up by their senders"
    )
    say(f"cases: {len(evidence.cases)} ({_counted(kinds)}), {over} at an end ({_counted(endings)})")
    say(f"staff: {_counted(told.done)}; too late: {sum(told.refused.values())}")
    say(f"no answer, tried again: {_counted(told.away)}")
    say(
        f"effects in the registers: {len(evidence.effects)}; holds: {len(evidence.protected)}; "
        f"partners were asked {len(evidence.sent)} times, under {len(evidence.dispatches)} ids"
    )
    for finding in found:
        say(f"- {finding}")
    say(f"{len(found)} finding(s). Again: make chaos SEED={plan.seed}")


def _counted(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "none"
