"""A check of a run that cannot fail proves nothing: each is shown what it has to find."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.case import CaseView
from starter.registers.people import people
from tests.chaos.checks import CHECKS, Dispatch, Evidence, Sent, findings
from tests.chaos.effects import Effect
from tests.chaos.plan import Choice, Plan, Request, corrected, drawn

EVERYBODY = tuple(people(4, 1))
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DAY = AT.date()
CLOCK = {
    "state": "running", "receipt_date": DAY, "due_date": DAY, "due_before_utc": AT,
    "refusal_due_date": DAY, "refusal_due_before_utc": AT, "safe_date": DAY, "target_date": DAY,
    "target_at": AT, "prompt_before_utc": AT, "notice_due_date": DAY, "notice_due_before_utc": AT,
    "policy_version": "chaos", "calendar_version": "chaos",
}  # fmt: skip


def a_view(number: str, kind: str, outcome: str, **more: Any) -> CaseView:
    """A closed case whose register `customers` has this outcome."""
    customers = {"name": "customers", "outcome": outcome, "since": AT}
    ordinary = {
        "number": number, "kind": kind, "channel": "letter", "scope": ["register"],
        "status": "closed", "outcome": "fulfilled", "received_at": AT, "clock": CLOCK,
        "identity": {"state": "sufficient"}, "fee": {"assessment": "free", "state": "none"},
        "systems": [customers],
    }  # fmt: skip
    return CaseView.model_validate(ordinary | more)


def a_request(n: int, kind: str) -> Request:
    """The n-th person's."""
    form = {"kind": kind}
    return Request(
        key=f"chaos-{n}", at=0, kind=kind, person=n, form=form, repeats=0, choice=Choice.APPROVE,
        is_held=False, gives_up=False,
    )  # fmt: skip


REQUESTS = {
    "2026-0001": a_request(0, "delete"),
    "2026-0002": a_request(1, "objection"),
    "2026-0003": a_request(2, "correct"),
}
SECOND = {"what": "second_approve", "by": "ritva", "at": AT}


def customer(n: int, **more: Any) -> dict[str, Any]:
    """A person's row in `customers`."""
    person = EVERYBODY[n]
    row = {"customer_number": person.customer_number, "phone": person.phone,
           "marketing_allowed": True, "restricted": False}  # fmt: skip
    return row | more


ERASED = Effect("customers.customers", "DELETE", customer(0), None)
SUPPRESSED = Effect(
    "customers.customers", "UPDATE", customer(1), customer(1, marketing_allowed=False)
)
CORRECTED = Effect("customers.customers", "UPDATE", customer(2), customer(2, phone=corrected(2)))

SOUND = Evidence(
    everybody=EVERYBODY,
    planned={request.key: request for request in REQUESTS.values()},
    accepted={request.key: frozenset({number}) for number, request in REQUESTS.items()},
    cases={
        "2026-0001": a_view("2026-0001", "delete", "erased", decisions=[SECOND]),
        "2026-0002": a_view("2026-0002", "objection", "suppressed"),
        "2026-0003": a_view("2026-0003", "correct", "corrected"),
    },
    requests=REQUESTS,
    running=frozenset(),
    troubled=(),
    reconcile={"restarted": [], "findings": []},
    audit=(),
    effects=(ERASED, SUPPRESSED, CORRECTED),
    customers=(
        customer(1, marketing_allowed=False), customer(2, phone=corrected(2)), customer(3),
    ),
    subscribers=(),
    protected={},
    sent=(Sent("partner_prompt", "a", b"{}"), Sent("partner_prompt", "a", b"{}")),
    dispatches=(
        Dispatch("a", "2026-0001", "partner_prompt", "erase", settled=True, state="completed"),
        Dispatch("b", "2026-0001", "partner_silent", "erase", settled=True, state="pending"),
    ),
    answers={"2026-0001": 1, "2026-0002": 1, "2026-0003": 1},
)  # fmt: skip


def _case(number: str, **more: Any) -> dict[str, Any]:
    view = SOUND.cases[number].model_dump() | more
    return {"cases": {**SOUND.cases, number: CaseView.model_validate(view)}}


def _also(effect: Effect) -> dict[str, Any]:
    return {"effects": (*SOUND.effects, effect)}


