"""Counts what this process asks of systems: by outcome, and how long it took."""

import time
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from temporalio.activity import info
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from schemas.steps import SystemAnswer, SystemCall
from starter.metrics.declared import SYSTEM_CALLS, SYSTEM_SECONDS

CALLS: Final = CollectorRegistry()
_tries: Final = Counter(SYSTEM_CALLS.name, SYSTEM_CALLS.help, SYSTEM_CALLS.labels, registry=CALLS)
_seconds: Final = Histogram(
    SYSTEM_SECONDS.name, SYSTEM_SECONDS.help, SYSTEM_SECONDS.labels, registry=CALLS,
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)  # fmt: skip


class CountedCalls(Interceptor):
    """To be given to a worker that serves metrics."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Around every activity; one that is about no system costs a look at its argument."""
        return _Counted(next)


class _Counted(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        call = input.args[0] if input.args else None
        if not isinstance(call, SystemCall):
            return await self.next.execute_activity(input)
        began, result = time.monotonic(), "raised"
        try:
            answer = await self.next.execute_activity(input)
            if isinstance(answer, SystemAnswer):
                result = answer.outcome.value
            return answer
        finally:
            _tries.labels(call.system, info().activity_type, result).inc()
            _seconds.labels(call.system).observe(time.monotonic() - began)
