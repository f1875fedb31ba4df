"""docker-compose.yml as data: what each service runs, on which image, with which variables."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
VARIABLE: Final = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")
"""`${NAME}`, `${NAME:?sentence}`, `${NAME:-default}`."""


@dataclass(frozen=True)
class Service:
    """One service as the file declares it."""

    name: str
    declared: dict[str, Any]

    @property
    def image(self) -> str:
        """Without its tag."""
        return str(self.declared["image"]).partition(":")[0]

    @property
    def tag(self) -> str:
        """As declared, so that a variable shows."""
        return str(self.declared["image"]).partition(":")[2]

    @property
    def is_ours(self) -> bool:
        """Whether this program runs in it."""
        return "build" in self.declared

    @property
    def environment(self) -> dict[str, str]:
        """Its variables."""
        return {name: str(value) for name, value in self.declared.get("environment", {}).items()}

    @property
    def command(self) -> list[str]:
        """The words of its command."""
        return [str(word) for word in self.declared.get("command", [])]

    @property
    def ports(self) -> list[str]:
        """What is published."""
        return [str(port) for port in self.declared.get("ports", [])]

    @property
    def networks(self) -> set[str]:
        """Where it can be reached."""
        return set(self.declared["networks"])

    @property
    def mounts(self) -> list[tuple[str, str, bool]]:
        """What is mounted: source, target, whether it can only be read."""
        parts = [_SEPARATOR.split(str(volume)) for volume in self.declared.get("volumes", [])]
        return [(source, target, mode == ["ro"]) for source, target, *mode in parts]

    @property
    def waits_for(self) -> dict[str, str]:
        """The services that come before it, and what it waits for."""
        before = self.declared.get("depends_on", {})
        return {name: how["condition"].removeprefix("service_") for name, how in before.items()}

    @property
    def is_checked(self) -> bool:
        """Whether its health is looked at."""
        return "test" in self.declared.get("healthcheck", {})

    def seconds(self, key: str) -> int:
        """A duration of the file; they are all written in seconds."""
        return int(self.declared[key].removesuffix("s"))


_SEPARATOR: Final = re.compile(r":(?![-?])")
"""A colon that is not part of a variable's default."""


class Compose:
    """The whole file."""

    def __init__(self) -> None:
        self.text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
        self.declared: dict[str, Any] = yaml.safe_load(self.text)

    @cached_property
    def services(self) -> dict[str, Service]:
        """By name."""
        return {n: Service(n, declared) for n, declared in self.declared["services"].items()}

    @cached_property
    def jobs(self) -> set[str]:
        """Services that end: somebody waits for their end."""
        every = (service.waits_for.items() for service in self.services.values())
        return {n for waits in every for n, how in waits if how == "completed_successfully"}

    @cached_property
    def variables(self) -> dict[str, set[tuple[str, str]]]:
        """What the environment gives: name -> (how a missing one is met, with what)."""
        found: dict[str, set[tuple[str, str]]] = {}
        for name, how, text in VARIABLE.findall(self.text):
            found.setdefault(name, set()).add((how, text))
        return found


COMPOSE: Final = Compose()
SERVICES: Final = COMPOSE.services
OURS: Final = {name: service for name, service in SERVICES.items() if service.is_ours}
