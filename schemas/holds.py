"""Legal holds: what an order keeps from being destroyed, who says so, and what that achieved.

What a hold is about (authority, reference, note) is sealed with a key of the hold's own; what the
guard needs is not: scope, dates, state.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.base import EdgeModel, Instant, Model
from schemas.request import Identifier, Line, Text, Word

MOST_SYSTEMS: Final = 300

Category = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=100)]
"""A Fides data category, `user.contact.email`; one holds all below it."""


class HoldState(StrEnum):
    """Provisional and confirmed ones are in force; the others are not, and never will be again."""

    PROVISIONAL = "provisional"  # in force until its second person must have confirmed it
    CONFIRMED = "confirmed"
    RELEASED = "released"
    LAPSED = "lapsed"  # nobody confirmed it in time
    EXPIRED = "expired"  # its last day has passed


STANDING: Final = (HoldState.PROVISIONAL, HoldState.CONFIRMED)


class HoldPerson(EdgeModel):
    """Whose data is held: by identifiers, never by a name alone."""

    identifiers: tuple[Identifier, ...] = Field(min_length=1, max_length=20, repr=False)


class HoldForm(EdgeModel):
    """A hold as the DPO hands it in (`dsr hold place --file`)."""

    authority: Line = Field(repr=False, description="who ordered it, or whose claims these are")
    reference: Line = Field(repr=False, description="the authority's own number of the matter")
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = Field(
        description="ISO 3166-1: whose law is the basis. A third country's alone is none, Art. 48"
    )
    person: HoldPerson | None = Field(
        None, repr=False, description="left out: everybody in the systems named"
    )
    systems: tuple[Word, ...] = Field(
        (), max_length=MOST_SYSTEMS, description="names of declared systems; none: all of them"
    )
    categories: tuple[Category, ...] = Field(
        (), max_length=100, description="Fides data categories; none: everything"
    )
    begins: date | None = Field(None, alias="from", description="date of the order; default: today")
    review: date | None = Field(None, description="default, and at most: 6 months ahead (policy)")
    until: date | None = Field(None, description="the last day; left out: until it is released")
    note: Annotated[Text, Field(max_length=2_000)] | None = Field(None, repr=False)

    @model_validator(mode="after")
    def _somebody_or_somewhere(self) -> Self:
        if self.person is None and not self.systems:
            raise ValueError("needs a person or systems: a hold on everything holds nothing back")
        return self


class Order(Model):
    """The sealed part of a hold: who wants it, and why."""

    authority: str = Field(repr=False)
    reference: str = Field(repr=False)
    country: str
    note: str | None = Field(None, repr=False)


class Hold(Model):
    """A hold as the guard and the rules know it: no word of the order."""

    id: UUID
    state: HoldState
    secret: bool
    hashes: tuple[bytes, ...] = Field(repr=False)  # keyed, of the person's identifiers
    systems: tuple[str, ...]  # none: every system
    categories: tuple[str, ...]  # none: everything
    begins_on: date
    until_on: date | None
    ends_at: Instant | None  # the end of its last day
    review_on: date
    review_at: Instant  # the beginning of that day
    placed_at: Instant
    placed_by: str  # an account
    placed_by_person: str
    lapses_at: Instant  # unless confirmed
    confirmed_at: Instant | None = None
    confirmed_by: str | None = None
    ended_at: Instant | None = None
    ended_by: str | None = None

    @property
    def for_everybody(self) -> bool:
        """Whoever has data in its systems is held."""
        return not self.hashes

    def concerns(self, system: str) -> bool:
        """Whether this system is in its scope."""
        return not self.systems or system in self.systems


class Held(Model):
    """What must not be destroyed in one system, now: handed to whatever erases there.

    It tells nothing of the holds but whether the reply may speak of them.
    """

    everything: bool = False
    categories: tuple[str, ...] = ()
    secret: bool = False  # some hold behind it is secret: nobody is told that it is a hold

    def keeps(self, category: str) -> bool:
        """Whether data of this Fides category is held, by its own name or by one above it."""
        return self.everything or any(_is_within(category, held) for held in self.categories)


def _is_within(category: str, held: str) -> bool:
    return category == held or category.startswith(f"{held}.")


class Fate(StrEnum):
    """What placing a hold achieved in one system. What is in doubt is never called protected."""

    PROTECTED = "protected"
    GONE = "gone"  # erased before the hold could stop it
    IN_DOUBT = "in_doubt"  # an erasure had begun and has not told how it ended


class StopState(StrEnum):
    """Where the stop stands that is sent to a partner which had been told to erase."""

    TAKEN = "taken"  # the partner confirms it: it had not begun
    TOO_LATE = "too_late"  # it had begun, or was done
    IN_DOUBT = "in_doubt"  # not sent yet, or not answered: it is tried again


class SystemFate(Model):
    """One system's answer to a hold."""

    system: str
    fate: Fate
    at: Instant | None = None  # gone: when; in doubt: until when at least
    stop: StopState | None = None  # of a partner that had been told to erase
    with_people: bool = False  # they were told to destroy, and have not answered
    erased_before: int = 0  # held for everybody: erasures of single people that ended earlier


class HoldView(Model):
    """A hold as a person reads it. `order` only for those who may know it."""

    id: UUID
    state: HoldState
    secret: bool
    person: bool  # a person's data; else everybody's in the systems
    systems: tuple[str, ...]
    categories: tuple[str, ...]
    begins_on: date
    until_on: date | None
    review_on: date
    placed_at: Instant
    placed_by: str
    lapses_at: Instant
    confirmed_at: Instant | None
    confirmed_by: str | None
    ended_at: Instant | None
    ended_by: str | None
    needs: str | None  # what the DPO has to do about it, with the command
    order: Order | None = None
    fates: tuple[SystemFate, ...] = ()


class HoldSweep(Model):
    """What a sweep did about holds that are no secret; of secret ones it tells nothing."""

    lapsed: int = 0
    expired: int = 0
    review_due: int = 0


class Doubt(Model):
    """An erasure that had begun and has not told how it ended."""

    id: UUID
    case: UUID
    system: str
    key: str
    hashes: tuple[bytes, ...] = Field(repr=False)
    intent_at: Instant  # business time: by it the law's dates were counted
    kept: tuple[str, ...] = ()  # categories that it was to leave alone
    plan: bytes | None = Field(None, repr=False)  # sealed: what had been approved when it began
