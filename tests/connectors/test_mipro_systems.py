"""Every row of the register's facts is declared: categories, purposes, sources, recipients.

The table is the mission's: what the register of customers and stakeholders of Mipro Oy says.
"""

from dataclasses import dataclass

import pytest

from connectors.manifest import load
from connectors.taxonomy import EEA
from schemas.request import Kind, Language
from schemas.systems import Duty, Reach, SystemFacts, concerned
from tests.connectors.small import SYSTEMS

FACTS = {manifest.name: manifest.facts for manifest in load(SYSTEMS)}


@dataclass(frozen=True)
class Says:
    """What the register's notice says, and where it has to be declared."""

    fact: str
    system: str
    category: str
    purpose: str
    source_word: str  # in the English text on sources
    relation: str = "controller"


TABLE = [
    Says("customer relations and correspondence", "customers", "user.content.private",
         "customer_relations", "correspondence"),
    Says("public sources", "stakeholders", "user.professional_information.job_title",
         "stakeholder_relations", "Public sources"),
    Says("support contracts", "support_contracts", "user.name", "support", "Support contracts"),
    Says("support requests", "customers", "user.content.private", "support", "support requests"),
    Says("orders", "customers", "user.behavior.purchase_history", "order_fulfilment", "orders"),
    Says("sales leads by phone, e-mail, web forms", "leads", "user.contact.phone_number", "sales",
         "phone, e-mail and web forms"),
    Says("marketing consent", "marketing", "user.privacy_preferences", "marketing", "consents"),
    Says("the person's own marketing prohibitions", "marketing", "user.privacy_preferences",
         "marketing", "prohibitions"),
    Says("customer events", "events", "user.behavior", "events", "customer events"),
    Says("event registration", "events", "user.contact.email", "events", "Registrations"),
    Says("training registration, also by the employer", "training",
         "user.professional_information.workplace", "training", "employer"),
    Says("non-digital information in locked areas", "paper_archive", "user.content.private",
         "archiving", "Signed contracts"),
    Says("partners that fulfil contracts: orders, subscriptions", "order_partner",
         "user.behavior.purchase_history", "order_fulfilment", "subscriptions", "partner"),
    Says("subcontractors: only the detail that they need", "subcontractor",
         "user.contact.phone_number", "support", "Work orders", "subcontractor"),
    Says("group companies: invoicing", "group_invoicing", "user.financial", "invoicing", "Orders",
         "group_company"),
    Says("group companies: stakeholder agreements", "group_invoicing", "user.financial",
         "stakeholder_relations", "agreements", "group_company"),
    Says("survey and marketing-research systems", "surveys", "user.content.private", "surveys",
         "answers", "processor"),
    Says("training experts: name and employer", "training_expert",
         "user.professional_information.workplace", "training", "training register", "expert"),
    Says("outside the EEA only with safeguards", "newsletter_delivery", "user.contact.email",
         "marketing", "marketing register", "processor"),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.fact)
def test_each_fact_of_the_register_is_a_declared_system(row: Says) -> None:
    facts = FACTS[row.system]

    assert row.category in facts.categories
    assert row.purpose in facts.purposes
    assert row.source_word in facts.sources[Language.ENGLISH]
    assert facts.recipient.relation == row.relation
    assert facts.recipient.name
    assert all(facts.retention[language] for language in Language)


def test_no_system_is_declared_that_the_register_does_not_say() -> None:
    assert set(FACTS) == {row.system for row in TABLE}


def test_data_is_deleted_on_request_or_when_the_relation_ends() -> None:
    assert "when the customer relation ends" in FACTS["customers"].retention[Language.ENGLISH]


def test_the_only_recipient_outside_the_eea_states_its_safeguard() -> None:
    outside = [f for f in FACTS.values() if f.recipient.country not in EEA]

    assert [facts.name for facts in outside] == ["newsletter_delivery"]
    assert "2021/914" in (outside[0].recipient.safeguard or {})[Language.ENGLISH]


def test_recipients_get_the_minimum() -> None:
    assert FACTS["training_expert"].fields_sent == ("name", "employer")
    assert FACTS["subcontractor"].fields_sent == ("name", "phone")
    assert FACTS["newsletter_delivery"].fields_sent == ("email",)


