"""Systems at the wall: what they hold and how they behave is said by the test."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from connectors.calls import count_call
from connectors.contract import (
    Agree,
    BeforeCommit,
    Choice,
    Connector,
    Corrected,
    CorrectedColumn,
    Correction,
    CorrectionConflict,
    EndedRelation,
    Erased,
    ErasurePlan,
    Found,
    FoundRow,
    Identity,
    Kept,
    Person,
    PlannedRow,
    PlannedTable,
    Remains,
    RowKey,
    SystemUnreachable,
)
from connectors.partner import Order, Partner, PartnerWrong, Told
from schemas.holds import Held
from schemas.partners import PartnerFault, RequestStatus
from schemas.request import Language
from schemas.systems import Reach, Recipient, SystemFacts

TEXT = dict.fromkeys(Language, "text")
FIELDS = {
    "email": ("user.contact.email",),
    "phone": ("user.contact.phone_number",),
    "user.contact.email": ("user.contact.email",),
}


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
            "fields": FIELDS,
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
    kept_by_law: tuple[str, ...] = ()  # items that stay until `kept_until` has passed
    kept_until: date | None = None
    missed: tuple[str, ...] = ()  # items that a plan does not see; the scan does
    over: tuple[EndedRelation, ...] = ()  # relations that ended

    def _reach(self) -> None:
        self.asked += 1
        count_call()
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

    async def restrict(
        self, person: Person, restricted: bool, chosen: tuple[RowKey, ...] = ()
    ) -> int:
        self._reach()
        self.restricted = restricted
        return len(self.holds.rows)

    async def record_consent(self, person: Person, choice: Choice) -> int:
        self._reach()
        self.consents.append(choice)
        return 1

    async def known_as(
        self, person: Person, chosen: tuple[RowKey, ...] = ()
    ) -> tuple[Identity, ...]:
        """Values whose key is a type of identifier."""
        own = (*self.holds.rows, *(r for r in self.holds.doubtful if r.row_key in chosen))
        return tuple(
            Identity(type=type_, value=str(row.values[type_]))
            for row in own
            for type_ in ("email", "phone")
            if type_ in row.values
        )

    async def plan_erasure(
        self, person: Person, at: datetime, held: Held, chosen: tuple[RowKey, ...] = ()
    ) -> ErasurePlan:
        self._reach()
        return self._plan(at, held, chosen)

    async def erase(
        self, person: Person, at: datetime, held: Held, agree: Agree, before_commit: BeforeCommit,
        limit: timedelta, chosen: tuple[RowKey, ...] = (),
    ) -> Erased:  # fmt: skip
        self._reach()
        plan = self._plan(at, held, chosen)
        await agree(plan, await self.known_as(person, chosen))
        await before_commit()
        gone = _rows(plan, "delete")
        before = (*self.holds.rows, *self.holds.doubtful)
        self.holds = self.holds.model_copy(
            update={
                "rows": tuple(r for r in self.holds.rows if r.row_key not in gone),
                "doubtful": tuple(r for r in self.holds.doubtful if r.row_key not in gone),
            }
        )
        left = (*self.holds.rows, *self.holds.doubtful)
        return Erased(deleted=len(before) - len(left), kept=_kept(plan))

    async def remains(self, person: Person, kept: ErasurePlan) -> tuple[Remains, ...]:
        self._reach()
        stays = _rows(kept, "keep")
        left = [row for row in self.holds.rows if row.row_key not in stays]
        return tuple(
            Remains(
                schema_name=schema, table=table, column="id",
                records=sum((r.schema_name, r.table) == (schema, table) for r in left),
            )
            for schema, table in sorted({(row.schema_name, row.table) for row in left})
        )  # fmt: skip

    async def correct(
        self, person: Person, corrections: tuple[Correction, ...], chosen: tuple[RowKey, ...] = ()
    ) -> Corrected:
        """Values whose key is the field, of the rows that are surely the person's."""
        self._reach()
        applied: list[CorrectedColumn] = []
        conflicts: list[CorrectionConflict] = []
        rows = []
        for found in self.holds.rows:
            row = found
            for c in (c for c in corrections if row.values.get(c.field) is not None):
                held = str(row.values[c.field])
                where = {"field": c.field, "schema_name": row.schema_name, "table": row.table}
                if c.old is not None and held not in (c.old, c.new):
                    conflicts.append(CorrectionConflict.model_validate(
                        where | {"column": c.field, "key": row.key, "held": held, "why": "differs"}
                    ))  # fmt: skip
                    continue
                before = () if held == c.new else (held,)
                applied.append(CorrectedColumn.model_validate(
                    where | {"column": c.field, "rows": 1, "before": before, "after": c.new}
                ))  # fmt: skip
                row = row.model_copy(update={"values": row.values | {c.field: c.new}})
            rows.append(row)
        self.holds = self.holds.model_copy(update={"rows": tuple(rows)})
        return Corrected(applied=tuple(applied), conflicts=tuple(conflicts))

    async def ended(self, at: datetime, limit: int) -> tuple[EndedRelation, ...]:
        self._reach()
        return self.over[:limit]

    def _plan(self, at: datetime, held: Held, chosen: tuple[RowKey, ...]) -> ErasurePlan:
        """A hold on any category holds what tells of none."""
        picked = [row for row in self.holds.doubtful if row.row_key in chosen]
        own = [row for row in (*self.holds.rows, *picked) if row.item not in self.missed]
        planned: dict[tuple[str, str, str], list[PlannedRow]] = {}
        for row in own:
            action, entry = self._planned(row, at, held)
            planned.setdefault((row.schema_name, row.table, action), []).append(entry)
        return ErasurePlan(
            tables=tuple(
                PlannedTable.model_validate(
                    {"schema_name": schema, "table": table, "action": action, "rows": rows}
                )
                for (schema, table, action), rows in sorted(planned.items())
            ),
            doubtful=len(self.holds.doubtful) - len(picked),
        )

    def _planned(self, row: FoundRow, at: datetime, held: Held) -> tuple[str, PlannedRow]:
        if _is_held(row, held):
            return "keep", PlannedRow(key=row.key, reason="legal_hold")
        passed = self.kept_until is not None and at.date() > self.kept_until
        if row.item in self.kept_by_law and not passed:
            return "keep", PlannedRow(
                key=row.key, reason="legal_obligation", explanation=TEXT, provision="A law s. 1",
                until=self.kept_until,
            )  # fmt: skip
        return "delete", PlannedRow(key=row.key)

    async def close(self) -> None:
        """Nothing is connected."""


