"""The controller's policy: every number of law and practice that can differ, with its default.

A policy is versioned configuration (config/NAME/policy.yaml). More days or months are never more
lawful by themselves: each field says what it does and where it comes from.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from schemas.base import EdgeModel
from schemas.case import Escalation
from schemas.request import Language, Word


def _reachable(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


Span = Annotated[timedelta, AfterValidator(_reachable)]

_FINNISH_EVES: Final = ("Christmas Eve", "Midsummer Eve")


def _eves_of(calendar: dict[str, Any]) -> tuple[str, ...]:
    """Only where the eves are no public holidays by law: 24 December is one in Czechia."""
    return _FINNISH_EVES if calendar.get("country") == "FI" else ()


class Calendar(EdgeModel):
    """Whose holidays and zone count. Another EU country: its ISO code and zone."""

    country: str = Field("FI", pattern=r"^[A-Z]{2}$", description="ISO 3166-1 code of the holidays")
    region: str | None = Field(None, description="ISO 3166-2 part, where holidays differ")
    zone: str = Field("Europe/Helsinki", description="IANA zone of every local date")
    eves_are_working_days: bool = Field(
        True,
        description="Christmas Eve and Midsummer Eve count as working days for the due date: the "
        "earlier, safe reading. `safe_date` always counts them as days off.",
    )
    eves: tuple[str, ...] = Field(
        default_factory=_eves_of,
        description="English names, as the holidays data has them. Default: Christmas Eve and "
        "Midsummer Eve for Finland, none for another country.",
    )


class TimeLimits(EdgeModel):
    """Art. 12(3)-(4) and Regulation 1182/71."""

    months: int = Field(1, ge=1, le=1, description="the time limit; Art. 12(3) has no other value")
    max_extension_months: int = Field(2, ge=1, le=2, description="Art. 12(3)")
    target_days_before_safe_date: int = Field(
        12, ge=1, le=25, description="the internal target closes the search that many days early"
    )
    ask_within_working_days: int = Field(
        3, ge=0, le=20,
        description="A question about identity or scope pauses the clock only if asked within this "
        "many working days of receipt (eves being working days). Art. 12(6), recital 63.",
    )  # fmt: skip


class Rung(EdgeModel):
    """One step of the ladder: who is told how many calendar days before `safe_date`."""

    step: Literal[Escalation.HANDLER, Escalation.APPROVER, Escalation.DPO]
    days_before_safe_date: int = Field(ge=0, le=30)


class LadderPolicy(EdgeModel):
    """Escalation, at `hour` in the controller's zone. The breach is the end of the due date."""

    rungs: tuple[Rung, ...] = (
        Rung(step=Escalation.HANDLER, days_before_safe_date=10),
        Rung(step=Escalation.APPROVER, days_before_safe_date=5),
        Rung(step=Escalation.DPO, days_before_safe_date=2),
    )
    hour: int = Field(9, ge=0, le=23)

    @model_validator(mode="after")
    def _each_step_once(self) -> Self:
        steps = [rung.step for rung in self.rungs]
        if len(set(steps)) < len(steps):
            raise ValueError("each step of the ladder stands once")
        return self


class FeePolicyName(StrEnum):
    """Which reading of the 12-month rule (vectors/fees.json)."""

    NOTICE = "notice"
    GDPR = "gdpr"


class Fees(EdgeModel):
    """Art. 12(5) and the register's own notice."""

    rule: FeePolicyName = FeePolicyName.NOTICE
    free_after_months: int = Field(12, ge=1, le=24)
    amount_cents: int = Field(1_500, ge=1, description="told when a handler names no other")
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    silence: Span = Field(timedelta(days=14), description="then a person gets a task")


class IdentityPolicy(EdgeModel):
    """Art. 12(6): never a gate by default."""

    silence: Span = Field(
        timedelta(days=30), description="then the DPO gets a task, never a refusal"
    )


class ClarificationPolicy(EdgeModel):
    """Recital 63."""

    silence: Span = Field(timedelta(days=14), description="then the handler gets a task")


class AccessPolicy(EdgeModel):
    """Art. 15."""

    unattended: Literal["never", "nothing_to_withhold"] = Field(
        "never",
        description="nothing_to_withhold: a reply whose findings name no third party goes on "
        "without review and decision by a person",
    )
    search_window: int = Field(50, ge=1, le=300, description="systems searched at a time per case")


class CorrectionPolicy(EdgeModel):
    """Art. 16."""

    restrict_meanwhile: bool = Field(
        True,
        description="Processing of the person's records is restricted from the admission of a "
        "correction until it is carried out or refused, in the systems concerned that can. false: "
        "contested data is used meanwhile, also where the law asks for the restriction. "
        "Art. 18(1)(a).",
    )


_EEA: Final = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS",
    "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip


class HoldPolicy(EdgeModel):
    """Legal holds, Art. 17(3)(b) and (e)."""

    confirm_within_working_days: int = Field(
        3, ge=1, le=10,
        description="A hold is in force at once and lapses at the end of that working day unless a "
        "second person has confirmed it. More: a single person can stop erasures for longer.",
    )  # fmt: skip
    review_within_months: int = Field(
        6, ge=1, le=6,
        description="A hold, and what the law keeps without a date, is looked at again within so "
        "many months. More: data may stay longer than it has to.",
    )  # fmt: skip
    basis_countries: tuple[str, ...] = Field(
        _EEA,
        description="ISO 3166-1 codes whose law can be the basis of a hold. Default: the European "
        "Economic Area. A third country's order alone is no basis, Art. 48.",
    )
    erase_within: Span = Field(
        timedelta(seconds=60),
        description="The transaction that erases in one system is over within this; placing a hold "
        "waits so long for it before it says that a system is in doubt. More: larger erasures in "
        "one transaction, a slower answer to whoever places a hold.",
    )


