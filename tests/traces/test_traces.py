"""Traces tell what ran and what failed, to whom the setting says; and nothing of a person."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode
from temporalio.client import Client, WorkflowFailureError, WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from starter import traces
from starter.connection import Connection
from starter.sandbox import sandbox
from starter.settings import Settings
from starter.temporal import build_worker, connected_client
from starter.traces import AllowedOnly, Tracing, tracing_to
from storage.codec import data_converter
from tests.frame.ping import Complain, Ping, fail, slow
from tests.frame.processes import ROOT
from tests.histories import known_keys, names, saved
from tests.traces.receiver import Receiver, receiving
from workflows.everything import EVERY_WORKFLOW

MARK = "Kanaria kanaria@example.org"
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01")
QUEUE = "traced"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def client(temporal: WorkflowEnvironment, receiver: Receiver) -> AsyncIterator[Client]:
    here = Connection(
        temporal_address=temporal.client.service_client.config.target_host, database_url=""
    )
    async with connected_client(here, DataConverter.default, receiver.url) as client:
        yield client


@pytest.fixture(scope="module")
async def histories(client: Client, receiver: Receiver) -> list[WorkflowHistory]:
    """Of a run that ended well, and of one whose activity failed with a mark; both traced."""
    worker = build_worker(
        client, Settings(task_queue=QUEUE), workflows=[Ping, Complain], activities=[slow, fail]
    )
    async with worker:
        well = await client.start_workflow("Ping", 0.0, id="ping-traced", task_queue=QUEUE)
        await well.result()
        bad = await client.start_workflow("Complain", MARK, id="complain-traced", task_queue=QUEUE)
        with pytest.raises(WorkflowFailureError):
            await bad.result()
    await tracing_to(receiver.url).flush()
    return [await handle.fetch_history() for handle in (well, bad)]


def test_spans_of_client_workflow_and_activity_arrive_as_one_trace(
    receiver: Receiver, histories: list[WorkflowHistory]
):
    of = {span.name: span for span in receiver.spans()}

    started, ran = of["StartWorkflow:Ping"], of["RunWorkflow:Ping"]
    asked, done = of["StartActivity:ping.slow"], of["RunActivity:ping.slow"]
    assert ran.parent_span_id == started.span_id
    assert asked.parent_span_id == ran.span_id
    assert done.parent_span_id == asked.span_id
    assert len({span.trace_id for span in (started, ran, asked, done)}) == 1


def test_each_thing_is_told_once(receiver: Receiver, histories: list[WorkflowHistory]):
    told = [span.name for span in receiver.spans()]

    assert len(told) == len({*told}), "given to the client alone, or every span comes twice"


def test_a_failure_is_told_by_its_type_and_never_by_its_text(
    receiver: Receiver, histories: list[WorkflowHistory]
):
    (failed,) = [span for span in receiver.spans() if span.name == "RunActivity:ping.fail"]

    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    (event,) = failed.events
    assert [(one.key, one.value.string_value) for one in event.attributes] == [
        ("exception.type", "temporalio.exceptions.ApplicationError")
    ]
    everything = b"".join(receiver.bodies).lower()
    assert b"kanaria" not in everything
    assert b"traceback" not in everything


def test_without_the_filter_the_text_would_be_told():
    """The control: the same span, before and after."""
    before, after = InMemorySpanExporter(), InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    for exporter in (before, AllowedOnly(after)):
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("test").start_span(f"Name of {MARK}", attributes={"who": MARK})
    span.record_exception(ValueError(MARK))
    span.add_event(MARK, {"exception.type": MARK})
    span.set_status(Status(StatusCode.ERROR, MARK))
    span.end()

    assert before.get_finished_spans()[0].to_json().count("Kanaria") == 7
    assert "Kanaria" not in after.get_finished_spans()[0].to_json()


def test_the_headers_of_a_run_hold_ids_of_traces_only(histories: list[WorkflowHistory]):
    """They are stored as they are: no codec seals them."""
    found = []
    for event in (event for history in histories for event in history.events):
        for _, attributes in event.ListFields():
            if hasattr(attributes, "header"):
                found += attributes.header.fields.items()

    assert found
    for name, payload in found:
        assert name == "_tracer-data"
        carried = json.loads(payload.data)
        assert [*carried] == ["traceparent"]
        assert TRACEPARENT.fullmatch(carried["traceparent"])


async def test_what_was_traced_replays_without_tracing(histories: list[WorkflowHistory]):
    replayer = Replayer(workflows=[Ping, Complain], workflow_runner=sandbox())

    for history in histories:
        assert (await replayer.replay_workflow(history)).replay_failure is None


@pytest.mark.parametrize("name", names())
async def test_what_was_not_traced_replays_with_tracing(
    name: str, client: Client, receiver: Receiver
):
    """So that it can be switched on over open cases; and a replay tells no span."""
    tracing = tracing_to(receiver.url)
    await tracing.flush()
    before = len(receiver.spans())
    replayer = Replayer(
        workflows=EVERY_WORKFLOW, data_converter=data_converter(known_keys()),
        workflow_runner=sandbox(), plugins=[tracing.plugin],
    )  # fmt: skip

    result = await replayer.replay_workflow(saved(name))

    assert result.replay_failure is None
    await tracing.flush()
    assert len(receiver.spans()) == before


async def test_a_receiver_that_does_not_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(traces, "FLUSH_SECONDS", 0.2)
    monkeypatch.setattr(traces, "EXPORT_SECONDS", 2.0)
    monkeypatch.setattr(traces.trace, "set_tracer_provider", lambda _: None)  # of another test
    monkeypatch.setattr(traces, "_the_tracing", None)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tracing: Tracing = tracing_to(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces")
        tracing.provider.get_tracer("test").start_span("Span").end()
        began = time.monotonic()

        await tracing.flush()

        assert time.monotonic() - began < 2


def test_a_process_that_is_not_asked_to_trace_loads_nothing_of_it():
    code = "import sys, worker, starter.observed; print([m for m in sys.modules if m.startswith('opentelemetry')])"  # noqa: E501

    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert ran.stdout == "[]\n"
