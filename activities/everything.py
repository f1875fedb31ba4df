"""All activities of a worker, over its collaborators."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from activities.case_file import CaseFileActivities
from activities.clock import ClockActivities
from activities.desk import Desk
from activities.erasure import ErasureActivities
from activities.partners import PartnerActivities
from activities.replies import ReplyActivities
from activities.runs import Runs
from activities.sweeps import SweepActivities
from activities.systems import SystemActivities
from storage.signing import Signer


def every_activity(
    desk: Desk, runs: Runs, signer: Signer, audit_log: Path
) -> Sequence[Callable[..., Any]]:
    """What a worker registers; a test compares it with `schemas.steps`."""
    case, clock, reply = CaseFileActivities(desk), ClockActivities(desk), ReplyActivities(desk)
    system, sweep = SystemActivities(desk), SweepActivities(desk, runs, signer, audit_log)
    erasure, partner = ErasureActivities(desk), PartnerActivities(desk)
    return (
        case.open,
        case.record,
        clock.recompute,
        clock.fire,
        clock.letter_gone,
        reply.write_letter,
        reply.compile,
        system.search,
        system.suppress,
        system.record_consent,
        system.restrict,
        system.lift_restriction,
        erasure.plan,
        erasure.erase,
        partner.ask,
        partner.hear,
        partner.take_back,
        sweep.deadlines,
        sweep.reconcile,
        sweep.holds,
        sweep.checkpoint,
    )
