"""One request over very many systems, and many requests of which some systems do not answer."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Final

from sqlalchemy import text
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import _Definition

from connectors.contract import Found, Person, SystemUnreachable
from schemas.policy import AccessPolicy, Pace
from starter.sandbox import sandbox
from tests.bench.figures import Figure, metric
from tests.bench.histories import history_of
from tests.bench.processes import Processes
from tests.bench.requests import answered, at_once, handed_in, median, somebody
from tests.bench.stand import Engine, Stand, an_engine
from tests.fakes import FakePartner, FakeSystem, FakeSystems, facts
from tests.office import POLICY
from workflows.everything import EVERY_WORKFLOW

MOST_EVENTS: Final = 9_999
LONGEST_TASK: Final = 2.0
"""Seconds after which Temporal's SDK takes a workflow task for a deadlock; not to be configured."""

AS_SHIPPED: Final = POLICY.model_copy(update={"pace": Pace()})
ONE_BY_ONE: Final = AS_SHIPPED.model_copy(update={"access": AccessPolicy(search_window=1)})
"""Every answer wakes the run alone: the most events that so many systems can cost."""

REQUESTS: Final = 200
SYSTEMS: Final = 20
SILENT: Final = 2
FAILING: Final = 2
ROUNDS: Final = 3
MOST_OF_THEM: Final = 0.95
"""Of the answers: the last of those that failed wait for their next try, whatever the load is."""
GLANCE: Final = 0.1
MIXED: Final = POLICY.model_copy(
    update={"pace": Pace(retry_first=timedelta(seconds=1), retry_most=timedelta(seconds=10))}
)
"""A failed try is repeated after a second: as shipped, the wait alone would be measured."""

FOUND: Final = text("select count(*) from dsr.system_tasks where outcome = 'found'")


@metric
async def fanout_200(stand: Stand) -> list[Figure]:
    """One access request over 200 systems that answer at once, from intake to close."""
    return await _fanout(stand, "fanout_200", 200)


@metric
async def fanout_1000(stand: Stand) -> list[Figure]:
    """The same over 1,000 systems, in the one run."""
    return await _fanout(stand, "fanout_1000", 1_000)


async def _fanout(stand: Stand, name: str, systems: int) -> list[Figure]:
    def of(what: str, value: float, unit: str, bar: float | None = None) -> Figure:
        parameters = {"systems": systems, "of": what}
        return Figure(metric=name, parameters=parameters, value=value, unit=unit, bar=bar)

    async with an_engine(stand, at_once(systems), policy=AS_SHIPPED) as engine:
        processes = await Processes.of(engine)
        memory, cpu, began = processes.memory(), processes.seconds(), time.perf_counter()
        number = await answered(engine)
        seconds = time.perf_counter() - began
        spent = {name: after - cpu[name] for name, after in processes.seconds().items()}
        grown = {name: after - memory[name] for name, after in processes.memory().items()}
        history = await history_of(engine, number)
        longest = await _longest_task(engine, history)
        view = await engine.client.status(number)
    async with an_engine(stand, at_once(systems), policy=ONE_BY_ONE) as engine:
        apart = await history_of(engine, await answered(engine))
    return [
        of("events", len(history.events), "events", MOST_EVENTS),
        of("events, one answer at a time", len(apart.events), "events", MOST_EVENTS),
        of("history", sum(event.ByteSize() for event in history.events), "bytes"),
        of("status", len(view.model_dump_json()), "bytes"),
        of("time", seconds, "s"),
        *(of(f"CPU of {process}", value, "s") for process, value in spent.items()),
        *(of(f"memory of {process}", value / 1e6, "MB") for process, value in grown.items()),
        of("longest task of a replay, CPU", longest, "s", LONGEST_TASK),
    ]


