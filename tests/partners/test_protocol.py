"""The engine's side of OpenDSR, spoken with partners that run as processes of their own."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from connectors.contract import Choice, Correction, Identity, Person
from connectors.opendsr.partner import OpenDsrPartner
from connectors.opendsr.signature import sign
from connectors.partner import Order, PartnerAway, PartnerWrong, Right, Told
from schemas.partners import PartnerFault, RequestResult, RequestStatus
from starter.partners.authority import Authority
from tests.partners.processes import (
    DOMAIN,
    LOOPBACK,
    PartnerProcess,
    a_partner,
    certificates,
    declared,
)

Start = Callable[[str], PartnerProcess]
AINO = Person(
    name="Aino Virtanen",
    identities=(
        Identity(type="email", value="aino.virtanen@example.fi"),
        Identity(type="phone", value="+358401234567"),
        Identity(type="customer_number", value="10042"),
    ),
)


def an_order(right: Right = Right.ACCESS, **more: Any) -> Order:
    ordinary = {
        "request": uuid4(), "right": right, "submitted_at": datetime(2027, 3, 1, 9, tzinfo=UTC),
        "person": AINO, "employer": "Esimerkki Oy", "address": "Puistokatu 1",
    }  # fmt: skip
    return Order.model_validate(ordinary | more)


@asynccontextmanager
async def line_to(
    url: str, folder: Path, *, domain: str = DOMAIN, private: tuple[str, ...] = LOOPBACK,
    within: float = 10, callback_url: str | None = None, **more: Any,
) -> AsyncIterator[OpenDsrPartner]:  # fmt: skip
    """The engine's partner at that URL."""
    manifest = declared(domain, private, **more)
    assert manifest.http is not None
    environment = {"PARTNER_URL": url, "PARTNER_CA": str(folder / "ca.pem")}
    partner = OpenDsrPartner(
        manifest, manifest.http, environment, callback_url, timedelta(seconds=within)
    )
    try:
        yield partner
    finally:
        await partner.close()


async def test_a_prompt_partner_takes_a_request_and_gives_what_it_holds(
    partner: Start, authority_folder: Path
):
    async with line_to(partner("prompt").url, authority_folder) as expert:
        order = an_order()
        await expert.ask(order)
        told = await expert.status(order.request)
        found = await expert.results(told)

    assert (told.status, told.records) == (RequestStatus.COMPLETED, 1)
    assert [row.item for row in found.rows] == ["1"]
    assert found.rows[0].values["course"] == "Signalling basics"


async def test_only_the_fields_that_the_manifest_names_leave_the_house(
    partner: Start, authority_folder: Path
):
    """Art. 5(1)(c): name and employer of a person of whom much more is known."""
    process = partner("prompt")
    async with line_to(process.url, authority_folder) as expert:
        order = an_order()
        await expert.ask(order)

    (body,) = process.received()
    sent = json.loads(body)
    assert sent["extensions"] == {
        DOMAIN: {"subject": {"name": "Aino Virtanen", "employer": "Esimerkki Oy"}}
    }
    assert sent["subject_identities"] == []
    for secret in (b"aino.virtanen@example.fi", b"+358401234567", b"10042", b"Puistokatu"):
        assert secret not in body
    assert sent.keys() == {
        "regulation", "subject_request_id", "subject_request_type", "submitted_time",
        "subject_identities", "api_version", "status_callback_urls", "extensions",
    }  # fmt: skip
    assert sent["subject_request_id"] == str(order.request) == str(order.request).lower()
    assert UUID(sent["subject_request_id"]).version == 4


async def test_identifiers_that_the_protocol_knows_go_out_under_its_names(
    partner: Start, authority_folder: Path
):
    process = partner("prompt")
    fields = ("email", "customer_number", "phone")
    async with line_to(process.url, authority_folder, fields_sent=fields) as expert:
        await expert.ask(an_order())

    sent = json.loads(process.received()[0])
    assert [i["identity_type"] for i in sent["subject_identities"]] == [
        "email", "controller_customer_id",
    ]  # fmt: skip
    assert sent["extensions"] == {DOMAIN: {"subject": {"phone": ["+358401234567"]}}}


