"""What the manifest and the legal holds say of one row: delete, keep until when, or change what."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connectors.contract import Held, Why
from connectors.declared import Erase, RetentionRule
from connectors.manifest import DeclaredTable
from connectors.sql.rows import Row
from connectors.sql.search import Layout
from rules.bookkeeping import kept_until
from rules.calendars import zone
from schemas.systems import LocalText


@dataclass(frozen=True)
class Ground:
    """Why something is kept. `until`: the last day; None where no date says."""

    reason: Why
    rule: RetentionRule | None = None
    until: date | None = None

    @property
    def lasts(self) -> tuple[bool, bool, date, str]:
        """To be compared: a hold, then what has no date, lasts longest."""
        undated = self.until is None
        return self.reason == "legal_hold", undated, self.until or date.max, self.provision or ""

    @property
    def explanation(self) -> LocalText:
        """The manifest's reason; of a hold nothing is told here."""
        return {} if self.rule is None else dict(sorted(self.rule.reason.items()))

    @property
    def provision(self) -> str | None:
        """The provision of the law."""
        return None if self.rule is None else self.rule.provision


HOLD = Ground("legal_hold")


@dataclass(frozen=True)
class Treatments:
    """How the rows of one system are treated at one instant."""

    layout: Layout
    held: Held
    at: datetime

    def table(self, leaf: int) -> DeclaredTable | None:
        """The nearest declaration that says how rows stored in a table are erased."""
        return next((t for t in self.layout.declared(leaf) if t.erase is not None), None)

    def ground(self, row: Row) -> Ground | None:
        """Why the whole row is kept; None if it is not."""
        table = self.table(row.leaf)
        if self._held_as_a_whole(row, table):
            return HOLD
        if table is None or table.retention is None:
            return None
        until = self._until(row.values.get(table.retention.counted_from), table.retention)
        today = self.at.astimezone(zone(self.layout.manifest.time_zone)).date()
        if until is not None and today > until:
            return None
        return Ground("legal_obligation", table.retention, until)

    def held_columns(self, leaf: int) -> frozenset[str]:
        """The columns whose categories a hold covers."""
        return frozenset(
            name for name, c in self.layout.columns(leaf).items() if self._covers(c.categories)
        )

    def _held_as_a_whole(self, row: Row, table: DeclaredTable | None) -> bool:
        """A row without declared categories could hold any of them: in doubt it is protected."""
        if self.held.everything:
            return True
        if not self.held.categories:
            return False
        if table is None or any(self._covers(t.categories) for t in self.layout.declared(row.leaf)):
            return True
        return table.erase is not Erase.CHANGE and bool(self.held_columns(row.leaf))

    def _covers(self, categories: Iterable[str]) -> bool:
        """Also a wider category, which could hold what is held."""
        return any(
            f"{category}.".startswith(f"{held}.") or f"{held}.".startswith(f"{category}.")
            for category in categories
            for held in self.held.categories
        )

    def _until(self, value: Any, rule: RetentionRule) -> date | None:
        """Without a date that can be read nothing says that the time has passed."""
        day = day_of(value, self.layout.manifest.time_zone)
        return day and kept_until(day, rule.years, rule.basis, rule.financial_year_ends)


def day_of(value: Any, time_zone: str) -> date | None:
    """The local date of a column's value; None if it has none, such as infinity."""
    try:
        at = datetime.fromisoformat(value)
        return (at.astimezone(zone(time_zone)) if at.tzinfo else at).date()
    except (TypeError, ValueError, OverflowError):
        return None
