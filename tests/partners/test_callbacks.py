"""The door for callbacks: who is believed, what it writes, and that it decides nothing."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from connectors.opendsr.messages import DOMAIN_HEADER, SIGNATURE_HEADER
from connectors.opendsr.signature import sign
from connectors.registry import Systems
from schemas.base import Model
from schemas.case import SystemOutcome
from schemas.errors import BadInput
from schemas.partners import RequestStatus
from starter.api import CALLBACKS, MAX_BODY_BYTES, http_api
from starter.serving import listen
from storage import tables as t
from storage.certificates import KeptCertificates
from storage.database import connect
from storage.dispatches import open_dispatch
from tests.holds.deskwork import CASE_ROW
from tests.office import a_form
from tests.partners.offices import EXPERT, OF_AINO, comes_to, dispatches, door, outcome
from tests.partners.processes import DOMAIN, PartnerProcess, declared

PENDING, BEGUN = RequestStatus.PENDING, RequestStatus.IN_PROGRESS
DONE, CANCELLED = RequestStatus.COMPLETED, RequestStatus.CANCELLED


@asynccontextmanager
async def a_door(
    process: PartnerProcess, engine: AsyncEngine, folder: Path, *, seen: bool = True
) -> AsyncIterator[httpx2.AsyncClient]:
    """Speaks to `dsr serve`; a worker has `seen` that partner, which the door cannot call."""
    environment = {"PARTNER_URL": process.url, "PARTNER_CA": str(folder / "ca.pem")}
    kept = KeptCertificates(engine)
    if seen:
        worker = Systems((declared(),), environment, certificates=kept)
        await worker.check(EXPERT)
        await worker.close()
    systems = Systems((declared(private_networks=()),), environment, certificates=kept)
    async with (
        door(systems, engine, listen("127.0.0.1", 8700)) as url,
        httpx2.AsyncClient(base_url=url.removesuffix(CALLBACKS), trust_env=False) as client,
    ):
        yield client
    await systems.close()


async def an_open_request(engine: AsyncEngine) -> UUID:
    """A request that a partner has; its id."""
    case = uuid4()
    row = CASE_ROW | {
        "id": case, "number": "2027-0001", "clock": {}, "person_hash": b"p", "content_hash": b"c",
    }  # fmt: skip
    async with engine.begin() as conn:
        await conn.execute(insert(t.cases).values(row))
        return (await open_dispatch(conn, case, EXPERT, "search")).id


def said(request: UUID, status: RequestStatus = DONE) -> bytes:
    return json.dumps({"subject_request_id": str(request), "request_status": status}).encode()


def signed(body: bytes, folder: Path, domain: str = DOMAIN) -> dict[str, str]:
    key: Any = load_pem_private_key((folder / f"{DOMAIN}.key").read_bytes(), None)
    return {DOMAIN_HEADER: domain, SIGNATURE_HEADER: sign(key, body)}


async def test_a_signed_callback_is_taken_and_written_to_its_row(
    partner, engine: AsyncEngine, authority_folder: Path
):
    request = await an_open_request(engine)
    async with a_door(partner("silent"), engine, authority_folder) as client:
        body = said(request)
        answer = await client.post(CALLBACKS, content=body, headers=signed(body, authority_folder))

    assert (answer.status_code, answer.content) == (202, b"")
    (row,) = await dispatches(engine)
    assert (row["called_back"], row["news"], row["state"]) == ("completed", True, None)


async def test_what_is_not_signed_by_its_partner_changes_nothing(
    partner, engine: AsyncEngine, authority_folder: Path
):
    request = await an_open_request(engine)
    body = said(request)
    good = signed(body, authority_folder)
    async with a_door(partner("silent"), engine, authority_folder) as client:
        for content, headers in (
            (body, {}),
            (body, {DOMAIN_HEADER: DOMAIN}),
            (body, good | {SIGNATURE_HEADER: "AAAA"}),
            (body, good | {DOMAIN_HEADER: "other.example"}),
            (body + b" ", good),
            (said(request, BEGUN), good),
        ):
            answer = await client.post(CALLBACKS, content=content, headers=headers)
            assert answer.status_code == 401
            assert answer.json() == {"title": "Unauthorized", "status": 401}

    (row,) = await dispatches(engine)
    assert (row["called_back"], row["news"]) == (None, False)


async def test_an_answer_never_repeats_what_was_sent(
    partner, engine: AsyncEngine, authority_folder: Path
):
    body = b'{"subject_request_id": "Aino Virtanen", "request_status": "aino@example.fi"}'
    async with a_door(partner("silent"), engine, authority_folder) as client:
        malformed = await client.post(
            CALLBACKS, content=body, headers=signed(body, authority_folder)
        )
        elsewhere = await client.post("/Aino", content=body)

    assert (malformed.status_code, elsewhere.status_code) == (400, 404)
    for answer in (malformed, elsewhere):
        assert b"ino" not in answer.content
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_route_of_the_future_does_not_repeat_its_input_either(engine: AsyncEngine):
    """FastAPI's own answer to invalid input would: here that is personal data."""

    class Named(Model):
        age: int

    app = http_api(Systems((), {}), engine)

    @app.post("/people")
    async def people(_named: Named) -> None:
        raise LookupError("Aino")

    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.example") as client:
        invalid = await client.post("/people", json={"age": "Aino Virtanen"})
        failed = await client.post("/people", json={"age": 41})

    assert [answer.json()["status"] for answer in (invalid, failed)] == [422, 500]
    assert b"Aino" not in invalid.content + failed.content