async def test_what_the_protocol_lacks_travels_in_an_extension_of_the_partners_domain(
    partner: Start, authority_folder: Path
):
    process, received = partner("prompt"), datetime(2027, 3, 1, tzinfo=UTC)
    choice = Choice(purposes=("marketing",), received_at=received, text_version="3", means="email")
    new = Correction(field="user.name", old="Aino Virtanen", new="Aino Lahtinen")
    async with line_to(process.url, authority_folder) as expert:
        await expert.ask(an_order(Right.CONSENT, choice=choice))
        await expert.ask(an_order(Right.CORRECTION, corrections=(new,)))

    consent, correction = (json.loads(b)["extensions"][DOMAIN] for b in process.received())
    assert consent["purposes"] == ["marketing"]
    assert (consent["text_version"], consent["means"]) == ("3", "email")
    assert correction["corrections"] == [new.model_dump()]


async def test_nothing_is_asked_about_a_person_whom_no_field_names(
    partner: Start, authority_folder: Path
):
    process = partner("prompt")
    nameless = an_order(employer=None)
    async with line_to(process.url, authority_folder, fields_sent=("employer",)) as expert:
        with pytest.raises(PartnerWrong) as caught:
            await expert.ask(nameless)

    assert caught.value.fault is PartnerFault.NOBODY
    assert process.received() == []


async def test_a_repeated_submission_that_exists_already_is_success(
    partner: Start, authority_folder: Path
):
    process = partner("existing")
    async with line_to(process.url, authority_folder) as expert:
        order = an_order()
        await expert.ask(order)
        await expert.ask(order)

    assert len({json.loads(b)["subject_request_id"] for b in process.received()}) == 1


async def test_a_400_for_a_request_that_does_not_exist_is_a_refusal(
    partner: Start, authority_folder: Path
):
    async with line_to(partner("refusing").url, authority_folder) as expert:
        with pytest.raises(PartnerWrong) as caught:
            await expert.ask(an_order())

    assert caught.value.fault is PartnerFault.REFUSED


async def test_a_busy_partner_says_when_to_come_again(partner: Start, authority_folder: Path):
    async with line_to(partner("busy").url, authority_folder) as expert:
        order = an_order()
        with pytest.raises(PartnerAway) as caught:
            await expert.ask(order)
        await expert.ask(order)

    assert caught.value.retry_after == timedelta(seconds=1)


async def test_a_failing_partner_is_away_and_can_be_asked_again(
    partner: Start, authority_folder: Path
):
    async with line_to(partner("failing").url, authority_folder) as expert:
        order = an_order()
        for _ in range(2):
            with pytest.raises(PartnerAway):
                await expert.ask(order)
        await expert.ask(order)


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        ("huge", PartnerFault.TOO_LARGE),
        ("malformed", PartnerFault.MALFORMED),
        ("redirecting", PartnerFault.REDIRECTED),
        ("another", PartnerFault.ANOTHER_REQUEST),
        ("unsigned", PartnerFault.UNSIGNED),
    ],
)
async def test_an_answer_that_cannot_be_used_is_a_fault_with_a_name(
    partner: Start, authority_folder: Path, behaviour: str, fault: PartnerFault
):
    async with line_to(partner(behaviour).url, authority_folder) as expert:
        with pytest.raises(PartnerWrong) as caught:
            await expert.ask(an_order())

    assert caught.value.fault is fault


async def test_only_a_pending_request_can_be_taken_back(partner: Start, authority_folder: Path):
    async with line_to(partner("slow").url, authority_folder) as expert:
        pending, begun = an_order(), an_order()
        await expert.ask(pending)
        await expert.ask(begun)
        assert (await expert.status(begun.request)).status is RequestStatus.IN_PROGRESS

        assert await expert.cancel(pending.request)
        assert not await expert.cancel(begun.request)

        assert (await expert.status(pending.request)).status is RequestStatus.CANCELLED


@pytest.mark.parametrize(
    ("behaviour", "result"),
    [("denying", RequestResult.DENIED), ("partial", RequestResult.PARTIAL)],
)
async def test_a_partner_can_deny_or_do_a_part_by_our_extension(
    partner: Start, authority_folder: Path, behaviour: str, result: RequestResult
):
    async with line_to(partner(behaviour).url, authority_folder) as expert:
        order = an_order(Right.ERASURE)
        await expert.ask(order)
        told = await expert.status(order.request)

    assert (told.status, told.result) == (RequestStatus.COMPLETED, result)