def test_what_needs_a_person_names_the_role_and_says_what_to_do() -> None:
    by_hand = [f for f in FACTS.values() if f.reach is Reach.MANUAL]

    assert {f.name for f in by_hand} == {"paper_archive", "subcontractor"}
    assert all(facts.role and facts.instructions for facts in by_hand)


def test_partners_over_http_say_who_talks_to_them_about_what_they_cannot_do() -> None:
    partners = {f.name: f for f in FACTS.values() if f.reach is Reach.HTTP}

    assert {*partners} == {"order_partner", "newsletter_delivery", "training_expert"}
    assert all(facts.role and facts.instructions for facts in partners.values())


def test_no_shipped_partner_may_be_called_in_a_private_network_or_shares_a_domain() -> None:
    """A production manifest opens nothing: what answers on this host is the engine's own."""
    https = [m.http for m in load(SYSTEMS) if m.http]

    assert all(http.private_networks == () for http in https)
    assert len({http.domain for http in https}) == len(https)
    variables = [name for http in https for name in (http.url_env, http.ca_env)]
    assert len({*variables}) == len(variables)


def _plan(kind: Kind, *purposes: str) -> set[tuple[str, Duty]]:
    systems: tuple[SystemFacts, ...] = tuple(FACTS.values())
    plans = concerned(systems, kind, ("register",), purposes, absolute=True)
    return {(plan.name, plan.duty) for plan in plans}


def test_an_access_request_searches_every_system() -> None:
    assert _plan(Kind.ACCESS) == {(name, Duty.SEARCH) for name in FACTS}


def test_an_objection_to_marketing_goes_to_everything_that_holds_marketing() -> None:
    assert _plan(Kind.OBJECTION, "marketing") == {
        (name, Duty.SUPPRESS)
        for name in ("marketing", "customers", "leads", "events", "surveys", "newsletter_delivery")
    }


def test_a_consent_to_surveys_is_recorded_where_surveys_are_asked() -> None:
    assert _plan(Kind.CONSENT, "surveys") == {
        (name, Duty.RECORD_CONSENT)
        for name in ("marketing", "customers", "leads", "events", "surveys")
    }


def test_every_system_that_processes_for_marketing_or_surveys_can_stop_it() -> None:
    for facts in FACTS.values():
        held = set(facts.purposes) & {"marketing", "surveys"}
        assert held <= set(facts.suppresses), facts.name
        assert set(facts.suppresses) == set(facts.records_consent), facts.name


def test_a_correction_goes_to_every_system_that_holds_the_data_or_keeps_its_category() -> None:
    """Art. 19: recipients keep more than the one column that a request names."""
    by_category = {
        "customers", "events", "leads", "marketing", "stakeholders", "support_contracts",
        "order_partner", "paper_archive", "subcontractor",
    }  # fmt: skip
    recipients = {name for name in by_category if FACTS[name].reach is not Reach.SQL}

    assert _corrected("user.contact.phone_number") == by_category
    assert _corrected("customers.office_phone") == {"customers"} | recipients


def test_a_contested_fact_is_restricted_where_it_can_be_unless_the_policy_says_no() -> None:
    """Art. 18(1)(a)."""
    fields = ("user.contact.phone_number",)
    for wished in (True, False):
        plans = concerned(
            tuple(FACTS.values()), Kind.CORRECT, ("register",), (), False, fields,
            restrict_contested=wished,
        )  # fmt: skip
        assert {p.restricts for p in plans} == {wished}
        assert {p.duty for p in plans} == {Duty.CORRECT}


@pytest.mark.parametrize("field", ["customer_number", "marketing_allowed", "orders.id", "price"])
def test_keys_choices_and_what_names_nobody_are_no_facts_to_correct(field: str) -> None:
    assert all(field not in facts.fields for facts in FACTS.values())
    assert all("user.privacy_preferences" not in facts.fields for facts in FACTS.values())


def _corrected(field: str) -> set[str]:
    plans = concerned(tuple(FACTS.values()), Kind.CORRECT, ("register",), (), False, (field,))
    return {plan.name for plan in plans}
