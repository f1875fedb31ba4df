"""How often a partner is asked."""

from datetime import timedelta

from rules.partners import asks_at, wait_after
from schemas.policy import Pace

PACE = Pace()
"""As shipped: 30 seconds, an hour, a day."""


def test_looks_at_our_row_are_doubled_up_to_an_hour():
    waits = [wait_after(look, PACE) for look in range(1, 12)]

    assert waits[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert waits[7:] == [timedelta(hours=1)] * 4
    for first in (timedelta(milliseconds=1), timedelta(hours=1), timedelta(days=300)):
        pace = Pace(retry_first=first)
        assert wait_after(100_000, pace) == timedelta(hours=1)


def test_the_partner_itself_is_asked_ever_more_rarely_at_last_once_a_day():
    asked = [look for look in range(1, 100) if asks_at(look, PACE)]

    assert asked == [1, 2, 4, 8, 16, 24, 48, 72, 96]


def test_a_pace_of_one_look_a_day_asks_at_every_look():
    daily = Pace(retry_most=timedelta(days=1))

    assert all(asks_at(look, daily) for look in range(1, 20))
