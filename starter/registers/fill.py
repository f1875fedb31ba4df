"""Rows of the registers, from how many of each a person has."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from starter.registers.people import Registered

TODAY: Final = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)  # the registers' own, so that they repeat
_ENDED: Final = date(2025, 6, 30)
_PASSED: Final = timedelta(days=8 * 365)  # longer ago than vouchers are kept
_PRODUCTS: Final = 40
_COURSES: Final = 12
_EVENTS: Final = 8

Counts = Mapping[str, int]


class Rows:
    """The rows of one register, by table, in the order in which references allow."""

    def __init__(self, draw: Random) -> None:
        self.tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.draw = draw
        self.companies: list[int] = []

    def add(self, table: str, **values: Any) -> None:
        """One more row."""
        self.tables[table].append(values)

    def number(self, table: str) -> int:
        """The next number of a table."""
        return len(self.tables[table]) + 1

    def uuid(self) -> UUID:
        """A repeatable one."""
        return UUID(int=self.draw.getrandbits(128), version=4)

    def moment(self, days: int = 700) -> datetime:
        """Some time within the last `days`."""
        return TODAY - timedelta(minutes=self.draw.randrange(days * 24 * 60))

    def day(self, days: int = 700) -> date:
        """Some day within the last `days`."""
        return self.moment(days).date()


def stakeholders(rows: Rows, person: Registered, has: Counts) -> None:
    """Contacts found in public sources, with notes."""
    for _ in range(has.get("contacts", 0)):
        contact = rows.uuid()
        rows.add(
            "contacts", id=contact, organisation_id=_once(rows, "organisations", person.company),
            full_name=person.name, job_title="Kaupunginjohtaja", email=person.email,
            phone=person.phone, source_url=f"https://kunta-{person.company}.example/yhteystiedot",
            collected_on=rows.day(),
        )  # fmt: skip
        for at in range(has.get("contact_notes", 0)):
            rows.add(
                "contact_notes", id=rows.number("contact_notes"), contact_id=contact,
                written_at=rows.moment(), note=f"Tapaaminen {at + 1}",
            )  # fmt: skip


def customers(rows: Rows, person: Registered, has: Counts) -> None:
    """Customers with their orders, correspondence and support requests."""
    if not has:
        return
    number = person.customer_number
    rows.add(
        "customers", customer_number=number, company_id=_once(rows, "companies", person.company),
        first_name=person.first_name, last_name=person.last_name, email=person.email,
        phone=person.phone, office_phone=person.office_phone, language=person.language,
        address=json.dumps({"street": f"Kunnanmäki {rows.draw.randrange(1, 90)}",
                            "city": "Mikkeli"}),
        referred_by=_recommended_by(rows, person), ended_on=_ended_on(rows, person),
    )  # fmt: skip
    _orders(rows, number, has)
    for at in range(has.get("correspondence", 0)):
        rows.add(
            "correspondence", id=rows.number("correspondence"), sent_at=rows.moment(900),
            customer_number=number, subject=f"Tarjous {at + 1}", body="Kiitos yhteydenotosta.",
        )  # fmt: skip
    for at in range(has.get("support_requests", 0)):
        rows.add(
            "support_requests", id=rows.number("support_requests"), customer_number=number,
            opened_at=rows.moment(), subject=f"Häiriö {at + 1}", tags=["scada", "hälytys"],
            attachment=b"\x89log" if at % 2 else None,
        )  # fmt: skip


def _orders(rows: Rows, number: str, has: Counts) -> None:
    orders, lines = has.get("orders", 0), has.get("order_lines", 0)
    for at in range(orders):
        order = rows.number("orders")
        status = rows.draw.choice(("open", "delivered", "cancelled"))
        rows.add("orders", id=order, customer_number=number, ordered_on=rows.day(), status=status)
        for line in range(lines // orders + (1 if at < lines % orders else 0)):
            rows.add(
                "order_lines", order_id=order, line_no=line + 1,
                product_id=1 + rows.draw.randrange(_PRODUCTS), quantity=rows.draw.randint(1, 9),
            )  # fmt: skip


def _recommended_by(rows: Rows, person: Registered) -> str | None:
    """VEERA by MIKKO, as the demonstration says; of the others one in thirty."""
    if person.customer_number == "K100008":
        return "K100007"
    known = rows.tables["customers"]
    if person.company == 0 or len(known) < 50 or rows.draw.random() > 0.03:
        return None
    return str(known[-1]["customer_number"])


def _ended_on(rows: Rows, person: Registered) -> date | None:
    """The relation with TAUNO and one MATTI has ended; of the others with one in twenty-five."""
    if person.company == 0:
        return _ENDED if person.customer_number in {"K100022", "K100006"} else None
    return _ENDED if rows.number("customers") % 25 == 0 else None


def support_contracts(rows: Rows, person: Registered, has: Counts) -> None:
    """Contact persons of contracts, with the visits to them."""
    persons, visits = has.get("ContactPerson", 0), has.get("Visit", 0)
    for at in range(persons):
        line = rows.number("ContactPerson")
        contract = _contract(rows, line, person)
        rows.add(
            "ContactPerson", ContractNo=contract, LineNo=line, Name=person.name,
            Email=person.email, Phone=person.phone, Duty="käyttöpäällikkö",
        )  # fmt: skip
        for _ in range(visits // persons + (1 if at < visits % persons else 0)):
            rows.add(
                "Visit", Id=rows.number("Visit"), ContractNo=contract, LineNo=line,
                VisitedOn=rows.day(), Report="Vuosihuolto tehty.",
            )  # fmt: skip


def _contract(rows: Rows, line: int, person: Registered) -> str:
    """Three contact persons have one contract."""
    contract = f"TS-{(line - 1) // 3:05}"
    if (line - 1) % 3 == 0:
        rows.add(
            "Contract", ContractNo=contract, CompanyName=_company(person.company),
            StartsOn=rows.day(), EndsOn=None,
        )  # fmt: skip
    return contract


def leads(rows: Rows, person: Registered, has: Counts) -> None:
    """Leads by phone, e-mail and web form, with calls."""
    for _ in range(has.get("leads", 0)):
        lead, channel = rows.uuid(), rows.draw.choice(("phone", "email", "web_form"))
        form = {"message": "Ottakaa yhteyttä", "phone": person.phone, "consent": True}
        rows.add(
            "leads", id=lead, name=person.name, email=person.email, phone=person.phone,
            company=_company(person.company), channel=channel,
            form=json.dumps(form) if channel == "web_form" else None, created_at=rows.moment(),
        )  # fmt: skip
        for _ in range(has.get("calls", 0)):
            rows.add("calls", lead_id=lead, called_at=rows.moment(), summary="Soitettu, palataan.")


def training(rows: Rows, person: Registered, has: Counts) -> None:
    """Registrations, also by the employer, with certificates."""
    for at in range(has.get("registrations", 0)):
        registration = rows.number("registrations")
        rows.add(
            "registrations", id=registration, course_id=1 + rows.draw.randrange(_COURSES),
            employer_id=_once(rows, "employers", person.company), participant_name=person.name,
            participant_email=person.email,
            registered_by="employer" if registration % 2 else "participant",
            registered_at=rows.moment(),
        )  # fmt: skip
        if at < has.get("certificates", 0):
            rows.add(
                "certificates", number=f"T-{registration:06}", registration_id=registration,
                issued_on=rows.day(), valid_until=None,
            )  # fmt: skip


def events(rows: Rows, person: Registered, has: Counts) -> None:
    """Registrations to events, with attendance."""
    for at in range(has.get("registrations", 0)):
        guest = rows.number("registrations")
        event = 1 + guest % _EVENTS
        rows.add(
            "registrations", event_id=event, guest_no=guest, name=person.name,
            email=_ascii_domain(person.email), phone=person.phone, registered_at=rows.moment(),
        )  # fmt: skip
        if at < has.get("attendance", 0):
            rows.add("attendance", event_id=event, guest_no=guest, arrived_at=rows.moment())


def marketing(rows: Rows, person: Registered, has: Counts) -> None:
    """Subscribers with what was sent; consents and prohibitions."""
    address = {"name": person.name, "email": person.email, "phone": None}
    for _ in range(has.get("subscribers", 0)):
        subscriber, stopped = rows.number("subscribers"), bool(has.get("prohibitions"))
        rows.add(
            "subscribers", id=subscriber, name=person.name, email=person.email, phone=person.phone,
            language=person.language, marketing_allowed=not stopped,
            marketing_as_of=TODAY - timedelta(days=400) if stopped else None,
        )  # fmt: skip
        for at in range(has.get("campaign_sends", 0)):
            rows.add(
                "campaign_sends", subscriber_id=subscriber, campaign=f"Uutiskirje {at + 1}/2025",
                sent_at=rows.moment(), opened=bool(rows.draw.getrandbits(1)),
            )  # fmt: skip
    for _ in range(has.get("consents", 0)):
        rows.add(
            "consents", **address, purpose="marketing", given=True, text_version="2024-1",
            means="web_form", recorded_at=TODAY - timedelta(days=500),
        )  # fmt: skip
    for _ in range(has.get("prohibitions", 0)):
        since = TODAY - timedelta(days=400)
        rows.add("prohibitions", **address, purpose="marketing", since=since)


def surveys(rows: Rows, person: Registered, has: Counts) -> None:
    """Respondents with their answers."""
    for _ in range(has.get("respondents", 0)):
        respondent = rows.number("respondents")
        rows.add("respondents", id=respondent, name=person.name, email=person.email)
        for question in range(1, has.get("answers", 0) + 1):
            rows.add(
                "answers", respondent_id=respondent, question_no=question,
                answer=str(rows.draw.randint(1, 5)), answered_at=rows.moment(),
            )  # fmt: skip


def group_invoicing(rows: Rows, person: Registered, has: Counts) -> None:
    """Debtors with invoices and agreements."""
    for _ in range(has.get("debtors", 0)):
        debtor = rows.number("debtors")
        rows.add(
            "debtors", id=debtor, name=f"{person.last_name}, {person.first_name}",
            company=_company(person.company), email=person.email, address="50600 Mikkeli",
        )  # fmt: skip
        for at in range(has.get("invoices", 0)):
            invoice = rows.number("invoices")
            day = rows.day() - (_PASSED if at % 3 == 2 else timedelta())
            rows.add(
                "invoices", number=f"L{invoice:07}", debtor_id=debtor, buyer=person.name,
                amount=Decimal(rows.draw.randrange(1000, 500000)) / 100, invoiced_on=day,
                due_on=day + timedelta(days=14),
            )  # fmt: skip
        for _ in range(has.get("agreements", 0)):
            rows.add(
                "agreements", id=rows.number("agreements"), debtor_id=debtor,
                subsidiary="Mipro Infra Oy", signed_on=rows.day(),
            )  # fmt: skip


FILL: Final[Mapping[str, Callable[[Rows, Registered, Counts], None]]] = {
    "stakeholders": stakeholders,
    "customers": customers,
    "support_contracts": support_contracts,
    "leads": leads,
    "training": training,
    "events": events,
    "marketing": marketing,
    "surveys": surveys,
    "group_invoicing": group_invoicing,
}


def fixed(rows: Rows, register: str) -> None:
    """What a register has whoever its people are: products, courses, events."""
    draw = rows.draw
    if register == "customers":
        for at in range(1, _PRODUCTS + 1):
            price = Decimal(draw.randrange(500, 90000)) / 100
            rows.add("products", id=at, name=f"Ohjain {at}", price=price)
    if register == "training":
        for at in range(1, _COURSES + 1):
            rows.add("courses", id=at, title=f"Turvalaitekoulutus {at}", held_on=rows.day())
    if register == "events":
        for at in range(1, _EVENTS + 1):
            rows.add("events", id=at, title=f"Asiakaspäivä {at}", starts_on=rows.day())


def _once(rows: Rows, table: str, company: int) -> int:
    """The company's row, added when it is first needed."""
    if company not in rows.companies:
        row: dict[str, Any] = {"id": company, "name": _company(company)}
        if table != "employers":
            row["business_id"] = f"{1000000 + company}-{company % 10}"
        if table == "organisations":
            row["parent_id"] = next(iter(rows.companies), None)
        rows.add(table, **row)
        rows.companies.append(company)
    return company


def _company(number: int) -> str:
    return f"Yritys {number} Oy" if number else "Saimaan Automaatio Oy"


def _ascii_domain(address: str | None) -> str | None:
    """As a system writes it that knows no letters beyond ASCII in a domain."""
    if address is None:
        return None
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"
