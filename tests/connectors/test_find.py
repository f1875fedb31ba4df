"""What a search finds in real schemas: matching, references, other people, odd tables."""

import asyncpg
import pytest

from connectors.contract import Found
from tests.connectors.conftest import NewDatabase
from tests.connectors.small import connector, find, keys, person, small

AINO = person("Aino Virtanen", email="aino@posti.example")
CUSTOMERS = {"id": "", "name": "name", "email": "email"}


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ("Aino@Posti.Example", "aino@posti.example"),
        (" aino @posti.example\u00a0", "aino@posti.example"),
        ("aino@posti.example", " AINO@POSTI.EXAMPLE "),
        ("päivi@työ.example", "päivi@xn--ty-gka.example"),
        ("PÄIVI@XN--TY-GKA.EXAMPLE", "päivi@työ.example"),
        ("ÅSA@posti.example", "åsa@posti.example"),
        ("a\u030asa@posti.example", "åsa@posti.example"),
        ("gross@straße.example", "gross@strasse.example"),
    ],
)
@pytest.mark.parametrize("options", ["", "encoding 'UTF8' locale 'C'"])
async def test_an_address_matches_whatever_its_case_spaces_and_domain_form(
    register_new: NewDatabase, stored: str, given: str, options: str
) -> None:
    url = await register_new(
        f"create table t (id int primary key, email text); insert into t values (1, '{stored}'), "
        "(2, 'somebody@else.example'), (3, null), (4, '')",
        options=options,
    )

    found = await find(small({"t": {"id": "", "email": "email"}}), url, person("A", email=given))

    assert keys(found.rows) == [("t", 1)]


@pytest.mark.parametrize(
    "stored",
    ["+358 40 555-0001", "00358405550001", "040 555 0001", "(+358) 0405550001", "358405550001",
     "+358 (0)40 555 0001"],
)  # fmt: skip
@pytest.mark.parametrize("given", ["+358405550001", "0405550001"])
async def test_a_phone_number_matches_by_its_digits_with_or_without_the_calling_code(
    register_new: NewDatabase, stored: str, given: str
) -> None:
    url = await register_new(
        f"create table t (id int primary key, phone text); insert into t values (1, '{stored}'), "
        "(2, '+46 40 555 0001'), (3, '')"
    )
    manifest = small({"t": {"id": "", "phone": "phone"}}, calling_code="358")

    assert keys((await find(manifest, url, person("A", phone=given))).rows) == [("t", 1)]


async def test_other_identifiers_match_whatever_their_case_and_spaces(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        "create table t (id int primary key, no text); insert into t values (1, 'k 100-1')"
    )
    manifest = small({"t": {"id": "", "no": "customer_number"}})

    assert keys((await find(manifest, url, person("A", customer_number="K100-1"))).rows) == [
        ("t", 1)
    ]


@pytest.mark.parametrize(
    ("column_type", "stored"),
    [("varchar(80)", "'aino@posti.example'"), ("char(80)", "'aino@posti.example'"),
     ("text[]", "array['x@y.example', 'Aino@posti.example']"),
     ("mail", "'aino@posti.example'")],
)  # fmt: skip
async def test_an_identifier_is_found_in_every_text_like_column(
    register_new: NewDatabase, column_type: str, stored: str
) -> None:
    url = await register_new(
        "create domain mail as text not null; "
        f"create table t (id int primary key, email {column_type}); "
        f"insert into t values (1, {stored})"
    )

    assert keys((await find(small({"t": {"id": "", "email": "email"}}), url, AINO)).rows) == [
        ("t", 1)
    ]


async def test_a_number_identifies_in_a_numeric_column(register_new: NewDatabase) -> None:
    url = await register_new(
        "create table t (no bigint primary key); insert into t values (1001), (1002)"
    )

    found = await find(
        small({"t": {"no": "customer_number"}}), url, person("A", customer_number="1001")
    )

    assert keys(found.rows) == [("t", 1001)]


