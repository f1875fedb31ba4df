"""Marked data in legal holds."""

from datetime import timedelta
from typing import Final

from schemas.errors import DsrError
from tests.office import now
from tests.privacy.drive import Canary, Scenario
from tests.privacy.marks import fields, mark, word
from tests.privacy.requests import a_person, an_order


async def held_by_order(canary: Canary) -> None:
    """A secret hold and one that is none: placed, refused, confirmed, reviewed, released."""
    client = canary.office.client
    dpo, approver = client.actor("helena"), client.actor("antti")
    order = an_order(a_person())
    for secret in (True, False):
        hold = await client.holds.place(order, dpo, secret=secret)
        await client.holds.confirm(hold.id, approver)
        (known,) = [h for h in await client.holds.known_to(dpo) if h.id == hold.id]
        assert fields(known.model_dump_json().encode()) == {"authority", "reference", "holdnote"}
        await client.holds.review(hold.id, dpo, now().date() + timedelta(days=30))
        if not secret:
            await client.holds.release(hold.id, dpo, mark("releasereason"))
    for wrong in ({"country": "US"}, {"systems": [word("system")]}, {mark("key"): "x"}):
        try:
            await client.holds.place(order | wrong, dpo)
        except DsrError as error:
            canary.told.append(f"{type(error).__module__}.{type(error).__name__}: {error}")
        else:
            raise AssertionError(f"taken: {[*wrong]}")


HOLDS: Final[dict[str, Scenario]] = {
    "holds": held_by_order,
}
