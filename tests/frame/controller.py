"""A synthetic controller: as values, or as a folder of files."""

from pathlib import Path

from connectors.manifest import Manifest
from schemas.policy import Controller, Policy
from schemas.staff import StaffDirectory
from schemas.systems import Reach, Recipient, SystemFacts
from starter.configuration import Configuration

WORDS = {"fi": "a", "sv": "b", "en": "c"}

POLICY = """\
version: test-1
controller:
  name: Esimerkki Oy
  address: Testikatu 1
  contact: asiakaspalvelu
  authority: {fi: a, sv: b, en: c}
  court: {fi: a, sv: b, en: c}
"""
STAFF = """\
members:
  - person: maija
    accounts: [maija]
    roles: [handler, archivist]
"""
SYSTEM = """\
dataset:
  - fides_key: archive
    name: Archive
    collections: []
    dsr:
      title: {fi: a, sv: b, en: c}
      register_part: archive
      reach: manual
      recipient: {name: Esimerkki Oy, relation: controller, country: FI}
      purposes: [archiving]
      sources: {fi: a, sv: b, en: c}
      retention: {fi: a, sv: b, en: c}
      role: archivist
      instructions: {fi: a, sv: b, en: c}
      categories: [user.name]
"""


def a_controller(registers: tuple[str, ...] = ()) -> Configuration:
    """Its systems need these databases."""
    controller = Controller.model_validate(
        {"name": "Esimerkki Oy", "address": "Testikatu 1", "contact": "-",
         "authority": WORDS, "court": WORDS}
    )  # fmt: skip
    return Configuration(
        policy=Policy(version="test-1", controller=controller),
        staff=StaffDirectory(members=()),
        manifests=tuple(_a_system(variable) for variable in registers),
        letters=Path(),
    )


def _a_system(variable: str) -> Manifest:
    facts = SystemFacts.model_validate(
        {"name": variable.lower(), "title": WORDS, "register_part": "crm", "reach": Reach.SQL,
         "recipient": Recipient(name="Esimerkki Oy", relation="controller", country="FI"),
         "categories": (), "purposes": (), "sources": WORDS, "retention": WORDS}
    )  # fmt: skip
    return Manifest(facts=facts, url_env=variable)


def written(folder: Path, policy: str = POLICY) -> Path:
    """The folder of a controller with one system, reached by hand."""
    (folder / "systems").mkdir(parents=True)
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    (folder / "staff.yaml").write_text(STAFF, encoding="utf-8")
    (folder / "systems" / "archive.yaml").write_text(SYSTEM, encoding="utf-8")
    return folder