async def test_nobody_is_found_by_name_alone_or_by_an_empty_identifier(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        "create table t (id int primary key, name text, email text, phone text); "
        "insert into t values (1, 'Aino Virtanen', '', ''), (2, 'Aino Virtanen', ' ', '-')"
    )
    manifest = small({"t": {**CUSTOMERS, "phone": "phone"}})

    assert await find(manifest, url, person("Aino Virtanen")) == Found()
    assert await find(manifest, url, person("Aino Virtanen", email=" ", phone="-")) == Found()


async def test_a_search_follows_references_down_to_every_row_of_the_person(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        create table o (id int primary key, c_id int references c);
        create table l (o_id int references o, n int, primary key (o_id, n));
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example'), (2, 'B', 'b@b.example');
        insert into o values (10, 1), (11, 1), (12, 2), (13, null);
        insert into l values (10, 1), (11, 1), (11, 2), (12, 1)"""
    )

    found = await find(small({"c": CUSTOMERS}), url, AINO)

    assert keys(found.rows) == [("c", 1), ("l", 10, 1), ("l", 11, 1), ("l", 11, 2), ("o", 10),
                                ("o", 11)]  # fmt: skip
    assert found.rows[0].path == ()
    assert found.rows[1].path == ("public.c.id -> public.o.c_id", "public.o.id -> public.l.o_id")
    assert [row.item for row in found.rows] == ["1", "2", "3", "4", "5", "6"]
    assert found.defaults_used == (
        "public.l is not in the manifest: followed by its foreign key",
        "public.o is not in the manifest: followed by its foreign key",
    )


PARENTS = """create table company (id int primary key, title text);
    create table c (id int primary key, name text, email text,
                    company_id int references company);
    insert into company values (7, 'Yritys Oy');
    insert into c values (1, 'Aino Virtanen', 'aino@posti.example', 7), (2, 'B', 'b@b.example', 7),
                         (3, 'No Address', null, 7)"""


async def test_a_shared_parent_is_not_the_persons_data(register_new: NewDatabase) -> None:
    url = await register_new(PARENTS)

    assert keys((await find(small({"c": CUSTOMERS}), url, AINO)).rows) == [("c", 1)]


async def test_a_parent_is_followed_where_the_manifest_says_to_but_not_its_other_children(
    register_new: NewDatabase,
) -> None:
    url = await register_new(PARENTS)
    manifest = small(
        {"company": {"id": "", "title": ""}, "c": {**CUSTOMERS, "company_id": "-> company.id"}}
    )

    found = await find(manifest, url, AINO)

    assert keys(found.rows) == [("c", 1), ("company", 7)]
    assert found.third_party == ()


async def test_a_reference_without_direction_is_followed_to_the_children_and_told(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        create table o (id int primary key, c_id int);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example'); insert into o values
        (10, 1), (11, 2)"""
    )
    found = await find(small({"c": CUSTOMERS, "o": {"id": "", "c_id": "~ c.id"}}), url, AINO)

    assert keys(found.rows) == [("c", 1), ("o", 10)]
    assert found.defaults_used == (
        "public.c.id -> public.o.c_id has no direction: followed this way only",
    )


async def test_the_persons_own_parent_row_leads_on_to_its_children(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table p (id int primary key, name text);
        create table mail (id int primary key, p_id int references p, email text);
        create table notes (id int primary key, p_id int references p);
        insert into p values (1, 'Virtanen, Aino'), (2, 'Other Person');
        insert into mail values (5, 1, 'aino@posti.example'), (6, 2, 'b@b.example');
        insert into notes values (20, 1), (21, 2)"""
    )
    manifest = small(
        {"p": {"id": "", "name": "name"}, "mail": {"id": "", "p_id": "-> p.id", "email": "email"}}
    )

    assert keys((await find(manifest, url, AINO)).rows) == [("mail", 5), ("notes", 20), ("p", 1)]


async def test_cycles_and_self_references_come_to_an_end(register_new: NewDatabase) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text, last_o int);
        create table o (id int primary key, c_id int references c, next int references o);
        alter table c add foreign key (last_o) references o;
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example', null);
        insert into o values (10, 1, null); insert into o values (11, null, 10), (12, null, 11);
        update o set next = 12 where id = 10; update c set last_o = 12"""
    )

    found = await find(small({"c": CUSTOMERS}), url, AINO)

    assert keys(found.rows) == [("c", 1), ("o", 10), ("o", 11), ("o", 12)]


