"""`dsr systems find`, `erase` and `rehearse`: one register, without an engine."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from tests.cli.command import assert_one_sentence, dsr
from tests.connectors.small import column, facts
from tests.postgres import Server

TABLES = """
create schema shop;
create table shop.customers (id numeric(12, 2) primary key, name text, email text);
create table shop.orders (
    id uuid primary key, customer numeric(12, 2) references shop.customers, note text, dated date
);
create table shop.visits (customer numeric(12, 2) references shop.customers, seen timestamptz);
create view shop.mailing as select * from shop.customers;
insert into shop.customers values
    (1.50, 'Aino Virtanen', 'Aino@Posti.example'), (2, 'Matti Meri', 'matti@posti.example'),
    (3, 'Toivo Laine', 'aino@posti.example');
insert into shop.orders values
    ('00000000-0000-4000-8000-000000000001', 1.50, 'for Aino', '2024-02-01'),
    ('00000000-0000-4000-8000-000000000002', 2, 'for Matti', '2024-02-01');
insert into shop.visits values (1.50, '2026-03-05T10:00:00+02:00');
"""
COLLECTIONS = {
    "customers": {"id": "key", "name": "name", "email": "email"},
    "orders": {"id": "key", "customer": "<- customers.id", "note": "", "dated": ""},
    "visits": {"customer": "<- customers.id", "seen": ""},
}
WHO = {"name": "Aino Virtanen", "identifiers": [{"type": "email", "value": "AINO@posti.example"}]}


@pytest.fixture
async def copy(postgres: Server) -> Any:
    """The URL of a small shop that nothing is configured to use."""
    name = await postgres.create("template1")
    await postgres.execute(TABLES, name)
    yield postgres.url(name)
    await postgres.drop(name)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The shop's manifest: everything of a person is deleted."""
    return _manifest(tmp_path / "shop.yaml")


def _manifest(path: Path, **ours: Any) -> Path:
    dataset = {
        "fides_key": "shop",
        "dsr": facts(schema="shop", **ours),
        "collections": [
            {
                "name": table,
                "fields": [_column(n, words) for n, words in columns.items()],
                "dsr": {"erase": "delete"},
            }
            for table, columns in COLLECTIONS.items()
        ],
    }
    path.write_text(yaml.safe_dump({"dataset": [dataset]}))
    return path


def _column(name: str, words: str) -> dict[str, Any]:
    declared = column(name, words)
    for reference in declared["fides_meta"].get("references", []):
        reference["dataset"] = "shop"
    return declared


@pytest.fixture
def who(tmp_path: Path) -> Path:
    """Who is looked for."""
    path = tmp_path / "who.json"
    path.write_text(json.dumps(WHO))
    return path


async def _dsr(*arguments: object, **more: Any) -> Any:
    return await asyncio.to_thread(lambda: dsr(*map(str, arguments), **more))


async def test_find_names_tables_keys_and_the_way_to_each_row(
    copy: str, manifest: Path, who: Path
) -> None:
    ran = await _dsr(
        "systems", "find", "--manifest", manifest, "--url", copy, "--identity-file", who, "--json"
    )
    assert ran.code == 0
    found = ran.document
    assert found["system"] == "shop"
    assert [(t["schema"], t["table"], [r["key"] for r in t["rows"]]) for t in found["tables"]] == [
        ("shop", "customers", [{"id": 1.50}]),
        ("shop", "orders", [{"id": "00000000-0000-4000-8000-000000000001"}]),
        ("shop", "visits", [{"customer": 1.50, "seen": "2026-03-05T08:00:00+00:00"}]),
    ]
    assert found["tables"][1]["rows"][0]["path"] == ["shop.customers.id -> shop.orders.customer"]
    assert found["doubtful"][0]["rows"][0]["key"] == {"id": 3}


async def test_without_a_name_nothing_contradicts_the_identifier(copy: str, manifest: Path) -> None:
    ran = await _dsr(
        "systems", "find", "--manifest", manifest, "--url", copy,
        "--identity", "email=aino@posti.example", "--json",
    )  # fmt: skip
    (customers, *_) = ran.document["tables"]
    assert [row["key"]["id"] for row in customers["rows"]] == [1.50, 3]
    assert "visible to others" in ran.err


async def test_nobody_found_is_no_failure(copy: str, manifest: Path) -> None:
    ran = await _dsr(
        "systems", "find", "shop", "--manifest", manifest, "--url", copy,
        "--identity", "email=nobody@posti.example", "--json",
    )  # fmt: skip
    assert (ran.code, ran.document["tables"]) == (0, [])


async def test_a_dry_run_plans_and_changes_nothing(copy: str, manifest: Path, who: Path) -> None:
    where = ("--manifest", manifest, "--url", copy, "--identity-file", who)
    ran = await _dsr("systems", "erase", *where, "--dry-run", "--json")
    assert ran.code == 0
    plan = ran.document
    assert [(one["table"], one["action"], len(one["rows"])) for one in plan["plan"]] == [
        ("customers", "delete", 1), ("orders", "delete", 1), ("visits", "delete", 1),
    ]  # fmt: skip
    assert (plan["blocked"], plan["doubtful"]) == ([], 1)
    assert await _count(copy) == 3
    text = await _dsr("systems", "erase", *where, "--dry-run")
    assert "delete shop.orders: 1 row(s)" in text.out


