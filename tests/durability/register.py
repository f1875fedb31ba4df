"""A real register that counts what is written to it: the shipped marketing register."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg

from connectors.manifest import load_file
from connectors.registry import Systems
from starter.registers.schema import REGISTERS

MANIFEST = Path(__file__).parents[2] / "config" / "mipro" / "systems" / "marketing.yaml"

ONE_SUBSCRIBER = """
insert into marketing.subscribers (id, name, email, language)
values (1, 'Aino Virtanen', 'aino.virtanen@example.fi', 'fi')
"""

COUNTER = """
create table public.writes (what text not null);
create function public.count_write() returns trigger language plpgsql as $$
begin
    insert into public.writes values (tg_table_name || ' ' || lower(tg_op));
    return null;
end $$;
create trigger count_write after insert or update or delete on marketing.subscribers
    for each row execute function public.count_write();
create trigger count_write after insert or update or delete on marketing.prohibitions
    for each row execute function public.count_write();
"""


class Registers(NamedTuple):
    """What a story is played on, in a database of its own: made, reached, counted."""

    make: Callable[[str], Awaitable[None]]
    systems: Callable[[str], Systems]
    writes: Callable[[str], Awaitable[list[str]]]


async def make_register(url: str) -> None:
    """The register with one subscriber; from now on every written row is counted."""
    async with connected(url) as connection:
        for sql in (REGISTERS["marketing"], ONE_SUBSCRIBER, COUNTER):
            await connection.execute(sql)


async def writes(url: str) -> list[str]:
    """The rows written since: "subscribers update", ..."""
    async with connected(url) as connection:
        return [row["what"] for row in await connection.fetch("select what from public.writes")]


def the_register(url: str) -> Systems:
    """The register as a worker reaches it."""
    return Systems(load_file(MANIFEST), {"DSR_MARKETING_URL": url})


@asynccontextmanager
async def connected(url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection to a register's database, as its own people have one."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


MARKETING = Registers(make_register, the_register, writes)
