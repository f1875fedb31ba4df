"""The demonstration's people for a seed: other names and addresses, the same holdings.

Who shares an address or a name with whom stays, and so do customer numbers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Final

from starter.registers.demo_people import DEMO_PEOPLE, DemoPerson
from starter.registers.people import FINNISH, OTHER, SWEDISH

DEMO_SEED: Final = 7
"""The seed of the people as they are written down."""


def demo_people(seed: int = DEMO_SEED) -> Mapping[str, DemoPerson]:
    """By the name that the scenarios use, the same ones for the same seed."""
    if seed == DEMO_SEED:
        return DEMO_PEOPLE
    draw = Random(f"demo people {seed}")  # noqa: S311 synthetic data, no secret
    firsts, lasts = (_renamed(part, draw) for part in (0, 1))
    named = {
        who: replace(
            one, first_name=firsts[one.first_name], last_name=lasts[one.last_name],
            phone=_phone(one, draw), language=draw.choice(("fi", "sv", "en")),
        )
        for who, one in DEMO_PEOPLE.items()
    }  # fmt: skip
    owners = {DEMO_PEOPLE[who].email: named[who] for who in reversed(named)}
    return {
        who: replace(one, email=_address(DEMO_PEOPLE[who].email, owners))
        for who, one in named.items()
    }


def _renamed(part: int, draw: Random) -> dict[str, str]:
    """Another first (0) or last (1) name for each that there is, no two the same."""
    pool = [name for names in (FINNISH, SWEDISH, OTHER) for name in names[part].split()]
    known = _distinct((p.first_name, p.last_name)[part] for p in DEMO_PEOPLE.values())
    return dict(zip(known, draw.sample(_distinct(pool), len(known)), strict=True))


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _phone(person: DemoPerson, draw: Random) -> str | None:
    """Another one, unless it is an office's."""
    if person.phone is None or person.phone == person.office_phone:
        return person.phone
    return f"{person.phone[:-8]}{draw.randrange(600, 1000)} {person.phone[-4:]}"


def _address(address: str | None, owners: Mapping[str | None, DemoPerson]) -> str | None:
    """Of whoever has it first; the domain stays, with its letters beyond ASCII."""
    if address is None:
        return None
    owner, domain = owners[address], address.rpartition("@")[2]
    local = f"{owner.first_name}.{owner.last_name}".lower()
    return f"{local.replace(chr(39), '').replace('’', '')}@{domain}"
