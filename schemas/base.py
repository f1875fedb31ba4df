"""The two kinds of model: what travels inside, and what is taken in at the edge."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
)


class Model(BaseModel):
    """Travels between our own parts. Unknown keys are ignored, so that a rollback reads newer data.

    Inputs never show in error texts: they may be personal data.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class EdgeModel(BaseModel):
    """Written by people or other programs. Unknown keys are refused: a typo must not be lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _no_number(value: object) -> object:
    """Of a number nobody knows whether it counts seconds or milliseconds, and since when."""
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise ValueError("must be an instant with its offset, like 2026-03-05T10:00:00+02:00")
    return value


def _zulu(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


_NUMBER: Final = re.compile(r"\s*[+-]?[\d.]+(?:e[+-]?\d+)?\s*", re.IGNORECASE)
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_no_number),
    AfterValidator(_utc),
    PlainSerializer(_zulu, return_type=str, when_used="json"),
]
"""An aware instant, kept in UTC, written with `Z`. A naive time is refused, and a bare number."""
