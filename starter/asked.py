"""What a correction asks for and what came of it, as the people who decide look at it."""

from pydantic import Field

from connectors.contract import Corrected
from schemas.base import Model
from schemas.request import Correction


class CorrectionsAsked(Model):
    """`asked`: numbered from 1, as `dsr decide --disputed` names them. `done`: by system."""

    asked: tuple[Correction, ...]
    message: str | None = Field(None, repr=False)
    done: dict[str, Corrected] = {}
