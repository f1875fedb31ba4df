"""All procedures of a worker."""

from typing import Final

from workflows.access import AccessRequest
from workflows.consent import ConsentRequest
from workflows.correct import CorrectRequest
from workflows.delete import DeleteRequest
from workflows.objection import ObjectionRequest
from workflows.sweeps import HourlySweep

EVERY_WORKFLOW: Final = (
    AccessRequest,
    ObjectionRequest,
    ConsentRequest,
    DeleteRequest,
    CorrectRequest,
    HourlySweep,
)
