"""What is refused at intake: each with a sentence of its own, and nothing is written."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from schemas.errors import BadInput
from tests.intake.reception import Reception
from tests.office import AINO, a_form, now

NEW = {"name": "a", "media_type": "text/plain", "base64": "YQ=="}


def an_address(value: str) -> dict[str, Any]:
    return {"of": AINO | {"identifiers": [{"type": "email", "value": value}]}}


def in_(**span: float) -> str:
    return (now() + timedelta(**span)).isoformat()


REFUSED = {
    "a naive time": (
        {"received_at": "2026-05-04T10:00:00"},
        "received_at: input should have timezone info",
    ),
    "a date": ({"received_at": "2026-05-04"}, "received_at: input should have timezone info"),
    "a number for a time": (
        {"received_at": 1_795_000_000},
        "received_at: must be an instant with its offset",
    ),
    "a number in quotes for a time": (
        {"received_at": "1795000000"},
        "received_at: must be an instant with its offset",
    ),
    "no time": ({"received_at": "yesterday"}, "received_at: input should be a valid datetime"),
    "before the year 1": (
        {"received_at": "0001-01-01T00:00:00+14:00"},
        "outside the years 1 to 9999",
    ),
    "after the year 9999": (
        {"received_at": "9999-12-31T23:59:59-12:00"},
        "outside the years 1 to 9999",
    ),
    "an offset of a whole day": (
        {"received_at": "2026-05-04T10:00:00+24:00"},
        "received_at: input should be",
    ),
    "an unknown kind": ({"kind": "forget"}, "kind: input should be 'access'"),
    "an unknown channel": ({"channel": "fax"}, "channel: input should be 'letter'"),
    "an unknown language": ({"language": "de"}, "language: input should be 'fi'"),
    "an unknown scope": (
        {"scope": ["register", "cellar"]},
        "scope.2 is unknown. Known: archive, customers",
    ),
    "no scope": ({"scope": []}, "scope: tuple should have at least 1 item"),
    "an unknown purpose": ({"kind": "objection", "purposes": ["fun"]}, "purposes.1 is unknown"),
    "an objection to nothing": ({"kind": "objection", "purposes": []}, "objection needs purposes"),
    "an absolute and another purpose": (
        {"kind": "objection", "purposes": ["marketing", "profiling"]},
        "as two requests",
    ),
    "consent without its text": (
        {"kind": "consent", "consent": None},
        "consent {given, text_version",
    ),
    "an unknown identifier": (
        {"of": AINO | {"identifiers": [{"type": "shoe_size", "value": "38"}]}},
        "subject.identifiers.1.type is unknown. Known: email, phone",
    ),
    "a correction of nothing": (
        {"kind": "correct", "corrections": []},
        "corrections belong to kind correct, which needs at least one",
    ),
    "a correction of what no system holds": (
        {"kind": "correct", "corrections": [{"field": "shoe_size", "new": "39"}]},
        "corrections.1.field is held by no system in the scope. Known: user.contact.email; or a",
    ),
    "a correction of what a system outside the scope holds": (
        {
            "kind": "correct",
            "scope": ["archive"],
            "corrections": [{"field": "email", "new": "a@x.example"}],
        },
        "corrections.1.field is held by no system in the scope",
    ),
    "two values for one field": (
        {
            "kind": "correct",
            "corrections": [
                {"field": "email", "new": "a@x.example"},
                {"field": "email", "new": "b@x.example"},
            ],
        },
        "corrections.2.field stands there twice. Name each field once",
    ),
    "NUL in the name": ({"of": AINO | {"name": "Aino\0"}}, "subject.name: must not contain NUL"),
    "NUL in the message": ({"message": "a\0b"}, "message: must not contain NUL"),
    "NUL in an identifier": (an_address("a\0@x.example"), "value: must not contain NUL"),
    "NUL in a scope": ({"scope": ["register\0"]}, "scope.1: string should match pattern"),
    "NUL in the key": ({"idempotency_key": "k\0"}, "idempotency_key: must not contain NUL"),
    "NUL in a file's name": (
        {"attachments": [NEW | {"name": "a\0"}]},
        "name: must not contain NUL",
    ),
    "half a character": ({"message": "a\ud800b"}, "message: must be valid Unicode text"),
    "half a character as a key": ({"a\ud800": 1}, "valid string"),
    "a message of 10,001": (
        {"message": "x" * 10_001},
        "message: should have at most 10000 characters",
    ),
    "eleven attachments": (
        {"attachments": [NEW] * 11},
        "attachments: tuple should have at most 10 items",
    ),
    "over 10 MB together": (
        {"attachments": [NEW | {"base64": base64.b64encode(bytes(5_000_001)).decode()}] * 2},
        "attachments may hold 10000000 bytes together",
    ),
    "an attachment that is no base64": (
        {"attachments": [NEW | {"base64": "YQ==; drop"}]},
        "must be base64",
    ),
    "half an attachment": (
        {"attachments": [NEW | {"base64": "YWJ"}]},
        "base64: base64 decoding error",
    ),
    "an empty name": ({"of": {"name": "  "}}, "subject.name is empty"),
    "an empty identifier": (an_address(" "), "value is empty"),
    "an identifier of punctuation": (
        {"of": AINO | {"identifiers": [{"type": "phone", "value": "---"}]}},
        "phone number is malformed",
    ),
    "an unknown key": ({"virtanen": 1}, "the document has a key that is not known"),
    "an unknown key of the subject": (
        {"of": AINO | {"virtanen": 7}},
        "subject has a key that is not known; remove it or correct its spelling: name, identifiers",
    ),
    "an unknown key of evidence": (
        {"evidence": {"virtanen": True}},
        "correct its spelling: signed, envelope_mark, identification.",
    ),
    "an unknown key of an attachment": (
        {"attachments": [NEW | {"virtanen": 1}]},
        "attachments.1 has a key that is not known",
    ),
    "an unknown relation": (
        {"submitter": {"name": "O", "relation": "friend", "mandate": ""}},
        "submitter.relation: input",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_it_is_refused_with_a_sentence_and_nothing_is_written(
    reception: Reception, case: str
) -> None:
    fields, sentence = REFUSED[case]

    assert sentence.lower() in (await reception.refuses(a_form(**fields), BadInput)).lower()


@pytest.mark.parametrize(
    ("span", "sentence"),
    [({"minutes": 6}, "lies in the future"), ({"days": -731}, "is more than 730 days ago")],
    ids=["six minutes ahead", "over two years back"],
)
async def test_an_arrival_ahead_or_too_long_ago_is_refused(
    reception: Reception, span: dict[str, float], sentence: str
) -> None:
    form = a_form(received_at=in_(**span))

    assert f"received_at {sentence}" in await reception.refuses(form, BadInput)


@pytest.mark.parametrize(
    "value",
    ["aino", "aino@", "@x.example", "a@b", "a b@x.example", "a..b@x.example", "a@x..example",
     "a@-x.example", "a@x.example-", "a@x.1", "a@[127.0.0.1]", "a@x.example, b@x.example",
     "<a@x.example>", "a@@x.example", "x" * 65 + "@x.example", "a@" + "x" * 64 + ".example",
     "a@" + "x." * 130 + "example"],
)  # fmt: skip
async def test_a_malformed_address_is_refused_without_repeating_it(
    reception: Reception, value: str
) -> None:
    sentence = await reception.refuses(a_form(**an_address(value)), BadInput)

    assert "subject.identifiers" in sentence
    assert value not in sentence


@pytest.mark.parametrize(
    "value",
    ["Aino.Virtanen+news@Example.FI", "aino@äänekoski.example", "åsa@example.fi", "爱@例子.example",
     "o'brien@example.ie", "a_b=c@x-y.example", "AINO@ÄÄNEKOSKI.EXAMPLE", "x" * 64 + "@x.example"],
)  # fmt: skip
async def test_an_address_of_any_script_and_case_is_taken(reception: Reception, value: str) -> None:
    assert (await reception.takes(a_form(**an_address(value)))).created


async def test_a_plus_sign_makes_another_address(reception: Reception) -> None:
    one = await reception.takes(a_form(**an_address("aino@x.example")))
    other = await reception.takes(a_form(**an_address("aino+news@x.example")))

    assert one.number != other.number


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", "null", '"access"', "[" * 100_000, '{"kind": ' * 2_000, b"\xff\xfe",
     '{"kind": "\\ud83d"}', '{"received_at": 1e999}', '{"kind": NaN}', "x" * 20_000_001],
    ids=["empty", "broken", "list", "null", "word", "deep list", "deep object", "not UTF-8",
         "half a character", "infinity", "not a number", "20 MB"],
)  # fmt: skip
async def test_a_document_that_is_no_form_is_refused(
    reception: Reception, document: str | bytes
) -> None:
    sentence = await reception.refuses(document, BadInput)

    assert len(sentence) < 200


async def test_a_form_nested_deeper_than_any_is_refused(reception: Reception) -> None:
    deep: Any = "x"
    for _ in range(5_000):
        deep = {"subject": deep}

    await reception.refuses(a_form() | {"subject": deep}, BadInput)


async def test_a_refusal_never_repeats_what_was_written(reception: Reception) -> None:
    secret = "aino.virtanen@secret.example"
    forms = [
        a_form(**{secret: 1}),
        a_form(of=AINO | {secret: 1}),
        a_form(message=secret * 400),
        a_form(received_at=secret),
        a_form(channel=secret),
        a_form(of=AINO | {"identifiers": [{"type": "phone", "value": secret}]}),
        json.dumps(a_form(scope=[secret])),
    ]

    assert not [f for f in forms if secret in await reception.refuses(f, BadInput)]


async def test_what_is_at_the_limits_is_taken(reception: Reception) -> None:
    file = NEW | {"base64": base64.b64encode(bytes(1_000_000)).decode()}
    form = a_form(
        message="€" * 10_000, attachments=[file] * 10, received_at=in_(minutes=4, seconds=50)
    )

    assert (await reception.takes(json.dumps(form))).created
    assert (await reception.takes(a_form(received_at=in_(days=-729)))).created


async def test_names_and_texts_of_any_length_that_is_allowed_are_taken(
    reception: Reception,
) -> None:
    long = {"name": "ä" * 300, "address": "ö" * 300}
    known = [{"type": "customer_number", "value": f"{n:0300}"} for n in range(20)]

    assert (await reception.takes(a_form(of=long | {"identifiers": known}))).created


@pytest.mark.parametrize("offset", ["+14:00", "-12:00", "+05:45", "+00:01", "-00:00", "Z"])
async def test_an_instant_of_any_offset_is_the_same_instant(
    reception: Reception, offset: str
) -> None:
    at = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
    there = at.astimezone(datetime.fromisoformat(f"2026-03-01T12:00:00{offset}").tzinfo)

    receipt = await reception.takes(a_form(received_at=there.isoformat()), at + timedelta(hours=1))

    assert (await reception.row(receipt))["received_at"] == at
