"""What is asked before anything is destroyed: legal holds, and what an operator stopped."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from storage.tables.columns import at, metadata

holds = Table(
    "holds",  # what the guard needs of a legal hold; who ordered it, and why, is in hold_texts
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("secret", Boolean, nullable=False),
    Column("hashes", ARRAY(LargeBinary), nullable=False),  # keyed; none: everybody in `systems`
    Column("systems", ARRAY(Text), nullable=False),  # none: every system
    Column("categories", ARRAY(Text), nullable=False),  # none: everything
    Column("begins_on", Date, nullable=False),
    Column("until_on", Date),
    at("ends_at", null=True),
    Column("review_on", Date, nullable=False),
    at("review_at"),
    at("review_told_at", null=True),
    at("placed_at"),
    Column("placed_by", Text, nullable=False),
    Column("placed_by_person", Text, nullable=False),
    at("lapses_at"),
    at("confirmed_at", null=True),
    Column("confirmed_by", Text),
    at("ended_at", null=True),
    Column("ended_by", Text),
    Index(
        "holds_standing", "state", postgresql_where=text("state in ('provisional', 'confirmed')")
    ),
    schema="dsr",
)

hold_texts = Table(
    "hold_texts",  # sealed with the hold's own key; AAD = hold and part
    metadata,
    Column("hold_id", Uuid, ForeignKey("dsr.holds.id"), nullable=False),
    Column("part", Text, nullable=False),  # order, release
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("hold_id", "part"),
    schema="dsr",
)

standstills = Table(
    "standstills",  # what an operator has stopped; ended ones stay, as a record of who and when
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("system", Text),  # None: all
    at("paused_at"),
    Column("paused_by", Text, nullable=False),
    at("resumed_at", null=True),
    Column("resumed_by", Text),
    Index(
        "standstills_once",
        text("coalesce(system, '')"),
        unique=True,
        postgresql_where=text("resumed_at is null"),
    ),
    schema="dsr",
)