def _is_held(row: FoundRow, held: Held) -> bool:
    own = [category for several in row.categories.values() for category in several]
    by_category = any(map(held.keeps, own)) if own else bool(held.categories)
    return held.everything or by_category


def _rows(plan: ErasurePlan, action: Literal["delete", "keep"]) -> list[RowKey]:
    return [
        RowKey(schema_name=table.schema_name, table=table.table, key=row.key)
        for table in plan.tables
        if table.action == action
        for row in table.rows
    ]


def _kept(plan: ErasurePlan) -> tuple[Kept, ...]:
    return tuple(
        Kept.model_validate(
            row.model_dump(include={"reason", "explanation", "provision", "until"})
            | {"schema_name": table.schema_name, "table": table.table, "records": 1}
        )
        for table in plan.tables
        if table.action == "keep"
        for row in table.rows
    )


@dataclass
class FakePartner:
    """A partner that is asked, and says what it is told to say."""

    facts: SystemFacts
    holds: Found = field(default_factory=lambda: Found(rows=(a_row(),)))
    says: RequestStatus = RequestStatus.PENDING
    orders: list[Order] = field(default_factory=list)
    cancelled: list[UUID] = field(default_factory=list)
    domain: str = "partner.example"
    refuses: PartnerFault | None = None

    async def check(self) -> None:
        """It is there."""

    async def ask(self, order: Order) -> None:
        if self.refuses is not None:
            raise PartnerWrong(self.facts.name, self.refuses)
        self.orders.append(order)

    async def status(self, request: UUID) -> Told:
        return Told(request=request, status=self.says, records=len(self.holds.rows))

    async def results(self, told: Told) -> Found:
        return self.holds

    async def cancel(self, request: UUID) -> bool:
        self.cancelled.append(request)
        return self.says is RequestStatus.PENDING

    async def read_callback(self, signature: str, body: bytes) -> Told:
        return Told.model_validate_json(body)

    async def close(self) -> None:
        """Nothing is connected."""


class FakeSystems:
    """The registry's shape over fakes, with real partners where a test has them."""

    def __init__(self, *systems: FakeSystem, partners: tuple[Partner, ...] = ()) -> None:
        self.by_name = {system.facts.name: system for system in systems}
        self.partners = {partner.facts.name: partner for partner in partners}

    def __getitem__(self, name: str) -> FakeSystem:
        return self.by_name[name]

    @property
    def facts(self) -> tuple[SystemFacts, ...]:
        return tuple(s.facts for s in (*self.by_name.values(), *self.partners.values()))

    def partner(self, name: str) -> Partner:
        return self.partners[name]

    def partner_of(self, domain: str) -> Partner | None:
        return next((p for p in self.partners.values() if p.domain == domain), None)

    def names_of(self, domain: str) -> tuple[str, ...]:
        return tuple(name for name, p in self.partners.items() if p.domain == domain)

    def connector(self, name: str) -> Connector:
        return self.by_name[name]

    async def check(self, name: str) -> None:
        await self.by_name[name].check()

    async def close(self) -> None:
        """Only partners are connected."""
        for partner in self.partners.values():
            await partner.close()