async def _longest_task(engine: Engine, history: WorkflowHistory) -> float:
    """CPU seconds of the longest task when all is replayed: after a restart, or without a cache."""
    runner = _Timed()
    replayer = Replayer(
        workflows=EVERY_WORKFLOW, workflow_runner=runner,
        data_converter=engine.temporal.data_converter,
    )  # fmt: skip
    await replayer.replay_workflow(history)
    return runner.longest


class _Timed(WorkflowRunner):
    """The worker's runner; it notes how long a task takes the thread that runs it."""

    def __init__(self) -> None:
        self._runner = sandbox()
        self.longest = 0.0

    def prepare_workflow(self, defn: _Definition) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        run = self._runner.create_instance(det)
        activate = run.activate

        def timed(act: WorkflowActivation) -> WorkflowActivationCompletion:
            began = time.thread_time()
            try:
                return activate(act)
            finally:
                self.longest = max(self.longest, time.thread_time() - began)

        run.activate = timed  # type: ignore[method-assign]
        return run


# -- when some do not answer ---------------------------------------------------------------------


@dataclass
class _Failing(FakeSystem):
    """Half of the searches fail, always the same ones."""

    draw: Random = field(default_factory=lambda: Random(1))

    async def find(self, person: Person) -> Found:
        self.asked += 1
        if self.draw.random() < 0.5:
            raise SystemUnreachable("half of the time")
        return self.holds


def _disturbed() -> FakeSystems:
    """Some fail half of the time, some are partners that take every request and never answer."""
    names = [f"system_{n}" for n in range(SYSTEMS)]
    silent, failing, well = names[:SILENT], names[SILENT:][:FAILING], names[SILENT + FAILING :]
    return FakeSystems(
        *(_Failing(facts(name)) for name in failing),
        *(FakeSystem(facts(name)) for name in well),
        partners=tuple(FakePartner(facts(name, reach="http")) for name in silent),
    )


@metric
async def mixed_load(stand: Stand) -> list[Figure]:
    """200 access requests at once, until 95 % of the answers are there that can come.

    With and without systems that do not answer: the share of the rates.

    Over 20 systems, of which 2 are silent and 2 fail half of the time; each request then waits for
    its review, or for the silent ones.
    """
    times: dict[str, list[float]] = {"undisturbed": [], "disturbed": []}
    for _ in range(ROUNDS):
        times["undisturbed"].append(await _searched(stand, at_once(SYSTEMS), SYSTEMS))
        times["disturbed"].append(await _searched(stand, _disturbed(), SYSTEMS - SILENT))
    best, mixed = median(times["undisturbed"]), median(times["disturbed"])
    return [
        _mixed("share of undisturbed", best / mixed, "ratio"),
        _mixed("rate", REQUESTS / mixed, "requests/s"),
    ]


def _mixed(of: str, value: float, unit: str) -> Figure:
    parameters = {
        "requests": REQUESTS, "systems": SYSTEMS, "silent": SILENT, "failing": FAILING, "of": of,
    }  # fmt: skip
    return Figure(
        metric="mixed_load", parameters=parameters, value=value, unit=unit, better="higher"
    )


async def _searched(stand: Stand, systems: FakeSystems, answering: int) -> float:
    """Seconds until so many systems of each request have answered."""
    async with an_engine(stand, systems, policy=MIXED) as engine:
        await answered_by(engine, 1, answering)  # what is loaded once
        began = time.perf_counter()
        await answered_by(engine, REQUESTS, answering)
        return time.perf_counter() - began


async def answered_by(engine: Engine, requests: int, answering: int) -> None:
    """So many requests are received, and most of so many answers for each are there."""
    before = await _found(engine)
    await handed_in(engine, [somebody() for _ in range(requests)])
    while await _found(engine) < before + MOST_OF_THEM * requests * answering:
        await asyncio.sleep(GLANCE)


async def _found(engine: Engine) -> int:
    async with engine.database.connect() as conn:
        return int(await conn.scalar(FOUND) or 0)
