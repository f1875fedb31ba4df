"""A first manifest from a database's catalog: what it tells is written, what it hints is guessed.

What only people know (purposes, sources, what becomes of a table when somebody is erased) is left
empty: the file does not load until they have said it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import yaml

from connectors.sql.catalog import Catalog, ForeignKey, Table, TableColumn
from connectors.taxonomy import NAME

HEAD: Final = """\
# Made from the database. Categories and identities are guessed from the columns' names: read each.
# Fill in what is empty; say of every table of people what becomes of it (dsr: {erase: delete},
# change or keep), and turn a reference to `to` where a row leads to its parent. Then, until nothing
# is refused: dsr systems find --manifest FILE --url URL --identity-file F
"""


class Guess(NamedTuple):
    """What a column's name hints at."""

    category: str
    identity: str | None = None


_GUESSES: Final = (
    (r"e_?mail|sahkoposti|epost", Guess("user.contact.email", "email")),
    (r"phone|mobile|puhelin|telefon|gsm", Guess("user.contact.phone_number", "phone")),
    (r"first_?name|given_?name|etunimi|fornamn", Guess("user.name.first")),
    (r"(last|sur|family)_?name|sukunimi|efternamn", Guess("user.name.last")),
    (r"customer_?(number|no|nr)|asiakasnumero|kundnummer",
     Guess("user.unique_id", "customer_number")),
    (r"birth|syntyma|fodelse", Guess("user.demographic.date_of_birth")),
    (r"post_?(al_?)?code|zip|postinumero|postnummer", Guess("user.contact.address.postal_code")),
    (r"city|kaupunki|postitoimipaikka|(^|_)ort($|_)", Guess("user.contact.address.city")),
    (r"address|street|osoite|adress", Guess("user.contact.address.street")),
    (r"iban|bank_?account|tilinumero", Guess("user.financial.bank_account")),
    (r"(^|_)ip(_|$)|ip_?address", Guess("user.device.ip_address")),
    (r"consent|opt_?(in|out)|suostumus|samtycke|allowed", Guess("user.privacy_preferences")),
    (r"note|comment|message|description|subject|body|answer|huomautus|viesti|kommentti",
     Guess("user.content")),
    (r"^(full_?)?name$|^nimi$|^namn$", Guess(NAME)),
)  # fmt: skip
"""The first that fits wins; English, Finnish, Swedish."""

OPERATIONS: Final = Guess("system.operations")
_TEXTS: Final = {"fi": "", "sv": "", "en": ""}


def guess(column: TableColumn) -> Guess:
    """The category of a column by its name; only texts name people."""
    fits = (hint for pattern, hint in _GUESSES if re.search(pattern, column.name.lower()))
    hint = next(fits, OPERATIONS)
    return hint if column.category == "S" else hint._replace(identity=None)


def scaffold(catalog: Catalog, name: str) -> str:
    """The manifest of every table, as YAML. `name`: of the system, as `fides_key`."""
    tables = sorted(
        (t for t in catalog.tables.values() if catalog.root(t) is t and t.readable),
        key=lambda t: (t.schema, t.name),
    )
    schemas = Counter(table.schema for table in tables)
    schema = min(schemas, key=lambda s: (-schemas[s], s)) if schemas else "public"
    dataset = {
        "fides_key": name,
        "dsr": _facts(name, schema),
        "collections": [
            {"name": _named(t, schema), "fields": list(_fields(catalog, t, name, schema))}
            for t in tables
        ],
    }
    written = yaml.dump(
        {"dataset": [dataset]}, Dumper=_Flat, sort_keys=False, allow_unicode=True, width=100
    )
    return HEAD + str(written)


def _facts(name: str, schema: str) -> dict[str, object]:
    return {
        "title": _TEXTS,
        "register_part": name,
        "reach": "sql",
        "url_env": f"DSR_{name.upper()}_URL",
        "schema": schema,
        "recipient": _OneLine({"name": "", "relation": "controller", "country": "FI"}),
        "purposes": [],
        "sources": _TEXTS,
        "retention": _TEXTS,
    }


def _named(table: Table, schema: str) -> str:
    return table.name if table.schema == schema else table.label


def _fields(catalog: Catalog, table: Table, system: str, schema: str) -> Iterator["_OneLine"]:
    references = _references(catalog, table)
    for column in table.columns.values():
        hint = OPERATIONS if column.name in references else guess(column)
        meta: dict[str, object] = {}
        if column.name in table.primary_key:
            meta["primary_key"] = True
        if hint.identity is not None:
            meta["identity"] = hint.identity
        if column.name in references:
            meta["references"] = [
                {
                    "dataset": system,
                    "field": f"{_named(parent, schema)}.{theirs}",
                    "direction": "from",
                }
                for parent, theirs in references[column.name]
            ]
        declared: dict[str, object] = {"name": column.name, "data_categories": [hint.category]}
        yield _OneLine(declared | ({"fides_meta": meta} if meta else {}))


def _references(catalog: Catalog, table: Table) -> dict[str, list[tuple[Table, str]]]:
    """Per column, the parents that the database knows, named by their roots."""
    found: dict[str, list[tuple[Table, str]]] = {}
    for key in catalog.foreign_keys:
        if key.child == table.oid:
            for ours, theirs in _pairs(key):
                parent = catalog.root(catalog.tables[key.parent])
                found.setdefault(ours, []).append((parent, theirs))
    return found


def _pairs(key: ForeignKey) -> Iterator[tuple[str, str]]:
    return zip(key.child_columns, key.parent_columns, strict=True)


class _OneLine(dict[str, object]):
    """Written on one line: a column."""


class _Flat(yaml.SafeDumper):
    """No anchors, columns on a line of their own."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """A text that stands twice is written twice."""
        return True


_Flat.add_representer(
    _OneLine, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data, True)
)
