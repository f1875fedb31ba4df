"""What is done in the systems, for a case or by the sweep of ended relations; the way there."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.columns import at, metadata

system_tasks = Table(
    "system_tasks",  # one system's part of one case
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("duty", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("records", Integer, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("lag_seconds", Float),
    Column("plan", Text),  # keyed digest of what a deletion would erase here
    Column("kept_until", Date),  # the earliest last day of what a deletion kept here
    Column("held", Boolean, nullable=False, server_default=text("false")),  # kept for a hold
    at("since"),
    PrimaryKeyConstraint("case_id", "name"),
    schema="dsr",
)

restrictions = Table(
    "restrictions",  # which case has a person's records restricted where (Art. 18), and until when
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("system", Text, nullable=False),
    at("since"),
    at("ended_at", null=True),  # this case restricts no more; another may
    at("lifted_at", null=True),  # its records are unmarked
    PrimaryKeyConstraint("case_id", "system"),
    schema="dsr",
)

erasures = Table(
    "erasures",  # a try to erase in a system: written before it, ended with it or by reading again
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("system", Text, nullable=False),
    Column("key", Text, nullable=False),  # of the step; each try of it is a row of its own
    Column("hashes", ARRAY(LargeBinary), nullable=False),  # the purge of the case empties it
    at("intent_at"),  # business time
    at("bound_at"),  # the database's clock: the transaction in the system is over by then
    at("ended_at", null=True),  # the database's clock
    Column("outcome", Text),  # erased, untouched, told (people, who have not answered)
    Column("kept", ARRAY(Text), nullable=False, server_default="{}"),  # categories held back
    Column("dispatch_id", Uuid, ForeignKey("dsr.dispatches.id")),  # of a partner: what told it
    Column("plan", LargeBinary),  # sealed: what it may destroy; until its end is known
    CheckConstraint("(ended_at is null) = (outcome is null)", name="erasures_ended"),
    Index("erasures_by_person", "hashes", postgresql_using="gin"),
    Index("erasures_in_doubt", "bound_at", postgresql_where=text("ended_at is null")),
    schema="dsr",
)

retention_sweeps = Table(
    "retention_sweeps",  # what the daily sweep of relations that ended has found; counts only
    metadata,
    Column("swept_on", Date, primary_key=True),  # the controller's date
    at("at"),
    Column("systems", JSONB, nullable=False),
    schema="dsr",
)

lines = Table(
    "lines",  # the way to a system with limits, for all workers; in real time, by this clock
    metadata,
    Column("system", Text, primary_key=True),
    Column("calls", ARRAY(DateTime(timezone=True)), nullable=False),  # of the last minute
    Column("turns", JSONB, nullable=False, server_default="{}"),  # under way -> when it lapses
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row, over all cases
    at("paused_until", null=True),  # nobody calls it until then
    at("failing_since", null=True),  # so many failures that staff are told; then one call tries
    Column("trouble", Text),  # the last failure, in words of ours
    schema="dsr",
)
