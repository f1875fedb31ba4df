"""The demonstration's people: who they are, and what each register holds on them.

The numbers of rows are data, never computed from what a search finds. Nobody here exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starter.registers.people import Registered

Holdings = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class DemoPerson(Registered):
    """A person of the demonstration.

    `holds`: rows by system and table. `doubtful`, `third_party`: how many rows of others a search
    by all of `identifiers` meets, by system (a shared address; somebody whom they recommended).
    """

    holds: Holdings = field(default_factory=dict)
    doubtful: Mapping[str, int] = field(default_factory=dict)
    third_party: Mapping[str, int] = field(default_factory=dict)
    on_paper: bool = False

    @property
    def identifiers(self) -> tuple[tuple[str, str], ...]:
        """Type and value of everything that the person would give in a request."""
        known = (
            ("email", self.email),
            ("phone", self.phone),
            ("customer_number", self.customer_number),
        )
        return tuple((type_, value) for type_, value in known if value)

    def rows(self, system: str) -> int:
        """How many rows a system holds on the person."""
        return sum(self.holds.get(system, {}).values())


OFFICE_PHONE: Final = "+358 15 555 0100"
_VIRTANEN: Final = "perhe.virtanen@kotiposti.example"
_LINDSTROM: Final = "familjen@lindström.example"

_PEOPLE: Final = {
    "AINO": DemoPerson(
        "Aino", "Virtanen", _VIRTANEN, "+358 40 555 0001", "K100001", "fi", 0,
        holds={
            "customers": {
                "customers": 1, "orders": 2, "order_lines": 4, "correspondence": 3,
                "support_requests": 1,
            },
            "marketing": {"subscribers": 1, "campaign_sends": 2},
            "events": {"registrations": 1, "attendance": 1},
            "group_invoicing": {"debtors": 1, "invoices": 2},
        },
        doubtful={"customers": 3},
    ),
    "EERO": DemoPerson(
        "Eero", "Virtanen", _VIRTANEN, "+358 40 555 0002", "K100002", "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 1}},
        doubtful={"customers": 11, "marketing": 3, "events": 2, "group_invoicing": 3},
    ),
    "ASA": DemoPerson(
        "Åsa", "Lindström", _LINDSTROM, "+358 40 555 0003", "", "sv", 0,
        holds={"events": {"registrations": 2, "attendance": 1}, "marketing": {"subscribers": 1}},
        doubtful={"events": 1},
    ),
    "ORJAN": DemoPerson(
        "Örjan", "Lindström", _LINDSTROM, "+358 40 555 0004", "", "sv", 0,
        holds={"events": {"registrations": 1}},
        doubtful={"events": 3, "marketing": 1},
    ),
    "MATTI": DemoPerson(
        "Matti", "Korhonen", "matti.korhonen@kotiposti.example", "+358 40 555 0005", "K100005",
        "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 2}},
    ),
    "MATTI_THE_OTHER": DemoPerson(
        "Matti", "Korhonen", "m.korhonen@verkko.example", "+358 40 555 0006", "K100006", "fi", 0,
        holds={
            "customers": {"customers": 1, "support_requests": 2},
            "surveys": {"respondents": 1, "answers": 3},
        },
    ),
    "MIKKO": DemoPerson(
        "Mikko", "Räsänen", "mikko.räsänen@kotiposti.example", "+358 40 555 0007", "K100007",
        "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 1}},
        third_party={"customers": 1},  # VEERA, whom he recommended
    ),
    "VEERA": DemoPerson(
        "Veera", "Pöyhönen", "veera.poyhonen@kotiposti.example", "+358 40 555 0008", "K100008",
        "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 2, "correspondence": 1}},
    ),
    "SOFIA": DemoPerson(
        "Sofia", "Hägg", "sofia.hagg@saimaan-automaatio.example", OFFICE_PHONE, "K100009", "sv", 0,
        holds={"customers": {"customers": 1, "correspondence": 1}},
        doubtful={"customers": 3},  # OLAVI, at the same office phone
        office_phone=OFFICE_PHONE,
    ),
    "OLAVI": DemoPerson(
        "Olavi", "Äijälä", "olavi.aijala@saimaan-automaatio.example", None, "K100010", "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 1}},
        office_phone=OFFICE_PHONE,
    ),
    "HILKKA": DemoPerson(
        "Hilkka", "Hämäläinen", None, "+358 40 555 0011", "", "fi", 0, on_paper=True
    ),
    "NIKLAS": DemoPerson(
        "Niklas", "Öberg", "niklas.oberg@hemma.example", "+358 40 555 0012", "", "sv", 0
    ),
    "ANH": DemoPerson(
        "Ánh", "Nguyễn Thị", "anh.nguyen@verkko.example", "+358 40 555 0013", "", "en", 0,
        holds={"leads": {"leads": 1, "calls": 2}},
    ),
    "KHADIJAH": DemoPerson(
        "Khadījah", "al-Ḥusaynī", "khadijah@rakennus.example", "+358 40 555 0014", "", "en", 0,
        holds={"training": {"registrations": 2, "certificates": 1}},
    ),
    "SEAN": DemoPerson(
        "Seán", "O'Shaughnessy", "sean.oshaughnessy@verkko.example", "+358 40 555 0015", "",
        "en", 0,
        holds={"events": {"registrations": 1, "attendance": 1}},
    ),
    "ANNA_MAIJA": DemoPerson(
        "Anna-Maija", "Mäki-Petäjä", "anna-maija@maki-petaja.example", "+358 40 555 0016", "",
        "fi", 0,
        holds={"support_contracts": {"ContactPerson": 2, "Visit": 3}},
    ),
    "LEENA": DemoPerson(
        "Leena", "Kähkönen", "leena.kahkonen@kunta.example", "+358 40 555 0017", "", "fi", 0,
        holds={"stakeholders": {"contacts": 1, "contact_notes": 2}},
    ),
    "JUHANI": DemoPerson(
        "Juhani", "Ylä-Outinen", "juhani@yla-outinen.example", "+358 40 555 0018", "", "fi", 0,
        holds={"group_invoicing": {"debtors": 1, "invoices": 3, "agreements": 1}},
    ),
    "ELLI": DemoPerson(
        "Elli", "Järvinen", "elli.jarvinen@kotiposti.example", "+358 40 555 0019", "K100019",
        "fi", 0,
        holds={
            "customers": {"customers": 1},
            "leads": {"leads": 1},
            "events": {"registrations": 1},
            "marketing": {"subscribers": 1, "campaign_sends": 1},
            "surveys": {"respondents": 1},
        },
    ),
    "OTSO": DemoPerson(
        "Otso", "Laine", "otso.laine@kotiposti.example", "+358 40 555 0020", "", "fi", 0,
        holds={"surveys": {"respondents": 1, "answers": 2}},
    ),
    "SAGA": DemoPerson(
        "Saga", "Grönqvist", "saga.gronqvist@hemma.example", "+358 40 555 0021", "", "sv", 0,
        holds={"marketing": {"subscribers": 1, "prohibitions": 1}},
    ),
    "TAUNO": DemoPerson(
        "Tauno", "Heikkinen", "tauno.heikkinen@kotiposti.example", "+358 40 555 0022", "K100022",
        "fi", 0,
        holds={"customers": {"customers": 1, "support_requests": 4, "correspondence": 2}},
    ),
    "LUMI": DemoPerson(
        "Lumi", "Söderholm", "lumi.soderholm@hemma.example", "+358 40 555 0023", "", "sv", 0,
        holds={"events": {"registrations": 1}},
    ),
    "BIRGITTA": DemoPerson(
        "Birgitta", "Wikström", "birgitta.wikstrom@hemma.example", "+358 40 555 0024", "K100024",
        "sv", 0,
        holds={
            "customers": {
                "customers": 1, "orders": 3, "order_lines": 5, "correspondence": 2,
                "support_requests": 1,
            },
            "support_contracts": {"ContactPerson": 1, "Visit": 1},
            "leads": {"leads": 1, "calls": 1},
            "training": {"registrations": 1, "certificates": 1},
            "marketing": {"subscribers": 1, "campaign_sends": 3, "consents": 1},
            "group_invoicing": {"debtors": 1, "invoices": 1, "agreements": 1},
        },
        on_paper=True,
    ),
    "PAAVO": DemoPerson(
        "Paavo", "Nurmela", "paavo.nurmela@kotiposti.example", "+358 40 555 0025", "K100025",
        "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 1}},
    ),
    "RIITTA": DemoPerson(
        "Riitta", "Saarinen", "riitta.saarinen@verkko.example", "+358 40 555 0026", "K100026",
        "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 2}},
    ),
    "KAARINA": DemoPerson(
        "Kaarina", "Tolvanen", "kaarina.tolvanen@kotiposti.example", "+358 40 555 0027",
        "K100027", "fi", 0,
        holds={"customers": {"customers": 1, "correspondence": 1}},
    ),
    "TOIVO": DemoPerson(
        "Toivo", "Pakarinen", "toivo.pakarinen@verkko.example", "+358 40 555 0028", "K100028",
        "fi", 0,
        holds={"customers": {"customers": 1, "correspondence": 1}},
    ),
    "ALMA": DemoPerson(
        "Alma", "Sandberg", "alma.sandberg@hemma.example", "+358 40 555 0029", "", "sv", 0,
        holds={"leads": {"leads": 1}},
    ),
    "HELVI": DemoPerson(
        "Helvi", "Kokkonen", "helvi.kokkonen@kotiposti.example", "+358 40 555 0030", "K100030",
        "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 1}},
    ),
    "REINO": DemoPerson(
        "Reino", "Tiainen", "reino.tiainen@verkko.example", "+358 40 555 0031", "K100031", "fi", 0,
        holds={"customers": {"customers": 1}},
    ),
    "AUNE": DemoPerson(
        "Aune", "Makkonen", "aune.makkonen@kotiposti.example", "+358 40 555 0032", "", "fi", 0,
        holds={"marketing": {"subscribers": 1, "campaign_sends": 1}},
    ),
    "SISKO": DemoPerson(
        "Sisko", "Ekblad", "sisko.ekblad@hemma.example", "+358 40 555 0033", "", "sv", 0,
        holds={"marketing": {"subscribers": 1}},
    ),
    "PENTTI": DemoPerson(
        "Pentti", "Hyvärinen", "pentti.hyvarinen@verkko.example", "+358 40 555 0034", "", "fi", 0,
        holds={"leads": {"leads": 1, "calls": 1}},
    ),
    "SIIRI": DemoPerson(
        "Siiri", "Laukkanen", "siiri.laukkanen@kotiposti.example", "+358 40 555 0035", "K100035",
        "fi", 0,
        holds={"customers": {"customers": 1}},
    ),
    "PIRKKO": DemoPerson(
        "Pirkko", "Auvinen", "pirkko.auvinen@verkko.example", "+358 40 555 0036", "", "fi", 0
    ),
    "ILMARI": DemoPerson(
        "Ilmari", "Hokkanen", "ilmari.hokkanen@kotiposti.example", "+358 40 555 0037", "", "fi", 0,
        holds={"events": {"registrations": 1}},
    ),
    "VILHO": DemoPerson(
        "Vilho", "Kuronen", "vilho.kuronen@kotiposti.example", "+358 40 555 0038", "K100038",
        "fi", 0,
        holds={
            "customers": {"customers": 1, "orders": 1, "order_lines": 1},
            "marketing": {"subscribers": 1},
        },
    ),
    "INKERI": DemoPerson(
        "Inkeri", "Partanen", "inkeri.partanen@verkko.example", "+358 40 555 0039", "K100039",
        "fi", 0,
        holds={"customers": {"customers": 1, "orders": 1, "order_lines": 1}},
    ),
    "TYYNE": DemoPerson(
        "Tyyne", "Reponen", "tyyne.reponen@kotiposti.example", "+358 40 555 0040", "K100040",
        "fi", 0,
        holds={"customers": {"customers": 1, "support_requests": 1}},
    ),
    "ARVO": DemoPerson(
        "Arvo", "Silvennoinen", "arvo.silvennoinen@verkko.example", "+358 40 555 0041", "",
        "fi", 0,
        holds={"leads": {"leads": 1}},
    ),
    "KERTTU": DemoPerson(
        "Kerttu", "Ahlqvist", "kerttu.ahlqvist@hemma.example", "+358 40 555 0042", "", "sv", 0
    ),
    "EINO": DemoPerson(
        "Eino", "Suhonen", "eino.suhonen@kotiposti.example", "+358 40 555 0043", "K100043",
        "fi", 0,
        holds={"customers": {"customers": 1, "support_requests": 1}},
    ),
}  # fmt: skip

DEMO_PEOPLE: Final[Mapping[str, DemoPerson]] = _PEOPLE
"""By the name that the demonstration and the tests use."""
