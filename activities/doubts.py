"""Erasures whose end nobody told: their system is read again, from within its own network."""

from datetime import datetime

import structlog
from temporalio import activity

from activities.desk import Desk
from activities.erasing import open_doubts, resolve
from activities.known_rows import KnownRows, each_once, keys_of, texts_of, wholly_kept
from activities.partners import has_been_told
from connectors.contract import SystemMisdeclared, SystemUnreachable
from schemas.holds import Doubt, Held
from schemas.steps import SWEEP_DOUBTS, SweepInput, SweepReport
from schemas.systems import Reach

log = structlog.get_logger(__name__)


class DoubtActivities:
    """What a worker in a separated network does for the sweep, which cannot reach its systems."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @activity.defn(name=SWEEP_DOUBTS.name)
    async def resolve(self, sweep: SweepInput) -> SweepReport:
        """Read again what is in doubt in the systems of this queue. Safe to repeat."""
        doubts, _ = await resolve_doubts(self._desk, sweep.at, activity.info().task_queue)
        return SweepReport(doubts=doubts)


async def resolve_doubts(
    desk: Desk, at: datetime, queue: str | None
) -> tuple[int, tuple[str, ...]]:
    """How many were resolved in the systems of a queue (None: the engine's own).

    And the other queues in whose systems some are open.
    """
    queues = {facts.name: facts.queue for facts in desk.systems.facts}
    resolved, elsewhere = 0, set[str]()
    for doubt in await open_doubts(desk.case_file.engine):
        its = queues.get(doubt.system)
        if its is not None and its != queue:
            elsewhere.add(its)
            continue
        if its == queue:
            resolved += await _resolve(desk, doubt, at)
    return resolved, tuple(sorted(elsewhere))


async def _resolve(desk: Desk, doubt: Doubt, at: datetime) -> bool:
    """False while its system is away, or declared no longer."""

    async def remains(doubt: Doubt) -> bool:
        """Whether what that erasure was to destroy is there.

        A partner that has the request was told; nobody can say that its data is there. People were
        not: of them only what was told has ended.
        """
        reach = desk.facts(doubt.system).reach
        if reach is Reach.HTTP:
            return not await has_been_told(desk, doubt.case, doubt.system)
        return reach is Reach.MANUAL or await _is_untouched(desk, doubt)

    if all(facts.name != doubt.system for facts in desk.systems.facts):
        log.warning("erasure_in_doubt", system=doubt.system)
        return False
    try:
        await resolve(desk.case_file, doubt, remains, at)
    except (SystemUnreachable, SystemMisdeclared):
        log.warning("erasure_in_doubt", system=doubt.system)
        return False
    return True


async def _is_untouched(desk: Desk, doubt: Doubt) -> bool:
    """Planned again as that erasure planned: at its instant, under its own holds.

    Whatever would go then is looked for among the rows that it knew: what came since was never to
    be destroyed by it. What it left alone is there however it ended. If nothing would go, it is
    done, unless it had nothing to destroy.
    """
    known = KnownRows(desk.case_file, doubt.case, doubt.system, doubt.plan)
    going = keys_of(await known.approved(), goes=True)
    rows = each_once((*going, *await known.every()))
    plan = await desk.systems.connector(doubt.system).plan_erasure(
        await desk.person(doubt.case), doubt.intent_at, Held(categories=doubt.kept), rows
    )
    if not set(texts_of(rows)).isdisjoint(texts_of(keys_of(plan, goes=True))):
        return True
    return set(texts_of(going)) <= set(texts_of(wholly_kept(plan)))
