"""The first tables; the audit is append-only, whoever writes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

APPEND_ONLY = """
create function dsr.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'dsr.% is append-only: % is refused', tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege';
end $$
"""
GUARD = """
create trigger append_only before update or delete or truncate on dsr.audit
    for each statement execute function dsr.refuse_change()
"""


def upgrade() -> None:
    """To this revision."""
    _tables()
    op.execute(APPEND_ONLY)
    op.execute(GUARD)


def _tables() -> None:
    op.create_table(
        "audit",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("step_key", sa.Text(), nullable=True),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "seq"),
        schema="dsr",
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="dsr",
    )
    op.create_table(
        "audit_heads",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
        schema="dsr",
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("scope", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("purposes", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run", sa.Integer(), server_default="1", nullable=False),
        sa.Column("reopened", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("resumed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("released", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("origin", sa.Text(), server_default="request", nullable=False),
        sa.Column("batch", sa.Text(), nullable=True),
        sa.Column("ended_in", sa.Text(), nullable=True),
        sa.Column("resumes_on", sa.Date(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "registered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("clock", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("due_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("safe_date", sa.Date(), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalation", sa.Text(), server_default="none", nullable=False),
        sa.Column("breached", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("breach_cause", sa.Text(), nullable=True),
        sa.Column("identity_state", sa.Text(), nullable=False),
        sa.Column("identity_how", sa.Text(), nullable=True),
        sa.Column("fee_assessment", sa.Text(), nullable=False),
        sa.Column("fee_state", sa.Text(), server_default="none", nullable=False),
        sa.Column("fee_amount", sa.Integer(), nullable=True),
        sa.Column("merge_into", sa.Text(), nullable=True),
        sa.Column(
            "withheld", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("linked", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("has_submitter", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("evidence_how", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("person_hash", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
        schema="dsr",
    )
    op.create_index(
        "cases_by_next_step",
        "cases",
        ["next_step_at"],
        unique=False,
        schema="dsr",
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index(
        "cases_of_batch",
        "cases",
        ["batch"],
        unique=False,
        schema="dsr",
        postgresql_where=sa.text("batch is not null"),
    )
    op.create_index(
        "cases_parked",
        "cases",
        ["resumes_on"],
        unique=False,
        schema="dsr",
        postgresql_where=sa.text("parked_at is not null"),
    )
    op.create_index(
        "cases_open_by_age",
        "cases",
        ["registered_at"],
        unique=False,
        schema="dsr",
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_index(
        "cases_to_purge",
        "cases",
        ["closed_at", "id"],
        unique=False,
        schema="dsr",
        postgresql_where=sa.text("status = 'closed' and purged_at is null"),
    )
    op.create_index("cases_by_status", "cases", ["status", "kind"], unique=False, schema="dsr")
    op.create_index(
        "cases_one_open_per_content",
        "cases",
        ["person_hash", "content_hash"],
        unique=True,
        schema="dsr",
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("hash"),
        schema="dsr",
    )
    op.create_table(
        "number_series",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year"),
        schema="dsr",
    )
    op.create_table(
        "suppressions",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("suppressed", sa.Boolean(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", "purpose"),
        schema="dsr",
    )
    op.create_table(
        "case_keys",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kek_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("case_id"),
        schema="vault",
    )
    op.create_table(
        "key_checks",
        sa.Column("kek_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("pepper_check", sa.LargeBinary(), nullable=False),
        sa.Column(
            "registered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kek_id"),
        sa.UniqueConstraint("pepper_check", name="one_pepper"),
        schema="vault",
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("stands", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="dsr",
    )
    op.create_index("decisions_by_case", "decisions", ["case_id"], unique=False, schema="dsr")
    op.create_table(
        "escalations",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "revision", "step"),
        schema="dsr",
    )
    op.create_table(
        "identifiers",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "type", "hash"),
        schema="dsr",
    )
    op.create_index("identifiers_by_hash", "identifiers", ["hash"], unique=False, schema="dsr")
    op.create_table(
        "inquiries",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="open", nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("case_id"),
        schema="dsr",
    )
    op.create_table(
        "letters",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="ready", nullable=False),
        sa.Column("has_package", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_by", sa.Text(), nullable=True),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'left') = (left_at is not null)", name="letters_left"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "id"),
        schema="dsr",
    )
    op.create_index(
        "letters_untold",
        "letters",
        ["left_at"],
        unique=False,
        schema="dsr",
        postgresql_where=sa.text("state = 'left' and noticed_at is null"),
    )
    op.create_table(
        "pauses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="dsr",
    )
    op.create_index("pauses_by_case", "pauses", ["case_id"], unique=False, schema="dsr")
    op.create_table(
        "sealed",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column(
            "sealed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "part"),
        schema="dsr",
    )
    op.create_table(
        "steps",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "key"),
        schema="dsr",
    )
    op.create_table(
        "system_tasks",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("lag_seconds", sa.Float(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("kept_until", sa.Date(), nullable=True),
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("case_id", "name"),
        schema="dsr",
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="dsr",
    )
    op.create_index("tasks_by_case", "tasks", ["case_id"], unique=False, schema="dsr")
    op.create_index(
        "tasks_once_while_open",
        "tasks",
        ["case_id", "what", sa.literal_column("coalesce(system, '')")],
        unique=True,
        schema="dsr",
        postgresql_where=sa.text("done_at is null"),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("secret", sa.Boolean(), nullable=False),
        sa.Column("hashes", sa.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("systems", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("placed_by_person", sa.Text(), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="dsr",
    )
    op.create_index(
        "holds_standing",
        "holds",
        ["state"],
        unique=False,
        schema="dsr",
        postgresql_where=sa.text("state in ('provisional', 'confirmed')"),
    )
    op.create_table(
        "hold_texts",
        sa.Column("hold_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hold_id"],
            ["dsr.holds.id"],
        ),
        sa.PrimaryKeyConstraint("hold_id", "part"),
        schema="dsr",
    )
    op.create_table(
        "standstills",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="dsr",
    )
    op.create_index(
        "standstills_once",
        "standstills",
        [sa.literal_column("coalesce(system, '')")],
        unique=True,
        schema="dsr",
        postgresql_where=sa.text("resumed_at is null"),
    )
    op.create_table(
        "retention_sweeps",
        sa.Column("swept_on", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("systems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("swept_on"),
        schema="dsr",
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("hashes", sa.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("intent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("kept", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint("(ended_at is null) = (outcome is null)", name="erasures_ended"),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["dsr.cases.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="dsr",
    )
    op.create_index(
        "erasures_by_person",
        "erasures",
        ["hashes"],
        unique=False,
        schema="dsr",
        postgresql_using="gin",
    )
    op.create_index(
        "erasures_in_doubt",
        "erasures",
        ["bound_at"],
        unique=False,
        schema="dsr",
        postgresql_where=sa.text("ended_at is null"),
    )
