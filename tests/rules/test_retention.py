"""How long a closed case keeps what it holds (law.md 6)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from rules.retention import closed_before
from schemas.policy import Fees, Retention
from tests.office import POLICY

HELSINKI = ZoneInfo(POLICY.calendar.zone)


def is_over(closed: datetime, now: datetime) -> bool:
    return closed < closed_before(now, POLICY)


@pytest.mark.parametrize(
    ("closed", "last_day"),
    [
        ("2024-06-15T10:00+03:00", "2027-06-15"),
        ("2024-06-15T00:00+03:00", "2027-06-15"),
        ("2024-06-15T23:59+03:00", "2027-06-15"),
        ("2024-02-29T12:00+02:00", "2027-02-28"),
        ("2024-12-31T23:30+02:00", "2027-12-31"),
    ],
)
def test_a_closed_case_is_kept_three_years_to_the_end_of_the_local_day(
    closed: str, last_day: str
) -> None:
    at, last = datetime.fromisoformat(closed), datetime.fromisoformat(last_day)
    ends = datetime(last.year, last.month, last.day, tzinfo=HELSINKI) + timedelta(days=1)
    assert not is_over(at, ends - timedelta(seconds=1))
    assert is_over(at, ends + timedelta(days=1))


def test_the_day_counts_in_the_controllers_zone_and_not_in_utc() -> None:
    closed = datetime(2024, 6, 14, 22, tzinfo=UTC)  # the 15th in Helsinki
    assert not is_over(closed, datetime(2027, 6, 15, 20, tzinfo=UTC))
    assert is_over(closed, datetime(2027, 6, 15, 22, tzinfo=UTC))


def test_the_12_month_rule_never_loses_what_it_counts() -> None:
    policy = POLICY.model_dump() | {
        "retention": Retention(months_after_closing=11),
        "fees": Fees(free_after_months=12),
    }
    with pytest.raises(ValidationError, match="would forget what it counts"):
        type(POLICY).model_validate(policy)
