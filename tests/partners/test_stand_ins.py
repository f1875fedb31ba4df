"""Partners whose place an embedded engine takes: on this host, for nobody else, never secretly."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from connectors.contract import Identity, Person
from connectors.manifest import load
from connectors.partner import Order, PartnerAway, PartnerWrong, Right
from connectors.registry import Systems
from schemas.partners import PartnerFault, RequestStatus
from starter import configuration
from starter.cli import operate
from starter.connection import Connection, write
from starter.embedded_partners import EmbeddedPartners, Part, unconfigured
from starter.partners.behaviour import Behaviour
from starter.partners.processor import Known, Processor
from starter.settings import SHIPPED_CONFIG
from tests.cli.command import dsr
from tests.connectors.small import SYSTEMS
from tests.partners.processes import DOMAIN, PartnerProcess, certificates

SHIPPED = load(SYSTEMS)
PARTNERS = {manifest.name: manifest.http for manifest in SHIPPED if manifest.http}
EXPERT = PARTNERS["training_expert"]
AINO = Person(
    name="Aino Virtanen",
    identities=(
        Identity(type="email", value="aino.virtanen@kotiposti.example"),
        Identity(type="phone", value="+358405550001"),
        Identity(type="customer_number", value="K100001"),
    ),
)


@asynccontextmanager
async def stand_ins(
    folder: Path, *names: str, parts: Mapping[str, Part] = {}
) -> AsyncIterator[Connection]:
    """An engine's stand-ins for these systems, and nothing else of an engine."""
    running = EmbeddedPartners(folder, {name: PARTNERS[name] for name in names}, parts)
    await running.launch()
    try:
        yield Connection(
            temporal_address="127.0.0.1:1", database_url="postgresql://127.0.0.1:1/none",
            partners=await running.ready(),
        )  # fmt: skip
    finally:
        await running.stop()


def systems_of(connection: Connection) -> Systems:
    return Systems(SHIPPED, connection.environment(), stand_ins=connection.stand_ins())


def received_by(name: str, connection: Connection) -> list[bytes]:
    """Every body that the process was sent, as far as it keeps them."""
    url = connection.partners[PARTNERS[name].url_env][PARTNERS[name].url_env]
    return PartnerProcess(url, process=None).received()  # type: ignore[arg-type]


def an_order(**more: object) -> Order:
    return Order(
        request=uuid4(), right=Right.ACCESS, submitted_at=datetime.now(UTC), person=AINO,
        employer="Esimerkki Oy", address="Puistokatu 1, 50100 Mikkeli", **more,
    )  # fmt: skip


async def test_the_training_experts_process_receives_name_and_employer_and_nothing_else(
    tmp_path: Path,
):
    """Art. 5(1)(c), as the shipped manifest says; of a person of whom much more is known."""
    (tmp_path / "nobody.json").write_text("[]")
    looked_at = {"training_expert": Part(people=tmp_path / "nobody.json")}
    async with stand_ins(tmp_path, "training_expert", parts=looked_at) as connection:
        systems, order = systems_of(connection), an_order()
        await systems.partner("training_expert").ask(order)
        (body,) = received_by("training_expert", connection)
        await systems.close()

    assert json.loads(body) == {
        "regulation": "gdpr", "subject_request_id": str(order.request),
        "subject_request_type": "access", "api_version": "2.0", "status_callback_urls": [],
        "submitted_time": json.loads(body)["submitted_time"], "subject_identities": [],
        "extensions": {
            EXPERT.domain: {"subject": {"name": "Aino Virtanen", "employer": "Esimerkki Oy"}}
        },
    }  # fmt: skip


async def test_a_stand_in_holds_nothing_answers_at_once_and_keeps_nothing_of_the_person(
    tmp_path: Path,
):
    async with stand_ins(tmp_path, "order_partner") as connection:
        systems, order = systems_of(connection), an_order()
        partner = systems.partner("order_partner")
        await partner.ask(order)
        told = await partner.status(order.request)
        kept = received_by("order_partner", connection)
        await systems.close()

    assert (told.status, told.records) == (RequestStatus.COMPLETED, 0)
    assert kept == []


