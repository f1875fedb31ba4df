"""Objection (Art. 21) and consent (Art. 7): what takes effect at once, also at partners."""

from schemas.case import Ground, Status
from schemas.messages import CloseAs, SystemResolution, Withdraw
from starter.demo.office import Desk
from starter.demo.scenarios.playing import LETTER, scenario, told, told_and_closed


@scenario
async def objection_to_marketing(desk: Desk) -> str:
    """Stopped everywhere within seconds, before anybody decides, Art. 21(3)."""
    number = await desk.submit("SAGA", "objection", channel="email", purposes=["marketing"])
    return await told_and_closed(desk, number)


@scenario
async def objection_weighed(desk: Desk) -> str:
    """Restricted at once, also on paper, then weighed by the DPO, Art. 21(1).

    What was restricted is so until the letter has left; then the archivist is asked to end it.
    """
    number = await desk.submit("EERO", "objection", purposes=["customer_relations"], **LETTER)
    await desk.awaits(number, "decide")
    await desk.by_hand(number)
    await desk.refuse(number, Ground.LEGAL_CLAIMS, "An invoice is before the court.")
    await desk.send(number)
    await desk.awaits(number, "lift_restriction_by_hand")
    await desk.by_hand(number)
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def objection_weighed_and_upheld(desk: Desk) -> str:
    """The DPO upholds it: what was restricted meanwhile, also at a partner, stays restricted."""
    number = await desk.submit("HELVI", "objection", purposes=["order_fulfilment"], **LETTER)
    await desk.decide(number, role="dpo", reason="The order is delivered; nothing overrides.")
    return await told_and_closed(desk, number)


@scenario
async def objection_withdrawn(desk: Desk) -> str:
    """Withdrawn while it is weighed: nothing stays restricted for it."""
    number = await desk.submit("REINO", "objection", purposes=["order_fulfilment"], **LETTER)
    await desk.awaits(number, "decide")
    await desk.client.act(number, Withdraw, by=desk.member("handler"))
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def objection_denied_by_a_partner(desk: Desk) -> str:
    """A processor denies it: a person sees it and leaves the processor out, with the reason."""
    number = await desk.submit("SISKO", "objection", channel="email", purposes=["marketing"])
    await desk.resolve(
        number, "newsletter_delivery", SystemResolution.LEAVE_OUT,
        "Says that the address is unknown there; the contract is being ended.",
    )  # fmt: skip
    return await told_and_closed(desk, number)


@scenario
async def objection_whose_duty_outlives_the_reply(desk: Desk) -> str:
    """Stopped in our own systems and answered; the processor is silent and still owes its part."""
    number = await desk.submit("AUNE", "objection", channel="email", purposes=["marketing"])
    await told(desk, number)
    await desk.awaits(number, "resolve_system")
    return number


@scenario
async def objection_misdirected(desk: Desk) -> str:
    """Of another company's letters: stopped here all the same, and the sender is told."""
    number = await desk.submit(
        "SOFIA", "objection", channel="email", purposes=["marketing"],
        message="Stop the letters of your insurance company.",
    )  # fmt: skip
    await desk.awaits(number, "send_reply")
    await desk.client.act(number, CloseAs, by=desk.member("handler"), ending="misdirected")
    await desk.reaches(number, Status.CLOSED)
    return number


@scenario
async def consent_given(desk: Desk) -> str:
    """Consent by web form, recorded with text version and means, Art. 7(1)."""
    consent = {"given": True, "text_version": "newsletter-2026-2", "means": "web_form"}
    number = await desk.submit(
        "OTSO", "consent", channel="web", purposes=["marketing"], consent=consent
    )
    await desk.verify(number)
    return await told_and_closed(desk, number)


@scenario
async def consent_withdrawn(desk: Desk) -> str:
    """As easy as giving it, Art. 7(3)."""
    consent = {"given": False, "text_version": "newsletter-2026-2", "means": "email"}
    number = await desk.submit(
        "LUMI", "consent", channel="email", purposes=["marketing"], consent=consent
    )
    return await told_and_closed(desk, number)


@scenario
async def consent_of_nobody_known(desk: Desk) -> str:
    """Given for somebody by a caller who cannot say who they are: refused, Art. 12(2)."""
    consent = {"given": True, "text_version": "newsletter-2026-2", "means": "phone"}
    number = await desk.submit(
        "PENTTI", "consent", channel="phone", purposes=["marketing"], consent=consent
    )
    await desk.awaits(number, "verify_identity")
    await desk.refuse(number, Ground.CANNOT_IDENTIFY)
    await desk.send(number)
    await desk.reaches(number, Status.CLOSED)
    return number
