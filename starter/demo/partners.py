"""The demonstration's partners: processes of their own, what they hold, how they behave.

Data, written by hand, like what the registers hold. Nobody here exists.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starter.embedded_partners import Part
from starter.partners.behaviour import Behaviour
from starter.registers import DemoPerson

Record = Mapping[str, Any]


@dataclass(frozen=True)
class About:
    """What a partner holds on a person, and how it behaves about them if not as ever."""

    records: tuple[Record, ...] = ()
    behaviour: Behaviour | None = None


@dataclass(frozen=True)
class Played:
    """A partner."""

    behaviour: Behaviour
    people: Mapping[str, About]


def _delivery(number: str, on: str) -> Record:
    return {"delivery": number, "delivered_on": on, "article": "Ohjain 12"}


def _opened(campaign: str) -> Record:
    return {"campaign": campaign, "opened": True}


def _certificate(number: str, on: str) -> Record:
    return {"certificate": number, "course": "Turvalaitekoulutus", "issued_on": on}


PARTNERS: Final[Mapping[str, Played]] = {
    "order_partner": Played(Behaviour.PROMPT, {
        "AINO": About((_delivery("D-101", "2025-02-03"),)),
        "BIRGITTA": About((_delivery("D-102", "2025-03-14"), _delivery("D-103", "2025-09-01"))),
        "HELVI": About((_delivery("D-104", "2025-11-20"),)),
        "INKERI": About((_delivery("D-105", "2025-06-30"),), Behaviour.DENYING),
        "KAARINA": About(behaviour=Behaviour.SILENT),
        "MIKKO": About((_delivery("D-107", "2025-12-01"),)),
        "PAAVO": About(behaviour=Behaviour.SILENT),
        "RIITTA": About(behaviour=Behaviour.LYING),
        "VILHO": About((_delivery("D-106", "2025-10-08"),)),
    }),
    "newsletter_delivery": Played(Behaviour.FAILING, {
        "AUNE": About(behaviour=Behaviour.SILENT),
        "BIRGITTA": About((_opened("Uutiskirje 1/2025"),)),
        "LUMI": About((_opened("Uutiskirje 2/2025"),)),
        "SAGA": About((_opened("Uutiskirje 2/2025"), _opened("Uutiskirje 3/2025"))),
        "SISKO": About(behaviour=Behaviour.DENYING),
        "VILHO": About((_opened("Uutiskirje 1/2025"),)),
    }),
    "training_expert": Played(Behaviour.LATER, {
        "BIRGITTA": About((_certificate("T-000001", "2025-05-05"),)),
        "KHADIJAH": About((_certificate("T-000002", "2024-10-10"),)),
    }),
}  # fmt: skip
"""By system. FAILING and LATER are ordinary for them; the others are exceptions for a person."""


def parts(folder: Path, people: Mapping[str, DemoPerson]) -> dict[str, Part]:
    """Each partner's part, the people whom it knows written to a file of its own in `folder`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = {}
    for name, played in PARTNERS.items():
        file = folder / f"{name}.people.json"
        known = [_known(people[who], about) for who, about in played.people.items()]
        file.write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
        given[name] = Part(played.behaviour, file)
    return given


def _known(person: DemoPerson, about: About) -> dict[str, Any]:
    known_by = [person.name, *(value for _, value in person.identifiers)]
    told = {"behaviour": about.behaviour} if about.behaviour else {}
    return {"known_by": known_by, "records": about.records} | told


def introduced() -> str:
    """For whoever looks on: who they are."""
    lines = []
    for name, played in PARTNERS.items():
        odd = sorted({MEANING[one.behaviour] for one in played.people.values() if one.behaviour})
        but = f"; about some people it {', '.join(odd)}" if odd else ""
        lines.append(f"  {name.replace('_', ' ')}: {MEANING[played.behaviour]}{but}")
    return "\n".join(lines)


MEANING: Final = {
    Behaviour.PROMPT: "answers when it is asked",
    Behaviour.FAILING: "fails half of the time",
    Behaviour.LATER: "takes some seconds, and calls back",
    Behaviour.DENYING: "denies",
    Behaviour.LYING: "lies",
    Behaviour.SILENT: "keeps silent",
}
