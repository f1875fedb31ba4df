"""Workflows know activities by `schemas.steps` only: what is registered must be just that."""

import typing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from activities.everything import every_activity
from activities.runs import Runs
from schemas import steps
from schemas.request import Kind
from schemas.steps import WORKFLOW_OF, Step
from storage.signing import Signer
from tests.office import LETTERS
from workflows.everything import EVERY_WORKFLOW

STEPS = {value.name: value for value in vars(steps).values() if isinstance(value, Step)}
SWEEPS = {steps.HOURLY_SWEEP}


def registered() -> dict[str, Callable[..., Any]]:
    """Activities by name; none of their collaborators is used here."""
    nobody: Any = None
    desk: Any = SimpleNamespace(case_file=None, systems=SimpleNamespace(partner=None))
    activities = every_activity(
        desk, typing.cast(Runs, nobody), typing.cast(Signer, nobody), LETTERS, nobody
    )
    return {a.__temporal_activity_definition.name: a for a in activities}


def test_every_step_is_registered_under_its_name_and_nothing_else_is():
    assert registered().keys() == STEPS.keys()


@pytest.mark.parametrize("name", STEPS)
def test_a_step_takes_and_gives_what_the_workflows_expect(name: str):
    hints = typing.get_type_hints(registered()[name])

    gives = hints.pop("return")

    assert (list(hints.values()), gives) == ([STEPS[name].takes], STEPS[name].gives)


def test_every_case_workflow_has_its_kind_and_every_kind_its_workflow():
    names = [w.__temporal_workflow_definition.name for w in EVERY_WORKFLOW]

    assert sorted(names) == sorted({*WORKFLOW_OF.values(), *SWEEPS})
    assert set(WORKFLOW_OF) == set(Kind)
