"""The contract of systems: what all have, and what those do that the engine reaches itself.

A connector returns what it saw and did as values; it never logs, retries or decides. A system that
cannot be reached raises `SystemUnreachable`, a wrong manifest `SystemMisdeclared`.
"""

from typing import Any, Protocol

from pydantic import Field

from schemas.base import Instant, Model
from schemas.systems import SystemFacts


class SystemUnreachable(Exception):
    """The system did not answer: later, again. The text names the system only."""


class SystemMisdeclared(Exception):
    """The system answered, but is not as its manifest says: a person has to look. No values."""


class Identity(Model):
    """One normalised identifier of the person."""

    type: str
    value: str = Field(repr=False)


class Person(Model):
    """Whom a connector looks for. Values are normalised by `rules.identity`."""

    name: str = Field(repr=False)
    identities: tuple[Identity, ...] = Field(repr=False)


class FoundRow(Model):
    """One record of the person: how it was reached, and its values as `to_jsonb` gives them."""

    item: str  # names the record in this system's findings ("1", "2", ...); no personal data
    schema_name: str
    table: str
    key: dict[str, Any] = Field(repr=False)  # the primary key; without one the whole row
    path: tuple[str, ...]  # "schema.table.column -> schema.table.column"
    values: dict[str, Any] = Field(repr=False)
    categories: dict[str, tuple[str, ...]] = {}  # column -> Fides data categories


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

    async def restrict(self, person: Person, restricted: bool) -> int:
        """Mark or unmark the person's records as restricted (Art. 18). Safe to repeat."""

    async def record_consent(self, person: Person, choice: Choice) -> int:
        """Record consent given or withdrawn, with text version and means. Safe to repeat.

        Given, it changes the person's own records only; withdrawn, the address, whoever shares it.
        """
