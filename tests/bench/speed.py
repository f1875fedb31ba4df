"""How fast requests go, against runs of the same shape that do nothing of ours.

The worker of both has a process of its own, as in production; client and measuring share another.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from schemas.steps import SEARCH
from starter.intake import Receipt
from tests.bench.bare import INSERT, NOTHING, TABLE, Bare, Shape
from tests.bench.figures import Figure, metric
from tests.bench.processes import Processes
from tests.bench.registers import PEOPLE, SYSTEMS, UNATTENDED, declared, registers
from tests.bench.requests import handed_in, median, p99, somebody
from tests.bench.stand import Engine, Stand, an_engine
from tests.bench.worker import a_worker

OPEN: Final = 50
TIMES: Final = 5
ALONE: Final = 30
BURST: Final = 100
FLOOD: Final = 500
GLANCE: Final = 0.1  # seconds between two looks: a look must not cost what it measures
CLOSELY: Final = 0.005  # where one request's own time is taken

AWAITING: Final = "select run from bench group by run having count(*) >= :count"

_numbers = cycle(range(1, PEOPLE + 1))


def known() -> dict[str, Any]:
    """An access request of the next person; every system holds one record on each."""
    n = next(_numbers)
    mail = {"type": "email", "value": f"p{n}@example.fi"}
    return somebody(of={"name": f"Person {n}", "identifiers": [mail]})


@asynccontextmanager
async def unattended(stand: Stand) -> AsyncIterator[Engine]:
    """An engine that answers by itself, over ten real systems; warm. Its worker has a process."""
    async with (
        registers(stand) as register,
        declared(register) as systems,
        an_engine(stand, systems, policy=UNATTENDED, work=False) as engine,
        a_worker(stand, engine, register) as worker,
    ):
        async with engine.database.begin() as conn:
            await conn.execute(text(TABLE))
        await requests(engine, SYSTEMS)
        yield replace(engine, worker=worker)


async def requests(engine: Engine, count: int) -> None:
    """So many complete requests, all open at once: received, searched, replied, closed."""
    receipts = await _submitted(engine, count)
    waiting = {receipt.number for receipt in receipts}
    while waiting:
        ready = sorted(waiting & await _ready(engine))
        await asyncio.gather(*(engine.client.package(n, by="maija") for n in ready))
        waiting -= set(ready)
        await asyncio.sleep(GLANCE)
    await asyncio.gather(*(_ended(engine, receipt.case) for receipt in receipts))


async def _submitted(engine: Engine, count: int) -> list[Receipt]:
    return await handed_in(engine, [known() for _ in range(count)])


async def _ready(engine: Engine) -> set[str]:
    """Numbers of the cases whose reply waits to be sent."""
    async with engine.case_file.reading.connect() as conn:
        rows = await conn.scalars(text("select number from dsr.cases where status = 'replying'"))
        return set(rows)


async def _ended(engine: Engine, case: UUID) -> None:
    await (await engine.client._handle(case)).result()


async def bare_runs(engine: Engine, count: int, shape: Shape) -> None:
    """So many runs of a shape, all open at once; signalled when each waits for it."""
    async with engine.database.begin() as conn:
        await conn.execute(text("truncate bench"))
    runs = await asyncio.gather(*(_bare_run(engine, shape) for _ in range(count)))
    waiting = {run.id: run for run in runs} if shape.signals else {}
    while waiting:
        ready = [waiting.pop(run) for run in waiting.keys() & await _waits(engine, shape)]
        signals = ready * shape.signals
        await asyncio.gather(*(run.signal(Bare.go_on) for run in signals))
        await asyncio.sleep(GLANCE)
    await asyncio.gather(*(run.result() for run in runs))


async def _bare_run(engine: Engine, shape: Shape) -> WorkflowHandle[Bare, None]:
    return await engine.temporal.start_workflow(
        Bare.run, shape, id=f"bare-{uuid4()}", task_queue=engine.queue
    )


async def _waits(engine: Engine, shape: Shape) -> set[str]:
    """Ids of the runs that wait for their signals: they have inserted all but the last row."""
    async with engine.case_file.reading.connect() as conn:
        rows = await conn.scalars(text(AWAITING), {"count": shape.awaited_after})
        return set(rows)


async def shape_of(engine: Engine) -> Shape:
    """The shape of a request's own history: searches beside one another, the rest in a row."""
    number, case = await _until_ready(engine)
    await engine.client.package(number, by="maija")
    handle = await engine.client._handle(case)
    await handle.result()
    events: Counter[int] = Counter()
    searches = 0
    async for event in handle.fetch_history_events():
        events[event.event_type] += 1
        scheduled = event.activity_task_scheduled_event_attributes
        searches += scheduled.activity_type.name == SEARCH.name
    steps = events[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED] - searches
    return Shape(
        before=1, beside=searches, after=steps - 1, activity=INSERT,
        timers=events[EventType.EVENT_TYPE_TIMER_STARTED],
        upserts=events[EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES],
        signals=events[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED],
    )  # fmt: skip


