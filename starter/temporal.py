"""Temporal as this engine uses it: one runtime, one client, tuned workers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

from temporalio import activity, workflow
from temporalio.client import Client, Plugin
from temporalio.common import WorkerDeploymentVersion
from temporalio.converter import DataConverter
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError
from temporalio.worker import (
    FixedSizeSlotSupplier,
    Interceptor,
    PatchActivationInput,
    Worker,
    WorkerDeploymentConfig,
    WorkerTuner,
)

from schemas.errors import BadInput, Unreachable
from starter.admission import MOST, Admission
from starter.connection import Connection
from starter.sandbox import sandbox
from starter.settings import Settings

CONNECT_SECONDS: Final = 10.0

_the_runtime: Runtime | None = None


def runtime(metrics_address: str | None = None) -> Runtime:
    """The one runtime of this process; the first call decides whether it serves metrics.

    A process that runs a worker calls this first, with its settings; a client needs no metrics.
    Core's own lines go through our log filter. Raises `BadInput` if the address cannot be bound.
    """
    global _the_runtime
    if _the_runtime is None:
        workflow.logger.workflow_info_on_message = False  # ids stay in `extra`, events constant
        activity.logger.activity_info_on_message = False
        try:
            _the_runtime = Runtime(telemetry=_telemetry(metrics_address))
        except (RuntimeError, ValueError):
            raise BadInput(
                f"Metrics cannot be served at {metrics_address}: set DSR_METRICS_ADDRESS to a free "
                "host:port of this machine, or leave it out"
            ) from None
    return _the_runtime


def _telemetry(metrics_address: str | None) -> TelemetryConfig:
    forwarding = LogForwardingConfig(
        logger=logging.getLogger("temporalio.core"),
        prepend_target_on_message=False, append_log_fields_to_message=False,
    )  # fmt: skip
    return TelemetryConfig(
        logging=LoggingConfig(
            filter=TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding
        ),
        metrics=PrometheusConfig(
            bind_address=metrics_address, durations_as_seconds=True,
            counters_total_suffix=True, unit_suffix=True,
        ) if metrics_address else None,
    )  # fmt: skip


@asynccontextmanager
async def connected_client(
    connection: Connection, data_converter: DataConverter, traces_endpoint: str | None = None
) -> AsyncIterator[Client]:
    """A client of this engine's Temporal. Raises `Unreachable`, in a sentence.

    `traces_endpoint`: where spans go, of it and of the workers that use it; None: none are made.
    """
    try:
        async with _plugins(traces_endpoint) as plugins:
            yield await _connect(connection, data_converter, plugins)
    finally:
        # Core's threads may call into an interpreter that is gone: a short process would crash
        # in every fifth exit (sdk-python issue 300).
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _plugins(traces_endpoint: str | None) -> AsyncIterator[Sequence[Plugin]]:
    if traces_endpoint is None:
        yield ()
        return
    from starter.traces import tracing_to  # OpenTelemetry: only when it is switched on

    tracing = tracing_to(traces_endpoint)
    try:
        yield (tracing.plugin,)
    finally:
        await tracing.flush()


async def _connect(
    connection: Connection, data_converter: DataConverter, plugins: Sequence[Plugin]
) -> Client:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await Client.connect(
                connection.temporal_address,
                namespace=connection.temporal_namespace,
                data_converter=data_converter,
                runtime=runtime(),
                plugins=plugins,
            )
    except (RuntimeError, RPCError, TimeoutError):
        raise Unreachable(
            f"Temporal does not answer at {connection.temporal_address}: start it, or set "
            "TEMPORAL_ADDRESS to where it is"
        ) from None


def build_worker(
    client: Client,
    settings: Settings,
    *,
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],
    queue: str | None = None,
) -> Worker:
    """A worker, tuned by measurement; to be entered or run. `queue`: another than the settings'."""
    return Worker(
        client,
        task_queue=queue or settings.task_queue,
        workflows=workflows,
        activities=activities,
        workflow_runner=sandbox(),
        tuner=WorkerTuner.create_composite(
            workflow_supplier=FixedSizeSlotSupplier(settings.workflow_slots),
            activity_supplier=Admission(settings.activity_slots),
            local_activity_supplier=FixedSizeSlotSupplier(1),  # none is used
            nexus_supplier=FixedSizeSlotSupplier(1),
        ),
        max_cached_workflows=settings.max_cached_workflows,
        # Default 3: a fan-out would send the rest through the server's task queue.
        max_eager_activity_reservations_per_workflow_task=MOST,
        graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_seconds),
        patch_activation_callback=_begins_all_but(settings.waiting_patches),
        deployment_config=_deployment(),
        interceptors=_counting(settings),
    )


def _counting(settings: Settings) -> Sequence[Interceptor]:
    """Counts calls of systems, in a worker that serves metrics."""
    if settings.health_address is None:
        return ()
    from starter.metrics.calls import CountedCalls

    return (CountedCalls(),)


def _begins_all_but(waiting: str) -> Callable[[PatchActivationInput], bool]:
    """Asked for a patch that a run has not met yet; what stands in its history is followed."""
    ids = frozenset(filter(None, waiting.split(",")))
    return lambda met: met.patch_id not in ids


def _deployment() -> WorkerDeploymentConfig:
    """No worker versioning; naming a version saves hashing every loaded module at the start."""
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion("dsr", version("dsr")),
        use_worker_versioning=False,
    )
