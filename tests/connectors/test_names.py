"""Names and identifiers as they are compared, without a database."""

import pytest

from connectors.sql.matching import forms
from connectors.sql.names import compatible


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Aino Virtanen", "VIRTANEN, Aino Maria"),
        ("Anna-Maija Mäki-Petäjä", "Anna Maija Mäki Petäjä"),
        ("Sean O'Brien", "O’Brien Sean"),
        ("A\u030asa Lindstro\u0308m", "Åsa Lindström"),
        ("Virtanen", "Aino Virtanen"),
        ("Aino Virtanen", ""),
        ("", "Aino Virtanen"),
    ],
)
def test_names_can_be_one_persons(one: str, other: str) -> None:
    assert compatible(one, other)
    assert compatible(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Aino Virtanen", "Eero Virtanen"),
        ("Maki Matti", "Mäki Matti"),  # ä is a letter of its own
        ("Åsa Berg", "Asa Berg"),
        ("Aino Virtanen", "Aino Korhonen"),
        ("Aino Maria Virtanen", "Aino Liisa Virtanen"),
        ("Nguyễn Ánh", "Nguyen Anh"),
    ],
)
def test_names_cannot_be_one_persons(one: str, other: str) -> None:
    assert not compatible(one, other)
    assert not compatible(other, one)


def test_a_number_without_its_country_is_no_other_countrys() -> None:
    assert "0405550001" in forms("+358 40 555 0001", "phone", "358")
    assert "0405550001" not in forms("+46 40 555 0001", "phone", "358")
    assert "0405550001" not in forms("+358 40 555 0001", "phone")


@pytest.mark.parametrize("rule", ["email", "phone", "text"])
def test_an_empty_identifier_has_no_form(rule: str) -> None:
    assert forms(" ", rule) == frozenset()  # type: ignore[arg-type]
    assert forms("000", "phone") == frozenset()
