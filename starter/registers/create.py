"""Makes the registers in databases, empty or filled, the same for the same seed."""

from collections.abc import Iterator, Mapping
from itertools import islice
from random import Random
from typing import Final

import asyncpg

from schemas.errors import BadInput
from starter.registers.demo_people import DemoPerson
from starter.registers.fill import FILL, Counts, Rows, fixed
from starter.registers.people import Registered, people
from starter.registers.schema import REGISTERS
from starter.registers.seeded import DEMO_SEED, demo_people

_ORDER: Final = (
    "organisations", "companies", "products", "employers", "courses", "events", "Contract",
)  # fmt: skip
"""Tables that others refer to; the rest follow in the order in which rows were made."""

_SHARES: Final[Mapping[str, tuple[float, Mapping[str, int]]]] = {
    "stakeholders": (0.05, {"contacts": 1, "contact_notes": 3}),
    "customers": (
        0.6,
        {"orders": 4, "order_lines": 8, "correspondence": 4, "support_requests": 2},
    ),
    "support_contracts": (0.1, {"ContactPerson": 1, "Visit": 4}),
    "leads": (0.2, {"leads": 1, "calls": 2}),
    "training": (0.15, {"registrations": 2, "certificates": 1}),
    "events": (0.25, {"registrations": 2, "attendance": 1}),
    "marketing": (0.5, {"subscribers": 1, "campaign_sends": 4, "consents": 1}),
    "surveys": (0.2, {"respondents": 1, "answers": 5}),
    "group_invoicing": (0.3, {"debtors": 1, "invoices": 4, "agreements": 1}),
}
"""Which share of people a register knows, and how many rows of each table at most."""


async def create_registers(
    urls: Mapping[str, str], people: int = 5000, seed: int = DEMO_SEED
) -> None:
    """Make the registers, by system, in the databases of `urls`; several may share one database.

    `people`: how many there are, the demonstration's own included; 0 leaves every table empty. A
    register that is there already is left as it is. Raises `BadInput` for an unknown system.
    """
    unknown = ", ".join(sorted(set(urls) - set(REGISTERS)))
    if unknown:
        raise BadInput(f"No register is made for {unknown}; known: {', '.join(REGISTERS)}.")
    everybody = list(_everybody(people, seed))
    for register, url in urls.items():
        connection = await asyncpg.connect(url)
        try:
            if not await _exists(connection, register):
                async with connection.transaction():
                    await connection.execute(REGISTERS[register])
                    await _copy(connection, register, _filled(register, everybody, seed))
        finally:
            await connection.close()


def _everybody(count: int, seed: int) -> Iterator[Registered]:
    known = list(demo_people(seed).values()) if count else []
    yield from known
    yield from islice(people(max(0, count - len(known)), seed), max(0, count - len(known)))


async def _exists(connection: "asyncpg.Connection[asyncpg.Record]", register: str) -> bool:
    return bool(await connection.fetchval("select to_regnamespace($1) is not null", register))


def _filled(register: str, everybody: list[Registered], seed: int) -> Rows:
    """One register's rows, whichever other registers are made."""
    rows = Rows(Random(f"{register} {seed}"))  # noqa: S311 synthetic data, no secret
    if everybody:
        fixed(rows, register)
    for person in everybody:
        FILL[register](rows, person, _has(register, person, rows.draw))
    return rows


def _has(register: str, person: Registered, draw: Random) -> Counts:
    if isinstance(person, DemoPerson):
        return person.holds.get(register, {})
    share, most = _SHARES[register]
    if draw.random() >= share:
        return {}
    return {table: draw.randint(1 if n == 1 else 0, n) for table, n in most.items()}


async def _copy(
    connection: "asyncpg.Connection[asyncpg.Record]", register: str, rows: Rows
) -> None:
    tables = [*(t for t in _ORDER if t in rows.tables), *rows.tables]
    for table in dict.fromkeys(tables):
        held = rows.tables[table]
        if held:
            await connection.copy_records_to_table(
                table,
                schema_name=register,
                columns=list(held[0]),
                records=[tuple(row.values()) for row in held],
            )
