"""Holds and erasures over two real databases: ours, and a register with one table."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.desk import person_of
from activities.erasing import Erasing, Guard, Wanted
from connectors.registry import Systems
from rules import deadlines
from rules.calendars import local_date
from schemas.holds import Doubt, Fate, Held, HoldView
from schemas.policy import Policy
from schemas.request import RequestForm
from schemas.staff import Actor
from starter.holds import Holds
from storage import tables as t
from storage.audit import Audit, entries
from storage.case_file import CaseFile
from storage.keyring import Keyring
from storage.persons import remember
from storage.secrets import Secrets
from tests.connectors.small import small
from tests.office import POLICY, a_form

AT = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)  # a Monday
RITVA = Actor(account="ritva", person="ritva.salonen", roles=("dpo",))
RITVA_AGAIN = Actor(account="ritva-desk", person="ritva.salonen", roles=("dpo", "approver"))
JOHAN = Actor(account="johan", person="johan.lindqvist", roles=("approver",))
MAIJA = Actor(account="maija", person="maija.korhonen", roles=("handler",))

SYSTEMS = ("billing", "marketing")
CATEGORIES = ("user.name", "user.contact.email", "user.financial")
AINO = "aino.virtanen@example.fi"
EERO = "eero.laakso@example.fi"
PHONE = "+358405550101"  # of Aino, in registers alone
BY_PHONE = {"identifiers": [{"type": "phone", "value": PHONE}]}

CASE_ROW: dict[str, Any] = {
    "kind": "delete", "channel": "email", "language": "fi", "scope": ["register"],
    "status": "fulfilling", "received_at": AT, "safe_date": AT.date(), "identity_state":
    "sufficient", "fee_assessment": "free", "policy_version": "test-1",
}  # fmt: skip

REGISTER = """
create table if not exists person (id int primary key, email text, category text, phone text);
truncate person;
insert into person (id, email, category) values
    (1, 'aino.virtanen@example.fi', 'user.name'), (2, 'aino.virtanen@example.fi', 'user.financial'),
    (3, 'eero.laakso@example.fi', 'user.name');
"""

TABLES = {"person": {"id": "key", "email": "email", "category": "", "phone": "phone"}}


def billing(url: str) -> Systems:
    """That register, as a worker reaches it."""
    manifest = small(TABLES, schema="public")
    facts = manifest.facts.model_copy(update={"name": "billing"})
    return Systems([manifest.model_copy(update={"facts": facts})], {"DSR_SMALL_URL": url})


def an_order(**more: Any) -> dict[str, Any]:
    """A hold on Aino's data, as the DPO hands it in."""
    return {
        "authority": "Helsingin käräjäoikeus",
        "reference": "L 27/1234",
        "country": "FI",
        "person": {"identifiers": [{"type": "email", "value": AINO}]},
    } | more


@dataclass
class Register:
    """The database of a system, as its connector reaches it."""

    url: str
    looking: Any  # beside every transaction
    digest: Any = None  # keyed, of the engine that erases here

    async def has(self, email: str = AINO) -> int:
        """How many records of a person are there, of those that always were."""
        count = "select count(*) from person where email = $1 and id < 10"
        return int(await self.looking.fetchval(count, email))

    async def refill(self) -> None:
        """Everybody is back."""
        await self.looking.execute(REGISTER)

    async def gets_her_phone(self) -> None:
        """Somebody adds to Aino's records how else she is known."""
        await self.looking.execute("update person set phone = $1 where email = $2", PHONE, AINO)

    async def gets_another_record(self) -> None:
        """Aino writes again."""
        await self.looking.execute("insert into person values (10, $1, 'user.name')", AINO)

    async def named_by(self, conn: Any, email: str) -> list[bytes]:
        """By what the person's records name them, as keyed hashes."""
        known = "select distinct phone from person where email = $1 and phone is not null"
        rows = await conn.fetch(known, email)
        return [self.digest("identifier", "phone", row["phone"]) for row in rows]

    async def erase(self, erasing: Erasing, email: str = AINO) -> None:
        """What a connector does: one bounded transaction, proved before its commit."""
        async with Transaction(self, erasing) as transaction:
            await transaction.cover(email)
            await transaction.delete(email)
            await erasing.prove()
            await transaction.commit()


@dataclass
class Transaction:
    """T2. It is over when its time is: the server ends it."""

    register: Register
    erasing: Erasing
    conn: Any = None
    done: bool = False

    async def __aenter__(self) -> "Transaction":
        self.conn = await asyncpg.connect(self.register.url)
        milliseconds = max(1, round(self.erasing.seconds_left() * 1000))
        await self.conn.execute(f"set transaction_timeout = {milliseconds}")
        await self.conn.execute("begin")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.conn.terminate() if not self.done else await self.conn.close()

    async def cover(self, email: str) -> None:
        """Only what is locked."""
        self.erasing.cover(await self.register.named_by(self.conn, email))

    async def delete(self, email: str) -> None:
        """All but what is held."""
        held = self.erasing.held
        for row in await self.conn.fetch("select distinct category from person"):
            if not held.keeps(row["category"]):
                await self.conn.execute(
                    "delete from person where email = $1 and category = $2", email, row["category"]
                )

    async def commit(self) -> None:
        await self.conn.execute("commit")
        self.done = True