TAMPERED: dict[str, tuple[dict[str, Any], str]] = {
    "a case is gone": (
        {"cases": {n: v for n, v in SOUND.cases.items() if n != "2026-0002"}},
        "lost: chaos-1 was accepted as 2026-0002",
    ),
    "a request was never taken": (
        {"accepted": {k: v for k, v in SOUND.accepted.items() if k != "chaos-2"}},
        "lost: chaos-2 was never accepted",
    ),
    "a case has not ended": (
        {**_case("2026-0001", status="searching"), "running": frozenset({"2026-0001"})},
        "stuck: 2026-0001 is searching at the end, and waits for nothing",
    ),
    "a run is in trouble": ({"troubled": ("dsr-delete-1",)}, "stuck: the run dsr-delete-1"),
    "a run is missing": (
        {"reconcile": {"restarted": ["2026-0003"]}}, "stuck: reconcile, restarted: 2026-0003",
    ),
    "a run goes on": (
        {"running": frozenset({"2026-0001"})}, "stuck: 2026-0001 is closed, and its run runs on",
    ),
    "a key became two cases": (
        {
            "accepted": {**SOUND.accepted, "chaos-0": frozenset({"2026-0001", "2026-0009"})},
            "cases": {**SOUND.cases, "2026-0009": a_view("2026-0009", "delete", "nothing_held")},
        },
        "twice: chaos-0 became 2026-0001, 2026-0009",
    ),
    "a case nobody asked for": (
        {"cases": {**SOUND.cases, "2026-0009": a_view("2026-0009", "access", "found")}},
        "twice: 4 cases for 3 requests",
    ),
    "two replies left": (
        {"answers": {**SOUND.answers, "2026-0002": 2}}, "twice: 2026-0002 was answered 2 times",
    ),
    "two decisions stand": (
        _case("2026-0001", decisions=[SECOND, SECOND]),
        "twice: 2026-0001 has 2 standing decisions second_approve",
    ),
    "a value was set again": (
        _also(SUPPRESSED), "twice: customers.customers marketing_allowed -> False happened 2 times",
    ),
    "an unknown request to a partner": (
        {"sent": (*SOUND.sent, Sent("partner_prompt", "z", b"{}"))},
        "twice: partner_prompt was sent z, which no case knows",
    ),
    "another body under the same id": (
        {"sent": (*SOUND.sent, Sent("partner_prompt", "a", b"{1}"))},
        "twice: a was sent with 2 different bodies",
    ),
    "two open requests to a partner": (
        {
            "dispatches": tuple(
                Dispatch(id, "2026-0001", "partner_slow", "erase", settled=False) for id in "cd"
            )
        } | {"sent": ()},
        "twice: 2026-0001 asks partner_slow to erase under 2 ids",
    ),
    "the evidence was altered": ({"audit": ("2026-0001: entry 3 differs",)}, "audit: 2026-0001"),
    "somebody else lost a row": (
        _also(Effect("customers.customers", "DELETE", customer(3), None)),
        "who asked for nothing",
    ),
    "a row went without approval": (
        _also(Effect("marketing.subscribers", "DELETE", {"phone": EVERYBODY[1].phone}, None)),
        "whose deletion nobody approved",
    ),
    "erased is still there": (
        {"customers": (*SOUND.customers, customer(0))}, "wrong: 2026-0001 says erased",
    ),
    "suppressed is still allowed": (
        {"customers": (customer(1), *SOUND.customers[1:])}, "wrong: 2026-0002 says suppressed",
    ),
    "corrected has another number": (
        {"customers": (SOUND.customers[0], customer(2))}, "wrong: 2026-0003 says corrected",
    ),
    "a closed correction is restricted": (
        {"customers": (SOUND.customers[0], customer(2, phone=corrected(2), restricted=True))},
        "wrong: 2026-0003 is closed, and customers is still restricted",
    ),
    "what a hold protects is gone": (
        {"protected": {"2026-0001": ("customers",)}}, "hold: 2026-0001 was protected",
    ),
    "silence became success": (
        {"dispatches": (replace(SOUND.dispatches[1], state="completed"),), "sent": ()},
        "wrong: 2026-0001 counts partner_silent as done",
    ),
}  # fmt: skip


def test_a_sound_run_has_no_findings() -> None:
    assert findings(SOUND) == []


@pytest.mark.parametrize("what", TAMPERED)
def test_it_is_found_that(what: str) -> None:
    tampered, sentence = TAMPERED[what]
    assert any(sentence in finding for finding in findings(replace(SOUND, **tampered)))


def test_every_check_is_shown_something_to_find() -> None:
    failed = {
        check.__name__
        for check in CHECKS
        for tampered, _ in TAMPERED.values()
        if list(check(replace(SOUND, **tampered)))
    }
    assert failed == {check.__name__ for check in CHECKS}


def _without_instants(plan: Plan) -> Any:
    requests = [replace(r, form=r.form | {"received_at": None}) for r in plan.requests]
    return requests, plan.disturbances, plan.everybody


def test_a_seed_repeats_the_whole_plan_and_another_gives_another() -> None:
    once, again, other = (_without_instants(drawn(seed, 120, 30, 3)) for seed in (5, 5, 6))
    assert once == again
    assert once != other
