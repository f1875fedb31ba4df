"""Cases stay open over many deploys: today's code must decide as it did when they began."""

import pytest
from temporalio.client import WorkflowHistory
from temporalio.converter import WorkflowSerializationContext
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from schemas.case import Outcome
from starter.sandbox import sandbox
from storage.codec import data_converter
from tests.durability import reordered
from tests.histories import known_keys, names, saved
from tests.histories.scenarios import SCENARIOS
from workflows.everything import EVERY_WORKFLOW

ENDINGS = {
    "AccessRequest": {
        Outcome.FULFILLED, Outcome.PARTIAL, Outcome.NOTHING_HELD, Outcome.REFUSED,
        Outcome.WITHDRAWN, Outcome.MERGED, Outcome.NOT_A_REQUEST, Outcome.MISDIRECTED,
    },
    "ObjectionRequest": {Outcome.FULFILLED, Outcome.REFUSED, Outcome.WITHDRAWN},
    "ConsentRequest": {Outcome.FULFILLED, Outcome.PARTIAL},
    "CorrectRequest": {
        Outcome.FULFILLED, Outcome.PARTIAL, Outcome.REFUSED, Outcome.WITHDRAWN,
        Outcome.NOTHING_HELD,
    },
    "DeleteRequest": {
        Outcome.FULFILLED, Outcome.PARTIAL, Outcome.REFUSED, Outcome.WITHDRAWN,
    },
}  # fmt: skip


def a_replayer(*workflows: type) -> Replayer:
    """As a worker runs them, without any server or database."""
    return Replayer(
        workflows=workflows, data_converter=data_converter(known_keys()), workflow_runner=sandbox()
    )


@pytest.fixture(scope="module")
def replayer() -> Replayer:
    """Today's procedures."""
    return a_replayer(*EVERY_WORKFLOW)


@pytest.mark.parametrize("name", names())
async def test_todays_code_replays_what_an_earlier_worker_did(replayer: Replayer, name: str):
    result = await replayer.replay_workflow(saved(name))

    assert result.replay_failure is None


@pytest.mark.parametrize(
    ("careless", "name"),
    [
        (reordered.SearchedBeforeAdmitted, "access-asked-and-answered"),
        (reordered.RepliedBeforeDecided, "access-fulfilled"),
        (reordered.ClosedWithoutFollowUp, "access-supplement"),
        (reordered.AdmittedBeforeStopped, "objection-absolute-unidentified"),
        (reordered.RepliedBeforeRecorded, "consent-given"),
        (reordered.ErasedBeforeTheSecondDecision, "delete-fulfilled"),
        (reordered.ApprovedBeforePlanned, "delete-fulfilled"),
        (reordered.CorrectedBeforeDecided, "correct-fulfilled"),
        (reordered.DecidedBeforeRestricted, "correct-fulfilled"),
    ],
)
async def test_a_procedure_whose_steps_were_reordered_fails_the_replay(careless: type, name: str):
    result = await a_replayer(careless).replay_workflow(saved(name), raise_on_replay_failure=False)

    assert isinstance(result.replay_failure, NondeterminismError)


def test_every_scenario_has_its_history():
    """Missing ones are made by: python -m tests.histories"""
    assert names() == sorted(SCENARIOS)


async def test_the_histories_are_of_every_kind_and_ending():
    seen: dict[str, set[str]] = {kind: set() for kind in ENDINGS}
    for name in names():
        history = saved(name)
        if (ending := await ending_of(history)) is None:
            continue  # the case goes on in another run
        kind = history.events[0].workflow_execution_started_event_attributes.workflow_type.name
        seen[kind].add(ending)

    assert seen == ENDINGS


async def ending_of(history: WorkflowHistory) -> str | None:
    """What the run gave back, unsealed; None if the case goes on in another one."""
    end = history.events[-1].workflow_execution_completed_event_attributes
    context = WorkflowSerializationContext(namespace="default", workflow_id=history.workflow_id)
    converter = data_converter(known_keys()).with_context(context)
    (outcome,) = await converter.decode(list(end.result.payloads))
    return None if outcome is None else str(outcome)
