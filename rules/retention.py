"""When the time of a closed case is over and its personal part has to go."""

from datetime import datetime

from rules.calendars import add_months, local_date, local_instant
from schemas.policy import Policy


def closed_before(now: datetime, policy: Policy) -> datetime:
    """What was closed before this instant is purged: its months after the day of closing are over.

    A local midnight: the day of closing itself is not counted.
    Source: Art. 5(1)(e), and the policy's `retention`.
    """
    today = local_date(now, policy.calendar)
    last_kept = add_months(today, -policy.retention.months_after_closing)
    return local_instant(last_kept, 0, policy.calendar)