async def test_a_request_that_the_partner_does_not_know_is_a_fault(
    partner: Start, authority_folder: Path
):
    async with line_to(partner("prompt").url, authority_folder) as expert:
        with pytest.raises(PartnerWrong) as caught:
            await expert.status(uuid4())

    assert caught.value.fault is PartnerFault.UNKNOWN_REQUEST


async def test_a_partner_in_a_private_network_that_its_manifest_does_not_name_is_not_called(
    partner: Start, authority_folder: Path
):
    process = partner("prompt")
    async with line_to(process.url, authority_folder, private=("10.0.0.0/8",)) as expert:
        with pytest.raises(PartnerWrong) as caught:
            await expert.ask(an_order())

    assert caught.value.fault is PartnerFault.ADDRESS


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/results", "https://169.254.169.254/", "//127.0.0.2/", "http://[::"]
)
async def test_results_are_fetched_only_where_the_partner_itself_is(
    partner: Start, authority_folder: Path, url: str
):
    told = Told(request=uuid4(), status=RequestStatus.COMPLETED, results_url=url)
    async with line_to(partner("prompt").url, authority_folder) as expert:
        with pytest.raises(PartnerWrong) as caught:
            await expert.results(told)

    assert caught.value.fault in (PartnerFault.ADDRESS, PartnerFault.MALFORMED)


async def test_a_completed_search_without_results_and_without_a_count_is_no_answer(
    partner: Start, authority_folder: Path
):
    """Silence is never success: nothing held has to be said."""
    said = Told(request=uuid4(), status=RequestStatus.COMPLETED, records=0)
    async with line_to(partner("prompt").url, authority_folder) as expert:
        assert not (await expert.results(said)).rows
        with pytest.raises(PartnerWrong):
            await expert.results(said.model_copy(update={"records": None}))


async def test_a_partner_that_stopped_is_away(partner: Start, authority_folder: Path):
    process = partner("prompt")
    process.stop()
    async with line_to(process.url, authority_folder) as expert:
        with pytest.raises(PartnerAway):
            await expert.ask(an_order())


async def test_a_partner_without_a_url_or_authority_is_away_until_they_are_set(tmp_path: Path):
    manifest = declared()
    assert manifest.http is not None
    expert = OpenDsrPartner(manifest, manifest.http, {}, None, timedelta(seconds=1))

    with pytest.raises(PartnerAway, match="PARTNER_URL is not set"):
        await expert.check()


async def test_a_certificate_of_another_domain_or_authority_is_not_believed(
    partner: Start, authority_folder: Path, tmp_path: Path
):
    Authority.new("Somebody else").own.write(tmp_path, "ca")
    url = partner("prompt").url
    async with line_to(url, authority_folder, domain="other.example") as expert:
        with pytest.raises(PartnerWrong):
            await expert.check()
    async with line_to(url, tmp_path) as expert:
        with pytest.raises(PartnerWrong):
            await expert.check()


async def test_a_callback_is_read_only_if_the_partner_signed_these_very_bytes(
    partner: Start, tmp_path: Path
):
    expert_key = certificates(tmp_path).certifies(DOMAIN)
    expert_key.write(tmp_path, DOMAIN)
    body = json.dumps({"subject_request_id": str(uuid4()), "request_status": "completed"}).encode()
    with a_partner("prompt", tmp_path) as process:
        async with line_to(process.url, tmp_path) as expert:
            with pytest.raises(PartnerAway):  # nobody has looked at its certificate yet
                await expert.read_callback(sign(expert_key.key, body), body)
            await expert.check()
            seen = len(process.calls())
            told = await expert.read_callback(sign(expert_key.key, body), body)
            with pytest.raises(PartnerWrong) as caught:
                await expert.read_callback(sign(expert_key.key, body), body + b" ")
        assert len(process.calls()) == seen, "whoever calls us makes us call nobody"

    assert told.status is RequestStatus.COMPLETED
    assert caught.value.fault is PartnerFault.UNSIGNED


def test_nothing_of_a_person_shows_where_an_order_is_printed():
    order = an_order(choice=None)

    for secret in ("Aino", "aino.virtanen", "Esimerkki", "Puistokatu"):
        assert secret not in repr(order)
