"""Working days, holidays, months and midnights of a controller's calendar. No clock of its own.

A day off is a Saturday, a Sunday or a public holiday (Regulation 1182/71 Art. 2). Holidays come
from the `holidays` package, zones from `tzdata`: both change between releases, so a date is
computed once and recorded with `calendar_version()`.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from schemas.errors import BadInput
from schemas.policy import Calendar

DAY: Final = timedelta(days=1)
FIRST_YEAR: Final = 1972  # Regulation 1182/71 applies from 1 July 1971
LAST_YEAR: Final = 2199
_WEEKEND: Final = {5: "a Saturday", 6: "a Sunday"}


@cache  # of a process: to read what a package says of itself costs a millisecond
def calendar_version() -> str:
    """The releases that dates are computed with: `holidays 0.109, tzdata 2026.6`."""
    return f"holidays {version('holidays')}, tzdata {version('tzdata')}"


def verify(calendar: Calendar) -> None:
    """Raises `BadInput`, in one sentence, if the country, region, zone or an eve is unknown."""
    zone(calendar.zone)
    place = f"{calendar.country} {calendar.region}" if calendar.region else calendar.country
    known: set[str] = set()
    try:
        for year in range(2026, 2036):
            for names in _days_of(calendar.country, calendar.region, year, True).values():
                known.update(names)
    except NotImplementedError:
        raise BadInput(
            f"No public holidays are known for {place}: give an ISO 3166-1 country and, where "
            "holidays differ, its ISO 3166-2 region."
        ) from None
    for eve in calendar.eves:
        if eve not in known:
            raise BadInput(
                f'"{eve}" is no day of the calendar of {place}: give eves by their English names '
                "or leave the list empty."
            )


def zone(name: str) -> ZoneInfo:
    """The zone from the tzdata package, not from the machine, so that its version is known.

    Raises `BadInput` for a name that the package does not have.
    """
    try:
        return _zone(name)
    except (OSError, ValueError):
        raise BadInput(f'"{name}" is no IANA time zone: give one like Europe/Helsinki.') from None


@cache
def _zone(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def local_date(at: datetime, calendar: Calendar) -> date:
    """The date on which `at` falls in the controller's zone."""
    return at.astimezone(zone(calendar.zone)).date()


def local_instant(day: date, hour: int, calendar: Calendar) -> datetime:
    """`hour` o'clock of a local day, in UTC; within the hour that spring skips, the hour after."""
    return datetime.combine(day, time(hour), zone(calendar.zone)).astimezone(UTC)


def end_of(day: date, calendar: Calendar) -> datetime:
    """The exclusive UTC instant at which a local day has ended: the next local midnight."""
    return local_instant(day + DAY, 0, calendar)


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of a month that has no such day.

    Source: Regulation 1182/71 Art. 3(2)(c).
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (first_of_next - DAY).day))


def day_off(day: date, calendar: Calendar, *, eves_off: bool | None = None) -> str | None:
    """Why a day is no working day ("Easter Monday", "a Sunday"); None for a working day.

    `eves_off`: whether the calendar's eves are days off; None = as the calendar says.
    """
    named = _days_of(calendar.country, calendar.region, day.year, False).get(day, ())
    holiday = next((name for name in named if name not in calendar.eves), None)
    off_by_name = holiday or (eve(day, calendar) if _eves_off(calendar, eves_off) else None)
    return off_by_name or _WEEKEND.get(day.weekday())


def eve(day: date, calendar: Calendar) -> str | None:
    """The name of the calendar's eve on that day, public holiday or only kept by custom."""
    named = _days_of(calendar.country, calendar.region, day.year, True).get(day, ())
    return next((name for name in named if name in calendar.eves), None)


def forward(day: date, calendar: Calendar, *, eves_off: bool | None = None) -> date:
    """The first working day on or after `day` (Regulation 1182/71 Art. 3(4))."""
    while day_off(day, calendar, eves_off=eves_off):
        day += DAY
    return day


def back(day: date, calendar: Calendar, *, eves_off: bool | None = None) -> date:
    """The last working day on or before `day`."""
    while day_off(day, calendar, eves_off=eves_off):
        day -= DAY
    return day


def working_day_after(day: date, count: int, calendar: Calendar) -> date:
    """The `count`-th working day after `day`, the eves working; `day` itself for 0."""
    for _ in range(count):
        day = forward(day + DAY, calendar, eves_off=False)
    return day


def _eves_off(calendar: Calendar, eves_off: bool | None) -> bool:
    return not calendar.eves_are_working_days if eves_off is None else eves_off


@lru_cache(maxsize=256)
def _days_of(
    country: str, region: str | None, year: int, customary: bool
) -> Mapping[date, tuple[str, ...]]:
    """Days of a year with their English names: public holidays, or `customary` days as well.

    Raises `NotImplementedError` for a country or region that the package does not know.
    """
    import holidays  # 0.3 s, which a command that asks for no date need not pay

    kinds = holidays.country_holidays(country, subdiv=region).supported_categories
    days = holidays.country_holidays(
        country,
        subdiv=region,
        years=year,
        language="en_US",
        categories=kinds if customary else None,
    )
    return {day: tuple(days.get_list(day)) for day in days}
