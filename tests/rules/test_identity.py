"""Normal forms, one person or not, assurance by channel (law.md 3). All people are invented."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.identity import (
    Assurance,
    IdentifierKey,
    PersonKeys,
    Sameness,
    assurance,
    email,
    name_words,
    names_compatible,
    normalise,
    phone,
    same_person,
    text,
)
from schemas.errors import BadInput
from schemas.request import Channel, Evidence, Identification, Kind


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("Aino.Malli@Example.FI", "aino.malli@example.fi"),
        ("  aino@example.fi\n", "aino@example.fi"),
        ("aino+list@example.fi", "aino+list@example.fi"),
        ("aino@Järvenpää.fi", "aino@xn--jrvenp-buafa.fi"),
        ("aino@XN--JRVENP-BUAFA.fi", "aino@xn--jrvenp-buafa.fi"),
        (unicodedata.normalize("NFD", "äiti@järvi.fi"), "äiti@xn--jrvi-loa.fi"),
        ("aino@faß.example", "aino@xn--fa-hia.example"),  # not fass.example: RFC 5891
        ("aino@例え。テスト", "aino@xn--r8jz45g.xn--zckzah"),
        ("aino@ｅｘａｍｐｌｅ．fi", "aino@example.fi"),
        ("o'malli@sub.example.fi", "o'malli@sub.example.fi"),
    ],
)
def test_an_address_is_compared_in_lower_case_with_its_domain_in_ascii(written, compared):
    assert email(written) == compared


@pytest.mark.parametrize(
    "malformed",
    [
        "", "@", "aino", "aino@", "@example.fi", "aino@example", "aino@@example.fi",
        "a@b@example.fi", "aino malli@example.fi", "aino@exam ple.fi", ".aino@example.fi",
        "aino.@example.fi", "ai..no@example.fi", "aino@example..fi", "aino@.example.fi",
        "aino@-example.fi", "aino@example-.fi", "aino@exa_mple.fi", "aino@127.0.0.1",
        "aino@[127.0.0.1]", "Aino Malli <aino@example.fi>", "mailto:aino@example.fi",
        "aino\u200b@example.fi", "aino\x00@example.fi", "aino@ex\u202eample.fi",
        "a" * 65 + "@example.fi",
        "aino@" + "a" * 64 + ".fi", "aino@" + "ä" * 63 + ".fi", "aino@" + "abc." * 70 + "fi",
        "aino@\u2028.fi", "aino@\ud800.fi",
    ],
)  # fmt: skip
def test_a_malformed_address_is_refused_without_being_repeated(malformed: str):
    with pytest.raises(BadInput) as refused:
        email(malformed)
    sentence = str(refused.value)
    assert sentence.startswith("The e-mail address is ")
    assert "aino" not in sentence


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("040 123 4567", "+358401234567"),
        ("+358 40 123 4567", "+358401234567"),
        ("+358 (0)40 123 4567", "+358401234567"),
        ("+3580401234567", "+358401234567"),
        ("00358-40-1234567", "+358401234567"),
        ("(015) 123 456", "+35815123456"),
        ("+46 70-123 45 67", "+46701234567"),
        ("+44.20/7946 0000", "+442079460000"),
        ("０４０１２３４５６７", "+358401234567"),
    ],
)
def test_a_phone_number_is_compared_in_its_international_form(written: str, compared: str):
    assert phone(written) == compared


@pytest.mark.parametrize(
    "malformed",
    [
        "", "+", "0", "123", "401234567", "+0401234567", "040 CALL ME", "+358 40 1234567 ext 5",
        "+1234567890123456", "0401234567;0501234567", "++358401234567", "040\x0012345",
    ],
)  # fmt: skip
def test_a_malformed_phone_number_is_refused_without_being_repeated(malformed: str):
    with pytest.raises(BadInput, match=r"^The phone number is malformed: give one like \+358 40"):
        phone(malformed)


def test_another_country_has_its_own_code():
    assert phone("070-123 45 67", country_code="46") == "+46701234567"


def test_text_is_compared_without_case_spaces_and_form():
    assert text(" Åb 12\u00a0x\t") == text(unicodedata.normalize("NFD", "åB12X")) == "åb12x"
    assert text("Åb") != text("Ab")


def test_an_identifier_without_a_value_is_refused():
    with pytest.raises(BadInput, match="empty"):
        text(" \u00a0")


def test_the_policy_names_the_way_of_comparing():
    assert normalise("email", "A@Example.fi") == "a@example.fi"
    assert normalise("phone", "0401234567") == "+358401234567"
    assert normalise("text", "C 17") == "c17"


@given(st.text(max_size=40))
def test_whatever_is_written_gives_a_form_or_a_sentence_and_a_form_is_its_own(written: str):
    for how in ("email", "phone", "text"):
        try:
            form = normalise(how, written)
        except BadInput:
            continue
        assert normalise(how, form) == form


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Anna-Liisa Mäkelä", {"anna", "liisa", "mäkelä"}),
        ("MÄKELÄ, Anna‑Liisa", {"anna", "liisa", "mäkelä"}),
        (unicodedata.normalize("NFD", "Åke Öberg"), {"åke", "öberg"}),
        ("J. R. Malli", {"j", "r", "malli"}),
        ("Seán O’Malli", {"seán", "o'malli"}),
        ("Groß", {"gross"}),
        ("  ", set()),
        ("-", set()),
    ],
)
def test_a_name_is_its_words_with_every_letter_kept(name: str, words: set[str]):
    assert name_words(name) == words


def test_a_without_dots_is_another_letter():
    assert name_words("Makela") != name_words("Mäkelä")


@pytest.mark.parametrize(
    ("one", "other", "fit"),
    [
        ("Aino Malli", "Malli Aino", True),
        ("Aino Maria Malli", "Aino Malli", True),
        ("Aino Malli", "Aino Maria Malli", True),
        ("Aino Malli", "Eino Malli", False),
        ("Aino Maria Malli", "Aino Kaarina Malli", False),
        ("Aino", "", False),
        ("", "", False),
    ],
)
def test_names_fit_if_one_holds_all_words_of_the_other(one: str, other: str, fit: bool):
    assert names_compatible(name_words(one), name_words(other)) is fit


def person(name: str, *keys: IdentifierKey) -> PersonKeys:
    words = frozenset(word.encode() for word in name_words(name))
    return PersonKeys(identifiers=frozenset(keys), name_words=words)


def mail(value: str) -> IdentifierKey:
    return IdentifierKey("email", value.encode(), unique=True, personal=False)


def customer(value: str) -> IdentifierKey:
    return IdentifierKey("customer_number", value.encode(), unique=True, personal=True)


def office(value: str) -> IdentifierKey:
    return IdentifierKey("office_email", value.encode(), unique=False, personal=False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (person("Aino Malli", mail("a")), person("Malli Aino", mail("a")), Sameness.SAME),
        (person("Aino Malli", mail("a")), person("Aino M Malli", mail("a")), Sameness.SAME),
        (person("Aino Malli", mail("a")), person("Eino Malli", mail("a")), Sameness.POSSIBLY),
        (person("", mail("a")), person("Aino Malli", mail("a")), Sameness.POSSIBLY),
        (person("Aino Malli", customer("1")), person("Aino Uusi", customer("1")), Sameness.SAME),
        (
            person("Aino Malli", mail("a"), customer("1")),
            person("Aino Malli", mail("a"), customer("2")),
            Sameness.POSSIBLY,
        ),
        (
            person("Aino Malli", mail("a"), customer("1")),
            person("Aino Malli", mail("a")),
            Sameness.SAME,
        ),
        (
            person("Aino Malli", mail("a"), customer("1"), customer("2")),
            person("Aino Malli", mail("a"), customer("2")),
            Sameness.SAME,
        ),
        (person("Aino Malli"), person("Aino Malli"), Sameness.DIFFERENT),
        (person("Aino Malli", mail("a")), person("Aino Malli", mail("b")), Sameness.DIFFERENT),
        (person("Aino Malli", office("o")), person("Eino Testi", office("o")), Sameness.DIFFERENT),
        (person("Aino Malli", office("o")), person("Aino Malli", office("o")), Sameness.POSSIBLY),
    ],
)
def test_only_a_personal_identifier_or_a_unique_one_with_fitting_names_is_the_same_person(
    one: PersonKeys, other: PersonKeys, same: Sameness
):
    assert same_person(one, other) is same
    assert same_person(other, one) is same


SIGNED = Evidence(signed=True)
IDENTIFIED = Evidence(identification=Identification(kind="passport", checked_by="desk"))


@pytest.mark.parametrize("kind", Kind)
def test_a_signed_letter_or_a_visit_with_identification_suffices(kind: Kind):
    assert assurance(kind, Channel.LETTER, SIGNED) == Assurance(True, "signed_letter")
    assert assurance(kind, Channel.IN_PERSON, IDENTIFIED) == Assurance(True, "identified_visit")


@pytest.mark.parametrize("kind", Kind)
def test_an_email_suffices_for_objection_and_consent_only(kind: Kind):
    suffices = kind in {Kind.OBJECTION, Kind.CONSENT}
    expected = Assurance(True, "email") if suffices else Assurance(False, None)
    assert assurance(kind, Channel.EMAIL, Evidence()) == expected


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("channel", "evidence"),
    [
        (Channel.LETTER, Evidence(envelope_mark=True)),
        (Channel.LETTER, IDENTIFIED),
        (Channel.IN_PERSON, SIGNED),
        (Channel.WEB, SIGNED),
        (Channel.PHONE, IDENTIFIED),
        (Channel.API, SIGNED),
    ],
)
def test_anything_else_waits_for_a_handler(kind: Kind, channel: Channel, evidence: Evidence):
    assert assurance(kind, channel, evidence) == Assurance(False, None)
