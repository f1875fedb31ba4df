"""The runner of workflow code: the SDK's sandbox, asked only for what only it can know.

A new case's first step is sent through the task queue, where the oldest goes first and what is
underway before both; everything else a worker takes at once (see `starter.admission`).

The SDK enters the sandbox for the context of every payload, twice, and each entry costs as much as
running a small workflow task (a tenth of a worker's time, measured on temporalio 1.35). A case's
payloads all belong to the case itself, so the answer is known outside.
"""

from typing import Any, Final

from temporalio import workflow
from temporalio.api.enums.v1 import CommandType
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import (
    SerializationContext,
    StorageDriverStoreContext,
    WorkflowSerializationContext,
)
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info

from schemas.steps import OPEN

PASSED_THROUGH: Final = ("schemas", "rules", "workflows")
"""Packages of ours without state: the sandbox does not load them again for every run (a third of
the time of a replay). A test keeps clocks, chance and I/O out of them."""

OF_OTHER_RUNS: Final = (
    CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
    CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    CommandType.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
)
"""Commands whose payloads may belong to another run than the one that gives the command."""


def sandbox() -> SandboxedWorkflowRunner:
    """The runner of workflow code, the same for workers, tests and replays."""
    policy = workflow.SandboxImportNotificationPolicy
    return _Sandbox(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            *PASSED_THROUGH
        ).with_import_notification_policy(
            policy.WARN_ON_DYNAMIC_IMPORT | policy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )


class _Sandbox(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Run(super().create_instance(det), det.info)


class _Run(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance, info: Info) -> None:
        self._sandboxed = sandboxed
        self._info = info
        self._own = WorkflowSerializationContext(info.namespace, info.workflow_id)

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        done = self._sandboxed.activate(act)
        for command in done.successful.commands:
            if command.schedule_activity.activity_type == OPEN.name:
                command.schedule_activity.do_not_eagerly_execute = True
        return done

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        """An activity's payloads are sealed with the key of its workflow's case."""
        if command_info is None or command_info.command_type not in OF_OTHER_RUNS:
            return self._own
        return self._sandboxed.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        """Nothing is stored outside: the converter has no driver for it."""
        if command_info is None or command_info.command_type not in OF_OTHER_RUNS:
            return StorageDriverStoreContext(target=None)
        return self._sandboxed.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._info

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()
