"""Who is who at intake: the rules of identity, over the database (law.md 3)."""

import json
import unicodedata
from typing import Any

import pytest

from schemas.case import Awaited, FeeAssessment
from schemas.policy import IdentifierPolicy
from schemas.request import Subject
from starter.dashboard import Dashboard
from storage.case_step import unseal
from tests.intake.reception import Reception
from tests.office import AINO, POLICY, a_form

POSSIBLY = "possibly_same_person"
OFFICES = POLICY.model_copy(
    update={
        "identifiers": POLICY.identifiers | {"office_address": IdentifierPolicy(unique=False)},
    }
)


def a_person(name: str, **identifiers: str) -> dict[str, Any]:
    known = [{"type": kind, "value": value} for kind, value in identifiers.items()]
    return {"name": name, "identifiers": known}


async def is_second_inquiry(
    reception: Reception, one: dict[str, Any], other: dict[str, Any]
) -> bool:
    """Whether the ledger takes the second for the first one's; neither is answered as the other."""
    first = await reception.takes(a_form(of=one))
    second = await reception.takes(a_form(of=other, message="another"))
    assert second.created
    assert second.number != first.number
    view = await reception.view(second)
    return view.fee.assessment is FeeAssessment.CHARGEABLE


async def newest(reception: Reception, what: str) -> list[Awaited]:
    """Open tasks of this kind."""
    tasks = await Dashboard(reception.engine).tasks()
    return [Awaited(**task.model_dump()) for task in tasks if task.what == what]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            a_person("Aino Virtanen", email="aino@x.example"),
            a_person("aino virtanen", email="Aino@X.example"),
        ),
        (
            a_person("Aino Virtanen", customer_number="17 A"),
            a_person("A. Korhonen", customer_number="17a"),
        ),
        (
            a_person("Aino Virtanen", phone="040 123 4567"),
            a_person("Aino Maria Virtanen", phone="+358401234567"),
        ),
    ],
    ids=["e-mail and name", "customer number alone", "phone and a name that fits"],
)
async def test_the_same_person_has_one_ledger(
    reception: Reception, one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert await is_second_inquiry(reception, one, other)
    assert await newest(reception, POSSIBLY) == []


async def test_one_address_with_another_name_is_a_task_and_both_proceed(
    reception: Reception,
) -> None:
    shared = "family@x.example"
    one, other = a_person("Aino Virtanen", email=shared), a_person("Veli Virtanen", email=shared)

    assert not await is_second_inquiry(reception, one, other)

    (task,) = await newest(reception, POSSIBLY)
    assert task.role == "handler"


async def test_a_contradicting_customer_number_makes_one_address_two_people(
    reception: Reception,
) -> None:
    one = a_person("Aino Virtanen", email="a@x.example", customer_number="1")
    other = a_person("Aino Virtanen", email="a@x.example", customer_number="2")

    assert not await is_second_inquiry(reception, one, other)
    assert await newest(reception, POSSIBLY)


async def test_the_task_of_a_possible_double_names_the_other_number_in_the_record(
    reception: Reception,
) -> None:
    first = await reception.takes(a_form(of=a_person("Aino Virtanen", email="f@x.example")))
    second = await reception.takes(a_form(of=a_person("Veli Virtanen", email="f@x.example")))

    told = await reception.tells(second)

    assert f"the same address with another name stands in {first.number}: not merged" in told
    assert f"task {second.number}-1 for the handler: {POSSIBLY}" in told


async def test_a_name_alone_is_received_as_a_task_and_matches_nobody(reception: Reception) -> None:
    alone = {"name": "Aino Virtanen"}

    assert not await is_second_inquiry(reception, alone, alone)

    assert len(await newest(reception, "name_alone")) == 2
    again = await reception.takes(a_form(of=alone))
    assert again.created  # the very same words: nobody in particular


async def test_a_name_alone_under_one_key_is_one_case(reception: Reception) -> None:
    form = a_form(of={"name": "Aino Virtanen"}, idempotency_key="k")

    assert (await reception.takes(form)).number == (await reception.takes(form)).number


async def test_a_shared_address_alone_never_answers_one_person_as_another(
    reception: Reception,
) -> None:
    offices = Reception(reception.engine, reception.secrets, OFFICES)
    matti = a_form(of=a_person("Matti Virtanen", office_address="Puistokatu 1"))

    first, second = await offices.takes(matti), await offices.takes(matti)

    assert second.created
    assert (await offices.view(second)).fee.assessment is FeeAssessment.FREE
    assert f"stands in {first.number}" in " ".join(await offices.tells(second))


async def test_a_street_address_is_no_identifier(reception: Reception) -> None:
    street = "Puistokatu 1, 50100 Mikkeli"
    one = {"name": "Aino Virtanen", "address": street}

    assert not await is_second_inquiry(reception, one, one)


NAMES = [
    "Åsa Öström-Çelik",
    "Siân O’Brien",
    "محمد بن عبد الله",
    "שלום כהן",
    "Nguyễn Thị Hương",
    "李小龍",
    "Zoë D'Arcy, Jr.",
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_keeps_its_letters(reception: Reception, name: str) -> None:
    written = a_form(of=AINO | {"name": unicodedata.normalize("NFD", name)})

    receipt = await reception.takes(written)

    sealed = await _form(reception, receipt.case)
    assert sealed["subject"]["name"] == unicodedata.normalize("NFC", name)


async def _form(reception: Reception, case: Any) -> dict[str, Any]:
    async with reception.engine.connect() as conn:
        content = await unseal(conn, reception.intake.keyring, case, "form")
    assert content is not None
    return dict(json.loads(content))


@pytest.mark.parametrize("name", NAMES)
async def test_people_are_the_same_in_whatever_case_spacing_and_unicode_form(
    reception: Reception, name: str
) -> None:
    one = a_person(name, customer_number="Ä 17")
    other = a_person(
        "  " + unicodedata.normalize("NFD", name).upper().replace(" ", "   "),
        customer_number=unicodedata.normalize("NFD", "ä17"),
    )
    first = await reception.takes(a_form(of=one))

    again = await reception.takes(a_form(of=other))

    assert (again.number, again.created) == (first.number, False)


def test_a_person_shows_nothing_of_itself() -> None:
    person = Subject.model_validate(AINO)

    assert "Aino" not in repr(person) + str(person)
