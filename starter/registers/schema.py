"""The tables of the demonstration's registers, each in a schema named after its system.

They are as registers of companies are: a table without a primary key, one in partitions, a table
that refers to itself, composite and text keys, names in mixed case, an enum, generated columns.
"""

from typing import Final

_CHOICES: Final = """
    marketing_allowed boolean not null default true,
    marketing_as_of timestamptz,
    surveys_allowed boolean not null default true,
    surveys_as_of timestamptz,
    restricted boolean not null default false
"""

STAKEHOLDERS: Final = """
create schema stakeholders;
create table stakeholders.organisations (
    id integer primary key,
    name text not null,
    business_id char(10) not null,
    parent_id integer references stakeholders.organisations
);
create table stakeholders.contacts (
    id uuid primary key,
    organisation_id integer not null references stakeholders.organisations,
    full_name text not null,
    job_title text,
    email text,
    phone text,
    source_url text not null,
    collected_on date not null,
    restricted boolean not null default false
);
create table stakeholders.contact_notes (
    id bigint primary key,
    contact_id uuid not null references stakeholders.contacts,
    written_at timestamptz not null,
    note text not null
);
create index on stakeholders.contact_notes (contact_id);
"""

CUSTOMERS: Final = f"""
create schema customers;
create type customers.order_status as enum ('open', 'delivered', 'cancelled');
create table customers.companies (
    id integer primary key,
    name text not null,
    business_id char(10) not null
);
create table customers.products (
    id integer primary key,
    name text not null,
    price numeric(10, 2) not null
);
create table customers.customers (
    customer_number varchar(12) primary key,
    company_id integer references customers.companies,
    first_name text not null,
    last_name text not null,
    full_name text generated always as (first_name || ' ' || last_name) stored,
    email text,
    phone text,
    office_phone text,
    address jsonb,
    language char(2) not null,
    referred_by varchar(12) references customers.customers,
    ended_on date,
{_CHOICES});
create table customers.orders (
    id bigint primary key,
    customer_number varchar(12) not null references customers.customers,
    ordered_on date not null,
    status customers.order_status not null
);
create table customers.order_lines (
    order_id bigint not null references customers.orders,
    line_no integer not null,
    product_id integer not null references customers.products,
    quantity integer not null,
    primary key (order_id, line_no)
);
create table customers.correspondence (
    id bigint not null,
    sent_at timestamptz not null,
    customer_number varchar(12) not null references customers.customers,
    subject text not null,
    body text not null,
    primary key (id, sent_at)
) partition by range (sent_at);
create table customers.correspondence_2024 partition of customers.correspondence
    for values from ('2024-01-01Z') to ('2025-01-01Z');
create table customers.correspondence_2025 partition of customers.correspondence
    for values from ('2025-01-01Z') to ('2026-01-01Z');
create table customers.correspondence_later partition of customers.correspondence default;
create table customers.support_requests (
    id bigint primary key,
    customer_number varchar(12) not null references customers.customers,
    opened_at timestamptz not null,
    subject text not null,
    tags text[] not null,
    attachment bytea
);
create index on customers.orders (customer_number);
create index on customers.correspondence (customer_number);
create index on customers.support_requests (customer_number);
create index on customers.customers (referred_by);
"""

SUPPORT_CONTRACTS: Final = """
create schema support_contracts;
create table support_contracts."Contract" (
    "ContractNo" char(10) primary key,
    "CompanyName" text not null,
    "StartsOn" date not null,
    "EndsOn" date
);
create table support_contracts."ContactPerson" (
    "ContractNo" char(10) not null references support_contracts."Contract",
    "LineNo" integer not null,
    "Name" text not null,
    "Email" varchar(200),
    "Phone" text,
    "Duty" text not null,
    "Restricted" boolean not null default false,
    primary key ("ContractNo", "LineNo")
);
create table support_contracts."Visit" (
    "Id" bigint primary key,
    "ContractNo" char(10) not null,
    "LineNo" integer not null,
    "VisitedOn" date not null,
    "Report" text not null,
    foreign key ("ContractNo", "LineNo") references support_contracts."ContactPerson"
);
create index on support_contracts."Visit" ("ContractNo", "LineNo");
"""

