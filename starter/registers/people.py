"""Synthetic people: Finnish, Swedish and other names. Addresses end in .example, which nobody has.

Nobody here exists. Numbers and addresses differ from those of the demonstration's people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

FINNISH: Final = (
    "Aino Eero Veikko Helmi Onni Väinö Päivi Jyrki Riikka Sampo Tuulikki Ilmari Kyösti Mirja "
    "Pentti Säde Tapio Ulla Vieno Yrjö Anna-Maija Juha-Pekka Marja-Leena Hannele Jäämeri",
    "Korhonen Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Koskinen Järvinen "
    "Lehtonen Räsänen Pöyhönen Kähkönen Mäki-Petäjä Ylä-Outinen Yli-Hukkala Äijälä",
)
SWEDISH: Final = (
    "Åsa Örjan Björn Märta Gösta Linnéa Håkan Ingrid Sören Göran Britt-Marie Karl-Åke Ebba "
    "Astrid Torbjörn Solveig",
    "Lindström Åkerblom Öberg Söderholm Ahlbäck Nordström Sjöblom Wikström Grönqvist Hägg "
    "von-Essen Bergström",
)
OTHER: Final = (
    "Nguyễn Thị-Ánh Đặng Khadījah Maḥmūd Yūsuf Seán Siobhán Zoë François Łukasz Jiří Çağla "
    "Ngozi Olena Mārtiņš Kärt Iñigo",
    "O'Brien D’Angelo al-Ḥusaynī Phạm Trần Wałęsa Dvořák Şahin Kovačević Bērziņš Õunapuu Müller "
    "Ó Ní-Dhomhnaill Okonkwo Ibáñez",
)
_DOMAINS: Final = ("kotiposti.example", "verkko.example", "hemma.example", "työposti.example")


@dataclass(frozen=True)
class Registered:
    """A person as registers know them."""

    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    customer_number: str
    language: str
    company: int  # number of the employer; 0 is the demonstration's own
    office_phone: str | None = None

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


def people(count: int, seed: int) -> Iterator[Registered]:
    """`count` people, the same ones for the same seed. One in twenty shares a family's address."""
    draw = Random(f"people {seed}")  # noqa: S311 synthetic data, no secret
    family: Registered | None = None
    for number in range(count):
        (firsts, lasts), language = draw.choices(
            ((FINNISH, "fi"), (SWEDISH, "sv"), (OTHER, "en")), weights=(70, 20, 10)
        )[0]
        first, last = draw.choice(firsts.split()), draw.choice(lasts.split())
        shares = family is not None and draw.random() < 0.05
        last = family.last_name if shares and family else last
        person = Registered(
            first_name=first,
            last_name=last,
            email=family.email if shares and family else _email(first, last, number, draw),
            phone=_phone(number, draw),
            customer_number=f"K{200000 + number}",
            language=language,
            company=1 + draw.randrange(max(1, count // 20)),
        )
        family = person
        yield person


def _email(first: str, last: str, number: int, draw: Random) -> str:
    address = f"{first}.{last}.{number}@{draw.choice(_DOMAINS)}".replace("'", "").replace("’", "")
    return address if draw.random() < 0.3 else address.lower()


def _phone(number: int, draw: Random) -> str:
    """The same number in one of the ways in which people write it."""
    digits = f"50{6000000 + number}"
    return draw.choice(
        (
            f"+358 {digits[:2]} {digits[2:5]} {digits[5:]}",
            f"0{digits[:2]}-{digits[2:]}",
            f"00358{digits}",
            f"+358 (0){digits[:2]} {digits[2:]}",
        )
    )
