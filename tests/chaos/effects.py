"""What was done in the registers, counted by the registers themselves: every change of a row."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from starter.registers.people import Registered

COUNTED: Final = (
    "customers.customers", "marketing.subscribers", "marketing.consents", "marketing.prohibitions",
)  # fmt: skip

COUNTING: Final = """
create schema chaos;
create table chaos.effects (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    place text not null, op text not null, before jsonb, after jsonb
);
create function chaos.count() returns trigger language plpgsql as $$
begin
    if tg_op <> 'UPDATE' or to_jsonb(old) <> to_jsonb(new) then
        insert into chaos.effects (place, op, before, after) values (
            tg_table_schema || '.' || tg_table_name, tg_op,
            case when tg_op = 'INSERT' then null else to_jsonb(old) end,
            case when tg_op = 'DELETE' then null else to_jsonb(new) end
        );
    end if;
    return null;
end $$;
"""
TRIGGER: Final = """
create trigger counted after insert or update or delete on {place}
for each row execute function chaos.count()
"""


@dataclass(frozen=True)
class Effect:
    """One change of one row."""

    place: str  # schema.table
    op: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def changed(self) -> set[str]:
        """The columns of an update that have another value."""
        before, after = self.before or {}, self.after or {}
        return {name for name in after if before and after[name] != before.get(name)}

    @property
    def row(self) -> dict[str, Any]:
        """The row as it was, or as it came."""
        return self.before or self.after or {}


async def fill(url: str, everybody: Sequence[Registered]) -> None:
    """Four of five people are customers, with an order each, and three of five are subscribers."""
    customers = [p for n, p in enumerate(everybody) if n % 5]
    subscribers = [(n, p) for n, p in enumerate(everybody) if n % 5 < 3]
    conn = await asyncpg.connect(url)
    try:
        await conn.executemany(
            "insert into customers.customers (customer_number, first_name, last_name, phone, "
            "language) values ($1, $2, $3, $4, $5)",
            [(p.customer_number, p.first_name, p.last_name, p.phone, p.language)
             for p in customers],
        )  # fmt: skip
        await conn.executemany(
            "insert into customers.orders (id, customer_number, ordered_on, status) "
            "values ($1, $2, '2026-01-01', 'delivered')",
            [(n, p.customer_number) for n, p in enumerate(customers, start=1)],
        )
        await conn.executemany(
            "insert into marketing.subscribers (id, name, phone, language) values ($1, $2, $3, $4)",
            [(n, p.name, p.phone, p.language) for n, p in subscribers],
        )
    finally:
        await conn.close()


async def count_effects(url: str) -> None:
    """From now on."""
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(COUNTING)
        for place in COUNTED:
            await conn.execute(TRIGGER.format(place=place))
    finally:
        await conn.close()


async def effects(url: str) -> tuple[Effect, ...]:
    """What was counted, in order."""
    rows = await _read(url, "select place, op, before, after from chaos.effects order by id")
    return tuple(
        Effect(row["place"], row["op"], _json(row["before"]), _json(row["after"])) for row in rows
    )


async def standing(url: str, place: str) -> tuple[dict[str, Any], ...]:
    """The rows of a table now."""
    rows = await _read(url, f"select to_jsonb(r) as row from {place} r")
    return tuple(json.loads(row["row"]) for row in rows)


async def _read(url: str, query: str) -> list[Any]:
    conn = await asyncpg.connect(url)
    try:
        return list(await conn.fetch(query))
    finally:
        await conn.close()


def _json(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if text is None else json.loads(text)
    return found
