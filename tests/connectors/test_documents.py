"""A configuration file that is wrong says where, what and what to do, and never shows a value."""

import pytest

from schemas.base import EdgeModel
from schemas.documents import parse
from schemas.errors import InvalidDocument
from schemas.systems import Recipient


class Rung(EdgeModel):
    days: int


class Ladder(EdgeModel):
    name: str
    rungs: tuple[Rung, ...] = ()
    country: str = "FI"


GOOD = "name: x\nrungs:\n  - days: 3\n  - days: 5\n"


def test_a_good_document_becomes_its_model() -> None:
    assert parse(GOOD, Ladder, "l.yaml").rungs[1].days == 5


def test_norway_is_a_country_and_not_false() -> None:
    text = "name: x\ncountry: NO\n"

    assert parse(text, Ladder, "l.yaml").country == "NO"


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("name: x\nrungs:\n  - days: 3\n  - days: many\n", "l.yaml:4", "rungs.2.days: input should be a valid integer"),
        ("name: x\nrungs:\n  - days: 3\n    dasy: 4\n", "l.yaml:4", "rungs.1.dasy is not a known key"),
        ("rungs: []\n", "l.yaml:1", "name is missing; add it"),
        ("name: x\n\nname: y\n", "l.yaml:3", "name is written twice; keep one"),
        ("name: x\nrungs: [1\n", "l.yaml:3", "is not valid YAML"),
        ("name: x\n\trungs: 1\n", "l.yaml:2", "is not valid YAML"),
        ("name: *canary\n", "l.yaml:1", "found undefined alias a word"),
        ("name: 2026-13-45\n", "l.yaml:1", "cannot read"),
        ("name: x\nrungs: \x00", "l.yaml:2", "a character that YAML does not allow"),
        ("", "l.yaml:1", "input should be a valid mapping"),
        ("- canary\n", "l.yaml:1", "input should be a valid mapping"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_file_and_line(text: str, place: str, sentence: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse(text, Ladder, "l.yaml")

    assert str(caught.value).startswith(f"{place}: ")
    assert sentence in str(caught.value)
    assert "canary" not in str(caught.value)


def test_all_faults_are_told_at_once_at_the_place_of_the_first() -> None:
    text = "rungs:\n  - days: x\n  - dyas: 3\nnmae: y\n"

    with pytest.raises(InvalidDocument) as caught:
        parse(text, Ladder, "l.yaml")

    told = str(caught.value)
    assert told.startswith("l.yaml:1: name is missing")
    for part in ("line 2: rungs.1.days", "line 3: rungs.2.days is missing", "line 4: nmae"):
        assert part in told


def test_values_and_odd_keys_are_never_shown() -> None:
    text = (
        "name: Canary Oy\nrelation: canary\ncountry: canary\ncanary@posti.example: 1\n"
        "safeguard: {canary-x: canary}\n"
    )

    with pytest.raises(InvalidDocument) as caught:
        parse(text, Recipient, "r.yaml")

    assert str(caught.value).startswith("r.yaml:2: ")
    assert "canary" not in str(caught.value).lower()
    assert caught.value.__context__ is None