async def test_an_orchestrator_is_told_whether_callbacks_can_be_taken(engine: AsyncEngine):
    async def told(database: AsyncEngine) -> list[tuple[int, object]]:
        transport = httpx2.ASGITransport(app=http_api(Systems((), {}), database))
        async with httpx2.AsyncClient(transport=transport, base_url="http://api.example") as asking:
            answers = [await asking.get("/live"), await asking.get("/ready")]
            assert (await asking.get("/metrics")).status_code == 404, "partners reach this door"
        return [(answer.status_code, answer.json()) for answer in answers]

    away = connect("postgresql://127.0.0.1:1/dsr")

    ready = {"staying": True, "database": True}
    assert await told(engine) == [(200, {"alive": True}), (200, ready)]
    assert await told(away) == [(200, {"alive": True}), (503, ready | {"database": False})]


async def test_a_body_that_is_too_large_is_cut_off(
    partner, engine: AsyncEngine, authority_folder: Path
):
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(MAX_BODY_BYTES)

    async with a_door(partner("silent"), engine, authority_folder) as client:
        headers = {DOMAIN_HEADER: DOMAIN, SIGNATURE_HEADER: "AAAA"}
        answer = await client.post(CALLBACKS, content=bytes(MAX_BODY_BYTES + 1), headers=headers)
        try:
            streamed = (
                await client.post(CALLBACKS, content=endless(), headers=headers)
            ).status_code
        except httpx2.TransportError:
            streamed = 413

    assert (answer.status_code, streamed) == (413, 413)


async def test_a_partner_whose_certificate_no_worker_has_seen_is_asked_to_come_again(
    partner, engine: AsyncEngine, authority_folder: Path
):
    process = partner("silent")
    body = said(uuid4())
    async with a_door(process, engine, authority_folder, seen=False) as client:
        answer = await client.post(CALLBACKS, content=body, headers=signed(body, authority_folder))

    assert answer.status_code == 503
    assert process.calls() == [], "whoever calls us makes us call nobody"


@pytest.mark.parametrize(
    ("statements", "stands"),
    [
        ((PENDING, BEGUN, DONE), DONE),
        ((DONE, PENDING), DONE),
        ((DONE, BEGUN), DONE),
        ((DONE, CANCELLED), DONE),
        ((DONE, DONE), DONE),
        ((BEGUN, PENDING, BEGUN), BEGUN),
        ((PENDING, CANCELLED, DONE), CANCELLED),
        ((BEGUN, CANCELLED), BEGUN),
    ],
)
async def test_a_callback_that_is_played_again_never_takes_a_request_back(
    partner, engine: AsyncEngine, authority_folder: Path, statements: Any, stands: RequestStatus
):
    """The state of each request is monotone: that is the safety against replays."""
    request = await an_open_request(engine)
    async with a_door(partner("silent"), engine, authority_folder) as client:
        for status in statements:
            body = said(request, status)
            answer = await client.post(
                CALLBACKS, content=body, headers=signed(body, authority_folder)
            )
            assert answer.status_code == 202

    (row,) = await dispatches(engine)
    assert row["called_back"] == stands


async def test_a_callback_about_a_request_that_nobody_sent_is_taken_and_changes_nothing(
    partner, engine: AsyncEngine, authority_folder: Path
):
    await an_open_request(engine)
    body = said(uuid4())
    async with a_door(partner("silent"), engine, authority_folder) as client:
        answer = await client.post(CALLBACKS, content=body, headers=signed(body, authority_folder))

    assert answer.status_code == 202
    assert [row["called_back"] for row in await dispatches(engine)] == [None]


async def test_a_partner_that_claims_by_callback_what_its_status_denies_is_not_believed(
    partner, office_with
):
    """The callback says completed, the poll says pending: the poll decides."""
    office = await office_with(partner("lying"))
    number = await office.receives(a_form(of=OF_AINO))
    await office.sees(number, lambda v: outcome(v, "customers") is SystemOutcome.FOUND)

    rows: list[dict[str, Any]] = []
    while not (rows and rows[0]["called_back"] and rows[0]["state"]):
        await office.sees(number, lambda _: True)
        rows = await dispatches(office.case_file.engine)

    assert (rows[0]["called_back"], rows[0]["state"]) == ("completed", "pending")
    assert outcome(await office.client.show(number)) is SystemOutcome.PENDING


async def test_a_partner_that_tells_everything_twice_is_heard_once(partner, office_with):
    office = await office_with(partner("twice"))
    number = await office.receives(a_form(of=OF_AINO))

    await comes_to(office, number, SystemOutcome.FOUND)

    entries = await office.client.timeline(number)
    assert [e.text for e in entries if EXPERT in e.text and e.event == "searched"] == [
        f"{EXPERT} searched: found, 1 record(s)"
    ]


def test_a_busy_port_gives_the_next_free_one():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with listen("127.0.0.1", port) as listening:
            assert listening.getsockname()[1] > port


def test_an_address_that_this_machine_does_not_have_is_told_in_a_sentence():
    with pytest.raises(BadInput, match="name an address of this machine"):
        listen("192.0.2.1", 8600)
