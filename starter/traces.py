"""Traces, where DSR_TRACES_ENDPOINT says: what ran when, and which part failed; never with what.

Spans come from Temporal's own plugin, which describes failures by their texts: these may hold
anything. So only what is named here leaves the process, as with logs. In the headers of runs,
which are not encrypted, stand ids of traces and nothing else.
"""

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status
from temporalio.contrib.opentelemetry import (
    OpenTelemetryPlugin,
    ReplaySafeTracerProvider,
    create_tracer_provider,
)

from starter import logs

EXPORT_SECONDS: Final = 3.0
"""A receiver that does not take a batch within this time loses it."""

FLUSH_SECONDS: Final = 3.0
"""How long a process that leaves waits for its last spans to go out."""

NAME: Final = re.compile(r"[A-Za-z]{1,40}(?::[A-Za-z_.]{1,60})?")
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ATTRIBUTES: Final[Mapping[str, re.Pattern[str]]] = {
    "temporalWorkflowID": logs.KEYS["workflow_id"],
    "temporalRunID": UUID,
    "temporalUpdateID": UUID,
    "temporalActivityID": re.compile(r"[a-z0-9_.:/-]{1,100}"),
    "exception.type": re.compile(r"[A-Za-z_][\w.]{0,119}"),
}
"""The attributes that may leave, and how their values look. Anything else is left out."""


@dataclass(frozen=True)
class Tracing:
    """Of this process: `plugin` is given to the client alone, workers take it from there."""

    plugin: OpenTelemetryPlugin
    provider: ReplaySafeTracerProvider

    async def flush(self) -> None:
        """Send what is left, for a bounded time: a receiver that is away holds up nobody."""
        flushing = threading.Thread(target=self.provider.force_flush, daemon=True)
        flushing.start()
        await asyncio.to_thread(flushing.join, FLUSH_SECONDS)


_the_tracing: Tracing | None = None


def tracing_to(endpoint: str) -> Tracing:
    """The one tracing of this process; the first call decides where spans go."""
    global _the_tracing
    if _the_tracing is None:
        provider = create_tracer_provider(
            resource=Resource({"service.name": "dsr", "service.version": version("dsr")}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint, timeout=EXPORT_SECONDS)
        provider.add_span_processor(BatchSpanProcessor(AllowedOnly(exporter)))
        trace.set_tracer_provider(provider)
        _the_tracing = Tracing(OpenTelemetryPlugin(add_temporal_spans=True), provider)
    return _the_tracing


class AllowedOnly(SpanExporter):
    """Hands on what of a span may leave: the only place that decides it."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Their names, times, ids, and the types of their failures."""
        return self._exporter.export([allowed(span) for span in spans])

    def shutdown(self) -> None:
        """No more spans."""
        self._exporter.shutdown()


def allowed(span: ReadableSpan) -> ReadableSpan:
    """The same span, without what could hold a text."""
    return ReadableSpan(
        name=span.name if NAME.fullmatch(span.name) else "<name>",
        context=span.context, parent=span.parent, resource=span.resource, kind=span.kind,
        attributes=dict(_attributes(span.attributes or {})),
        events=[
            Event("exception", dict(_attributes(event.attributes or {})), event.timestamp)
            for event in span.events if event.name == "exception"
        ],
        links=[Link(link.context) for link in span.links],
        status=Status(span.status.status_code),
        start_time=span.start_time, end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )  # fmt: skip


def _attributes(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        pattern = ATTRIBUTES.get(name)
        if pattern is not None and isinstance(value, str) and pattern.fullmatch(value):
            yield name, value
