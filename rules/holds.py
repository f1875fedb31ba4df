"""The law of legal holds: who may set one, what it covers, when it lapses and is due for review.

Sources: Art. 17(3)(b) and (e), Art. 48. Dates are computed here once and recorded with the hold.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from rules.calendars import add_months, end_of, local_date, local_instant, working_day_after
from schemas.errors import BadInput, RefusedByRule
from schemas.holds import (
    STANDING,
    Fate,
    Held,
    Hold,
    HoldForm,
    HoldState,
    HoldView,
    StopState,
    SystemFate,
)
from schemas.policy import Policy
from schemas.staff import Actor

PLACES: Final = ("dpo",)
CONFIRMS: Final = ("dpo", "approver")
ENDS: Final = ("dpo",)
SEES_SECRETS: Final = ("dpo",)
SEES_ORDERS: Final = ("dpo", "approver")

MOVES: Final = {
    (HoldState.PROVISIONAL, HoldState.CONFIRMED): "a second person agrees",
    (HoldState.PROVISIONAL, HoldState.LAPSED): "nobody confirmed it in time",
    (HoldState.PROVISIONAL, HoldState.RELEASED): "the DPO ends it",
    (HoldState.CONFIRMED, HoldState.RELEASED): "the DPO ends it",
    (HoldState.PROVISIONAL, HoldState.EXPIRED): "its last day has passed",
    (HoldState.CONFIRMED, HoldState.EXPIRED): "its last day has passed",
    (HoldState.LAPSED, HoldState.RELEASED): "the DPO has seen that it lapsed",
}
"""Every move of a hold. Nothing comes back into force: a new order is a new hold."""


# -- what is covered ---------------------------------------------------------------------------


def in_force(hold: Hold, at: datetime) -> bool:
    """Whether the hold stops what it covers at that instant, whatever a sweep has recorded yet."""
    if hold.state not in STANDING or (hold.ends_at is not None and at >= hold.ends_at):
        return False
    return hold.state is HoldState.CONFIRMED or at < hold.lapses_at


def held(holds: Iterable[Hold], system: str, categories: Sequence[str], at: datetime) -> Held:
    """What these holds cover in one system: everything, some of its categories, or nothing.

    `holds`: those on the person or on everybody. `categories`: all that the system declares; where
    each of them is covered, everything is.
    """
    standing = [hold for hold in holds if hold.concerns(system) and in_force(hold, at)]
    covered = Held(
        everything=any(not hold.categories for hold in standing),
        categories=tuple(sorted({name for hold in standing for name in hold.categories})),
        secret=any(hold.secret for hold in standing),
    )
    whole = bool(categories) and all(covered.keeps(category) for category in categories)
    return covered.model_copy(update={"everything": covered.everything or whole})


# -- what was achieved ---------------------------------------------------------------------------


class Tried(NamedTuple):
    """A try to erase in one system: how it ended, or by when it will have."""

    system: str
    bound_at: datetime
    ended_at: datetime | None
    erased: bool
    kept: tuple[str, ...]  # categories that were held back
    stop: StopState | None = None  # of the request that told a partner to erase
    with_people: bool = False  # told to destroy, they have not answered

    @property
    def may_have_erased(self) -> bool:
        """Whether it erased or has not told."""
        return self.erased or self.with_people or self.ended_at is None


def fate(hold: Hold, system: str, tries: Iterable[Tried]) -> SystemFate:
    """What a hold achieved in one system, from every try to erase in its scope.

    A try that has not told how it ended leaves it in doubt: its transaction may be about to
    commit, or may have committed. What was erased is gone, whatever else is in doubt. A partner
    that was told is in doubt until it has answered the stop; people, until they have answered.
    """
    here = [one for one in tries if one.system == system]
    erased = [one for one in here if one.erased and not _kept(hold, one)]
    ends = [o.ended_at for o in erased if o.ended_at and o.stop is not StopState.IN_DOUBT]
    open_until = [o.bound_at for o in here if o.ended_at is None]
    open_until += [o.bound_at for o in erased if o.stop is StopState.IN_DOUBT]
    stop, with_people = _worst_stop(here), any(one.with_people for one in here)
    if ends and not hold.for_everybody:
        return SystemFate(
            system=system, fate=Fate.GONE, at=max(ends), stop=stop, with_people=with_people
        )
    if open_until or with_people:
        return SystemFate(
            system=system, fate=Fate.IN_DOUBT, at=max(open_until, default=None), stop=stop,
            with_people=with_people,
        )  # fmt: skip
    last = max(ends) if ends else None
    return SystemFate(
        system=system, fate=Fate.PROTECTED, at=last, stop=stop, erased_before=len(ends)
    )


def _worst_stop(tries: Iterable[Tried]) -> StopState | None:
    """Of those that had something to stop; what a partner confirms counts for all its tries."""
    stops = {one.stop for one in tries if one.stop is StopState.TAKEN or one.may_have_erased}
    worst_first = (StopState.IN_DOUBT, StopState.TOO_LATE, StopState.TAKEN)
    return next((state for state in worst_first if state in stops), None)


def _kept(hold: Hold, one: Tried) -> bool:
    """Whether an earlier hold kept from this erasure what this hold is about."""
    honoured = Held(categories=one.kept)
    return bool(hold.categories) and all(honoured.keeps(name) for name in hold.categories)


# -- dates ---------------------------------------------------------------------------------------


def lapses_at(placed_at: datetime, policy: Policy) -> datetime:
    """The end of the last working day on which a second person can confirm."""
    last = working_day_after(
        local_date(placed_at, policy.calendar), policy.holds.confirm_within_working_days,
        policy.calendar,
    )  # fmt: skip
    return end_of(last, policy.calendar)


def latest_review(on: date, policy: Policy) -> date:
    """The last date that a review may be set to on that day."""
    return add_months(on, policy.holds.review_within_months)


def review_date(given: date | None, on: date, policy: Policy) -> date:
    """When a hold is looked at again. Raises `BadInput` for a date too late or not ahead."""
    latest = latest_review(on, policy)
    if given is None:
        return latest
    if not on < given <= latest:
        raise BadInput(
            f"The review date must lie after today and not after {latest}: a hold is looked at "
            f"again within {policy.holds.review_within_months} months."
        )
    return given


def begin_of(day: date, policy: Policy) -> datetime:
    """The local midnight at which a day begins."""
    return local_instant(day, 0, policy.calendar)


def end_of_last_day(until: date | None, policy: Policy) -> datetime | None:
    """When a hold with a last day ends."""
    return None if until is None else end_of(until, policy.calendar)


# -- who may -------------------------------------------------------------------------------------


def check_form(form: HoldForm, on: date, systems: Sequence[str], policy: Policy) -> None:
    """Raises `RefusedByRule` or `BadInput` unless this can be a hold from today on."""
    if form.country not in policy.holds.basis_countries:
        raise RefusedByRule(
            f"Not placed: an order of {form.country} alone is no basis, Art. 48. Name the Finnish "
            "or EU authority that asks on its behalf under a treaty, and its country."
        )
    for n, name in enumerate(form.systems, 1):
        if name not in systems:
            raise BadInput(f"Not placed: systems.{n} is unknown. Known: {', '.join(systems)}.")
    for n, known in enumerate(form.person.identifiers if form.person else (), 1):
        if known.type not in policy.identifiers:
            raise BadInput(
                f"Not placed: person.identifiers.{n}.type is unknown. Known: "
                f"{', '.join(policy.identifiers)}."
            )
    if form.begins is not None and form.begins > on:
        raise BadInput(
            "Not placed: from lies in the future. A hold is in force as soon as it is placed: "
            "place it then."
        )
    if form.until is not None and form.until < on:
        raise BadInput("Not placed: until has passed already.")


def may_place(actor: Actor) -> None:
    """Raises `RefusedByRule` for everybody but the DPO."""
    _must_be(actor, PLACES, "Not placed: a hold is placed by the dpo.")


def check_confirmation(actor: Actor, hold: Hold, at: datetime) -> None:
    """Raises `RefusedByRule` unless a second person confirms in time.

    One person with two accounts is one person.
    """
    if hold.state is HoldState.PROVISIONAL and not in_force(hold, at):
        raise RefusedByRule(
            "Not confirmed: it lapsed, or its last day has passed. If the order stands, place a "
            "new hold: dsr hold place"
        )
    check_move(hold, HoldState.CONFIRMED, "Not confirmed")
    if actor.person == hold.placed_by_person:
        raise RefusedByRule(
            "Not confirmed: who placed a hold cannot confirm it; it takes a second person, not a "
            "second account."
        )


def may_confirm(actor: Actor) -> None:
    """Raises `RefusedByRule` for who is neither DPO nor approver."""
    _must_be(actor, CONFIRMS, "Not confirmed: a hold is confirmed by the dpo or an approver.")


def may_end(actor: Actor) -> None:
    """Releasing and reviewing. Raises `RefusedByRule` for everybody but the DPO."""
    _must_be(actor, ENDS, "Not done: a hold is reviewed and released by the dpo.")


def check_review(hold: Hold, at: datetime) -> None:
    """Raises `RefusedByRule` for a hold that is not in force any more."""
    if not in_force(hold, at):
        raise RefusedByRule(
            "Not reviewed: this hold is not in force any more. See: dsr hold list --as ACTOR"
        )


def check_move(hold: Hold, to: HoldState, said: str) -> None:
    """Raises `RefusedByRule` for a move that the table does not have."""
    if (hold.state, to) not in MOVES:
        raise RefusedByRule(f"{said}: this hold is {hold.state}. See: dsr hold list --as ACTOR")


def may_see(actor: Actor | None, hold: Hold) -> bool:
    """Whether somebody may know that this hold exists. A secret one: the DPO alone."""
    return not hold.secret or (actor is not None and actor.may_be(*SEES_SECRETS))


def may_see_order(actor: Actor | None, hold: Hold) -> bool:
    """Whether somebody may read who ordered it."""
    return actor is not None and may_see(actor, hold) and actor.may_be(*SEES_ORDERS)


def _must_be(actor: Actor, roles: tuple[str, ...], sentence: str) -> None:
    if not actor.may_be(*roles):
        raise RefusedByRule(sentence)


# -- sentences -----------------------------------------------------------------------------------


def needs(hold: Hold, at: datetime) -> str | None:
    """What somebody has to do about it now, with the command; None if nothing."""
    overdue = hold.state is HoldState.PROVISIONAL and at >= hold.lapses_at
    if hold.state is HoldState.LAPSED or overdue:  # a sweep will write it
        return (
            "It lapsed: nobody confirmed it, nothing is held by it. If the order stands, place it "
            f"again; then: dsr hold release {hold.id} --as ACTOR --reason TEXT"
        )
    if hold.state is HoldState.PROVISIONAL:
        return (
            f"It lapses at {hold.lapses_at:%Y-%m-%d %H:%M} UTC unless a second person confirms "
            f"it: dsr hold confirm {hold.id} --as ACTOR"
        )
    if hold.state is HoldState.CONFIRMED and at >= hold.review_at:
        return (
            f"Its review was due on {hold.review_on}. If it is still needed: dsr hold review "
            f"{hold.id} --until DATE --as ACTOR"
        )
    return None


def view_of(hold: Hold, at: datetime) -> HoldView:
    """A hold as a person reads it, without its order and without what it achieved."""
    shown = hold.model_dump(include=set(HoldView.model_fields) & set(Hold.model_fields))
    return HoldView(**shown, person=not hold.for_everybody, needs=needs(hold, at))


def scope(hold: Hold | HoldView) -> str:
    """What is held, in words."""
    everybody = hold.for_everybody if isinstance(hold, Hold) else not hold.person
    whose = "everybody" if everybody else "one person"
    where = ", ".join(hold.systems) or "every system"
    what = ", ".join(hold.categories) or "everything"
    return f"{whose} in {where}: {what}"
