"""The controller's configuration: policy, staff, declared systems, letters; every fault placed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from connectors import manifest
from connectors.declared import Http
from connectors.manifest import Manifest
from rules import calendars
from schemas.documents import parse
from schemas.errors import BadInput, InvalidDocument
from schemas.policy import Policy
from schemas.staff import StaffDirectory
from schemas.systems import SystemFacts

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Configuration:
    """One controller, as its folder says."""

    policy: Policy
    staff: StaffDirectory
    manifests: tuple[Manifest, ...]
    letters: Path  # the folder of templates and texts

    @property
    def systems(self) -> tuple[SystemFacts, ...]:
        """What procedures and replies know of the systems, in declared order."""
        return tuple(declared.facts for declared in self.manifests)

    @property
    def registers(self) -> tuple[str, ...]:
        """The environment variables that hold databases' URLs, each once."""
        named = (declared.url_env for declared in self.manifests)
        return tuple(dict.fromkeys(variable for variable in named if variable))

    @property
    def partners(self) -> dict[str, Http]:
        """The systems that answer over HTTP, and how they are reached."""
        return {one.name: one.http for one in self.manifests if one.http is not None}


def load(folder: Path) -> Configuration:
    """Read a controller's folder. Reaches no system.

    Raises `InvalidDocument` with file and line of what is wrong, `BadInput` for a folder or file
    that is not there.
    """
    policy = _document(folder / "policy.yaml", Policy)
    try:
        calendars.verify(policy.calendar)
    except BadInput as fault:
        raise InvalidDocument(str(folder / "policy.yaml"), f"calendar: {fault}") from None
    loaded = Configuration(
        policy=policy,
        staff=_document(folder / "staff.yaml", StaffDirectory),
        manifests=manifest.load(folder / "systems", policy.identifiers),
        letters=folder / "letters",
    )
    _check_together(loaded, folder)
    return loaded


def _check_together(loaded: Configuration, folder: Path) -> None:
    """What one file says must fit the others."""
    roles = {role for member in loaded.staff.members for role in member.roles}
    for system in loaded.systems:
        if system.role is not None and system.role not in roles:
            raise InvalidDocument(
                str(folder / "staff.yaml"),
                f"nobody has the role {system.role}, whose tasks the system {system.name} opens: "
                "give it to a member, or name another role in the manifest",
            )


def _document(path: Path, model: type[M]) -> M:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(
            f"{path} is missing: write it, or set DSR_CONFIG to the folder that holds it"
        ) from None
    except UnicodeDecodeError:
        raise InvalidDocument(f"{path}:1", "is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({type(error).__name__})") from None
    return parse(text, model, str(path))
