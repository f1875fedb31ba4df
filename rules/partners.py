"""How often a partner that took a request is asked: soon at first, then ever more rarely.

Looks at our own row, where callbacks are written, are cheap and go on; calls are not.
"""

from datetime import timedelta

from schemas.policy import Pace


def wait_after(look: int, pace: Pace) -> timedelta:
    """Until the next look at the row: doubled from `retry_first` up to `retry_most`."""
    doublings = (pace.retry_most // pace.retry_first).bit_length()  # no more: looks go on for ever
    return min(pace.retry_first * (1 << min(look - 1, doublings)), pace.retry_most)


def asks_at(look: int, pace: Pace) -> bool:
    """Whether the partner is called at this look (from 1), whatever the row says.

    At the 1st, 2nd, 4th, 8th, ... look, at last once in `partner_poll_most`.
    """
    longest = max(1, round(pace.partner_poll_most / pace.retry_most))
    return look % longest == 0 or (look < longest and look & (look - 1) == 0)