def activities_alone(shape: Shape, activity: str = INSERT) -> Shape:
    """The same without timers, changes of search attributes, and signals."""
    nothing_else = {"timers": 0, "upserts": 0, "signals": 0}
    return shape.model_copy(update={**nothing_else, "activity": activity})


async def _until_ready(engine: Engine) -> tuple[str, UUID]:
    """One request, until its reply is ready: its number and case."""
    receipt = await engine.client.submit(known())
    while receipt.number not in await _ready(engine):
        await asyncio.sleep(CLOSELY)
    return receipt.number, receipt.case


@metric
async def throughput_share(stand: Stand) -> list[Figure]:
    """Unattended access requests, 50 open, against runs whose activities are one INSERT each.

    The runs have the shape of a request's own history: its activities, timers, changes of search
    attributes, and the signal of a client that looks in the database when to send it. Aim: 0.85.
    Beside it the share of runs that have only the activities, as INSERTs or as nothing.
    """
    async with unattended(stand) as engine:
        shape = await shape_of(engine)
        shapes = {
            "insert": shape,
            "insert, activities alone": activities_alone(shape),
            "nothing, activities alone": activities_alone(shape, NOTHING),
        }
        runs = {of: partial(bare_runs, engine, OPEN, bare) for of, bare in shapes.items()}
        times = await _in_turns({"ours": partial(requests, engine, OPEN), **runs})
    parameters = {"systems": SYSTEMS, "open": OPEN}
    shares = [
        Figure(
            metric="throughput_share", parameters={**parameters, "of": of}, unit="ratio",
            value=times[of] / times["ours"], bar=bar, better="higher",
        )
        for of, bar in zip(shapes, (0.6, None, None), strict=True)
    ]  # fmt: skip
    rate = Figure(
        metric="throughput", parameters=parameters, value=OPEN / times["ours"],
        unit="requests/s", better="higher",
    )  # fmt: skip
    return [*shares, rate]


async def _in_turns(acts: dict[str, Callable[[], Awaitable[None]]]) -> dict[str, float]:
    """The median time of each, taken in turns, so that a busy machine is busy for all."""
    times: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(TIMES):
        for name, act in acts.items():
            times[name].append(await _seconds(act()))
    return {name: median(taken) for name, taken in times.items()}