class RecipientPolicy(EdgeModel):
    """Recipients that have to be told, Art. 19."""

    escalate_after: Span = Field(
        timedelta(days=14),
        description="A recipient that has not answered so long after it was told, once the reply "
        "has left, is told to the DPO, and again after each such time, until it has answered or a "
        "person has closed it with a reason. More: later known.",
    )  # fmt: skip


class Retention(EdgeModel):
    """How long data is kept, Art. 5(1)(e): closed cases, and people whose relation has ended."""

    months_after_closing: int = Field(
        36, ge=1, le=120,
        description="Whole months after the day of closing, then the case's key is destroyed and "
        "with it everything of the person; its record of facts stays. So for a hold after its end. "
        "Not less than "
        "fees.free_after_months: the 12-month rule would forget what it counts. More: complaints "
        "can be answered from the file for longer, personal data is kept for longer. Default: "
        "three years.",
    )  # fmt: skip
    batch_limit: int = Field(
        100, ge=1, le=1_000,
        description="Deletions that one daily sweep begins in a system for relations that ended, "
        "beside those that wait already. More: more for two people to decide at once.",
    )  # fmt: skip
    ask_again_days: int = Field(
        180, ge=1, le=3_650,
        description="A deletion that people refused for such a relation is not proposed again for "
        "so many days. More: what was kept by mistake stays longer.",
    )  # fmt: skip


class Intake(EdgeModel):
    """What intake takes."""

    max_age: Span = Field(timedelta(days=730), description="older receipts are refused")
    max_future: Span = Field(timedelta(minutes=5), description="receipts further ahead are refused")


class IdentifierPolicy(EdgeModel):
    """How one type of identifier is compared."""

    normalise: Literal["email", "phone", "text"] = "text"
    unique: bool = Field(
        True, description="names one person; false: shared (an office address), matches are tasks"
    )
    personal: bool = Field(
        False,
        description="given to one person for life (a customer number): equality alone is the same "
        "person; otherwise the names must be compatible too",
    )


class Pace(EdgeModel):
    """How fast the engine itself goes. No effect on any date of law; a demo shortens these."""

    retry_first: Span = Field(timedelta(seconds=30), description="first wait after a failed try")
    retry_most: Span = Field(timedelta(hours=1), description="longest wait after failed tries")
    step_timeout: Span = Field(timedelta(seconds=30), description="one try of one of our own steps")
    system_timeout: Span = Field(timedelta(minutes=2), description="one try of one system")
    tell_after_tries: int = Field(3, ge=1, description="then an unreachable system becomes a task")
    partner_poll_most: Span = Field(
        timedelta(days=1), description="a partner that took a request is asked at first after "
        "retry_first, then ever more rarely, at last once in this time; a callback is read within "
        "retry_most. More: fewer calls, later answers of partners without callbacks",
    )  # fmt: skip
    partner_silence: Span = Field(
        timedelta(days=7), description="then a partner that took a request and has not answered "
        "becomes a task; it is asked on. Silence is never success",
    )  # fmt: skip
    task_reminder: Span = Field(timedelta(days=3), description="an open manual task reminds again")


def _every_language(texts: dict[Language, str]) -> dict[Language, str]:
    missing = [language for language in Language if not texts.get(language, "").strip()]
    if missing:
        raise ValueError(f"is missing in {', '.join(missing)}: letters go out in every language")
    return texts


EveryLanguage = Annotated[dict[Language, str], AfterValidator(_every_language)]


class Controller(EdgeModel):
    """Who answers, and where people complain."""

    name: str
    address: str
    contact: str
    authority: EveryLanguage = Field(description="the supervisory authority, per language")
    court: EveryLanguage = Field(description="the judicial remedy of Art. 79, per language")


class Policy(EdgeModel):
    """All of it. `version` is recorded with every audit entry and every computed date."""

    version: str = Field(pattern=r"^[\w.-]{1,60}$")
    controller: Controller
    calendar: Calendar = Calendar()
    time_limits: TimeLimits = TimeLimits()
    ladder: LadderPolicy = LadderPolicy()
    fees: Fees = Fees()
    identity: IdentityPolicy = IdentityPolicy()
    clarification: ClarificationPolicy = ClarificationPolicy()
    access: AccessPolicy = AccessPolicy()
    correction: CorrectionPolicy = CorrectionPolicy()
    holds: HoldPolicy = HoldPolicy()
    recipients: RecipientPolicy = RecipientPolicy()
    retention: Retention = Retention()
    intake: Intake = Intake()
    pace: Pace = Pace()
    absolute_purposes: tuple[Word, ...] = Field(
        ("marketing", "surveys"), description="objections to these are absolute, Art. 21(2)-(3)"
    )
    other_purposes: tuple[Word, ...] = Field(
        (), description="purposes whose objection is balanced by a person, Art. 21(1)"
    )
    identifiers: dict[Word, IdentifierPolicy] = {
        "email": IdentifierPolicy(normalise="email"),
        "phone": IdentifierPolicy(normalise="phone"),
        "customer_number": IdentifierPolicy(personal=True),
    }

    @model_validator(mode="after")
    def _the_ledger_lasts(self) -> Self:
        if self.retention.months_after_closing < self.fees.free_after_months:
            raise ValueError(
                "retention.months_after_closing is less than fees.free_after_months: the 12-month "
                "rule would forget what it counts"
            )
        return self
