"""What a person chose about a purpose takes effect with the request itself (Art. 7, 21(2)-(3))."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.events import Event, Fact, fact
from schemas.policy import Policy
from schemas.request import Kind, RequestForm
from storage.keyring import Keyring
from storage.suppressions import choose


async def chosen(
    conn: AsyncConnection, keyring: Keyring, policy: Policy, form: RequestForm,
    hashes: Sequence[bytes], number: str,
) -> list[Fact]:  # fmt: skip
    """Record each purpose's choice; what is said in the record is what took effect.

    `hashes`: the keyed addresses. Nothing for a request that is neither objection nor consent.
    """
    if form.kind not in (Kind.OBJECTION, Kind.CONSENT):
        return []
    given, facts = form.consent is not None and form.consent.given, []
    for purpose in sorted(set(form.purposes)):
        if form.consent is not None:
            event = Event.CONSENT_GIVEN if given else Event.CONSENT_WITHDRAWN
            # Free text of the caller: on file, and here as a keyed hash.
            text = keyring.digest("consent", form.consent.text_version, form.consent.means)
            facts.append(fact(event, purpose=purpose, text=text.hex()))
        if purpose in policy.absolute_purposes and hashes:
            stands = await choose(
                conn, hashes, purpose, suppressed=not given, as_of=form.received_at, number=number
            )
            if not stands:
                facts.append(fact(Event.SUPERSEDED, purpose=purpose))
            elif form.consent is None:
                facts.append(fact(Event.SUPPRESSION_ADDED, purpose=purpose))
    return facts
