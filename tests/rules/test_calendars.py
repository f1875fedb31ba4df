"""Working days, months and midnights (Regulation 1182/71 Art. 2-3)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from rules.calendars import (
    add_months,
    back,
    calendar_version,
    day_off,
    end_of,
    forward,
    local_date,
    local_instant,
    verify,
    working_day_after,
    zone,
)
from rules.deadlines import JURISDICTIONS
from schemas.errors import BadInput
from schemas.policy import Calendar

FI = JURISDICTIONS["FI"]
UK = JURISDICTIONS["UK-ENG"]


def test_the_thirteen_finnish_public_holidays_are_days_off_by_name():
    named = {
        date(2026, 1, 1): "New Year's Day",
        date(2026, 1, 6): "Epiphany",
        date(2026, 4, 3): "Good Friday",
        date(2026, 4, 5): "Easter Sunday",
        date(2026, 4, 6): "Easter Monday",
        date(2026, 5, 1): "May Day",
        date(2026, 5, 14): "Ascension Day",
        date(2026, 5, 24): "Pentecost",
        date(2026, 6, 20): "Midsummer Day",
        date(2026, 10, 31): "All Saints' Day",
        date(2026, 12, 6): "Independence Day",
        date(2026, 12, 25): "Christmas Day",
        date(2026, 12, 26): "Second Day of Christmas",
    }
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    weekend = {"a Saturday", "a Sunday"}
    assert {day: off for day in year if (off := day_off(day, FI)) and off not in weekend} == named


@pytest.mark.parametrize("eve", [date(2026, 6, 19), date(2026, 12, 24)])
def test_the_finnish_eves_are_working_days_unless_policy_or_the_safe_date_says_off(eve: date):
    strict = Calendar(eves_are_working_days=False)
    assert day_off(eve, FI) is None
    assert day_off(eve, FI, eves_off=True)
    assert day_off(eve, strict)
    assert day_off(eve, strict, eves_off=False) is None


def test_a_flag_day_is_no_day_off():
    assert day_off(date(2026, 2, 5), FI, eves_off=True) is None  # Runeberg Day


def test_an_eve_that_is_a_public_holiday_by_law_is_a_day_off_in_that_country():
    czechia = Calendar(country="CZ", zone="Europe/Prague")
    assert forward(date(2026, 12, 24), czechia) == date(2026, 12, 28)


def test_an_eve_kept_only_by_custom_can_be_named_for_the_safe_date():
    sweden = Calendar(country="SE", zone="Europe/Stockholm", eves=("Midsummer Eve",))
    assert day_off(date(2026, 6, 19), sweden) is None
    assert back(date(2026, 6, 20), sweden, eves_off=True) == date(2026, 6, 18)


def test_a_region_has_holidays_of_its_own():
    corpus_christi = date(2026, 6, 4)
    assert day_off(corpus_christi, Calendar(country="DE", zone="Europe/Berlin")) is None
    bavaria = Calendar(country="DE", region="BY", zone="Europe/Berlin")
    assert day_off(corpus_christi, bavaria) == "Corpus Christi"


def test_england_has_substitute_days_and_no_eves():
    assert forward(date(2027, 12, 25), UK) == date(2027, 12, 29)
    assert day_off(date(2026, 12, 24), UK, eves_off=True) is None


EU = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"  # 27


@pytest.mark.parametrize("country", EU.split())
def test_every_eu_country_works_by_its_code_alone(country: str):
    calendar = Calendar(country=country)
    verify(calendar)
    assert day_off(date(2026, 1, 1), calendar) is not None
    assert day_off(date(2026, 12, 25), calendar) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        Calendar(country="XX"),
        Calendar(country="DE", region="XX"),
        Calendar(zone="Europe/Nowhere"),
        Calendar(zone="Europe"),
        Calendar(zone="../../version"),
        Calendar(eves=("Christmas Evening",)),
    ],
)
def test_an_unknown_country_region_zone_or_eve_is_refused_in_one_sentence(wrong: Calendar):
    with pytest.raises(BadInput, match=r"^[^\n]+\.$"):
        verify(wrong)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        ("2026-08-31", 1, "2026-09-30"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-12-31", 1, "2027-01-31"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2026-02-28", 1, "2026-03-28"),
        ("2026-10-31", 0, "2026-10-31"),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_of_the_month(day: str, months: int, then: str):
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(then)


def test_the_eves_are_working_days_when_days_to_ask_are_counted():
    strict = Calendar(eves_are_working_days=False)
    # 23 December 2026 is a Wednesday: the eve is the first, Monday 28 the second, Tuesday the third
    assert working_day_after(date(2026, 12, 23), 3, strict) == date(2026, 12, 29)


def test_no_working_day_later_is_the_day_itself_even_on_a_holiday():
    assert working_day_after(date(2026, 12, 25), 0, FI) == date(2026, 12, 25)


def test_a_day_ends_at_the_next_local_midnight_in_summer_and_in_winter():
    assert end_of(date(2026, 3, 28), FI) == datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert end_of(date(2026, 3, 29), FI) == datetime(2026, 3, 29, 21, tzinfo=UTC)
    assert end_of(date(2026, 10, 24), FI) == datetime(2026, 10, 24, 21, tzinfo=UTC)
    assert end_of(date(2026, 10, 25), FI) == datetime(2026, 10, 25, 22, tzinfo=UTC)


def test_an_hour_that_spring_skips_is_the_hour_after():
    assert local_instant(date(2026, 3, 29), 3, FI) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_a_day_whose_midnight_spring_skips_still_begins_when_the_day_before_ends():
    azores = Calendar(country="PT", zone="Atlantic/Azores")
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert end_of(date(2026, 3, 28), azores) == change
    assert local_date(change, azores) == date(2026, 3, 29)


def test_zones_come_from_the_package_that_the_version_names():
    assert zone("Europe/Helsinki").key == "Europe/Helsinki"
    assert calendar_version().startswith("holidays 0.109, tzdata 20")
