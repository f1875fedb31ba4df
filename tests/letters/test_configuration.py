"""The shipped controller: Mipro Oy's policy and staff."""

import yaml

from schemas.policy import FeePolicyName, Policy
from schemas.request import Language
from schemas.staff import Role, StaffDirectory
from tests.letters.contents import MIPRO, POLICY

STAFF = StaffDirectory.model_validate(yaml.safe_load((MIPRO / "staff.yaml").read_text("utf-8")))


def people(role: str) -> set[str]:
    return {member.person for member in STAFF.members if role in member.roles}


def test_the_shipped_policy_writes_out_every_setting_so_that_none_is_hidden() -> None:
    written = yaml.safe_load((MIPRO / "policy.yaml").read_text("utf-8"))

    assert set(written) == set(Policy.model_fields)
    for name, section in written.items():
        fields = getattr(type(getattr(POLICY, name)), "model_fields", None)
        if fields is not None:
            assert set(section) == set(fields), name


def test_the_shipped_numbers_are_the_documented_defaults() -> None:
    """A default of the schema and the shipped file never say two things."""
    defaults = Policy(version=POLICY.version, controller=POLICY.controller)

    ours = {"other_purposes", "identifiers"}
    assert POLICY.model_dump(exclude=ours) == defaults.model_dump(exclude=ours)
    assert POLICY.fees.rule is FeePolicyName.NOTICE


def test_the_controller_is_mipro_with_authority_and_court_in_every_language() -> None:
    assert POLICY.controller.address == "Kunnanmäki 9, 50600 Mikkeli"
    for language in Language:
        assert "tietosuoja.fi" in POLICY.controller.authority[language]
        assert "oikeus.fi" in POLICY.controller.court[language]


def test_there_are_enough_people_for_every_duty_and_for_four_eyes() -> None:
    assert len(people(Role.HANDLER)) >= 2
    assert len(people(Role.APPROVER)) >= 2
    for role in (Role.DPO, Role.MANAGEMENT, Role.AUDITOR):
        assert people(role)
    for duty in ("archivist", "training_coordinator", "order_coordinator"):
        assert people(duty)


def test_an_account_names_one_person_and_one_person_has_two_accounts() -> None:
    accounts = [account for member in STAFF.members for account in member.accounts]

    assert len(accounts) == len(set(accounts))
    assert len(people(Role.HANDLER) | people(Role.APPROVER)) >= 4
    first, second = (STAFF.actor(account) for account in ("aino", "aino-desk"))
    assert first is not None
    assert second is not None
    assert first.person == second.person
