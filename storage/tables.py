"""The tables. Schema `dsr` is the case file and the evidence, schema `vault` the wrapped keys.

Apart on purpose: a dump of `dsr` holds no key, so destroying a key destroys the case's content in
every copy. Nothing in `dsr` is personal data in the clear: content is sealed with the case's key,
identifiers are keyed hashes.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _at(name: str, *, null: bool = False, now: bool = False) -> Column[object]:
    default = func.clock_timestamp() if now else None
    return Column(name, DateTime(timezone=True), nullable=null, server_default=default)


cases = Table(
    "cases",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("scope", ARRAY(Text), nullable=False),
    Column("purposes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("run", Integer, nullable=False, server_default="1"),
    Column("reopened", Boolean, nullable=False, server_default=text("false")),
    Column("released", Boolean, nullable=False, server_default=text("false")),  # what was kept
    _at("parked_at", null=True),  # no run: a sweep starts one once what is kept may go
    Column("origin", Text, nullable=False, server_default="request"),
    Column("batch", Text),  # of relations that ended, decided together
    Column("ended_in", Text),  # the system whose relation ended; the deletion is in it alone
    Column("resumes_on", Date),  # then, if no hold ends earlier; None: no date says
    Column("reviews", Boolean, nullable=False, server_default=text("false")),  # told if it goes
    Column("resumed", Boolean, nullable=False, server_default=text("false")),  # after a loss
    _at("received_at"),
    _at("registered_at", now=True),
    Column("clock", JSONB, nullable=False),  # schemas.case.Clock, the record of every date
    Column("due_date", Date),
    _at("due_before", null=True),
    Column("safe_date", Date, nullable=False),
    _at("next_step_at", null=True),  # the ladder's next step, for the sweep
    Column("escalation", Text, nullable=False, server_default="none"),
    Column("breached", Boolean, nullable=False, server_default=text("false")),
    Column("breach_cause", Text),
    Column("identity_state", Text, nullable=False),
    Column("identity_how", Text),
    Column("fee_assessment", Text, nullable=False),
    Column("fee_state", Text, nullable=False, server_default="none"),
    Column("fee_amount", Integer),
    Column("merge_into", Text),  # the number that the 12-month rule merges it into
    Column("withheld", JSONB, nullable=False, server_default="[]"),
    Column("linked", ARRAY(Text), nullable=False, server_default="{}"),
    Column("assignee", Text),
    Column("has_submitter", Boolean, nullable=False, server_default=text("false")),
    Column("evidence_how", Text),  # signed_letter, identified_visit, email: what the channel gave
    Column("policy_version", Text, nullable=False),
    Column("person_hash", LargeBinary, nullable=False),  # keyed: name and identifiers as given
    Column("content_hash", LargeBinary, nullable=False),  # keyed: kind, scope, content
    _at("replied_at", null=True),
    _at("closed_at", null=True),
    _at("purged_at", null=True),
    Index("cases_by_status", "status", "kind"),
    Index("cases_by_next_step", "next_step_at", postgresql_where=text("status <> 'closed'")),
    Index("cases_of_batch", "batch", postgresql_where=text("batch is not null")),
    Index("cases_parked", "resumes_on", postgresql_where=text("parked_at is not null")),
    Index(
        "cases_to_purge",
        "closed_at",
        "id",
        postgresql_where=text("status = 'closed' and purged_at is null"),
    ),
    Index("cases_open_by_age", "registered_at", postgresql_where=text("status <> 'closed'")),
    Index(
        "cases_one_open_per_content",
        "person_hash",
        "content_hash",
        unique=True,
        postgresql_where=text("status <> 'closed'"),
    ),
    schema="dsr",
)

idempotency_keys = Table(
    "idempotency_keys",  # each key that a caller gave, with the case that answered it
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("body_hash", LargeBinary, nullable=False),  # keyed: of the whole form
    schema="dsr",
)

number_series = Table(
    "number_series",
    metadata,
    Column("year", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    schema="dsr",
)

steps = Table(
    "steps",  # each step once: inserted in the step's own transaction
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("result", JSONB),
    PrimaryKeyConstraint("case_id", "key"),
    schema="dsr",
)

sealed = Table(
    "sealed",  # content, encrypted with the case's key; AAD = case and part
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("part", Text, nullable=False),  # form, attachment:1, found:NAME, letter:ID, text:NAME
    Column("content", LargeBinary, nullable=False),
    _at("sealed_at", now=True),
    PrimaryKeyConstraint("case_id", "part"),
    schema="dsr",
)

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

restrictions = Table(
    "restrictions",  # which case has a person's records restricted where (Art. 18), and until when
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("system", Text, nullable=False),
    _at("since"),
    _at("ended_at", null=True),  # this case restricts no more; another may
    _at("lifted_at", null=True),  # its records are unmarked
    PrimaryKeyConstraint("case_id", "system"),
    schema="dsr",
)

inquiries = Table(
    "inquiries",  # the ledger of the 12-month rule; its order is the order of `seq`
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("scope", ARRAY(Text), nullable=False),
    _at("received_at"),
    Column("outcome", Text, nullable=False, server_default="open"),
    _at("delivered_at", null=True),
    schema="dsr",
)

suppressions = Table(
    "suppressions",  # the latest choice about an address and a purpose; survives every purge
    metadata,
    Column("hash", LargeBinary, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("suppressed", Boolean, nullable=False),
    _at("as_of"),  # receipt of the choice: the later receipt wins
    Column("number", Text, nullable=False),
    PrimaryKeyConstraint("hash", "purpose"),
    schema="dsr",
)

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
    _at("since"),
    PrimaryKeyConstraint("case_id", "name"),
    schema="dsr",
)

pauses = Table(
    "pauses",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("reason", Text, nullable=False),
    _at("asked_at"),
    _at("answered_at", null=True),
    Column("counted", Boolean, nullable=False),
    Index("pauses_by_case", "case_id"),
    schema="dsr",
)

escalations = Table(
    "escalations",  # each step once per schedule, whoever fires it: workflow or sweep
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("step", Text, nullable=False),
    _at("fired_at"),
    PrimaryKeyConstraint("case_id", "revision", "step"),
    schema="dsr",
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("what", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("person", Text),  # one person with two accounts is one
    _at("at"),
    Column("ground", Text),
    Column("stands", Boolean, nullable=False, server_default=text("true")),
    Index("decisions_by_case", "case_id"),
    schema="dsr",
)

tasks = Table(
    "tasks",  # what needs a person; notifications of the ladder included
    metadata,
    Column("id", Text, primary_key=True),  # NUMBER-n
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("what", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("system", Text),
    _at("since"),
    _at("due", null=True),
    _at("reminded_at", null=True),
    Column("reminders", Integer, nullable=False, server_default="0"),
    _at("done_at", null=True),
    Column("done_by", Text),
    Index("tasks_by_case", "case_id"),
    Index(
        "tasks_once_while_open",
        "case_id",
        "what",
        text("coalesce(system, '')"),
        unique=True,
        postgresql_where=text("done_at is null"),
    ),
    schema="dsr",
)

letters = Table(
    "letters",  # the outbox; content is sealed under letter:ID (and package:ID)
    metadata,
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("id", Text, nullable=False),  # L1, L2, ...
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="ready"),
    Column("has_package", Boolean, nullable=False, server_default=text("false")),
    _at("written_at"),
    _at("left_at", null=True),
    Column("left_by", Text),
    _at("noticed_at", null=True),  # the workflow knows that it left
    PrimaryKeyConstraint("case_id", "id"),
    Index(
        "letters_untold",
        "left_at",
        postgresql_where=text("state = 'left' and noticed_at is null"),
    ),
    CheckConstraint("(state = 'left') = (left_at is not null)", name="letters_left"),
    schema="dsr",
)

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
    _at("ends_at", null=True),
    Column("review_on", Date, nullable=False),
    _at("review_at"),
    _at("review_told_at", null=True),
    _at("placed_at"),
    Column("placed_by", Text, nullable=False),
    Column("placed_by_person", Text, nullable=False),
    _at("lapses_at"),
    _at("confirmed_at", null=True),
    Column("confirmed_by", Text),
    _at("ended_at", null=True),
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
    _at("paused_at"),
    Column("paused_by", Text, nullable=False),
    _at("resumed_at", null=True),
    Column("resumed_by", Text),
    Index(
        "standstills_once",
        text("coalesce(system, '')"),
        unique=True,
        postgresql_where=text("resumed_at is null"),
    ),
    schema="dsr",
)

retention_sweeps = Table(
    "retention_sweeps",  # what the daily sweep of relations that ended has found; counts only
    metadata,
    Column("swept_on", Date, primary_key=True),  # the controller's date
    _at("at"),
    Column("systems", JSONB, nullable=False),
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
    _at("intent_at"),  # business time
    _at("bound_at"),  # the database's clock: the transaction in the system is over by then
    _at("ended_at", null=True),  # the database's clock
    Column("outcome", Text),  # erased, untouched, told (people, who have not answered)
    Column("kept", ARRAY(Text), nullable=False, server_default="{}"),  # categories held back
    Column("dispatch_id", Uuid, ForeignKey("dsr.dispatches.id")),  # of a partner: what told it
    Column("plan", LargeBinary),  # sealed: what it may destroy; until its end is known
    CheckConstraint("(ended_at is null) = (outcome is null)", name="erasures_ended"),
    Index("erasures_by_person", "hashes", postgresql_using="gin"),
    Index("erasures_in_doubt", "bound_at", postgresql_where=text("ended_at is null")),
    schema="dsr",
)

dispatches = Table(
    "dispatches",  # a request to a partner: written before it is sent, the id is its own there
    metadata,
    Column("id", Uuid, primary_key=True),  # subject_request_id, a UUID of version 4
    Column("case_id", Uuid, ForeignKey("dsr.cases.id"), nullable=False),
    Column("system", Text, nullable=False),
    Column("duty", Text, nullable=False),
    Column("state", Text),  # where it stands, as the partner's own status says; never goes back
    Column("called_back", Text),  # the same, as its callbacks say
    Column("news", Boolean, nullable=False, server_default=text("false")),  # a callback not read
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    _at("created_at", now=True),
    _at("settled_at", null=True),  # business time: its answer stands on the case row
    Column("result", Text),  # how a completed one ended: done, partial, denied
    _at("stop_wanted_at", null=True),  # business time: it is to be taken back
    Column("stop", Text),  # taken, too_late; None: not known yet
    Index(
        "dispatches_one_open",
        "case_id",
        "system",
        "duty",
        unique=True,
        postgresql_where=text("settled_at is null"),
    ),
    Index(
        "dispatches_to_stop",
        "stop_wanted_at",
        postgresql_where=text("stop_wanted_at is not null and stop is null"),
    ),
    schema="dsr",
)

certificates = Table(
    "certificates",  # of partners, as a worker that reaches them found them good; public
    metadata,
    Column("system", Text, primary_key=True),
    Column("chain", LargeBinary, nullable=False),  # PEM
    _at("kept_at", now=True),
    schema="dsr",
)

lines = Table(
    "lines",  # the way to a system with limits, for all workers; in real time, by this clock
    metadata,
    Column("system", Text, primary_key=True),
    Column("calls", ARRAY(DateTime(timezone=True)), nullable=False),  # of the last minute
    Column("turns", JSONB, nullable=False, server_default="{}"),  # under way -> when it lapses
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row, over all cases
    _at("paused_until", null=True),  # nobody calls it until then
    _at("failing_since", null=True),  # so many failures that staff are told; then one call tries
    Column("trouble", Text),  # the last failure, in words of ours
    schema="dsr",
)

audit = Table(
    "audit",  # append-only: the engine's role may insert and select, a trigger refuses the rest
    metadata,
    Column("case_id", Uuid, nullable=False),
    Column("seq", Integer, nullable=False),
    _at("at"),  # business time
    _at("recorded_at"),
    Column("actor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("step_key", Text),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("case_id", "seq"),
    schema="dsr",
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),  # Ed25519 over case, seq, hash
    schema="dsr",
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    _at("at"),
    Column("line", Text, nullable=False),  # the very line that the file outside has
    schema="dsr",
)

case_keys = Table(
    "case_keys",  # of cases and of holds
    metadata,
    Column("case_id", Uuid, primary_key=True),
    Column("kek_id", Text, nullable=False),
    Column("wrapped", LargeBinary),  # None once destroyed
    _at("created_at", now=True),
    _at("destroyed_at", null=True),
    schema="vault",
)

key_checks = Table(
    "key_checks",  # a known value under each key-encryption key: a wrong key is seen at start
    metadata,
    Column("kek_id", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("pepper_check", LargeBinary, nullable=False),  # HMAC of a fixed text under the pepper
    _at("registered_at", now=True),  # the newest that is not retired wraps
    _at("retired_at", null=True),  # it wraps nothing any more: nothing new may be wrapped by it
    UniqueConstraint("pepper_check", name="one_pepper"),
    schema="vault",
)
