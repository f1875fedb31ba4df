"""All activities of a worker, over its collaborators."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from activities.case_file import CaseFileActivities
from activities.clock import ClockActivities
from activities.correction import CorrectionActivities
from activities.desk import Desk
from activities.doubts import DoubtActivities
from activities.ended import EndedRelations, TakesEnded
from activities.erasure import ErasureActivities
from activities.parking import ParkingActivities
from activities.partners import PartnerActivities
from activities.reclassification import ReclassificationActivities
from activities.replies import ReplyActivities
from activities.runs import Runs
from activities.standstill import StandstillActivities
from activities.sweeps import SweepActivities
from activities.systems import SystemActivities
from storage.signing import Signer


def every_activity(
    desk: Desk, runs: Runs, signer: Signer, audit_log: Path, intake: TakesEnded
) -> Sequence[Callable[..., Any]]:
    """What a worker registers; a test compares it with `schemas.steps`."""
    case, clock, reply = CaseFileActivities(desk), ClockActivities(desk), ReplyActivities(desk)
    sweep, parking = SweepActivities(desk, runs, signer, audit_log), ParkingActivities(desk)
    standstill = StandstillActivities(desk)
    ended = EndedRelations(desk, runs, intake)
    reclassification = ReclassificationActivities(desk, runs)
    return (
        *system_activities(desk),
        case.open,
        case.record,
        reclassification.reclassify,
        clock.recompute,
        clock.fire,
        clock.letter_gone,
        reply.write_letter,
        reply.compile,
        parking.open_access,
        parking.await_access,
        parking.park,
        sweep.deadlines,
        sweep.reconcile,
        sweep.holds,
        sweep.resume,
        sweep.purge,
        standstill.await_resumed,
        ended.sweep,
        ended.conclude,
        sweep.checkpoint,
    )


def system_activities(desk: Desk) -> Sequence[Callable[..., Any]]:
    """What needs a system to be reached, on the queue that its manifest names."""
    system, erasure = SystemActivities(desk), ErasureActivities(desk)
    correction, partner = CorrectionActivities(desk), PartnerActivities(desk)
    return (
        system.search,
        system.suppress,
        system.record_consent,
        system.restrict,
        system.lift_restriction,
        erasure.plan,
        erasure.erase,
        correction.contest,
        correction.end_contest,
        correction.correct,
        correction.add_statement,
        partner.ask,
        partner.hear,
        partner.take_back,
        DoubtActivities(desk).resolve,
    )
