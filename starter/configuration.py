"""The controller's configuration: policy, staff, declared systems, letters; every fault placed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from schemas.documents import parse
from schemas.errors import BadInput
from schemas.policy import Policy
from schemas.staff import StaffDirectory

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Configuration:
    """One controller, as its folder says."""

    policy: Policy
    staff: StaffDirectory
    systems: tuple[object, ...]
    letters: Path
    registers: tuple[str, ...] = ()


def load(folder: Path) -> Configuration:
    """Read a controller's folder.

    Raises `InvalidDocument` with file and line of the first wrong place, `BadInput` for a folder
    or file that is not there.
    """
    return Configuration(
        policy=_document(folder / "policy.yaml", Policy),
        staff=_document(folder / "staff.yaml", StaffDirectory),
        systems=(),
        letters=folder / "letters",
    )


def _document(path: Path, model: type[M]) -> M:
    return parse(_text(path), model, str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(
            f"{path} is missing: write it, or set DSR_CONFIG to another folder"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({type(error).__name__})") from None
