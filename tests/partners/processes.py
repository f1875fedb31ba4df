"""Partners as processes of their own, and what the engine knows of them."""

import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from connectors.manifest import Manifest
from schemas.systems import SystemFacts
from starter.partners.authority import Authority
from tests.fakes import facts

DOMAIN = "expert.example"
LOOPBACK = ("127.0.0.0/8",)


@dataclass
class PartnerProcess:
    """One that runs."""

    url: str
    process: "subprocess.Popen[str]" = field(repr=False)

    def received(self) -> list[bytes]:
        """Every body that it was sent, byte by byte."""
        with urlopen(f"{self.url}/received") as answer:
            return [b64decode(body) for body in json.load(answer)]

    def calls(self) -> list[tuple[float, int, str]]:
        """When it was called, by its clock, how many calls were under way with each, which."""
        with urlopen(f"{self.url}/calls") as answer:
            return [(at, beside, method) for at, beside, method in json.load(answer)]

    def heals(self) -> None:
        """From now on it answers."""
        urlopen(f"{self.url}/heal").close()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def a_partner(behaviour: str, folder: Path, domain: str = DOMAIN) -> Iterator[PartnerProcess]:
    """A partner that behaves so; FOLDER holds its key and certificate."""
    command = [sys.executable, "-m", "starter.partners.process", behaviour, domain, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        word, _, url = process.stdout.readline().strip().partition(" ")
        assert word == "ready"
        yield PartnerProcess(url, process)
    finally:
        process.kill()
        process.wait()
        process.stdout and process.stdout.close()


def partner_facts(name: str = "training_expert", **more: object) -> SystemFacts:
    """The facts of a partner that gets name and employer."""
    ordinary = {"reach": "http", "fields_sent": ("name", "employer"), "restricts": True,
                "suppresses": ("marketing",), "records_consent": ("marketing",)}  # fmt: skip
    return facts(name, **(ordinary | more))


def declared(
    domain: str = DOMAIN, private_networks: tuple[str, ...] = LOOPBACK, **more: object
) -> Manifest:
    """Its manifest."""
    return Manifest.model_validate({
        "facts": partner_facts(**more),
        "http": {
            "url_env": "PARTNER_URL", "ca_env": "PARTNER_CA", "domain": domain,
            "private_networks": private_networks,
        },
    })  # fmt: skip


def certificates(folder: Path, *domains: str) -> Authority:
    """A new authority (ca.pem) that vouches for the domains (DOMAIN.key, DOMAIN.pem)."""
    authority = Authority.new()
    authority.own.write(folder, "ca")
    for domain in domains:
        authority.certifies(domain).write(folder, domain)
    return authority