async def test_only_a_stand_in_may_be_called_on_this_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The guard of a configured partner gains nothing from stand-ins beside it."""
    async with stand_ins(tmp_path, "training_expert", "order_partner") as connection:
        for name, value in connection.partners[EXPERT.url_env].items():
            monkeypatch.setenv(name, value)  # configured now, at the very same address
        systems = systems_of(connection)
        await systems.check("order_partner")
        with pytest.raises(PartnerWrong) as caught:
            await systems.check("training_expert")
        await systems.close()

    assert caught.value.fault is PartnerFault.ADDRESS


async def test_a_stand_in_calls_back_at_the_engines_own_door_and_no_other_partner_does(
    tmp_path: Path,
):
    door, mine = "http://127.0.0.1:9/callbacks", "https://dsr.example/callbacks"
    async with stand_ins(tmp_path, "training_expert") as connection:
        known = connection.model_copy(update={"partners_call_back_at": door})
        both = Systems(SHIPPED, known.environment(), callback_url=mine, stand_ins=known.stand_ins())
        told = {name: both.partner(name)._callback_url for name in PARTNERS}  # type: ignore[attr-defined]
        await both.close()

    assert told == {**dict.fromkeys(PARTNERS, mine), "training_expert": door}


@pytest.mark.parametrize("configured", [EXPERT.url_env, EXPERT.ca_env])
def test_of_a_partner_that_is_configured_even_in_part_no_place_is_taken(
    configured: str, monkeypatch: pytest.MonkeyPatch
):
    filled = {http.url_env: {http.url_env: "http://127.0.0.1:9", http.ca_env: "ca.pem"}
              for http in PARTNERS.values()}  # fmt: skip
    connection = Connection(temporal_address="-", database_url="-", partners=filled)
    monkeypatch.setenv(configured, "configured")

    assert {*unconfigured(PARTNERS)} == {*PARTNERS} - {"training_expert"}
    assert EXPERT.url_env not in connection.stand_ins().variables
    assert connection.environment()[configured] == "configured"
    assert {EXPERT.url_env, EXPERT.ca_env} & {*connection.environment()} == {configured}


async def test_the_checks_name_a_stand_in_and_else_the_variable_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DSR_DATA", str(tmp_path))
    (missing,) = await _in_thread("systems", "check", "training_expert", "--json")
    async with stand_ins(tmp_path, "training_expert") as connection:
        write(tmp_path, connection)
        ran = await _in_thread("systems", "check", "training_expert", "--json")

    assert missing == {
        "name": "training_expert", "ok": False,
        "state": "training_expert cannot be reached: DSR_TRAINING_EXPERT_URL is not set. "
        "Meanwhile it counts as not answering.",
    }  # fmt: skip
    assert ran == [{
        "name": "training_expert", "ok": True,
        "state": "a stand-in of this engine; the real one: DSR_TRAINING_EXPERT_URL",
    }]  # fmt: skip


def test_dsr_up_says_of_each_stand_in_that_it_is_not_the_real_partner(
    capsys: pytest.CaptureFixture[str],
):
    filled = {EXPERT.url_env: {EXPERT.url_env: "http://127.0.0.1:9", EXPERT.ca_env: "ca.pem"}}
    connection = Connection(temporal_address="-", database_url="-", partners=filled)

    operate._say_stand_ins(configuration.load(SHIPPED_CONFIG), connection)

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("training_expert: a STAND-IN of this engine, not the real partner.")
    assert line.endswith("set DSR_TRAINING_EXPERT_URL and DSR_TRAINING_EXPERT_CA")


async def test_a_partner_whose_url_is_not_set_is_one_that_is_away(tmp_path: Path):
    """Then its part goes to staff; it is never a reason not to start."""
    systems = Systems(SHIPPED, {})
    with pytest.raises(PartnerAway, match="DSR_TRAINING_EXPERT_URL is not set"):
        await systems.partner("training_expert").ask(an_order())
    await systems.close()


def test_a_stand_in_ends_with_the_engine_however_that_ends(tmp_path: Path):
    program = (
        "import asyncio, sys, time; from pathlib import Path; from starter.logs import configure\n"
        "configure()\n"
        "from tests.partners.test_stand_ins import PARTNERS, EmbeddedPartners\n"
        "one = EmbeddedPartners(Path(sys.argv[1]), {'training_expert': PARTNERS['training_expert']}"
        ", {}); asyncio.run(one.launch()); asyncio.run(one.ready())\n"
        "print(one._running['training_expert'].pid, flush=True); time.sleep(60)"
    )
    engine = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout is not None
    stand_in = psutil.Process(int(engine.stdout.readline()))
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    engine.stdout.close()

    psutil.wait_procs([stand_in], 3)
    assert not stand_in.is_running() or stand_in.status() == psutil.STATUS_ZOMBIE


# -- what a played partner knows -----------------------------------------------------------------


@pytest.fixture
def played(tmp_path: Path) -> Processor:
    certificates(tmp_path, DOMAIN)
    silent = Known(frozenset({"Aino Virtanen"}), ({"course": "Basics"},), Behaviour.SILENT)
    ordinary = Known(frozenset({"K100005"}), ({"delivery": "D-1"}, {"delivery": "D-2"}))
    return Processor(Behaviour.PROMPT, DOMAIN, tmp_path, (silent, ordinary))


def asked(subject: Mapping[str, object] = {}, **identities: str) -> dict[str, object]:
    return {
        "subject_request_id": str(uuid4()), "subject_request_type": "access",
        "status_callback_urls": [], "extensions": {DOMAIN: {"subject": subject}},
        "subject_identities": [
            {"identity_type": kind, "identity_value": value} for kind, value in identities.items()
        ],
    }  # fmt: skip


def test_a_partner_knows_people_by_what_it_is_sent_and_behaves_about_some_in_another_way(
    played: Processor,
):
    of_aino = played.takes(asked({"name": "Aino Virtanen"}))
    of_matti = played.takes(asked(controller_customer_id="K100005"))
    of_nobody = played.takes(asked({"name": "Nobody Known"}, email="nobody@verkko.example"))

    assert (of_aino.behaviour, len(of_aino.records)) == (Behaviour.SILENT, 1)
    assert (of_matti.behaviour, len(of_matti.records)) == (Behaviour.PROMPT, 2)
    assert (of_nobody.behaviour, of_nobody.records) == (Behaviour.PROMPT, [])


def test_a_partner_that_takes_time_ends_a_request_once_and_by_itself(played: Processor):
    request = played.takes(asked())
    request.behaviour = Behaviour.LATER
    assert list(played.moves(request)) == ["in_progress"]
    assert list(played.moves(request)) == []

    played.finish(request, "http://127.0.0.1")

    assert played.body(request, "http://127.0.0.1")["request_status"] == "completed"


async def _in_thread(*words: str) -> list[object]:
    """Commands run a loop of their own."""
    return (await asyncio.to_thread(dsr, *words)).document
