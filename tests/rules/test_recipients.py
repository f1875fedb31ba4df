"""Art. 19: where the communication to a recipient stands, from what is recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.recipients import SUPERSEDED, is_overdue, ledger
from schemas.case import SystemOutcome
from schemas.partners import RequestResult, RequestStatus
from schemas.policy import RecipientPolicy
from schemas.recipients import Errand, Part, RecipientLine, RecipientRows, RecipientState, Said
from schemas.systems import Duty, Recipient
from tests.fakes import facts

AT = datetime(2027, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
PARTNER = Recipient(name="Koulutus Oy", relation="expert", country="FI")
SYSTEMS = (facts("customers"), facts("expert", recipient=PARTNER, reach="http"))
S, R = SystemOutcome, RecipientState


def lines(
    outcome: SystemOutcome, duty: Duty = Duty.ERASE, *errands: Errand, over: bool = False,
    said: tuple[Said, ...] = (), **part: Any,
) -> list[RecipientLine]:  # fmt: skip
    rows = RecipientRows(
        number="2027-0001", over=over, errands=errands, said=said, reminders={"expert": 2},
        parts=(
            Part(system="customers", duty=duty, outcome=S.ERASED, since=AT),
            Part(system="expert", duty=duty, outcome=outcome, since=AT, **part),
        ),
    )  # fmt: skip
    return list(ledger(rows, SYSTEMS))


def an_errand(duty: Duty = Duty.ERASE, days: int = 0, **more: Any) -> Errand:
    values = {"system": "expert", "duty": duty, "at": AT + days * DAY, "is_open": True}
    return Errand.model_validate(values | more)


def asked(duty: Duty, heard: RequestStatus | None = None, **more: Any) -> Errand:
    return an_errand(duty, is_request=True, heard=heard, **more)


def test_our_own_registers_are_no_recipients():
    (line,) = lines(S.NOTIFIED)

    assert (line.system, line.recipient, line.reminders) == ("expert", PARTNER, 2)


@pytest.mark.parametrize("duty", [Duty.SEARCH, Duty.PLAN_ERASURE])
def test_who_is_asked_what_is_held_is_told_nothing(duty: Duty):
    assert lines(S.FOUND, duty) == []


@pytest.mark.parametrize(
    ("outcome", "duty", "state"),
    [
        (S.PENDING, Duty.ERASE, R.NOT_TOLD),
        (S.FOUND, Duty.ERASE, R.NOT_TOLD),
        (S.NOTIFIED, Duty.ERASE, R.NOTIFIED),
        (S.SILENT, Duty.ERASE, R.NOTIFIED),
        (S.UNREACHABLE, Duty.ERASE, R.FAILED),
        (S.FAILED, Duty.CORRECT, R.FAILED),
        (S.ERASED, Duty.ERASE, R.DONE),
        (S.CORRECTED, Duty.CORRECT, R.DONE),
        (S.BY_HAND, Duty.CORRECT, R.DONE),
        (S.NOTHING_HELD, Duty.ERASE, R.DONE),
        (S.SUPPRESSED, Duty.SUPPRESS, R.DONE),
        (S.RETAINED, Duty.LIFT_RESTRICTION, R.DONE),
        (S.RETAINED, Duty.ERASE, R.NOT_DUE),
        (S.LEFT_OUT, Duty.ERASE, R.IMPOSSIBLE),
    ],
)
def test_each_outcome_is_a_state_of_the_communication_and_silence_is_none_of_success(
    outcome: SystemOutcome, duty: Duty, state: RecipientState
):
    (line,) = lines(outcome, duty)

    assert line.state is state


def test_a_partner_whose_own_status_knows_the_request_has_acknowledged_it():
    told = asked(Duty.ERASE)
    assert lines(S.NOTIFIED, Duty.ERASE, told)[0].state is R.NOTIFIED

    heard = asked(Duty.ERASE, RequestStatus.IN_PROGRESS)
    assert lines(S.SILENT, Duty.ERASE, heard)[0].state is R.ACKNOWLEDGED


def test_a_recipient_that_confirmed_an_earlier_notice_has_not_confirmed_this_one():
    def state(told: int, confirmed: int) -> RecipientState:
        said = Said(system="expert", told_at=AT + told * DAY, acknowledged_at=AT + confirmed * DAY)
        return lines(S.NOTIFIED, said=(said,))[0].state

    assert state(told=1, confirmed=2) is R.ACKNOWLEDGED
    assert state(told=3, confirmed=2) is R.NOTIFIED


def test_what_is_not_told_when_the_case_is_over_will_not_be():
    assert lines(S.PENDING, over=True)[0].state is R.NOT_DUE
    assert lines(S.NOTIFIED, over=True)[0].state is R.NOTIFIED


def test_a_later_choice_of_the_person_leaves_nothing_to_tell():
    assert lines(S.LEFT_OUT, Duty.SUPPRESS, reason=SUPERSEDED)[0].state is R.NOT_DUE


@pytest.mark.parametrize(
    ("contest", "state"),
    [
        (an_errand(Duty.CONTEST, is_open=False), R.DONE),
        (an_errand(Duty.CONTEST, is_open=False, overtaken=True), R.NOT_DUE),
        (an_errand(Duty.CONTEST), R.NOTIFIED),
        (asked(Duty.CONTEST, RequestStatus.COMPLETED, is_open=False), R.DONE),
        (asked(Duty.CONTEST, RequestStatus.CANCELLED, is_open=False), R.NOT_DUE),
        (asked(Duty.CONTEST, RequestStatus.PENDING), R.ACKNOWLEDGED),
        (
            asked(
                Duty.CONTEST, RequestStatus.COMPLETED, is_open=False, result=RequestResult.DENIED
            ),
            R.FAILED,
        ),
    ],
)
def test_a_restriction_meanwhile_is_a_line_of_its_own(contest: Errand, state: RecipientState):
    """Art. 18(1)(a): it is communicated, too."""
    correct = asked(Duty.CORRECT, days=2)

    found = {line.duty: line.state for line in lines(S.NOTIFIED, Duty.CORRECT, contest, correct)}

    assert found == {Duty.CORRECT: R.NOTIFIED, Duty.CONTEST: state}


def test_before_the_decision_only_the_restriction_is_told():
    found = {line.duty: line.state for line in lines(S.FOUND, Duty.CORRECT, asked(Duty.CONTEST))}

    assert found == {Duty.CORRECT: R.NOT_TOLD, Duty.CONTEST: R.DONE}


@pytest.mark.parametrize(
    ("told", "replied", "escalated", "now", "due"),
    [
        (0, 5, None, 13, False),
        (0, 5, None, 19, True),
        (10, 5, None, 23, False),
        (10, 5, None, 24, True),
        (None, 5, None, 19, True),
        (0, 5, 20, 33, False),
        (0, 5, 20, 34, True),
    ],
)
def test_the_dpo_is_told_after_the_policys_time_and_again_after_each(
    told: int | None, replied: int, escalated: int | None, now: int, due: bool
):
    def at(day: int | None) -> datetime | None:
        return None if day is None else AT + day * DAY

    policy = RecipientPolicy(escalate_after=14 * DAY)
    instants = (at(told), AT + replied * DAY, at(escalated), AT + now * DAY)

    assert is_overdue(*instants, policy) is due