LEADS: Final = f"""
create schema leads;
create type leads.channel as enum ('phone', 'email', 'web_form');
create table leads.leads (
    id uuid primary key,
    name text not null,
    email text,
    phone text,
    company text,
    channel leads.channel not null,
    form jsonb,
    created_at timestamptz not null,
{_CHOICES});
create table leads.calls (
    lead_id uuid not null references leads.leads,
    called_at timestamptz not null,
    summary text not null
);
create index on leads.calls (lead_id);
"""

TRAINING: Final = """
create schema training;
create table training.courses (
    id integer primary key,
    title text not null,
    held_on date not null
);
create table training.employers (
    id integer primary key,
    name text not null
);
create table training.registrations (
    id bigint primary key,
    course_id integer not null references training.courses,
    employer_id integer references training.employers,
    participant_name text not null,
    participant_email text,
    registered_by text not null check (registered_by in ('participant', 'employer')),
    registered_at timestamptz not null,
    restricted boolean not null default false
);
create table training.certificates (
    number text primary key,
    registration_id bigint not null references training.registrations,
    issued_on date not null,
    valid_until date
);
create index on training.certificates (registration_id);
"""

EVENTS: Final = f"""
create schema events;
create table events.events (
    id integer primary key,
    title text not null,
    starts_on date not null
);
create table events.registrations (
    event_id integer not null references events.events,
    guest_no integer not null,
    name text not null,
    email text,
    phone text,
    registered_at timestamptz not null,
{_CHOICES},
    primary key (event_id, guest_no)
);
create table events.attendance (
    event_id integer not null,
    guest_no integer not null,
    arrived_at timestamptz not null,
    primary key (event_id, guest_no),
    foreign key (event_id, guest_no) references events.registrations
);
"""

MARKETING: Final = f"""
create schema marketing;
create table marketing.subscribers (
    id bigint primary key,
    name text not null,
    email text,
    phone text,
    language char(2) not null,
{_CHOICES});
create table marketing.campaign_sends (
    subscriber_id bigint not null references marketing.subscribers,
    campaign text not null,
    sent_at timestamptz not null,
    opened boolean not null,
    primary key (subscriber_id, campaign)
);
create table marketing.consents (
    id bigint generated by default as identity primary key,
    name text,
    email text,
    phone text,
    purpose text not null,
    given boolean not null,
    text_version text,
    means text,
    recorded_at timestamptz not null
);
create table marketing.prohibitions (
    id bigint generated by default as identity primary key,
    name text,
    email text,
    phone text,
    purpose text not null,
    since timestamptz not null
);
"""

SURVEYS: Final = f"""
create schema surveys;
create table surveys.respondents (
    id integer primary key,
    name text not null,
    email text,
{_CHOICES});
create table surveys.answers (
    respondent_id integer not null references surveys.respondents,
    question_no integer not null,
    answer text not null,
    answered_at timestamptz not null,
    primary key (respondent_id, question_no)
);
"""

GROUP_INVOICING: Final = """
create schema group_invoicing;
create table group_invoicing.debtors (
    id integer primary key,
    name text not null,
    company text,
    email text,
    address text,
    restricted boolean not null default false
);
create table group_invoicing.invoices (
    number text primary key,
    debtor_id integer not null references group_invoicing.debtors,
    buyer text not null,
    amount numeric(12, 2) not null,
    invoiced_on date not null,
    due_on date not null
);
create table group_invoicing.agreements (
    id bigint primary key,
    debtor_id integer not null references group_invoicing.debtors,
    subsidiary text not null,
    signed_on date not null
);
create index on group_invoicing.invoices (debtor_id);
create index on group_invoicing.agreements (debtor_id);
"""

REGISTERS: Final = {
    "stakeholders": STAKEHOLDERS,
    "customers": CUSTOMERS,
    "support_contracts": SUPPORT_CONTRACTS,
    "leads": LEADS,
    "training": TRAINING,
    "events": EVENTS,
    "marketing": MARKETING,
    "surveys": SURVEYS,
    "group_invoicing": GROUP_INVOICING,
}
"""The statements that make each register, by the name of its system."""
