"""An office with a partner, and what tests look at in it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.testing import WorkflowEnvironment

from activities.letters import Letters
from connectors.opendsr.partner import OpenDsrPartner
from schemas.case import CaseView, SystemOutcome
from schemas.policy import Pace
from schemas.systems import Recipient
from starter.api import CALLBACKS, http_api
from starter.serving import listen, serve
from storage import tables as t
from tests.fakes import FakeSystem, FakeSystems, facts
from tests.office import AINO, POLICY, Office, an_office
from tests.partners.processes import PartnerProcess, declared

QUICK = Pace(
    retry_first=timedelta(milliseconds=50), retry_most=timedelta(milliseconds=200),
    step_timeout=timedelta(seconds=10), system_timeout=timedelta(seconds=20),
    partner_poll_most=timedelta(milliseconds=600),
)  # fmt: skip
EXPERT = "training_expert"
OF_AINO = AINO | {"employer": "Esimerkki Oy"}


@asynccontextmanager
async def door(systems: Any, engine: AsyncEngine, listening: Any) -> AsyncIterator[str]:
    """`dsr serve` on that socket; where partners call back."""
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(http_api(systems, engine), listening, stop))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{CALLBACKS}"
    finally:
        stop.set()
        await serving


@asynccontextmanager
async def office_at(
    temporal: WorkflowEnvironment, engine: AsyncEngine, folder: Path, letters: Letters, url: str,
    authority: Path, pace: Mapping[str, Any], **facts_of_partner: Any,
) -> AsyncIterator[Office]:  # fmt: skip
    """A database that is a fake, and the partner at the URL; partners may call back."""
    ours: dict[str, Any] = {
        "recipient": Recipient(name="Koulutus Oy", relation="expert", country="FI"),
        "corrects": ("user.contact.email",),
        "categories": ("user.contact.email", "user.contact.phone_number"),
    }
    manifest, listening = declared(**(ours | facts_of_partner)), listen("127.0.0.1", 8600)
    assert manifest.http is not None
    environment = {"PARTNER_URL": url, "PARTNER_CA": str(authority / "ca.pem")}
    call_at = f"http://127.0.0.1:{listening.getsockname()[1]}{CALLBACKS}"
    expert = OpenDsrPartner(manifest, manifest.http, environment, call_at, timedelta(seconds=10))
    customers = FakeSystem(facts("customers", suppresses=("marketing",), restricts=True))
    systems = FakeSystems(customers, partners=(expert,))
    policy = POLICY.model_copy(update={"pace": QUICK.model_copy(update=dict(pace))})
    async with (
        door(systems, engine, listening),
        an_office(temporal, engine, folder, systems, policy, letters) as office,
    ):
        yield office
    await systems.close()


def outcome(view: CaseView, system: str = EXPERT) -> SystemOutcome | None:
    """What came of a system's part."""
    found = view.system(system)
    return found.outcome if found else None


async def comes_to(office: Office, number: str, result: SystemOutcome) -> CaseView:
    """Wait until that came of the partner's part."""
    return await office.sees(number, lambda view: outcome(view) is result)


async def dispatches(engine: AsyncEngine) -> list[dict[str, Any]]:
    """The rows of requests to partners."""
    async with engine.connect() as conn:
        return [dict(row) for row in (await conn.execute(select(t.dispatches))).mappings()]


def ids(process: PartnerProcess) -> list[str]:
    """Under which ids the partner was asked, in order."""
    return [json.loads(body)["subject_request_id"] for body in process.received()]
