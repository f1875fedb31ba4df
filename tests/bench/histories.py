"""What a request leaves in Temporal, events and bytes, and what it costs to read it again."""

import time
from collections.abc import AsyncIterator
from typing import Final
from uuid import uuid4

from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.worker import Replayer

from starter.sandbox import sandbox
from tests.bench.bare import Bare, Shape
from tests.bench.figures import Figure, metric
from tests.bench.requests import answered, at_once, erased, median
from tests.bench.stand import Engine, Stand, an_engine
from workflows.everything import EVERY_WORKFLOW

REPLAYED: Final = 50  # systems of the request that is replayed
TIMES: Final = 5
IN_A_ROW: Final = 10  # replays at a time: to begin costs more than one of them


@metric
async def history_events(stand: Stand) -> list[Figure]:
    """Events of an access request by letter with one review and one decision: 60 + 4.5 N at most.

    Each costs the server a durable write, and a replay its time.
    """
    figures = []
    for n in (1, 5, 10, 20, 50):
        history = await _one_request(stand, n)
        events = Figure(
            metric="history_events", parameters={"systems": n}, value=len(history.events),
            unit="events", bar=60 + 4.5 * n,
        )  # fmt: skip
        figures += [events, _size(n, history)]
    return figures


@metric
async def delete_events(stand: Stand) -> list[Figure]:
    """Events of a deletion: N systems that answer at once, planned and erased, two decisions."""
    figures = []
    for n in (1, 10, 50):
        async with an_engine(stand, at_once(n)) as engine:
            history = await history_of(engine, await erased(engine))
        figures.append(
            Figure(
                metric="delete_events", parameters={"systems": n}, value=len(history.events),
                unit="events",
            )
        )  # fmt: skip
    return figures


@metric
async def replay_ratio(stand: Stand) -> list[Figure]:
    """An access request replayed, against a run that does nothing of ours, event for event."""
    async with an_engine(stand, at_once(REPLAYED)) as engine:
        ours = await history_of(engine, await answered(engine))
        bare = await _bare_history(engine, len(ours.events))
        replayer = Replayer(
            workflows=[*EVERY_WORKFLOW, Bare], workflow_runner=sandbox(),
            data_converter=engine.temporal.data_converter,
        )  # fmt: skip
        taken: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(TIMES):
            for name, history in (("ours", ours), ("bare", bare)):
                taken[name].append(await _replayed(replayer, history))
    mine, least = median(taken["ours"]), median(taken["bare"])
    per_event = (mine / len(ours.events)) / (least / len(bare.events))
    parameters = {"systems": REPLAYED, "events": len(ours.events)}
    return [
        Figure(metric="replay", parameters=parameters, value=mine * 1000, unit="ms"),
        Figure(metric="replay_ratio", parameters=parameters, value=per_event, unit="ratio"),
    ]


async def _bare_history(engine: Engine, events: int) -> WorkflowHistory:
    """As many systems beside one another, and then so many steps that the events are as many."""
    steps = (events - 3 * REPLAYED - 10) // 6  # an activity with a workflow task of its own: six
    handle = await engine.temporal.start_workflow(
        Bare.run, Shape(before=0, beside=REPLAYED, after=steps), id=f"bare-{uuid4()}",
        task_queue=engine.queue,
    )  # fmt: skip
    await handle.result()
    return await handle.fetch_history()


async def _replayed(replayer: Replayer, history: WorkflowHistory) -> float:
    """Seconds for one replay."""

    async def again() -> AsyncIterator[WorkflowHistory]:
        for _ in range(IN_A_ROW):
            yield history

    began = time.perf_counter()
    await replayer.replay_workflows(again())
    return (time.perf_counter() - began) / IN_A_ROW


def _size(n: int, history: WorkflowHistory) -> Figure:
    return Figure(
        metric="history_bytes", parameters={"systems": n}, unit="bytes",
        value=sum(event.ByteSize() for event in history.events), bar=24_000 + 1_200 * n,
    )  # fmt: skip


async def _one_request(stand: Stand, systems: int) -> WorkflowHistory:
    async with an_engine(stand, at_once(systems)) as engine:
        return await history_of(engine, await answered(engine))


async def history_of(engine: Engine, number: str) -> WorkflowHistory:
    """What a case has left in Temporal."""
    handle: WorkflowHandle[object, object] = await engine.client._handle(
        await engine.client._case(number)
    )
    return await handle.fetch_history()
