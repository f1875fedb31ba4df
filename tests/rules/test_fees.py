"""The 12-month rule as the engine asks it; the vectors hold its arithmetic (law.md 2)."""

from datetime import date

import pytest

from rules.fees import (
    Assessment,
    Inquiry,
    InquiryOutcome,
    assess,
    check_order,
    ledger_outcome,
)
from schemas.case import FeeAssessment, Ground, Outcome
from schemas.errors import BadInput
from schemas.policy import FeePolicyName
from schemas.request import Kind
from tests.rules.cases import HELSINKI, helsinki

NOTICE, GDPR = FeePolicyName.NOTICE, FeePolicyName.GDPR
OPEN, FULFILLED = InquiryOutcome.OPEN, InquiryOutcome.FULFILLED


def inquiry(number: str, received: str, outcome: InquiryOutcome = OPEN, **more) -> Inquiry:
    facts = {"kind": Kind.ACCESS, "scope": ("register",)} | more
    return Inquiry(id=number, received_at=helsinki(received), outcome=outcome, **facts)


def judged(request: Inquiry, *history: Inquiry, rule=GDPR, months: int = 12, **more) -> Assessment:
    return assess(request, history, rule, months, HELSINKI, **more)


REQUEST = inquiry("3", "2026-11-10 10:00")


@pytest.mark.parametrize("rule", FeePolicyName)
def test_a_first_inquiry_is_free(rule: FeePolicyName):
    assert judged(REQUEST, rule=rule) == Assessment(result=FeeAssessment.FREE)


@pytest.mark.parametrize("kind", Kind)
def test_the_notice_counts_an_inquiry_of_any_kind(kind: Kind):
    earlier = inquiry("1", "2026-10-10 10:00", kind=kind)
    assert judged(REQUEST, earlier, rule=NOTICE).result is FeeAssessment.CHARGEABLE


def test_the_notice_wants_more_than_twelve_months_and_says_from_when_it_is_free():
    earlier = inquiry("1", "2025-11-10 23:00", FULFILLED)
    assert judged(REQUEST, earlier, rule=NOTICE) == Assessment(
        result=FeeAssessment.CHARGEABLE, free_from=date(2026, 11, 11)
    )
    day_later = inquiry("3", "2026-11-11 00:00")
    assert judged(day_later, earlier, rule=NOTICE).result is FeeAssessment.FREE


def test_merging_names_the_first_open_inquiry_of_the_same_parts_in_any_order():
    parts = {"scope": ("training", "leads")}
    history = (
        inquiry("2", "2026-11-05 10:00", scope=("leads", "training")),
        inquiry("1", "2026-11-01 10:00", **parts),
        inquiry("0", "2026-10-01 10:00", scope=("leads",)),
    )
    merged = judged(REQUEST.model_copy(update=parts), *history)
    assert merged == Assessment(result=FeeAssessment.MERGE, merge_into="1")
    assert judged(REQUEST.model_copy(update=parts), *history, rule=NOTICE).merge_into is None


def test_a_second_copy_of_unchanged_data_is_for_a_person_to_review():
    earlier = inquiry("1", "2026-10-10 10:00", FULFILLED, data_changed_since=False)
    assert judged(REQUEST, earlier) == Assessment(
        result=FeeAssessment.REVIEW, free_from=date(2027, 10, 10)
    )
    unknown = earlier.model_copy(update={"data_changed_since": None})
    assert judged(REQUEST, unknown).result is FeeAssessment.FREE


def test_a_flag_of_a_person_goes_before_every_other_rule_of_gdpr_but_not_of_the_notice():
    objection = REQUEST.model_copy(update={"kind": Kind.OBJECTION})
    assert judged(objection, manual_flag=True).result is FeeAssessment.REVIEW
    assert judged(objection, manual_flag=True, rule=NOTICE).result is FeeAssessment.FREE


def test_the_number_of_months_is_policy():
    earlier = inquiry("1", "2026-05-10 10:00", FULFILLED, data_changed_since=False)
    assert judged(REQUEST, earlier, months=6).result is FeeAssessment.FREE
    assert judged(REQUEST, earlier, months=7).result is FeeAssessment.REVIEW


def test_a_request_that_lay_unregistered_is_judged_by_the_order_of_the_ledger():
    registered_before = inquiry("4", "2026-11-10 10:01")
    assert judged(REQUEST, registered_before, rule=NOTICE).result is FeeAssessment.CHARGEABLE


def test_a_vector_whose_history_is_later_than_its_request_is_refused():
    with pytest.raises(BadInput, match="received after the request"):
        check_order(REQUEST.received_at, [inquiry("4", "2026-11-10 10:01").received_at])


@pytest.mark.parametrize(
    ("outcome", "ground", "kept"),
    [
        (Outcome.FULFILLED, None, InquiryOutcome.FULFILLED),
        (Outcome.PARTIAL, Ground.RIGHTS_OF_OTHERS, InquiryOutcome.FULFILLED),
        (Outcome.REFUSED, Ground.EXCESSIVE, InquiryOutcome.DENIED),
        (Outcome.REFUSED, Ground.CANNOT_IDENTIFY, InquiryOutcome.IDENTITY_FAILED),
        (Outcome.NOTHING_HELD, None, InquiryOutcome.NO_DATA),
        (Outcome.WITHDRAWN, None, InquiryOutcome.WITHDRAWN),
        (Outcome.MISDIRECTED, None, InquiryOutcome.WITHDRAWN),
    ],
)
def test_a_closed_case_stands_in_the_ledger_by_what_was_given(
    outcome: Outcome, ground: Ground | None, kept: InquiryOutcome
):
    assert ledger_outcome(outcome, ground) is kept
