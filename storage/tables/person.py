"""Who a case is about, and what outlives it of a person: keyed hashes, never a name."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)

from storage.tables.columns import at, metadata

identifiers = Table(
    "identifiers",  # who a case is about, as keyed hashes: look-up and locks
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("type", Text, nullable=False),  # email, phone, customer_number, ... or name (one a word)
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("case_id", "type", "hash"),
    Index("identifiers_by_hash", "hash"),
    schema="dsr",
)

known_as = Table(
    "known_as",  # by what registers name the person of a deletion, as keyed hashes
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("system", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("case_id", "system", "hash"),
    Index("known_as_by_hash", "hash"),
    schema="dsr",
)

inquiries = Table(
    "inquiries",  # the ledger of the 12-month rule; its order is the order of `seq`
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("scope", ARRAY(Text), nullable=False),
    at("received_at"),
    Column("outcome", Text, nullable=False, server_default="open"),
    at("delivered_at", null=True),
    schema="dsr",
)

suppressions = Table(
    "suppressions",  # the latest choice about an address and a purpose; survives every purge
    metadata,
    Column("hash", LargeBinary, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("suppressed", Boolean, nullable=False),
    at("as_of"),  # receipt of the choice: the later receipt wins
    Column("number", Text, nullable=False),
    PrimaryKeyConstraint("hash", "purpose"),
    schema="dsr",
)