async def test_composite_keys_are_followed_as_a_whole_declared_or_enforced(
    register_new: NewDatabase,
) -> None:
    tables = """create table c (tenant int, no text, name text, email text,
                                primary key (tenant, no));
        create table o (id int primary key, tenant int, no text {});
        insert into c values (1, 'x', 'Aino Virtanen', 'aino@posti.example'), (1, 'y', 'B', 'b@b');
        insert into o values (10, 1, 'x'), (11, 1, 'y'), (12, 1, null)"""
    declared = small(
        {
            "c": {"tenant": "", "no": "", "name": "name", "email": "email"},
            "o": {"id": "", "tenant": "<- c.tenant", "no": "<- c.no"},
        }
    )
    enforced = ", foreign key (tenant, no) references c"

    for url in (await register_new(tables.format("")), await register_new(tables.format(enforced))):
        found = await find(declared, url, AINO)
        assert keys(found.rows) == [("c", 1, "x"), ("o", 10)]
        assert found.rows[1].path == ("public.c.no,tenant -> public.o.no,tenant",)


async def test_a_reached_row_that_names_somebody_else_is_a_third_partys(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text, spouse int references c);
        create table o (id int primary key, c_id int references c);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example', null);
        insert into c values (2, 'Eero', 'eero@posti.example', 1), (3, 'Aino Virtanen', null, 1),
                             (4, 'Onni', null, 1);
        insert into o values (10, 2), (11, 3)"""
    )

    found = await find(small({"c": CUSTOMERS}), url, AINO)

    assert keys(found.rows) == [("c", 1), ("c", 3), ("o", 11)]
    assert [(other.table, other.key) for other in found.third_party] == [("c", {"id": 2})]
    assert "email is another person's" in found.third_party[0].reason
    assert keys(found.doubtful) == [("c", 4)]  # no identifier, another name


async def test_a_parent_under_another_name_is_a_third_partys(register_new: NewDatabase) -> None:
    url = await register_new(
        """create table rep (id int primary key, name text);
        create table c (id int primary key, name text, email text, rep_id int references rep);
        insert into rep values (3, 'Myyjä Mainio');
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example', 3)"""
    )
    manifest = small({"rep": {"id": "", "name": "name"}, "c": {**CUSTOMERS, "rep_id": "-> rep.id"}})

    found = await find(manifest, url, AINO)

    assert keys(found.rows) == [("c", 1)]
    assert [other.key for other in found.third_party] == [{"id": 3}]


FAMILY = """create table c (id int primary key, no text, name text, email text);
    create table o (id int primary key, c_id int references c);
    insert into c values (1, 'K1', 'Virtanen, Aino Maria', 'perhe@posti.example'),
                         (2, 'K2', 'Eero Virtanen', 'perhe@posti.example');
    insert into o values (10, 1), (20, 2)"""
FAMILY_TABLES = {"c": {"id": "", "no": "customer_number", "name": "name", "email": "email"}}


async def test_a_match_under_another_name_is_doubtful_with_all_that_hangs_on_it(
    register_new: NewDatabase,
) -> None:
    url = await register_new(FAMILY)

    found = await find(
        small(FAMILY_TABLES), url, person("Aino Virtanen", email="perhe@posti.example")
    )

    assert keys(found.rows) == [("c", 1), ("o", 10)]
    assert keys(found.doubtful) == [("c", 2), ("o", 20)]
    assert [row.item for row in (*found.rows, *found.doubtful)] == ["1", "2", "3", "4"]