async def _seconds(act: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await act
    return time.perf_counter() - began


@metric
async def solo_latency(stand: Stand) -> list[Figure]:
    """From `submit` until the reply is ready, one request after another, each beside a bare run."""
    async with unattended(stand) as engine:
        shape = activities_alone(await shape_of(engine))
        ours, bare = [], []
        for _ in range(ALONE):
            ours.append(await _seconds(_until_ready(engine)))
            bare.append(await _seconds(bare_runs(engine, 1, shape)))
    return [
        _latency("p50", median(ours) * 1000, "ms"),
        _latency("p99", p99(ours) * 1000, "ms"),
        _latency("p50 against insert", median(ours) / median(bare), "ratio"),
    ]


def _latency(of: str, value: float, unit: str) -> Figure:
    parameters = {"systems": SYSTEMS, "requests": ALONE, "of": of}
    return Figure(metric="solo_latency", parameters=parameters, value=value, unit=unit)


@metric
async def cpu_per_request(stand: Stand) -> list[Figure]:
    """CPU of all processes for one complete request, and for a run of its shape with INSERTs."""
    async with unattended(stand) as engine:
        shape = await shape_of(engine)
        processes = await Processes.of(engine)
        ours = await _spent(processes, lambda: requests(engine, OPEN))
        bare = await _spent(processes, lambda: bare_runs(engine, OPEN, shape))
    total = sum(ours.values())
    return [
        _cpu("all", total, "ms"),
        *(_cpu(process, spent, "ms") for process, spent in ours.items()),
        _cpu("all against insert", total / sum(bare.values()), "ratio"),
    ]


def _cpu(of: str, value: float, unit: str) -> Figure:
    parameters = {"systems": SYSTEMS, "open": OPEN, "of": of}
    return Figure(metric="cpu_per_request", parameters=parameters, value=value, unit=unit)


async def _spent(processes: Processes, act: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """Milliseconds of CPU a request, by process."""
    before = processes.seconds()
    await act()
    after = processes.seconds()
    return {name: (after[name] - before[name]) / OPEN * 1000 for name in before}


# -- a burst -------------------------------------------------------------------------------------

REPLYING: Final = """
select extract(epoch from a.recorded_at) as at
from dsr.cases c join dsr.audit a on a.case_id = c.id
where a.event = 'moved' and a.facts->>'after' = 'replying' and c.number = any(:numbers)
order by c.registered_at
"""


@metric
async def burst(stand: Stand) -> list[Figure]:
    """100 requests at once until their replies are ready: rate, and whether the oldest go first.

    Half of the wall time is the least that the middle one can wait; one that shares with all
    others waits nearly all of it. Aim: 0.65. Then five times as many: what is left of the rate.
    """
    async with unattended(stand) as engine:
        waited = await _burst_of(engine, BURST)
        flood = await _burst_of(engine, FLOOD)
    rate, flooded = BURST / max(waited), FLOOD / max(flood)
    return [
        _burst("rate", rate, "requests/s", "higher"),
        _burst("p50 over wall time", median(waited) / max(waited), "ratio", "lower"),
        _burst("pairs in order", _in_order(waited), "ratio", "higher"),
        _burst(f"rate of {FLOOD} against it", flooded / rate, "ratio", "higher"),
    ]


def _burst(of: str, value: float, unit: str, better: Any) -> Figure:
    parameters = {"at_once": BURST, "systems": SYSTEMS, "of": of}
    return Figure(metric="burst", parameters=parameters, value=value, unit=unit, better=better)


async def _burst_of(engine: Engine, count: int) -> list[float]:
    """Seconds until each reply was ready, in the order of receipt."""
    began = time.time()
    receipts = await _submitted(engine, count)
    numbers = {receipt.number for receipt in receipts}
    while not numbers <= await _ready(engine):
        await asyncio.sleep(GLANCE)
    return [at - began for at in await _replying_at(engine, sorted(numbers))]


async def _replying_at(engine: Engine, numbers: list[str]) -> list[float]:
    """When each reply was ready, in the order of receipt; seconds since 1970."""
    async with engine.database.connect() as conn:
        return [float(at) for at in await conn.scalars(text(REPLYING), {"numbers": numbers})]


def _in_order(instants: Sequence[float]) -> float:
    """Of all pairs of requests, the share in which the older one was served first."""
    pairs = [(a, b) for n, a in enumerate(instants) for b in instants[n + 1 :]]
    return sum(a <= b for a, b in pairs) / len(pairs)
