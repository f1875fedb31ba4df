"""Where figures come from: PostgreSQL for the cases, Temporal for the sweep, one file.

Two statements: what is open, over partial indexes, a few thousand rows however many cases there
ever were; and what ever was, which reads every case row and is therefore asked seldom.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from schemas.steps import SweepReport
from starter.metrics.declared import DAYS
from starter.schedules import SCHEDULE


class Sample(NamedTuple):
    """A value of a metric. `bucket`: of a histogram, the place in `DAYS`; `days`: their sum."""

    metric: str
    labels: tuple[str, ...]
    value: float
    bucket: int = 0
    days: float = 0.0


Read = Callable[[], Awaitable[Sequence[Sample]]]

STATEMENT_TIMEOUT: Final = text("set local statement_timeout = '5s'")
SOON: Final = timedelta(days=3)
LAPSING: Final = timedelta(days=1)
LATE: Final = timedelta(minutes=5)  # as the sweep has it: a live run fires its step within it

OPEN: Final = text("""
with open as materialized (
  select id, kind, status, due_before, next_step_at, replied_at from dsr.cases
  where status <> 'closed'
), unanswered as (select * from open where replied_at is null)
select 'dsr_cases_open' metric, array[status, kind] labels, count(*)::float8 as value
  from open group by status, kind
union all select 'dsr_cases_overdue', array[kind], count(*)
  from unanswered where due_before <= :now group by kind
union all select 'dsr_cases_due_soon', array[kind], count(*)
  from unanswered where due_before > :now and due_before <= :soon group by kind
union all select 'dsr_steps_missed', '{}', count(*) from unanswered where next_step_at < :late
union all select 'dsr_tasks_waiting', array[role, age], count(*) from (
    select role, case when since > :now - interval '1 day' then 'day'
      when since > :now - interval '7 days' then 'week'
      when since > :now - interval '30 days' then 'month' else 'older' end age
    from dsr.tasks where done_at is null) task
  group by role, age
union all select 'dsr_system_parts', array[name, outcome], count(*)
  from open join dsr.system_tasks on case_id = open.id group by name, outcome
union all select 'dsr_partner_requests_open', array[system], count(*)
  from dsr.dispatches where settled_at is null group by system
union all select 'dsr_partner_failures', array[system], sum(failures)
  from dsr.dispatches where settled_at is null group by system
union all select 'dsr_erasures_in_doubt', '{}', count(*)
  from dsr.erasures where ended_at is null and bound_at < :now
union all select 'dsr_holds_provisional', '{}', count(*)
  from dsr.holds where state = 'provisional' and not secret
union all select 'dsr_holds_lapsing', '{}', count(*)
  from dsr.holds where state = 'provisional' and not secret and lapses_at <= :lapsing
union all select 'dsr_standstill_timestamp_seconds', array[coalesce(system, '*')],
    extract(epoch from paused_at)
  from dsr.standstills where resumed_at is null
union all select 'dsr_checkpoint_timestamp_seconds', '{}', extract(epoch from at)
  from (select at from dsr.audit_checkpoints order by id desc limit 1) newest
union all select 'dsr_key_encryption_keys', '{}', count(*)
  from vault.key_checks where retired_at is null
""")

EVER: Final = text("""
with answered as (
  select kind, breached, breach_cause, origin,
    extract(epoch from replied_at - received_at)::float8 / 86400 days
  from dsr.cases where replied_at is not null or breached
), letters as (select kind, written_at from dsr.letters where state = 'ready')
select 'dsr_breaches' metric, array[coalesce(breach_cause, 'unknown')] labels,
    count(*)::float8 as value, 0 bucket, 0::float8 days
  from answered where breached group by breach_cause
union all select 'dsr_days_to_answer', array[kind], count(*),
    width_bucket(days - 1e-6, cast(:edges as float8[])), sum(days)  -- an edge is in its bucket
  from answered where origin = 'request' and days is not null group by 2, 4
union all select 'dsr_letters_waiting', array[kind], count(*), 0, 0 from letters group by kind
union all select 'dsr_letters_waiting_timestamp_seconds', '{}',
    extract(epoch from min(written_at)), 0, 0 from letters having count(*) > 0
""")


def open_cases(engine: AsyncEngine) -> Read:
    """What is open now, and what waits."""

    async def read() -> list[Sample]:
        now = datetime.now(UTC)
        return await _read(
            engine, OPEN, now=now, soon=now + SOON, late=now - LATE, lapsing=now + LAPSING
        )

    return read


def ever(engine: AsyncEngine) -> Read:
    """What ever was answered, late or not; letters that nobody fetched."""
    return lambda: _read(engine, EVER, edges=[float(day) for day in DAYS])


async def _read(engine: AsyncEngine, query: TextClause, **values: object) -> list[Sample]:
    async with engine.begin() as conn:
        await conn.execute(STATEMENT_TIMEOUT)
        rows = await conn.execute(query, values)
        return [Sample(r[0], tuple(r[1]), float(r[2]), *r[3:]) for r in rows]


def last_sweep(client: Client) -> Read:
    """When the last sweep ended and what it counted, as Temporal has it: no table of ours can
    say that a sweep ended which could not write."""

    async def read() -> list[Sample]:
        schedule = await client.get_schedule_handle(SCHEDULE).describe()
        for action in reversed(schedule.info.recent_actions):
            assert isinstance(action.action, ScheduleActionExecutionStartWorkflow)
            if found := await _ended(client, action.action):
                return found
        return []

    return read


async def _ended(client: Client, run: ScheduleActionExecutionStartWorkflow) -> list[Sample]:
    """A sweep that ended well; nothing for one that runs, failed, or is forgotten by Temporal."""
    handle = client.get_workflow_handle(
        run.workflow_id, run_id=run.first_execution_run_id, result_type=SweepReport
    )
    try:
        described = await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return []
        raise
    if described.status is not WorkflowExecutionStatus.COMPLETED or not described.close_time:
        return []
    ended = Sample("dsr_sweep_ended_timestamp_seconds", (), described.close_time.timestamp())
    return [ended, *_findings(await handle.result())]


def _findings(report: SweepReport) -> list[Sample]:
    """Every number of the report; of lists of numbers of cases their length."""
    counted = {
        name: len(value) if isinstance(value, tuple) else value
        for name, value in report
        if name != "checkpoint"
    }
    return [Sample("dsr_sweep_findings", (name,), float(n)) for name, n in counted.items()]


def checkpoint_file(path: Path) -> Read:
    """When the file last grew; nothing where it is not."""

    def grew() -> list[Sample]:
        try:
            return [Sample("dsr_checkpoint_file_timestamp_seconds", (), path.stat().st_mtime)]
        except FileNotFoundError:
            return []

    return lambda: asyncio.to_thread(grew)
