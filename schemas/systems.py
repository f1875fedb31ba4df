"""Declared systems: what the engine and the replies know of a register, recipient or archive.

Facts for everybody; how tables are searched is the manifest's own part (`connectors.manifest`).
"""

from enum import StrEnum
from typing import Final

from pydantic import Field

from schemas.base import EdgeModel, Model
from schemas.request import Kind, Language, Word

LocalText = dict[Language, str]


class Reach(StrEnum):
    """How a system is reached."""

    SQL = "sql"
    HTTP = "http"  # a partner that is asked and answers later
    MANUAL = "manual"


class Recipient(EdgeModel):
    """Who holds the data: ourselves, a processor, a partner (Art. 15(1)(c), Art. 46)."""

    name: str
    relation: str = Field(
        pattern="^(controller|processor|partner|subcontractor|group_company|expert)$"
    )
    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 code")
    safeguard: LocalText | None = Field(
        None, description="required outside the EEA: what protects the transfer, Art. 46"
    )


class Limits(EdgeModel):
    """How much a system is asked, by all workers together, and when it is left alone for a while.

    A partner over HTTP has these; a database only if its manifest says so. All in real time.
    """

    per_minute: int = Field(
        60, ge=1, le=6_000,
        description="Calls in any minute: HTTP exchanges with a partner, visits to a "
        "database. A quarter is kept for objections, consents and restrictions. More: faster in a "
        "rush, a partner may refuse.",
    )  # fmt: skip
    at_once: int = Field(
        4, ge=1, le=100,
        description="Steps of cases that call it at a time; a quarter is kept likewise. More: a "
        "slow system holds more of the workers' activity slots.",
    )  # fmt: skip
    pause_after: int = Field(
        5, ge=1, le=100,
        description="Failures in a row, over all cases, after which nobody calls it for a growing "
        "time (pace.retry_first, doubled up to pace.retry_most). Fewer: staff are told sooner, "
        "also of a short trouble.",
    )  # fmt: skip


class SystemFacts(Model):
    """What replies and procedures need of a system; no credentials, no tables."""

    name: Word
    title: LocalText
    register_part: Word  # a name that a request's scope may give
    reach: Reach
    recipient: Recipient
    categories: tuple[str, ...]  # Fides data categories, e.g. user.contact.email
    purposes: tuple[Word, ...]  # processed for
    sources: LocalText  # where the data comes from, Art. 15(1)(g)
    retention: LocalText  # period or criteria, Art. 15(1)(d)
    role: str | None = None  # whose task it is, when reached by hand
    instructions: LocalText | None = None
    fields_sent: tuple[str, ...] = ()  # the minimum that a recipient is told: name, email, employer
    suppresses: tuple[Word, ...] = ()  # purposes that can be stopped here
    records_consent: tuple[Word, ...] = ()  # purposes whose consent is kept here
    restricts: bool = False  # Art. 18 can be applied here
    ends: bool = False  # it says when the relation with a person is over
    fields: dict[str, tuple[str, ...]] = {}  # what a correction can name here, with its categories
    corrects: tuple[str, ...] = ()  # categories whose corrections a partner is sent over HTTP
    automated_decisions: LocalText | None = None  # Art. 15(1)(h), None = none are made
    queue: str | None = None  # task queue of a worker in the system's own network
    limits: Limits | None = None  # None: it is asked as fast as cases come

    def holds(self, field: str, systems: tuple["SystemFacts", ...]) -> bool:
        """Whether a correction of the field concerns this system.

        People keep data by its category, whatever the column of `systems` that the field names.
        """
        if self.reach is Reach.SQL:
            return field in self.fields
        meant = {category for system in systems for category in system.fields.get(field, ())}
        return any(_same_data(one, other) for one in meant for other in self.categories)

    def sent_as(self, field: str, systems: tuple["SystemFacts", ...]) -> str | None:
        """The category as which a correction of the field is sent; None: people tell the partner.

        What could mean more than one category is not sent: a part of it might not be for them.
        """
        meant = {category for system in systems for category in system.fields.get(field, ())}
        allowed = all(any(_is_within(one, other) for other in self.corrects) for one in meant)
        return meant.pop() if allowed and len(meant) == 1 else None


def _is_within(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.")


def _same_data(one: str, other: str) -> bool:
    """Equal categories, or one within the other."""
    return _is_within(one, other) or _is_within(other, one)


class Duty(StrEnum):
    """What a procedure asks of a system."""

    SEARCH = "search"
    SUPPRESS = "suppress"
    RESTRICT = "restrict"
    LIFT_RESTRICTION = "lift_restriction"
    RECORD_CONSENT = "record_consent"
    PLAN_ERASURE = "plan_erasure"
    ERASE = "erase"
    CONTEST = "contest"
    END_CONTEST = "end_contest"
    CORRECT = "correct"
    ADD_STATEMENT = "add_statement"


ERASE_BY_HAND: Final = f"{Duty.ERASE}_by_hand"
"""The task by which people are told to destroy."""


class SystemPlan(Model):
    """One system in one case: what it has to do."""

    name: str
    reach: Reach
    duty: Duty
    role: str | None = None
    queue: str | None = None
    restricts: bool = False  # a contested fact: its processing is restricted meanwhile
    corrects: bool = False  # a partner is sent the correction, and the restriction meanwhile
    limited: bool = False  # it has `Limits`: a try may only wait for its turn


def concerned(
    systems: tuple[SystemFacts, ...], kind: Kind, scope: tuple[str, ...], purposes: tuple[str, ...],
    absolute: bool, corrected: tuple[str, ...] = (), *, restrict_contested: bool = True,
) -> tuple[SystemPlan, ...]:  # fmt: skip
    """The systems that a request concerns, in declared order, with their duty.

    `corrected`: the fields that a correction names.
    """
    plans = []
    for system in systems:
        if "register" not in scope and system.register_part not in scope:
            continue
        duty = _duty(system, kind, purposes, absolute)
        if kind is Kind.CORRECT and any(system.holds(field, systems) for field in corrected):
            duty = Duty.CORRECT
        if duty is not None:
            contested = kind is Kind.CORRECT and restrict_contested
            plans.append(
                SystemPlan(name=system.name, reach=system.reach, duty=duty, role=system.role,
                           queue=system.queue, restricts=contested and system.restricts,
                           corrects=_is_sent(system, systems, corrected),
                           limited=system.limits is not None)
            )  # fmt: skip
    return tuple(plans)


def _is_sent(
    system: SystemFacts, systems: tuple[SystemFacts, ...], corrected: tuple[str, ...]
) -> bool:
    """Whether all that a correction changes there may be sent to the partner."""
    here = [field for field in corrected if system.holds(field, systems)]
    sent = all(system.sent_as(field, systems) for field in here)
    return system.reach is Reach.HTTP and bool(here) and sent


def _duty(
    system: SystemFacts, kind: Kind, purposes: tuple[str, ...], absolute: bool
) -> Duty | None:
    if kind is Kind.ACCESS:
        return Duty.SEARCH
    if kind is Kind.DELETE:
        return Duty.ERASE
    if kind is Kind.CONSENT and set(purposes) & set(system.records_consent):
        return Duty.RECORD_CONSENT
    if kind is Kind.OBJECTION and absolute and set(purposes) & set(system.suppresses):
        return Duty.SUPPRESS
    if kind is Kind.OBJECTION and not absolute and set(purposes) & set(system.purposes):
        return Duty.RESTRICT
    return None
