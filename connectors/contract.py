"""The contract of systems: what all have, and what those do that the engine reaches itself.

A connector returns what it saw and did as values; it never logs, retries or decides. A system that
cannot be reached raises `SystemUnreachable`, a wrong manifest `SystemMisdeclared`.
"""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

from pydantic import Field

from schemas.base import Instant, Model
from schemas.holds import Held
from schemas.systems import LocalText, SystemFacts


class SystemUnreachable(Exception):
    """The system did not answer: later, again. The text names the system only."""


class SystemMisdeclared(Exception):
    """The system answered, but is not as its manifest says: a person has to look. No values."""


class CommitInDoubt(SystemUnreachable):
    """The connection broke while the system was committing: done or not, only reading it tells."""


class Identity(Model):
    """One normalised identifier of the person."""

    type: str
    value: str = Field(repr=False)


class Person(Model):
    """Whom a connector looks for. Values are normalised by `rules.identity`."""

    name: str = Field(repr=False)
    identities: tuple[Identity, ...] = Field(repr=False)


class RowKey(Model):
    """Names one row for a later step, whatever has changed around it since it was found."""

    schema_name: str
    table: str
    key: dict[str, Any] = Field(repr=False)  # the primary key; without one the whole row


class FoundRow(Model):
    """One record of the person: how it was reached, and its values as `to_jsonb` gives them."""

    item: str  # names the record in this system's findings ("1", "2", ...); no personal data
    schema_name: str
    table: str
    key: dict[str, Any] = Field(repr=False)  # the primary key; without one the whole row
    path: tuple[str, ...]  # "schema.table.column -> schema.table.column"
    values: dict[str, Any] = Field(repr=False)
    categories: dict[str, tuple[str, ...]] = {}  # column -> Fides data categories

    @property
    def row_key(self) -> RowKey:
        """What names it when a person chose it."""
        return RowKey(schema_name=self.schema_name, table=self.table, key=self.key)


class ThirdParty(Model):
    """A record that was reached but tells of somebody else (Art. 15(4))."""

    schema_name: str
    table: str
    key: dict[str, Any] = Field(repr=False)
    reason: str


class Found(Model):
    """What a system holds. `doubtful` could be another person's: never given out unchosen."""

    rows: tuple[FoundRow, ...] = ()
    doubtful: tuple[FoundRow, ...] = ()
    third_party: tuple[ThirdParty, ...] = ()
    defaults_used: tuple[str, ...] = ()
    files: tuple[str, ...] = Field((), repr=False)  # names of files that people handed in


class Choice(Model):
    """A purpose stopped or consented to, as of the receipt of the request."""

    purposes: tuple[str, ...]
    received_at: Instant
    text_version: str | None = None  # of a consent
    means: str | None = None
    given: bool = False


Why = Literal["legal_obligation", "legal_hold"]
"""Ground codes of what is kept: by law (Art. 17(3)(b)), or by a hold."""


class PlannedRow(Model):
    """A row and what becomes of it. `columns`: what is changed or kept of it; empty: all of it."""

    key: dict[str, Any] = Field(repr=False)
    columns: tuple[str, ...] = ()
    reason: Why | None = None  # of what is kept
    explanation: LocalText = {}  # the manifest's reason of a retention
    provision: str | None = None
    until: date | None = None  # the last day on which it is kept; None where no date says


class PlannedTable(Model):
    """What is done to rows of a table in the same way."""

    schema_name: str
    table: str
    action: Literal["delete", "change", "keep"]
    rows: tuple[PlannedRow, ...]


class Detached(Model):
    """Rows of others that referred to a row that is deleted: only the reference is cut."""

    schema_name: str
    table: str
    column: str
    records: int


