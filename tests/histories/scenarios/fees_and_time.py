"""Fees of repetitions (Art. 12(5)), and what moves or breaks a time limit (Art. 12(3))."""

from datetime import timedelta

from schemas.case import ClockState, ExtensionState, LetterKind, Outcome, Status
from schemas.messages import (
    AnswerFee,
    CloseAs,
    CorrectReceipt,
    Extend,
    FeeChoice,
    SettleFee,
    VerifyIdentity,
    Withdraw,
)
from tests.histories.scenarios.playing import closed, decided, scenario, sent, unidentified
from tests.office import Office, a_form, now


async def a_repetition(office: Office) -> str:
    """The same person within twelve months: the fee question."""
    first = await office.receives(a_form())
    await office.reaches(first, Status.SEARCHING)
    second = await office.receives(a_form(message="again, please"))
    await office.awaits(second, "settle_fee")
    return second


@scenario
async def access_fee_waived(office: Office) -> str:
    number = await a_repetition(office)
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.WAIVE)
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_fee_accepted(office: Office) -> str:
    number = await a_repetition(office)
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="repeated")
    await office.act(number, AnswerFee, by="maija", choice="accept")
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_fee_withdrawn(office: Office) -> str:
    number = await a_repetition(office)
    await office.act(number, SettleFee, by="antti", choice=FeeChoice.CHARGE, reason="repeated")
    await office.act(number, AnswerFee, by="maija", choice="withdraw")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def access_fee_refused(office: Office) -> str:
    number = await a_repetition(office)
    await office.act(number, SettleFee, by="helena", choice=FeeChoice.REFUSE, reason="tenth")
    return await sent(office, number, LetterKind.REFUSAL, Outcome.REFUSED)


@scenario
async def access_extended(office: Office) -> str:
    number = await unidentified(office)
    await office.act(number, Extend, by="helena", months=2, reason="many systems")
    await office.sends(number, LetterKind.EXTENSION)
    await office.sees(number, lambda v: v.clock.extension.state is ExtensionState.VALID)
    await office.act(number, VerifyIdentity, by="maija")
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_breached(office: Office) -> str:
    back = (now() - timedelta(days=45)).isoformat()
    number = await unidentified(office, received_at=back)
    await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)
    await office.act(number, VerifyIdentity, by="maija")
    await decided(office, number)
    return await sent(office, number, LetterKind.REPLY, Outcome.FULFILLED)


@scenario
async def access_ladder_of_a_year(office: Office) -> str:
    """Silence for a year: every step of the ladder, the breach; then withdrawn."""
    number = await unidentified(office)
    await office.passes(number, timedelta(days=365))
    await office.sees(number, lambda v: v.clock.state is ClockState.BREACHED)
    await office.act(number, Withdraw, by="maija")
    return await closed(office, number, Outcome.WITHDRAWN)


@scenario
async def access_receipt_corrected(office: Office) -> str:
    number = await unidentified(office)
    earlier = now() - timedelta(days=10)
    await office.act(number, CorrectReceipt, by="maija", received_at=earlier, reason="stamped late")
    await office.act(number, CloseAs, by="maija", ending="misdirected")
    return await closed(office, number, Outcome.MISDIRECTED)
