"""GET /metrics of a worker, in Prometheus' text format.

Figures are read when somebody asks and kept for a while: whoever asks often costs the servers
nothing. What cannot be read lacks, and `dsr_source_answers` says so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from starter.metrics.calls import CALLS
from starter.metrics.declared import DAYS, DAYS_TO_ANSWER, OF_THE_ENGINE, OF_THE_WORKER
from starter.metrics.sources import Read, Sample

log = structlog.get_logger(__name__)

READ_SECONDS: Final = 5.0
"""What is not read within this time lacks."""

AGAIN_SECONDS: Final = 10.0
"""What could not be read is tried again after this time."""


@dataclass
class Source:
    """Figures that are read together, and again once they are `seconds` old."""

    name: str
    read: Read
    seconds: float
    samples: Sequence[Sample] = ()
    answers: bool = True
    due_at: float = field(default=float("-inf"))

    async def refresh(self) -> None:
        """Read it if it is due. Whatever goes wrong: old figures are worse than none."""
        if time.monotonic() < self.due_at:
            return
        try:
            async with asyncio.timeout(READ_SECONDS):
                self.samples, self.answers = [*_nothing(self.name), *await self.read()], True
        except Exception:
            if self.answers:  # said once, not at each scrape
                log.warning("figures_lack", exc_info=True)
            self.samples, self.answers = (), False
        self.due_at = time.monotonic() + (self.seconds if self.answers else AGAIN_SECONDS)

    def own(self) -> Sample:
        """Whether it could be read."""
        return Sample("dsr_source_answers", (self.name,), float(self.answers))


def _nothing(source: str) -> list[Sample]:
    """What stands at 0 if the source, which answers, counts none."""
    return [
        Sample(metric.name, labels, 0.0)
        for metric in OF_THE_ENGINE if metric.source == source for labels in metric.always
    ]  # fmt: skip


class Metrics:
    """What is served."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._refreshing = asyncio.Lock()
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    async def text(self, *now: Sample) -> bytes:
        """All of it, and what is known `now`."""
        async with self._refreshing:
            await asyncio.gather(*(source.refresh() for source in self._sources))
        samples = [*now]
        for source in self._sources:
            samples += [*source.samples, source.own()]
        figures = CollectorRegistry()
        figures.register(_Figures(samples))
        return b"".join(generate_latest(one) for one in (figures, CALLS, self._process))


class _Figures(Collector):
    def __init__(self, samples: Iterable[Sample]) -> None:
        self._of: dict[str, list[Sample]] = {}
        for sample in samples:
            self._of.setdefault(sample.metric, []).append(sample)

    def collect(self) -> Iterator[Family]:
        """Every declared metric, without samples where nothing is known."""
        for metric in (*OF_THE_ENGINE, *OF_THE_WORKER):
            values = {one.labels: one.value for one in self._of.get(metric.name, [])}
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in values.items():
                gauge.add_metric(labels, value)
            yield gauge
        yield _histogram(self._of.get(DAYS_TO_ANSWER.name, []))


def _histogram(samples: Iterable[Sample]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        DAYS_TO_ANSWER.name, DAYS_TO_ANSWER.help, labels=DAYS_TO_ANSWER.labels
    )
    counts: dict[tuple[str, ...], list[float]] = {}
    sums: dict[tuple[str, ...], float] = {}
    for sample in samples:
        counts.setdefault(sample.labels, [0.0] * (len(DAYS) + 1))[sample.bucket] += sample.value
        sums[sample.labels] = sums.get(sample.labels, 0.0) + sample.days
    edges = (*(f"{float(day)}" for day in DAYS), "+Inf")
    for labels, each in counts.items():
        buckets = [*zip(edges, accumulate(each), strict=True)]
        family.add_metric(labels, buckets, sum_value=sums[labels])
    return family


def route(metrics: Metrics, now: Callable[[], Awaitable[Sequence[Sample]]]) -> Route:
    """`GET /metrics`; `now`: what is asked each time."""

    async def served(_request: Request) -> Response:
        text = await metrics.text(*await now())
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Route("/metrics", served)