@dataclass
class Desk:
    """The DPO's desk and a worker's, on one database."""

    engine: AsyncEngine
    secrets: Secrets
    register: Register
    policy: Policy = POLICY
    clock: list[datetime] = field(default_factory=lambda: [AT])
    holds_class: type[Holds] = Holds
    guard_class: type[Guard] = Guard

    def __post_init__(self) -> None:
        keyring = Keyring(self.engine, self.secrets.kek, self.secrets.pepper)
        audit = Audit(self.secrets.signer)
        self.case_file = CaseFile(self.engine, keyring, audit, self.policy.version)
        self.register.digest = keyring.digest
        self.holds = self.holds_class(self.case_file, self.policy, SYSTEMS, lambda: self.clock[0])
        self.guard = self.guard_class(self.case_file, self.policy.holds.erase_within)

    def hashes(self, email: str = AINO) -> tuple[bytes, ...]:
        """A person as the case file knows one."""
        return (self.case_file.keyring.digest("identifier", "email", email),)

    async def case(self, email: str = AINO) -> UUID:
        """A deletion that is being carried out."""
        case, clock = uuid4(), deadlines.clock(AT, self.policy, set_at=AT)
        async with self.engine.begin() as conn:
            await conn.execute(
                insert(t.cases).values(
                    **CASE_ROW, id=case, number=f"2027-{case.int % 10**8:08}",
                    clock=clock.model_dump(mode="json"),
                    person_hash=case.bytes, content_hash=case.bytes,
                )
            )  # fmt: skip
            for value in self.hashes(email):
                await conn.execute(
                    insert(t.identifiers).values(case_id=case, type="email", hash=value)
                )
        return case

    def wanted(self, case: UUID, system: str = "billing", email: str = AINO) -> Wanted:
        """One try of one step."""
        return Wanted(
            case=case, system=system, categories=CATEGORIES, hashes=self.hashes(email),
            key=f"{case}/{system}", at=self.clock[0],
        )  # fmt: skip

    async def plans(self, case: UUID, systems: Systems) -> None:
        """The case file of that deletion: whom it is about, and what two people approved."""
        form = RequestForm.model_validate(a_form("delete", received_at=AT.isoformat()))
        person = person_of(form.subject, self.policy)
        plan = await systems.connector("billing").plan_erasure(person, AT, Held())
        async with self.engine.begin() as conn:
            await self.case_file.keyring.create(conn, case)
        async with self.case_file.step(case, "planned", AT, "engine") as step:
            await step.seal("form", form.model_dump_json().encode())
            await step.seal("plan:billing", plan.model_dump_json().encode())

    async def erases(self, case: UUID, system: str = "billing", email: str = AINO) -> Erasing:
        """The whole activity, as the guard wants it."""
        await self.learns(case, system, email)
        async with self.guard.erasing(self.wanted(case, system, email)) as erasing:
            if not erasing.held.everything:
                await self.register.erase(erasing, email)
        return erasing

    async def learns(self, case: UUID, system: str, email: str) -> None:
        """By what the register names the person."""
        found = await self.register.named_by(self.register.looking, email)
        async with self.engine.begin() as conn:
            await remember(conn, case, system, found)

    async def fails_after_its_proof(self, case: UUID) -> None:
        """Whether its transaction was committed, nobody can tell."""
        with suppress(ConnectionError):
            async with self.guard.erasing(self.wanted(case)) as erasing:
                await erasing.prove()
                raise ConnectionError

    async def places(self, by: Actor = RITVA, **more: Any) -> HoldView:
        """The DPO places a hold on Aino's data."""
        secret, id = more.pop("secret", False), more.pop("id", None)
        return await self.holds.place(an_order(**more), by, secret=secret, id=id)

    async def events(self, hold: UUID) -> list[str]:
        """The record of a hold."""
        async with self.engine.connect() as conn:
            return [entry.event for entry in await entries(conn, hold)]

    async def answers(self, hold: UUID, system: str = "billing") -> list[str]:
        """What the record of a hold says that was achieved in a system, in order."""
        query = select(t.audit.c.facts).where(
            t.audit.c.case_id == hold, t.audit.c.event == "hold_answered"
        )
        async with self.engine.connect() as conn:
            facts = list(await conn.scalars(query.order_by(t.audit.c.seq)))
        return [f["fate"] for f in facts if f["system"] == system]

    async def remains(self, doubt: Doubt) -> bool:
        """Reads the register again."""
        return await self.register.has() > 0

    async def bounds_pass(self) -> None:
        """Every transaction that had begun must be over by now."""
        async with self.engine.begin() as conn:
            past = text("clock_timestamp() - interval '1 second'")
            await conn.execute(update(t.erasures).values(bound_at=past))

    async def outcomes(self) -> list[str | None]:
        """How every try ended."""
        async with self.engine.connect() as conn:
            return list(await conn.scalars(select(t.erasures.c.outcome)))

    def today(self, days: int = 0) -> str:
        """A local date, so many days on."""
        return str(local_date(self.clock[0], self.policy.calendar) + timedelta(days=days))


def fate_of(view: HoldView, system: str = "billing") -> Fate:
    """What a hold achieved in a system."""
    return next(f.fate for f in view.fates if f.system == system)
