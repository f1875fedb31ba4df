"""Registers for the demonstration and the tests: real schemas, synthetic people, repeatable."""

from starter.registers.create import create_registers
from starter.registers.demo_people import DEMO_PEOPLE, DemoPerson
from starter.registers.schema import REGISTERS
from starter.registers.seeded import DEMO_SEED, demo_people

__all__ = [
    "DEMO_PEOPLE", "DEMO_SEED", "REGISTERS", "DemoPerson", "create_registers", "demo_people",
]  # fmt: skip