class ErasurePlan(Model):
    """What erasing would do. Equal plans are equal bytes: `model_dump_json` is what is approved.

    Sorted by schema, table, action, key. Rows of others are never in it. What is `blocked` stops
    the whole: a person changes the manifest, the database or the choice of doubtful rows.
    """

    tables: tuple[PlannedTable, ...] = ()
    detached: tuple[Detached, ...] = ()
    doubtful: int = 0  # rows that could be another person's: left alone unless they were chosen
    blocked: tuple[str, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to delete or change."""
        return all(table.action == "keep" for table in self.tables)


class Kept(Model):
    """How many records of a table stay, and why."""

    schema_name: str
    table: str
    records: int
    reason: Why
    explanation: LocalText = {}
    provision: str | None = None
    until: date | None = None


class Erased(Model):
    """What erasing did, as committed.

    `identities`: every identifier by which the system knew the person, for the scan afterwards.
    """

    deleted: int = 0
    changed: int = 0
    kept: tuple[Kept, ...] = ()
    identities: tuple[Identity, ...] = Field((), repr=False)


class EndedRelation(Model):
    """Somebody with whom every relation that a system knows of is over, and kept long enough."""

    person: Person = Field(repr=False)
    ended_on: date  # the last of them


class Remains(Model):
    """A column that still holds one of the person's identifiers."""

    schema_name: str
    table: str
    column: str
    records: int


class Correction(Model):
    """`field`: a Fides data category, a column, or `table.column`."""

    field: str
    old: str | None = Field(None, repr=False)
    new: str = Field(repr=False)


class CorrectedColumn(Model):
    """A column that stands corrected in `rows` of the person's rows.

    `before`: the different values that were replaced now; empty if it stood so already.
    """

    field: str
    schema_name: str
    table: str
    column: str
    rows: int
    before: tuple[str, ...] = Field((), repr=False)
    after: str = Field(repr=False)


class CorrectionConflict(Model):
    """A value that was left as it is.

    `differs`: it is neither the old nor the new one. `refused`: the database does not take it.
    """

    field: str
    schema_name: str
    table: str
    column: str
    key: dict[str, Any] = Field(repr=False)
    held: str = Field(repr=False)
    why: Literal["differs", "refused"]


class Corrected(Model):
    """What correcting did, as committed."""

    applied: tuple[CorrectedColumn, ...] = ()
    conflicts: tuple[CorrectionConflict, ...] = ()


Agree = Callable[[ErasurePlan, tuple[Identity, ...]], Awaitable[None]]
BeforeCommit = Callable[[], Awaitable[None]]


class System(Protocol):
    """One declared system, also one that people reach by hand."""

    @property
    def facts(self) -> SystemFacts:
        """What the manifest says of it."""

    async def check(self) -> None:
        """Reach it and compare it with its manifest. Raises the two errors above."""

    async def close(self) -> None:
        """Release connections."""


class Connector(System, Protocol):
    """One declared system that the engine reaches itself."""

    async def find(self, person: Person) -> Found:
        """Everything held on the person, following declared references. Changes nothing."""

    async def suppress(self, person: Person, choice: Choice) -> int:
        """Stop the purposes for the person's addresses, whoever shares them. Safe to repeat.

        Returns how many records stand stopped afterwards (0: nothing held).
        """

    async def restrict(
        self, person: Person, restricted: bool, chosen: tuple[RowKey, ...] = ()
    ) -> int:
        """Mark or unmark the person's records as restricted (Art. 18). Safe to repeat.

        `chosen`: as in a correction, which may have changed what found them.
        """

    async def record_consent(self, person: Person, choice: Choice) -> int:
        """Record consent given or withdrawn, with text version and means. Safe to repeat.

        Given, it changes the person's own records only; withdrawn, the address, whoever shares it.
        """

    async def known_as(
        self, person: Person, chosen: tuple[RowKey, ...] = ()
    ) -> tuple[Identity, ...]:
        """By what the person's rows name them, beside what was given. Changes nothing.

        Every identifier in such a row, normalised; also one that several people may share.
        `chosen`: as in a plan.
        """

    async def plan_erasure(
        self, person: Person, at: datetime, held: Held, chosen: tuple[RowKey, ...] = ()
    ) -> ErasurePlan:
        """What erasing at that instant would do. Changes nothing.

        `chosen`: rows that are the person's, whatever they hold: doubtful ones that somebody
        chose, and those that an earlier erasure kept, whose names may be gone meanwhile.
        """

    async def erase(
        self, person: Person, at: datetime, held: Held, agree: Agree, before_commit: BeforeCommit,
        limit: timedelta, chosen: tuple[RowKey, ...] = (),
    ) -> Erased:  # fmt: skip
        """Erase in one transaction that ends within `limit`. Safe to repeat.

        It plans anew and awaits `agree` with that plan and with what `known_as` gives now, applies
        it, awaits `before_commit`, then commits. What either raises is raised here, and nothing is
        changed. Raises `SystemMisdeclared` for a plan that is blocked, `CommitInDoubt` if the end
        is unknown.
        """

    async def remains(self, person: Person, kept: ErasurePlan) -> tuple[Remains, ...]:
        """Where the person's unique identifiers still stand, however they are reached.

        Independent of references and of what was planned; only what `kept` keeps is left out, and
        an address in the record of somebody else who shares it.
        """

    async def correct(
        self, person: Person, corrections: tuple[Correction, ...], chosen: tuple[RowKey, ...] = ()
    ) -> Corrected:
        """Correct values in the person's own rows, in one transaction. Safe to repeat.

        A value that a row does not hold is not added to it. `chosen`: rows that are the person's,
        whatever they hold. Without any a repetition finds the person by the new identifiers, too.
        """

    async def ended(self, at: datetime, limit: int) -> tuple[EndedRelation, ...]:
        """People whose relation has ended longer ago than the manifest's period, `limit` at most.

        The earliest first. Nobody whom the system knows by a row that goes on. Changes nothing.
        """
