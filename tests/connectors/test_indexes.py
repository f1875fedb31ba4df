"""The indexes that `dsr systems indexes` prints are those that a search uses."""

import asyncio
from typing import Any

import asyncpg
import pytest

from connectors.contract import Person
from connectors.sql.catalog import read_catalog
from connectors.sql.indexes import index_statements
from connectors.sql.search import Layout, Search
from tests.connectors.conftest import NewDatabase
from tests.connectors.small import person, small

TABLES = """
create table customers (id int primary key, name text, email text, phone text);
create table lists (id int primary key, emails text[]);
insert into customers select i, 'Person ' || i, 'P' || i || ' @example.fi', '+358 40 ' || i
from generate_series(1000000, 1020000) i;
"""
MANIFEST = small({
    "customers": {"id": "key", "name": "name", "email": "email", "phone": "phone"},
    "lists": {"id": "key", "emails": "email"},
})  # fmt: skip


@pytest.mark.parametrize("who", [
    person("Person 1000007", email="p1000007@example.fi"),
    person("Person 1000008", phone="+358401000008"),
    person("Person 1000009", email="p1000009@example.fi", phone="+358401000009"),
])  # fmt: skip
async def test_a_search_uses_the_index_of_what_it_compares(
    register_new: NewDatabase, who: Person
) -> None:
    conn = await asyncpg.connect(await register_new(TABLES))
    layout = Layout(MANIFEST, await read_catalog(conn))
    statements = tuple(index_statements(layout))
    for statement in statements:
        await conn.execute(statement)
    await conn.execute("analyze customers")
    asked: list[Any] = []
    conn.add_query_logger(asked.append)

    found = await Search(conn, layout, who).rows()
    await asyncio.sleep(0)  # asyncpg calls its loggers in the loop's next turn

    (search,) = [query for query in asked if '"customers"' in query.query]
    conn.remove_query_logger(asked.append)
    plan = await conn.fetch(f"explain {search.query}", *search.args)
    await conn.close()
    assert len(statements) == 2  # an array has none
    assert [row.values["name"] for row in found.person.values()] == [who.name]
    assert not any("Seq Scan" in line for (line,) in plan), plan
