"""What a search follows, and what it takes for the person's, doubtful or somebody else's."""

import asyncpg

from tests.connectors.conftest import NewDatabase
from tests.connectors.small import AINO, CUSTOMERS, find, keys, person, small


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


RELATED = """create table c (id int primary key, no text, name text, email text, office text,
                            of int references c);
    create table cards (id int primary key, c_id int references c, no text, name text);"""
RELATED_TABLES = {
    "c": {"id": "", "no": "customer_number", "name": "name", "email": "email",
          "office": "phone shared"},
    "cards": {"id": "", "no": "customer_number", "name": "name"},
}  # fmt: skip


async def test_a_matched_row_teaches_what_else_names_the_person(
    register_new: NewDatabase,
) -> None:
    """Another customer number is another person's, whoever's the shared address and name are."""
    url = await register_new(
        f"""{RELATED} insert into c values
            (1, 'K1', 'Aino Virtanen', 'perhe@posti.example', null, null),
            (2, 'K2', 'Aino Virtanen', 'perhe@posti.example', null, 1);
        insert into cards values (5, 1, 'k 1', 'A. Entinen'), (6, 1, 'K2', 'Aino Virtanen')"""
    )
    manifest = small(RELATED_TABLES)

    by_number = await find(manifest, url, person("Aino Virtanen", customer_number="K1"))
    assert keys(by_number.rows) == [("c", 1), ("cards", 5)]
    assert [other.key for other in by_number.third_party] == [{"id": 2}, {"id": 6}]

    await (other := await asyncpg.connect(url)).execute("update c set email = null where id = 2")
    await other.close()
    by_address = await find(manifest, url, person("Aino Virtanen", email="perhe@posti.example"))
    assert keys(by_address.rows) == [("c", 1), ("cards", 5)]
    assert [other.key for other in by_address.third_party] == [{"id": 2}, {"id": 6}]


async def test_what_hangs_on_a_doubtful_row_is_doubtful_under_its_own_numbers(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        f"""{RELATED} insert into c values
            (1, 'K1', 'Aino Virtanen', 'perhe@posti.example', null, null),
            (2, 'K2', 'Eero Virtanen', 'perhe@posti.example', null, null);
        insert into cards values (5, 2, 'K2', 'Eero Virtanen'), (6, 2, 'K3', 'Veli Virtanen')"""
    )
    asks = person("Aino Virtanen", email="perhe@posti.example", customer_number="K1")

    found = await find(small(RELATED_TABLES), url, asks)

    assert keys(found.rows) == [("c", 1)]
    assert keys(found.doubtful) == [("c", 2), ("cards", 5)]
    assert [other.key for other in found.third_party] == [{"id": 6}]


async def test_a_row_is_told_once_though_it_was_matched_and_reached(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        f"""{RELATED} insert into c values
            (1, 'K1', 'Aino Virtanen', 'aino@posti.example', '015 555 0100', null),
            (2, 'K2', 'Eero Virtanen', 'eero@posti.example', '015 555 0100', 1)"""
    )
    asks = person("Aino Virtanen", email="aino@posti.example", phone="015 555 0100")

    found = await find(small(RELATED_TABLES), url, asks)

    assert (keys(found.rows), keys(found.doubtful)) == ([("c", 1)], [("c", 2)])
    assert found.third_party == ()


async def test_a_parent_that_is_also_the_persons_child_leads_on(
    register_new: NewDatabase,
) -> None:
    url = await register_new(
        """create table c (id int primary key, name text, email text, addr_id int);
        create table addr (id int primary key, c_id int references c);
        create table notes (id int primary key, addr_id int references addr);
        insert into c values (1, 'Aino Virtanen', 'aino@posti.example', 4);
        insert into addr values (4, 1); insert into notes values (9, 4)"""
    )
    manifest = small({"c": {**CUSTOMERS, "addr_id": "-> addr.id"}, "addr": {"id": "", "c_id": ""}})

    assert keys((await find(manifest, url, AINO)).rows) == [("addr", 4), ("c", 1), ("notes", 9)]