async def test_a_rehearsal_erases_in_the_copy_and_reads_it_again(
    copy: str, manifest: Path, who: Path
) -> None:
    where = ("--manifest", manifest, "--url", copy, "--identity-file", who)
    assert_one_sentence(await _dsr("systems", "rehearse", *where), 2, "--yes-this-is-a-copy")
    ran = await _dsr("systems", "rehearse", *where, "--yes-this-is-a-copy", "--json")
    done = ran.document
    assert (ran.code, done["deleted"], done["changed"], done["verified"]) == (0, 3, 0, True)
    assert await _count(copy) == 2


async def test_what_the_plan_missed_is_found_by_the_scan(
    copy: str, tmp_path: Path, who: Path
) -> None:
    """The manifest forgets the notes: an address in them is found by reading every text column."""
    conn = await asyncpg.connect(copy)
    await conn.execute("update shop.orders set note = 'aino@posti.example' where customer = 2")
    await conn.close()
    where = ("--manifest", _manifest(tmp_path / "m.yaml"), "--url", copy, "--identity-file", who)
    ran = await _dsr("systems", "rehearse", *where, "--yes-this-is-a-copy", "--json")
    assert ran.code == 1
    assert [(r["table"], r["column"], r["records"]) for r in ran.document["remains"]] == [
        ("orders", "note", 1)
    ]


async def test_a_configured_database_is_never_rehearsed_on(
    copy: str, manifest: Path, who: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is named otherwise: the server tells which database it is."""
    monkeypatch.setenv("DSR_CUSTOMERS_URL", copy.replace("postgresql:", "postgresql+asyncpg:"))
    ran = await _dsr(
        "systems", "rehearse", "--manifest", manifest, "--url", copy + "&application_name=x",
        "--identity-file", who, "--yes-this-is-a-copy",
    )  # fmt: skip
    assert_one_sentence(ran, 3, "DSR_CUSTOMERS_URL", "copy")
    assert await _count(copy) == 3


async def test_erasing_for_real_is_refused(copy: str, manifest: Path, who: Path) -> None:
    ran = await _dsr(
        "systems", "erase", "--manifest", manifest, "--url", copy, "--identity-file", who
    )
    assert_one_sentence(ran, 2, "--dry-run")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("customers",), 2, ("Say who",)),
        (("customers", "--identity", "email"), 2, ("TYPE=VALUE",)),
        (("customers", "--identity", "shoe_size=44"), 2, ("shoe_size", "Known")),
        (("nobody", "--identity", "email=a@b.example"), 2, ("No system nobody", "customers")),
        (("paper_archive", "--identity", "email=a@b.example"), 2, ("manual",)),
        (("--identity", "email=a@b.example"), 2, ("Name a system",)),
        (("customers", "--identity", "email=a@b.example"), 4, ("DSR_CUSTOMERS_URL",)),
        (("customers", "--url", "postgresql:///x"), 2, ("--manifest", "--url")),
    ],
)
def test_a_wrong_question_gets_one_sentence(
    arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    ran = dsr("systems", "find", *arguments)
    assert (ran.code, ran.out) == (code, "")
    sentence = ran.err.strip().splitlines()[-1]
    assert all(word in sentence for word in words), sentence


async def test_a_scaffold_loads_once_people_have_said_what_only_they_know(
    copy: str, tmp_path: Path, who: Path
) -> None:
    ran = await _dsr("systems", "scaffold", "--url", copy, "--name", "shop")
    assert ran.code == 0
    path = tmp_path / "scaffold.yaml"
    path.write_text(ran.out)
    where = ("--manifest", path, "--url", copy, "--identity-file", who)
    refused = await _dsr("systems", "find", *where)
    assert refused.code == 2
    assert "scaffold.yaml:" in refused.err

    document = yaml.safe_load(ran.out)
    (dataset,) = document["dataset"]
    text = {"fi": "teksti", "sv": "text", "en": "text"}
    dataset["dsr"] |= {"title": text, "sources": text, "retention": text, "purposes": ["sales"]}
    dataset["dsr"]["recipient"]["name"] = "Shop Oy"
    for collection in dataset["collections"]:
        collection["dsr"] = {"erase": "delete"}
    path.write_text(yaml.safe_dump(document))
    found = (await _dsr("systems", "find", *where, "--json")).document
    assert [(t["table"], len(t["rows"])) for t in found["tables"]] == [
        ("customers", 1), ("orders", 1), ("visits", 1),
    ]  # fmt: skip
    assert found["defaults_used"] == []


async def _count(url: str) -> int:
    conn = await asyncpg.connect(url)
    try:
        count: int = await conn.fetchval("select count(*) from shop.customers")
        return count
    finally:
        await conn.close()


async def test_the_index_of_a_search_is_printed(copy: str, manifest: Path):
    ran = await _dsr("systems", "indexes", "--manifest", manifest, "--url", copy)

    assert ran.code == 0
    (statement,) = ran.out.splitlines()
    assert statement.startswith('create index on "shop"."customers" ((')
    assert '"email"' in statement
