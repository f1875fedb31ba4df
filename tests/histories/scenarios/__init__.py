"""One case of every kind and ending, driven over an office; each gives its number at its end."""

from tests.histories.scenarios import (  # noqa: F401  # each adds its own to SCENARIOS
    access,
    choices,
    correction,
    deletion,
    fees_and_time,
    lost_runs,
    systems,
)
from tests.histories.scenarios.playing import SCENARIOS, policy_of

__all__ = ["SCENARIOS", "policy_of"]
