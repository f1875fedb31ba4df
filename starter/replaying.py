"""Would this program go on with every open run? Their histories are replayed, nothing changes."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from starter.sandbox import sandbox
from starter.temporal import runtime


@dataclass(frozen=True)
class Replayed:
    """What came of it, by workflow id."""

    checked: int
    differing: tuple[str, ...]  # another step than the history has: the code needs a patch
    failed: tuple[str, ...]  # the history could not be read, or the code raised something else


async def replay_open(client: Client, workflows: Sequence[type], kinds: Sequence[str]) -> Replayed:
    """Replay the open runs of these workflow types as a worker would, with their cases' keys."""
    replayer = Replayer(
        workflows=workflows, namespace=client.namespace, data_converter=client.data_converter,
        workflow_runner=sandbox(), runtime=runtime(),
    )  # fmt: skip
    checked, differing, failed = 0, [], []
    async with replayer.workflow_replay_iterator(_open_histories(client, kinds)) as results:
        async for result in results:
            checked += 1
            if isinstance(result.replay_failure, NondeterminismError):
                differing.append(result.history.workflow_id)
            elif result.replay_failure is not None:
                failed.append(result.history.workflow_id)
    return Replayed(checked, tuple(differing), tuple(failed))


async def _open_histories(client: Client, kinds: Sequence[str]) -> AsyncIterator[WorkflowHistory]:
    names = ", ".join(f"'{kind}'" for kind in kinds)
    query = f"ExecutionStatus = 'Running' AND WorkflowType IN ({names})"
    async for run in client.list_workflows(query):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        try:
            yield await handle.fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # ended and deleted meanwhile
                raise
