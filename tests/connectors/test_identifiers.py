"""Identifiers in every form in which a system may hold them."""

import pytest

from connectors.sql.matching import forms


def test_domains_that_differ_are_different_addresses() -> None:
    assert not forms("a@straße.example", "email") & forms("a@strasse.example", "email")


def test_a_number_without_its_country_is_no_other_countrys() -> None:
    assert "0405550001" in forms("+358 40 555 0001", "phone", "358")
    assert "0405550001" not in forms("+46 40 555 0001", "phone", "358")
    assert "0405550001" not in forms("+358 40 555 0001", "phone")


@pytest.mark.parametrize("rule", ["email", "phone", "text"])
def test_an_empty_identifier_has_no_form(rule: str) -> None:
    assert forms(" ", rule) == frozenset()  # type: ignore[arg-type]
    assert forms("000", "phone") == frozenset()
