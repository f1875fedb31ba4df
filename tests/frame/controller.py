"""A controller with nothing but the policy's defaults."""

from pathlib import Path

from schemas.policy import Controller, Policy
from schemas.staff import StaffDirectory
from starter.configuration import Configuration


def a_controller(registers: tuple[str, ...] = ()) -> Configuration:
    """A synthetic company; its systems need these databases."""
    words = {"fi": "a", "sv": "b", "en": "c"}
    controller = Controller.model_validate(
        {"name": "Esimerkki Oy", "address": "Testikatu 1", "contact": "-",
         "authority": words, "court": words}
    )  # fmt: skip
    return Configuration(
        policy=Policy(version="test-1", controller=controller),
        staff=StaffDirectory(members=()),
        systems=(),
        letters=Path(),
        registers=registers,
    )
