"""Small systems for one test: a manifest from a few words, a connector on a database."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from connectors.contract import Found, Identity, Person
from connectors.manifest import Manifest, load, load_file
from connectors.sql.connector import SqlConnector
from starter.registers import DemoPerson

SYSTEMS = Path(__file__).parents[2] / "config" / "mipro" / "systems"
TEXT = {"fi": "teksti", "sv": "text", "en": "text"}


def environment(url: str) -> dict[str, str]:
    """Every register in one database."""
    return {manifest.url_env: url for manifest in load(SYSTEMS) if manifest.url_env}


def facts(**ours: Any) -> dict[str, Any]:
    """The `dsr` part of a manifest."""
    return {
        "title": TEXT, "register_part": "customers", "reach": "sql", "url_env": "DSR_SMALL_URL",
        "recipient": {"name": "Small Oy", "relation": "controller", "country": "FI"},
        "purposes": ["customer_relations"], "sources": TEXT, "retention": TEXT, **ours,
    }  # fmt: skip


def column(name: str, words: str = "") -> dict[str, Any]:
    """A column; words: `email`, `phone`, `customer_number`, `name`, `shared`, `->` and `<-`.

    `-> table.column` follows to the parent, `<- table.column` comes from it, `~ ...` says neither.
    `= value`, last, is what the column is erased to (YAML); `key` a primary key.
    """
    field: dict[str, Any] = {"name": name, "data_categories": ["user.content"], "fides_meta": {}}
    words, erased, value = words.partition("=")
    words = words.strip()
    if erased:
        field["dsr"] = {"erase_to": yaml.safe_load(value)}
    sign, _, target = words.partition(" ")
    if sign in {"->", "<-", "~"}:
        reference = {"dataset": "small", "field": target.strip()}
        direction = {"->": "to", "<-": "from"}.get(sign)
        field["fides_meta"]["references"] = [
            reference | ({"direction": direction} if direction else {})
        ]
        return field
    for word in words.split():
        if word == "name":
            field["data_categories"] = ["user.name"]
        elif word == "shared":
            field.setdefault("dsr", {})["shared"] = True
        elif word == "key":
            field["fides_meta"]["primary_key"] = True
        elif "." in word:
            field["data_categories"] = [word]
        else:
            field["fides_meta"]["identity"] = word
    return field


def small(
    tables: dict[str, dict[str, str]], erase: dict[str, dict[str, Any]] | None = None, **ours: Any
) -> Manifest:
    """A manifest: columns with their words, by table. `erase`: a table's `dsr`, else `delete`."""
    said = erase or {}
    dataset = {
        "fides_key": "small",
        "dsr": facts(**ours),
        "collections": [
            {
                "name": table,
                "fields": [column(n, words) for n, words in columns.items()],
                "dsr": said.get(table, {"erase": "delete"}),
            }
            for table, columns in tables.items()
        ],
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "small.yaml"
        path.write_text(yaml.safe_dump({"dataset": [dataset]}, allow_unicode=True))
        (manifest,) = load_file(path)
    return manifest


def connector(manifest: Manifest, url: str | None, seconds: float = 10) -> SqlConnector:
    """Its connector."""
    return SqlConnector(manifest, url, timedelta(seconds=seconds))


async def find(manifest: Manifest, url: str, person: Person) -> Found:
    """One search."""
    system = connector(manifest, url)
    try:
        return await system.find(person)
    finally:
        await system.close()


def person(name: str, **identities: str) -> Person:
    """Somebody who asks."""
    return Person(
        name=name, identities=tuple(Identity(type=t, value=v) for t, v in identities.items())
    )


def asking(demo: DemoPerson) -> Person:
    """Somebody of the demonstration who asks, with every identifier."""
    return Person(
        name=demo.name, identities=tuple(Identity(type=t, value=v) for t, v in demo.identifiers)
    )


def keys(rows: Any) -> list[tuple[Any, ...]]:
    """Table and key values of rows, in the order given."""
    return [(row.table, *row.key.values()) for row in rows]


AINO = person("Aino Virtanen", email="aino@posti.example")
CUSTOMERS = {"id": "", "name": "name", "email": "email"}
