"""What a request leaves in Temporal: events and bytes."""

from temporalio.client import WorkflowHandle, WorkflowHistory

from tests.bench.figures import Figure, metric
from tests.bench.requests import answered, at_once
from tests.bench.stand import Engine, Stand, an_engine


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


def _size(n: int, history: WorkflowHistory) -> Figure:
    return Figure(
        metric="history_bytes", parameters={"systems": n}, unit="bytes",
        value=sum(event.ByteSize() for event in history.events), bar=24_000 + 1_200 * n,
    )  # fmt: skip


async def _one_request(stand: Stand, systems: int) -> WorkflowHistory:
    async with an_engine(stand, at_once(systems)) as engine:
        return await _history(engine, await answered(engine))


async def _history(engine: Engine, number: str) -> WorkflowHistory:
    handle: WorkflowHandle[object, object] = await engine.client._handle(
        await engine.client._case(number)
    )
    return await handle.fetch_history()
