"""The demonstration's requests, played as people play them. Expected: `expected.json`."""

from typing import Final

from starter.demo.scenarios import (  # noqa: F401 each registers its own
    access,
    choices,
    corrections,
    deletions,
    partners,
)
from starter.demo.scenarios.playing import SCENARIOS, Scenario

__all__ = ["FIRST", "LAST", "SCENARIOS", "Scenario"]

FIRST: Final = ("access_supplemented", "access_partner_silent", "access_partner_lies",
                "objection_whose_duty_outlives_the_reply")  # fmt: skip
"""Begun first: these wait for a silent partner."""

LAST: Final = ("request_reclassified", "relation_ended", "relation_ended_and_held")
"""Played when the others are over: these people ask for access before."""