async def test_a_personal_identifier_is_enough_under_another_name(
    register_new: NewDatabase,
) -> None:
    url = await register_new(FAMILY)

    found = await find(small(FAMILY_TABLES), url, person("Eero Uusinimi", customer_number="k2"))

    assert keys(found.rows) == [("c", 2), ("o", 20)]
    assert found.doubtful == ()


async def test_a_match_by_a_shared_address_alone_is_doubtful(register_new: NewDatabase) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text, office text);
        create table calls (id int primary key, c_id int references c, office text);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example', '015 5550100'),
                             (2, 'Aino Virtanen', null, '015 5550100');
        insert into calls values (5, 1, '015 555 0100'), (6, 2, '015 555 0100')"""
    )
    manifest = small(
        {"c": {**CUSTOMERS, "office": "phone shared"}, "calls": {"id": "", "c_id": "",
                                                                  "office": "phone shared"}}
    )  # fmt: skip
    asks = person("Aino Virtanen", email="aino@posti.example", phone="0155550100")

    found = await find(manifest, url, asks)

    assert keys(found.rows) == [("c", 1), ("calls", 5)]  # the call hangs on her own row
    assert keys(found.doubtful) == [("c", 2), ("calls", 6)]


async def test_names_in_quotes_and_other_schemas_are_found(register_new: NewDatabase) -> None:
    url = await register_new(
        """create schema "Myynti 2"; create table "Myynti 2"."Asiakas Ä" (
            "Nro" int primary key, "Sähköposti" text, "select" text, "t" text);
        create table "Myynti 2"."order" ("Nro" int references "Myynti 2"."Asiakas Ä", "t" text);
        insert into "Myynti 2"."Asiakas Ä" values (1, 'aino@posti.example', 's', 'tt');
        insert into "Myynti 2"."order" values (1, 'x')"""
    )
    manifest = small({"Asiakas Ä": {"Nro": "", "Sähköposti": "email", "t": ""}}, schema="Myynti 2")

    found = await find(manifest, url, AINO)

    assert keys(found.rows) == [("Asiakas Ä", 1), ("order", 1, "x")]
    assert {row.schema_name for row in found.rows} == {"Myynti 2"}
    assert found.rows[0].values["t"] == "tt"
    assert found.rows[0].categories["Sähköposti"] == ("user.content",)


async def test_without_a_primary_key_the_whole_row_is_the_key_and_equal_rows_stay_two(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        create table log (c_id int references c, at date);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example');
        insert into log values (1, '2025-02-01'), (1, '2025-01-01'), (1, '2025-01-01')"""
    )

    found = await find(small({"c": CUSTOMERS}), url, AINO)

    assert keys(found.rows)[1:] == [
        ("log", 1, "2025-01-01"), ("log", 1, "2025-01-01"), ("log", 1, "2025-02-01"),
    ]  # fmt: skip


async def test_a_row_of_a_partition_or_inheriting_table_is_named_once_by_the_root(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        create table p (c_id int references c, y int, primary key (c_id, y))
            partition by range (y);
        create table p1 partition of p for values from (0) to (2025) partition by range (y);
        create table p1a partition of p1 for values from (0) to (2025);
        create table p2 partition of p for values from (2025) to (3000);
        create table person (id int primary key, email text);
        create table employee (salary int, boss text) inherits (person);
        create table paid (e_id int, sum int);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example');
        insert into p values (1, 2024), (1, 2025);
        insert into person values (1, 'aino@posti.example');
        insert into employee values (2, 'aino@posti.example', 100, 'Pomo')"""
    )
    tables = {"c": CUSTOMERS, "person": {"id": "", "email": "email"}, "p2": {"c_id": "", "y": ""},
              "employee": {"id": "", "email": "email", "salary": ""}}  # fmt: skip

    found = await find(small(tables), url, AINO)

    assert keys(found.rows) == [
        ("c", 1), ("p", 1, 2024), ("p", 1, 2025), ("person", 1), ("person", 2),
    ]  # fmt: skip
    assert found.rows[-1].values == {
        "id": 2, "email": "aino@posti.example", "salary": 100, "boss": "Pomo",
    }  # fmt: skip


async def test_views_are_never_listed(register_new: NewDatabase) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        create view v as select * from c; create materialized view m as select * from c;
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example')"""
    )

    assert keys((await find(small({"c": CUSTOMERS}), url, AINO)).rows) == [("c", 1)]


