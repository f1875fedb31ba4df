"""How long kept records stay (law.md 4, Accounting Act 1336/1997 ch. 2 s. 10)."""

from datetime import date

import pytest

from rules.bookkeeping import Basis, kept_until


@pytest.mark.parametrize(
    ("dated", "ends", "until"),
    [
        ("2019-01-01", "12-31", "2025-12-31"),
        ("2019-12-31", "12-31", "2025-12-31"),
        ("2020-01-01", "12-31", "2026-12-31"),
        ("2019-06-30", "06-30", "2025-12-31"),
        ("2019-07-01", "06-30", "2026-12-31"),  # its financial year ends on 30 June 2020
    ],
)
def test_vouchers_stay_six_years_from_the_end_of_the_calendar_year(
    dated: str, ends: str, until: str
) -> None:
    day = kept_until(date.fromisoformat(dated), 6, Basis.FINANCIAL_YEAR_END, ends)

    assert day.isoformat() == until


@pytest.mark.parametrize(
    ("dated", "ends", "until"),
    [
        ("2019-05-01", "12-31", "2029-12-31"),
        ("2019-06-30", "06-30", "2029-06-30"),
        ("2019-07-01", "06-30", "2030-06-30"),
    ],
)
def test_books_stay_ten_years_from_the_end_of_the_financial_year(
    dated: str, ends: str, until: str
) -> None:
    day = kept_until(date.fromisoformat(dated), 10, Basis.FINANCIAL_YEAR, ends)

    assert day.isoformat() == until


def test_years_from_a_date_end_on_the_same_day_or_the_last_of_february() -> None:
    assert kept_until(date(2020, 2, 29), 4, Basis.DATE) == date(2024, 2, 29)
    assert kept_until(date(2020, 2, 29), 5, Basis.DATE) == date(2025, 2, 28)
