"""Every metric of ours: its name, labels and meaning. None holds anything of a person or a case.

Labels come from closed lists (kinds, statuses, roles, declared systems).
"""

from dataclasses import dataclass
from typing import Final

from schemas.request import Kind

OPEN: Final = "open"
EVER: Final = "ever"
SWEEP: Final = "sweep"
FILE: Final = "file"
WORKER: Final = "worker"


@dataclass(frozen=True)
class Metric:
    """`source`: what it is read with. `always`: labels that stand at 0 if nothing was counted."""

    name: str
    source: str
    labels: tuple[str, ...]
    help: str
    always: tuple[tuple[str, ...], ...] = ()


EACH_KIND: Final = tuple((kind.value,) for kind in Kind)
ONE: Final = ((),)

OF_THE_ENGINE: Final = (
    Metric("dsr_cases_open", OPEN, ("status", "kind"), "Open cases."),
    Metric(
        "dsr_cases_overdue", OPEN, ("kind",),
        "Open cases whose time limit (Art. 12(3)) has passed without a reply.", EACH_KIND,
    ),
    Metric(
        "dsr_cases_due_soon", OPEN, ("kind",),
        "Open cases without a reply whose time limit passes within 3 days.", EACH_KIND,
    ),
    Metric(
        "dsr_steps_missed", OPEN, (),
        "Open cases whose run let a step of the ladder pass by more than 5 minutes: it is stuck, "
        "or no worker runs. The sweep fires the step.", ONE,
    ),
    Metric(
        "dsr_tasks_waiting", OPEN, ("role", "age"),
        "Open tasks by who has to act and how old they are (at most a day, week, month; older).",
    ),
    Metric(
        "dsr_system_parts", OPEN, ("system", "outcome"),
        "Parts of open cases by system and outcome; unreachable, silent, failed need somebody.",
    ),
    Metric(
        "dsr_partner_requests_open", OPEN, ("system",),
        "Requests to a partner whose answer does not stand on the case yet.",
    ),
    Metric(
        "dsr_partner_failures", OPEN, ("system",),
        "Failed exchanges in a row, over all open requests to a partner.",
    ),
    Metric("dsr_erasures_in_doubt", OPEN, (), "Tries to erase whose end nobody knows yet.", ONE),
    Metric("dsr_holds_provisional", OPEN, (), "Provisional legal holds, without secret ones.", ONE),
    Metric(
        "dsr_holds_lapsing", OPEN, (),
        "Provisional legal holds that lapse within a day unless confirmed, without secret ones.",
        ONE,
    ),
    Metric(
        "dsr_standstill_timestamp_seconds", OPEN, ("system",),
        "Since when an operator has stopped what cannot be undone; system * is every system.",
    ),
    Metric(
        "dsr_checkpoint_timestamp_seconds", OPEN, (),
        "When the last checkpoint of the audit was signed.",
    ),
    Metric(
        "dsr_key_encryption_keys", OPEN, (),
        "Key-encryption keys that are not retired; 2 while a rotation is under way.", ONE,
    ),
    Metric(
        "dsr_letters_waiting", EVER, ("kind",),
        "Letters that are written and that nobody has fetched.",
    ),
    Metric(
        "dsr_letters_waiting_timestamp_seconds", EVER, (), "When the oldest of them was written.",
    ),
    Metric(
        "dsr_breaches", EVER, ("cause",),
        "Cases that ever went past their time limit, by cause.",
    ),
    Metric(
        "dsr_sweep_ended_timestamp_seconds", SWEEP, (),
        "When the last hourly sweep ended, by Temporal.",
    ),
    Metric(
        "dsr_sweep_findings", SWEEP, ("finding",),
        "What that sweep counted: runs in trouble, orphans, stuck ones, escalated, purged, ...",
    ),
)  # fmt: skip
"""Gauges that are the same on every worker: take max(), never sum()."""

OF_THE_WORKER: Final = (
    Metric("dsr_worker_ready", WORKER, ("queue",), "1 if /ready of this worker answers 200."),
    Metric(
        "dsr_source_answers", WORKER, ("source",),
        "1 if the figures of that source could be read; else they lack.",
    ),
    Metric(
        "dsr_checkpoint_file_timestamp_seconds", FILE, (),
        "When the checkpoint file that this worker sees (DSR_AUDIT_LOG) last grew.",
    ),
)  # fmt: skip
"""Gauges of one worker."""

DAYS_TO_ANSWER: Final = Metric(
    "dsr_days_to_answer", EVER, ("kind",),
    "Days from receipt to the leaving of the reply, over all requests answered so far (a "
    "histogram; the same on every worker).",
)  # fmt: skip
DAYS: Final = (1, 3, 7, 14, 21, 28, 31, 45, 62, 92)
"""A month has at most 31 days, three at most 92."""

SYSTEM_CALLS: Final = Metric(
    "dsr_system_calls_total", WORKER, ("system", "step", "result"),
    "Tries of a step on a system by this process since it started (a counter); result: the "
    "outcome, or raised, which is tried again.",
)  # fmt: skip
SYSTEM_SECONDS: Final = Metric(
    "dsr_system_call_seconds", WORKER, ("system",),
    "How long such a try took, our own transaction included (a histogram).",
)  # fmt: skip

EVERY: Final = (*OF_THE_ENGINE, DAYS_TO_ANSWER, *OF_THE_WORKER, SYSTEM_CALLS, SYSTEM_SECONDS)
