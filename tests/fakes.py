"""Systems at the wall: what they hold and how they behave is said by the test."""

from dataclasses import dataclass, field
from datetime import datetime

from connectors.contract import (
    Choice,
    Connector,
    Found,
    FoundRow,
    Person,
    SystemUnreachable,
)
from schemas.request import Language
from schemas.systems import Reach, Recipient, SystemFacts

TEXT = dict.fromkeys(Language, "text")


def facts(name: str, **more: object) -> SystemFacts:
    """A declared system; what a test does not say is ordinary."""
    return SystemFacts.model_validate(
        {
            "name": name,
            "title": TEXT,
            "register_part": name,
            "reach": Reach.SQL,
            "recipient": Recipient(name="Mipro Oy", relation="controller", country="FI"),
            "categories": ("user.contact.email",),
            "purposes": ("customer_relations", "marketing", "surveys"),
            "sources": TEXT,
            "retention": TEXT,
        }
        | more
    )


def a_row(item: str = "1", **values: object) -> FoundRow:
    """One found record."""
    return FoundRow(
        item=item, schema_name="public", table="people", key={"id": item}, path=(),
        values={"id": item, **values},
    )  # fmt: skip


@dataclass
class FakeSystem:
    """A system that answers as told."""

    facts: SystemFacts
    holds: Found = field(default_factory=lambda: Found(rows=(a_row(),)))
    away: bool = False
    suppressed: list[tuple[str, datetime]] = field(default_factory=list)
    restricted: bool = False
    consents: list[Choice] = field(default_factory=list)
    asked: int = 0

    def _reach(self) -> None:
        self.asked += 1
        if self.away:
            raise SystemUnreachable(f"{self.facts.name} does not answer")

    async def check(self) -> None:
        self._reach()

    async def find(self, person: Person) -> Found:
        self._reach()
        return self.holds

    async def suppress(self, person: Person, choice: Choice) -> int:
        self._reach()
        self.suppressed += [(purpose, choice.received_at) for purpose in choice.purposes]
        return len(self.holds.rows)

    async def restrict(self, person: Person, restricted: bool) -> int:
        self._reach()
        self.restricted = restricted
        return len(self.holds.rows)

    async def record_consent(self, person: Person, choice: Choice) -> int:
        self._reach()
        self.consents.append(choice)
        return 1

    async def close(self) -> None:
        """Nothing is connected."""


class FakeSystems:
    """The registry's shape over fakes."""

    def __init__(self, *systems: FakeSystem) -> None:
        self.by_name = {system.facts.name: system for system in systems}

    def __getitem__(self, name: str) -> FakeSystem:
        return self.by_name[name]

    @property
    def facts(self) -> tuple[SystemFacts, ...]:
        return tuple(system.facts for system in self.by_name.values())

    def connector(self, name: str) -> Connector:
        return self.by_name[name]

    async def check(self, name: str) -> None:
        await self.by_name[name].check()

    async def close(self) -> None:
        """Nothing is connected."""
