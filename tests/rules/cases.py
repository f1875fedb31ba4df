"""Facts for the tests of the rules: a policy, instants in Helsinki, questions, extensions."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.case import Extension, ExtensionState, Pause, PauseReason
from schemas.policy import Controller, Policy
from schemas.request import Language

HELSINKI = ZoneInfo("Europe/Helsinki")
CONTROLLER = Controller(
    name="Example Oy",
    address="Example street 1",
    contact="privacy@example.fi",
    authority=dict.fromkeys(Language, "the authority"),
    court=dict.fromkeys(Language, "the court"),
)
POLICY = Policy(version="test-1", controller=CONTROLLER)


def helsinki(text: str) -> datetime:
    """`2026-09-01 10:00` in Helsinki, as an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI).astimezone(UTC)


def question(
    asked: str,
    answered: str | None = None,
    *,
    reason: PauseReason = PauseReason.IDENTITY,
    counted: bool = True,
) -> Pause:
    """A question to the subject."""
    return Pause(
        reason=reason,
        asked_at=helsinki(asked),
        answered_at=helsinki(answered) if answered else None,
        counted=counted,
    )


def extended(months: int, decided: str, told: str | None = None) -> Extension:
    """An extension, its notice having left or not; the rule judges its state."""
    return Extension(
        months=months,
        state=ExtensionState.DECIDED,
        decided_at=helsinki(decided),
        notified_at=helsinki(told) if told else None,
    )
