"""A worker in a system's own network: what only its process has, and only its process may reach."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import func, update
from temporalio.testing import WorkflowEnvironment

from connectors.manifest import load
from connectors.partner import PartnerWrong
from connectors.registry import Systems
from schemas.case import SystemOutcome
from schemas.errors import BadInput, RefusedByRule
from schemas.partners import PartnerFault
from starter.cli import checks, dashboards
from starter.connection import resolve
from starter.open import opened
from starter.settings import Settings
from storage import tables as t
from tests.frame.controller import POLICY
from tests.frame.processes import working
from tests.office import LETTERS, a_form
from tests.partners.offices import OF_AINO, outcome
from tests.partners.processes import PartnerProcess
from worker import run_worker

ROOT = Path(__file__).parents[2]
STAFF = "members:\n  - {person: maija, accounts: [maija], roles: [handler]}\n"
SYSTEMS = """\
dataset:
  - fides_key: shop
    dsr:
      title: &text {fi: a, sv: b, en: c}
      register_part: shop
      reach: sql
      queue: apart
      url_env: DSR_SHOP_URL
      recipient: &us {name: Esimerkki Oy, relation: controller, country: FI}
      purposes: [customer_relations]
      sources: *text
      retention: *text
    collections:
      - name: buyers
        dsr: {erase: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - {name: name, data_categories: [user.name]}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
  - fides_key: expert
    dsr:
      title: *text
      register_part: training
      reach: http
      queue: apart
      http:
        url_env: DSR_EXPERT_URL
        ca_env: DSR_EXPERT_CA
        domain: expert.example
        private_networks: [127.0.0.0/8]
      recipient: *us
      categories: [user.name]
      purposes: [customer_relations]
      sources: *text
      retention: *text
      fields_sent: [name, employer]
"""
SHOP = """
create table buyers (id bigint primary key, name text, email text);
insert into buyers values (1, 'Aino Virtanen', 'aino.virtanen@example.fi');
create role shopkeeper login;
grant select on buyers to shopkeeper;
"""


@pytest.fixture
def controller(tmp_path: Path) -> Path:
    """Its two systems are in a network apart."""
    folder = tmp_path / "controller"
    (folder / "systems").mkdir(parents=True)
    (folder / "policy.yaml").write_text(POLICY + "pace: {retry_first: PT0.2S, retry_most: PT1S}\n")
    (folder / "staff.yaml").write_text(STAFF)
    (folder / "systems" / "apart.yaml").write_text(SYSTEMS)
    (folder / "letters").symlink_to(LETTERS)
    return folder


@pytest.fixture
async def shop_url(postgres, empty_database_url: str) -> AsyncIterator[str]:
    """The shop's database, by the socket and the role that only its network's worker has."""
    conn = await asyncpg.connect(empty_database_url)
    await conn.execute(SHOP)
    yield empty_database_url.replace("postgres@", "shopkeeper@")
    await conn.execute("drop owned by shopkeeper; drop role shopkeeper")
    await conn.close()


async def test_a_system_that_only_its_own_networks_worker_reaches_is_answered_for(
    temporal: WorkflowEnvironment, database_url: str, shop_url: str, controller: Path,
    partner: Callable[[str], PartnerProcess], authority_folder: Path, tmp_path: Path,
):  # fmt: skip
    """The engine's own worker knows neither of the two, and starts all the same."""
    process = partner("prompt")
    bare = {"PATH": os.environ["PATH"], "DSR_CONFIG": str(controller),
            "TEMPORAL_ADDRESS": temporal.client.service_client.config.target_host,
            "DATABASE_URL": database_url, "DSR_DATA": str(tmp_path / "data")}  # fmt: skip
    apart = bare | {"DSR_SHOP_URL": shop_url, "DSR_EXPERT_URL": process.url,
                    "DSR_EXPERT_CA": str(authority_folder / "ca.pem")}  # fmt: skip
    with ExitStack() as running:
        await asyncio.to_thread(running.enter_context, working(bare, ("worker.py",)))
        async with opened(settings := Settings.model_validate(bare)) as engine:
            assert await looked_at(settings) == {
                "shop": (False, NOBODY_THERE), "expert": (False, NOBODY_THERE)
            }  # fmt: skip
            number = (await engine.client.submit(a_form(of=OF_AINO))).number
            process_of_theirs = working(apart, ("worker.py", "--queue", "apart"))
            await asyncio.to_thread(running.enter_context, process_of_theirs)
            async with asyncio.timeout(120):  # it starts beside everything else
                while True:
                    view = await engine.client.show(number)
                    if all(outcome(view, one) is SystemOutcome.FOUND for one in ("shop", "expert")):
                        break
                    await asyncio.sleep(0.1)
            there = (True, "1 serve the queue apart")
            assert await looked_at(settings) == {"shop": there, "expert": there}
            async with engine.case_file.engine.begin() as conn:
                fails = {"failing_since": func.now(), "paused_until": func.now(), "trouble": "-"}
                await conn.execute(update(t.lines).values(fails))
            well, sentence = (await looked_at(settings))["expert"]
            assert (well, sentence.endswith("dsr resume expert")) == (False, True)
            _, _, (told,) = await dashboards._tasks(engine.client, "handler")
            assert told.system == "expert"
            await engine.client.standstills.resume("expert", by="operator")
            assert (await looked_at(settings))["expert"] == there


NOBODY_THERE = "No worker serves the queue apart. Start one: python worker.py --queue apart"


async def looked_at(settings: Settings) -> dict[str, tuple[bool, str]]:
    """What `dsr health` says of the systems."""
    signs = await checks._systems(settings, None, resolve(settings))
    return {sign.name: (sign.ok, sign.state) for sign in signs}


async def test_a_queue_that_no_manifest_names_is_refused(controller: Path, tmp_path: Path):
    with pytest.raises(BadInput, match=r"names the queue nowhere\. Named: apart"):
        await starting(controller, tmp_path, "postgresql://127.0.0.1:1/none", "nowhere")


async def test_a_separated_worker_makes_no_keys_of_its_own(
    controller: Path, tmp_path: Path, database_url: str
):
    """The engine's are another network's: what it sealed with its own nobody could read."""
    with pytest.raises(RefusedByRule, match="is missing"):
        await starting(controller, tmp_path, database_url, "apart")

    assert not list((tmp_path / "data").glob("keys/*"))


async def starting(controller: Path, folder: Path, database_url: str, queue: str) -> None:
    settings = Settings.model_validate({
        "DSR_CONFIG": str(controller), "DSR_DATA": str(folder / "data"),
        "TEMPORAL_ADDRESS": "127.0.0.1:1", "DATABASE_URL": database_url,
    })  # fmt: skip
    await run_worker(settings, resolve(settings), asyncio.Event(), queue=queue)


# -- private networks -------------------------------------------------------------------------


def systems_on(queue: str | None, controller: Path, url: str, authority: Path) -> Systems:
    """As a worker of that queue has them."""
    environment = {"DSR_EXPERT_URL": url, "DSR_EXPERT_CA": str(authority / "ca.pem")}
    return Systems(load(controller / "systems"), environment, queue=queue)


async def test_a_private_network_is_open_to_its_own_queue_only(
    partner, controller: Path, authority_folder: Path
):
    """The engine's own worker, `dsr serve` and another network's never call there."""
    process = partner("prompt")
    for queue in (None, "elsewhere"):
        systems = systems_on(queue, controller, process.url, authority_folder)
        with pytest.raises(PartnerWrong) as refused:
            await systems.check("expert")
        assert refused.value.fault is PartnerFault.ADDRESS
        await systems.close()
    assert process.calls() == []

    systems = systems_on("apart", controller, process.url, authority_folder)
    await systems.check("expert")
    await systems.close()
    assert [method for _, _, method in process.calls()] == ["GET", "GET"]


@asynccontextmanager
async def a_server(answer: bytes) -> AsyncIterator[str]:
    """It says the same to everybody."""

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(says, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def redirect(to: str) -> bytes:
    return f"HTTP/1.1 307 Go\r\nLocation: {to}/discovery\r\nContent-Length: 0\r\n\r\n".encode()


def certificate(at: str) -> bytes:
    body = json.dumps({
        "supported_subject_request_types": ["access"],
        "processor_certificate": f"{at}/certificate.pem",
    })  # fmt: skip
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("answer", "fault"),
    [(redirect, PartnerFault.REDIRECTED), (certificate, PartnerFault.ADDRESS)],
)
async def test_neither_a_redirect_nor_a_certificate_elsewhere_leads_into_the_network(
    partner, controller: Path, authority_folder: Path, answer: Callable[[str], bytes],
    fault: PartnerFault,
):  # fmt: skip
    """Not even from its own queue: a partner names no host, the manifest does."""
    other = partner("prompt")
    async with a_server(answer(other.url)) as url:
        systems = systems_on("apart", controller, url, authority_folder)
        with pytest.raises(PartnerWrong) as refused:
            await systems.check("expert")
        await systems.close()

    assert refused.value.fault is fault
    assert other.calls() == []
