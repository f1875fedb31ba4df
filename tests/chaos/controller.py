"""The controller of a run: the shipped law and letters, two registers, an archive, partners."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from starter.partners.authority import Authority
from starter.partners.process import Behaviour
from starter.settings import SHIPPED_CONFIG
from tests.chaos.plan import part_of

REGISTERS: Final = ("customers", "marketing")
SHIPPED_SYSTEMS: Final = (*REGISTERS, "paper_archive")
PACE: Final = {
    "retry_first": "PT1S", "retry_most": "PT5S", "step_timeout": "PT20S", "system_timeout": "PT20S",
    "partner_poll_most": "PT8S", "partner_silence": "PT20S",
}  # fmt: skip
"""A day's waits in seconds; no date of law moves."""

SAME: Final = dict.fromkeys(("fi", "sv", "en"), "chaos")


def write_controller(folder: Path) -> None:
    """policy.yaml, staff.yaml, letters and systems of the run."""
    shutil.copytree(SHIPPED_CONFIG / "letters", folder / "letters")
    shutil.copy(SHIPPED_CONFIG / "staff.yaml", folder)
    policy = yaml.safe_load((SHIPPED_CONFIG / "policy.yaml").read_text())
    policy["pace"] |= PACE
    policy["holds"]["erase_within"] = "PT10S"
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True))
    systems = folder / "systems"
    systems.mkdir()
    for name in SHIPPED_SYSTEMS:
        shutil.copy(SHIPPED_CONFIG / "systems" / f"{name}.yaml", systems)
    for behaviour in Behaviour:
        (systems / f"{part_of(behaviour)}.yaml").write_text(yaml.safe_dump(_manifest(behaviour)))


def _manifest(behaviour: Behaviour) -> dict[str, Any]:
    name = part_of(behaviour)
    return {"dataset": [{
        "fides_key": name, "name": name,
        "dsr": {
            "title": SAME, "register_part": name, "reach": "http",
            "http": {
                "url_env": url_variable(behaviour), "ca_env": "CHAOS_CA",
                "domain": domain(behaviour), "private_networks": ["127.0.0.0/8"],
            },
            "recipient": {"name": name, "relation": "partner", "country": "FI"},
            "categories": ["user.name"],
            "purposes": ["customer_relations", "marketing", "surveys"],
            "sources": SAME, "retention": SAME, "fields_sent": ["name", "customer_number"],
        },
    }]}  # fmt: skip


def domain(behaviour: Behaviour) -> str:
    """Whose certificate the partner has."""
    return f"{behaviour}.example"


def url_variable(behaviour: Behaviour) -> str:
    """Where its URL is said."""
    return f"CHAOS_{behaviour.upper()}_URL"


def write_certificates(folder: Path) -> None:
    """An authority (ca.pem), and a key and certificate of every partner."""
    authority = Authority.new()
    authority.own.write(folder, "ca")
    for behaviour in Behaviour:
        authority.certifies(domain(behaviour)).write(folder, domain(behaviour))


def environment(certificates: Path, ports: Mapping[Behaviour, int]) -> dict[str, str]:
    """Where partners are, for every process of the engine."""
    urls = {url_variable(b): f"http://127.0.0.1:{port}" for b, port in ports.items()}
    return urls | {"CHAOS_CA": str(certificates / "ca.pem")}
