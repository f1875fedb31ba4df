"""Legal holds as the DPO sets them: placed, confirmed by a second person, reviewed, released.

Placing takes the locks of every erasure it concerns alone, waits for those at work, and says per
system what it achieved: protected, gone, or in doubt.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.desk import person_of
from activities.erasing import COMMIT_TAKES, answer_fact, fates
from activities.stopping import Stopping
from connectors.partner import Partner
from rules import holds as rules
from rules.calendars import local_date
from schemas.errors import BadInput
from schemas.events import Event, Fact, fact
from schemas.holds import STANDING, Hold, HoldForm, HoldState, HoldView, Order, SystemFate
from schemas.policy import Policy
from schemas.request import Subject
from schemas.staff import Actor
from starter.intake import first_fault
from storage import holds as rows
from storage.case_file import CaseFile
from storage.locks import LockBusy, lock_to_hold
from storage.stops import want_stops

STOPS_WITHIN: Final = timedelta(seconds=30)
"""So long whoever places a hold waits for partners that had been told to erase."""

NO_SUCH_HOLD: Final = "There is no hold of this id. See: dsr hold list --as ACTOR"


class Holds:
    """Holds of one controller. `now` gives business time."""

    def __init__(
        self, case_file: CaseFile, policy: Policy, systems: Sequence[str],
        now: Callable[[], datetime], partner: Callable[[str], Partner] | None = None,
    ) -> None:  # fmt: skip
        """`partner`: those that this process may reach; None: stops are left to the workers."""
        self._stopping = None if partner is None else Stopping(case_file, partner)
        self._case_file = case_file
        self._engine = case_file.engine
        self._policy = policy
        self._systems = tuple(systems)
        self._now = now

    # -- what the DPO does -----------------------------------------------------------------------

    async def place(
        self, form: HoldForm | Mapping[str, Any], by: Actor, *, secret: bool = False,
        id: UUID | None = None,
    ) -> HoldView:  # fmt: skip
        """Put a hold into force, at once, and tell what it achieved in each system.

        Waits at most as long as an erasure may take. A partner that was told to erase is sent a
        stop, a plain cancel; its answer is told, too. Safe to repeat under one `id`. Raises
        `BadInput` or `RefusedByRule`; then nothing was written.
        """
        rules.may_place(by)
        form = form if isinstance(form, HoldForm) else _parsed(form)
        hold = self._drawn_up(form, by, secret, id or uuid4())
        order = Order(
            authority=form.authority, reference=form.reference, country=form.country,
            note=form.note,
        )  # fmt: skip
        if not await self._is_placed(hold.id):
            with suppress(IntegrityError):  # the same id was faster by a hair
                await self._place(hold, order)
        await self._stop_partners()
        return await self._shown(hold.id, by)

    async def confirm(self, hold: UUID, by: Actor) -> HoldView:
        """A second person agrees. Safe to repeat."""
        rules.may_confirm(by)
        now = self._now()
        async with self._engine.begin() as conn:
            standing = await _locked(conn, hold)
            if (standing.state, standing.confirmed_by) != (HoldState.CONFIRMED, by.account):
                rules.check_confirmation(by, standing, now)
                await rows.change_hold(
                    conn, hold, state=HoldState.CONFIRMED, confirmed_at=now, confirmed_by=by.account
                )
                await self._record(conn, hold, by, fact(Event.HOLD_CONFIRMED))
        return await self._shown(hold, by)

    async def release(self, hold: UUID, by: Actor, reason: str) -> HoldView:
        """End a hold; the reason is sealed with it. Safe to repeat."""
        rules.may_end(by)
        now = self._now()
        async with self._engine.begin() as conn:
            standing = await _locked(conn, hold)
            if (standing.state, standing.ended_by) != (HoldState.RELEASED, by.account):
                rules.check_move(standing, HoldState.RELEASED, "Not released")
                await rows.change_hold(
                    conn, hold, state=HoldState.RELEASED, ended_at=now, ended_by=by.account
                )
                await rows.seal_text(
                    conn, self._case_file.keyring, hold, "release", reason.encode()
                )
                await self._record(conn, hold, by, fact(Event.HOLD_RELEASED))
        return await self._shown(hold, by)

    async def review(self, hold: UUID, by: Actor, until: date) -> HoldView:
        """The hold is still needed: it is looked at again on that date."""
        rules.may_end(by)
        on = local_date(self._now(), self._policy.calendar)
        review_on = rules.review_date(until, on, self._policy)
        async with self._engine.begin() as conn:
            standing = await _locked(conn, hold)
            rules.check_review(standing, self._now())
            await rows.change_hold(
                conn, hold, review_on=review_on, review_told_at=None,
                review_at=rules.begin_of(review_on, self._policy),
            )  # fmt: skip
            await self._record(conn, hold, by, fact(Event.HOLD_REVIEWED, review_on=str(review_on)))
        return await self._shown(hold, by)

    async def known_to(self, by: Actor | None = None) -> list[HoldView]:
        """Holds that this person may know of, the newest first; a secret one is the DPO's alone."""
        async with self._engine.connect() as conn:
            known = [h for h in await rows.every_hold(conn) if rules.may_see(by, h)]
            return [await self._view(conn, hold, by) for hold in known]

    # -- placing ---------------------------------------------------------------------------------

    def _drawn_up(self, form: HoldForm, by: Actor, secret: bool, id: UUID) -> Hold:
        """The hold that a form asks for, with every date computed."""
        now, policy = self._now(), self._policy
        on = local_date(now, policy.calendar)
        rules.check_form(form, on, self._systems, policy)
        review_on = rules.review_date(form.review, on, policy)
        return Hold(
            id=id, state=HoldState.PROVISIONAL, secret=secret, hashes=self._hashes(form),
            systems=tuple(dict.fromkeys(form.systems)),
            categories=tuple(dict.fromkeys(form.categories)),
            begins_on=form.begins or on, until_on=form.until,
            ends_at=rules.end_of_last_day(form.until, policy), review_on=review_on,
            review_at=rules.begin_of(review_on, policy), placed_at=now, placed_by=by.account,
            placed_by_person=by.person, lapses_at=rules.lapses_at(now, policy),
        )  # fmt: skip

    def _hashes(self, form: HoldForm) -> tuple[bytes, ...]:
        if form.person is None:
            return ()
        subject = Subject(name="-", identifiers=form.person.identifiers)
        try:
            person = person_of(subject, self._policy)
        except BadInput as fault:
            raise BadInput(f"Not placed: person.identifiers: {fault}") from None
        digest = self._case_file.keyring.digest
        return tuple(digest("identifier", i.type, i.value) for i in person.identities)

    async def _is_placed(self, hold: UUID) -> bool:
        async with self._engine.begin() as conn:
            return await rows.locked_hold(conn, hold) is not None

    async def _place(self, hold: Hold, order: Order) -> None:
        """Under the locks; where they are not free in time without them, and then in doubt.

        Without the lock the hold is committed before the intents are read: an erasure that has
        not seen it had committed its intent before, so that it is found, and called in doubt.
        """
        try:
            async with self._engine.begin() as conn:
                await self._lock(conn, hold)
                await self._write(conn, hold, order)
                await want_stops(conn, hold, hold.placed_at)
                await self._answer(conn, hold)
        except LockBusy:
            async with self._engine.begin() as conn:
                await self._write(conn, hold, order)
            async with self._engine.begin() as conn:
                await want_stops(conn, hold, hold.placed_at)
                await self._answer(conn, hold)

    async def _stop_partners(self) -> None:
        """At once, as far as they are reached; what stays open the workers try again."""
        if self._stopping is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOPS_WITHIN.total_seconds()):
                    await self._stopping.work(self._now())

    async def _lock(self, conn: AsyncConnection, hold: Hold) -> None:
        await lock_to_hold(conn, hold.hashes, hold.systems, self._patience)

    @property
    def _patience(self) -> timedelta:
        """An erasure at work is over by then."""
        return self._policy.holds.erase_within + COMMIT_TAKES

    async def _write(self, conn: AsyncConnection, hold: Hold, order: Order) -> None:
        content = order.model_dump_json().encode()
        await rows.write_hold(conn, self._case_file.keyring, hold, content)
        placed = fact(
            Event.HOLD_PLACED, scope=rules.scope(hold), lapses_at=hold.lapses_at.isoformat(),
            review_on=str(hold.review_on), until_on=str(hold.until_on) if hold.until_on else None,
        )  # fmt: skip
        await self._record_as(conn, hold.id, hold.placed_by, [placed])

    async def _answer(self, conn: AsyncConnection, hold: Hold) -> None:
        """What was achieved is recorded as it was told."""
        answers = await self._fates(conn, hold)
        facts = [answer_fact(answer) for answer in answers]
        await rows.locked_hold(conn, hold.id)
        await self._record_as(conn, hold.id, hold.placed_by, facts)

    # -- telling ---------------------------------------------------------------------------------

    async def _fates(self, conn: AsyncConnection, hold: Hold) -> tuple[SystemFate, ...]:
        return await fates(conn, hold, hold.systems or self._systems)

    async def _shown(self, hold: UUID, by: Actor) -> HoldView:
        async with self._engine.begin() as conn:
            return await self._view(conn, await _locked(conn, hold), by)

    async def _view(self, conn: AsyncConnection, hold: Hold, by: Actor | None) -> HoldView:
        more: dict[str, Any] = {}
        if hold.state in STANDING:
            more["fates"] = await self._fates(conn, hold)
        if rules.may_see_order(by, hold):
            sealed = await rows.unseal_text(conn, self._case_file.keyring, hold.id, "order")
            more["order"] = None if sealed is None else Order.model_validate_json(sealed)
        return rules.view_of(hold, self._now()).model_copy(update=more)

    async def _record(self, conn: AsyncConnection, hold: UUID, by: Actor, happened: Fact) -> None:
        await self._record_as(conn, hold, by.account, [happened])

    async def _record_as(
        self, conn: AsyncConnection, hold: UUID, account: str, facts: list[Fact]
    ) -> None:
        await self._case_file.audit.append(
            conn, hold, facts, at=self._now(), actor=account,
            policy_version=self._policy.version,
        )  # fmt: skip


def _parsed(document: Mapping[str, Any]) -> HoldForm:
    try:
        return HoldForm.model_validate(document)
    except ValidationError as fault:
        raise BadInput(f"Not placed: {first_fault(fault, HoldForm)}.") from None


async def _locked(conn: AsyncConnection, hold: UUID) -> Hold:
    found = await rows.locked_hold(conn, hold)
    if found is None:
        raise BadInput(NO_SUCH_HOLD)
    return found
