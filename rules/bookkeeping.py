"""How long bookkeeping material and other kept records stay when their person asks for erasure.

Whether a record is kept at all is its system's manifest to say. Local dates. Source: law.md 4.
"""

from datetime import date
from enum import StrEnum

from rules.calendars import add_months


class Basis(StrEnum):
    """From when the years of a retention count."""

    FINANCIAL_YEAR_END = "financial_year_end"
    """The end of the calendar year in which the financial year ended: vouchers, six years."""
    FINANCIAL_YEAR = "financial_year"
    """The end of the financial year itself: books, ten years."""
    DATE = "date"
    """The record's own date."""


def kept_until(dated: date, years: int, basis: Basis, financial_year_ends: str = "12-31") -> date:
    """The last day on which a record of that date is kept.

    `financial_year_ends`: month and day. Source: Accounting Act 1336/1997 ch. 2 s. 10.
    """
    if basis is Basis.DATE:
        return add_months(dated, 12 * years)
    closing = date.fromisoformat(f"{dated.year}-{financial_year_ends}")
    if dated > closing:
        closing = add_months(closing, 12)
    if basis is Basis.FINANCIAL_YEAR:
        return add_months(closing, 12 * years)
    return date(closing.year + years, 12, 31)