async def test_values_are_as_to_jsonb_renders_them(register_new: NewDatabase) -> None:
    """Only numbers that a float would change are texts."""
    url = await register_new(
        """create type colour as enum ('red');
        create table c (id uuid primary key, email text, b bytea, a int[], j jsonb, e colour,
            n numeric, big numeric, f float8, at timestamptz, d date, s char(4), nothing text,
            twice int generated always as (2) stored, r int4range);
        insert into c values ('00000000-0000-0000-0000-00000000000a', 'aino@posti.example',
            '\\x00ff', '{1,null}', '{"a": [1.5, {"b": null}]}', 'red', 1.50,
            12345678901234567890.12, 'infinity', '2026-01-01T10:00Z', '2026-02-03', 'ab')"""
    )
    found = await find(small({"c": {"id": "", "email": "email"}}), url, AINO)

    (row,) = found.rows
    at = row.values.pop("at")
    assert at.startswith("2026-01-01T1") or at.startswith("2026-01-01T0")
    assert row.values == {
        "id": "00000000-0000-0000-0000-00000000000a", "email": "aino@posti.example",
        "b": "\\x00ff", "a": [1, None], "j": {"a": [1.5, {"b": None}]}, "e": "red", "n": 1.5,
        "big": "12345678901234567890.12", "f": "Infinity", "d": "2026-02-03", "s": "ab  ",
        "nothing": None, "twice": 2, "r": None,
    }  # fmt: skip


async def test_a_json_column_that_no_text_could_hold_still_comes_along(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, email text, j json);
        insert into c values (1, 'aino@posti.example',
            '{"half": "\\ud83d", "nul": "a\\u0000b", "huge": 1e400}')"""
    )

    found = await find(small({"c": {"id": "", "email": "email", "j": ""}}), url, AINO)

    assert found.rows[0].values["j"]["huge"] == "1e400"
    assert Found.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("parent", "child", "values"),
    [("uuid", "text", "'00000000-0000-0000-0000-00000000000a'"), ("int", "bigint", "7"),
     ("text", "int", "'7'"), ("char(8)", "varchar(8)", "'k7'"), ("numeric", "int", "7"),
     ("timestamptz", "timestamptz", "'2026-03-29T03:30:00.123456Z'"), ("bytea", "bytea", "'x'")],
)  # fmt: skip
async def test_keys_of_every_type_are_followed(
    register_new: NewDatabase, parent: str, child: str, values: str
) -> None:
    url = await register_new(
        f"create table c (id {parent} primary key, name text, email text); "
        f"create table o (n int primary key, c_id {child}); "
        f"insert into c values ({values}, 'Aino Virtanen', 'aino@posti.example'); "
        f"insert into o values (1, {values}), (2, null)"
    )
    manifest = small({"c": CUSTOMERS, "o": {"n": "", "c_id": "<- c.id"}})

    assert keys((await find(manifest, url, AINO)).rows)[1:] == [("o", 1)]


async def test_a_search_sees_a_table_that_came_later(register_new: NewDatabase) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example')"""
    )
    system = connector(small({"c": CUSTOMERS}), url)
    before = await system.find(AINO)
    connection = await asyncpg.connect(url)
    await connection.execute(
        "create table o (id int primary key, c_id int references c); insert into o values (1, 1)"
    )
    await connection.close()
    await system.check()

    after = await system.find(AINO)
    await system.close()

    assert (len(before.rows), len(after.rows)) == (1, 2)
