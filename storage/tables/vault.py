"""The schema `vault`: wrapped keys, apart from all that they open."""

from sqlalchemy import Column, LargeBinary, Table, Text, UniqueConstraint, Uuid

from storage.tables.columns import at, metadata

case_keys = Table(
    "case_keys",  # of cases and of holds
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("kek_id", Text, nullable=False),
    Column("wrapped", LargeBinary),  # None once destroyed
    at("created_at", now=True),
    at("destroyed_at", null=True),
    schema="vault",
)

key_checks = Table(
    "key_checks",  # a known value under each key-encryption key: a wrong key is seen at start
    metadata,
    Column("kek_id", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("pepper_check", LargeBinary, nullable=False),  # HMAC of a fixed text under the pepper
    at("registered_at", now=True),  # the newest that is not retired wraps
    at("retired_at", null=True),  # it wraps nothing any more: nothing new may be wrapped by it
    UniqueConstraint("pepper_check", name="one_pepper"),
    schema="vault",
)
